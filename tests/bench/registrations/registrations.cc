// SPDX-License-Identifier: GPL-3.0-or-later
// What tracking registrations costs, by how many there are.
//
//   registrations COUNT      one line of JSON for that many phones with one binding each
//
// Each phone registers once (insert), and once more in another order (refresh: the look-up of its binding,
// the check of order, and the new text). It is the engine's tracker that gets them, many at a time, as from a
// burst. Timed is the reading of the messages, and all of it; the table's part is the difference. Memory is
// what the process holds at the end, this program's own few messages included: one count per process, so that
// nothing of another count is in it. The table's memory is touched before, as a node does at its start, so
// that the kernel's first touch of a page counts for no row.
#include "dataplane/state/tracker.hh"
#include "dataplane/wire/sip_marks.hh"

#include <sys/mman.h>
#include <sys/resource.h>
#include <x86intrin.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tandem;
using Clock = std::chrono::steady_clock;

/// Time of this thread alone: what else the machine does meanwhile is not in it.
double spent_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

constexpr std::size_t batch = 128;

/// A REGISTER as a phone sends it with credentials.
std::string request(std::size_t phone, unsigned cseq) {
    const std::string user = std::to_string(10'000'000 + phone);
    return "REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/UDP "
           "198.51.100.7:5060;branch=z9hG4bK-524287-1---" +
           user + ";rport\r\nMax-Forwards: 70\r\nContact: <sip:" + user +
           "@198.51.100.7:5060;transport=UDP;rinstance=" + user + ">;expires=3600\r\nTo: <sip:" + user +
           "@example.net>\r\nFrom: <sip:" + user + "@example.net>;tag=8f3a" + user +
           "\r\nCall-ID: 2hB0s9Xk1QmTz7vYpLw3Rg.." + user + "\r\nCSeq: " + std::to_string(cseq) +
           " REGISTER\r\nAllow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, "
           "SUBSCRIBE\r\n"
           "User-Agent: Phone 5.4\r\nAuthorization: Digest username=\"" +
           user +
           "\",realm=\"example.net\",nonce=\"5f3e9c1a8b7d6e5f4a3b2c1d0e9f8a7b\",uri=\"sip:example.net\","
           "response=\"0123456789abcdef0123456789abcdef\",algorithm=MD5\r\nContent-Length: 0\r\n\r\n";
}

/// Touched memory of its own, given back at the end.
class Memory {
public:
    explicit Memory(std::size_t octets)
        : octets_(octets)
        , begin_(::mmap(nullptr, octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                        -1, 0)) {
        if (begin_ == MAP_FAILED) {
            std::perror("mmap");
            std::exit(1);
        }
    }
    ~Memory() { ::munmap(begin_, octets_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    std::span<std::byte> octets() const { return {static_cast<std::byte*>(begin_), octets_}; }

private:
    std::size_t octets_;
    void* begin_;
};

struct Cost {
    double read_ns{0};
    double track_ns{0};
};

/// All phones once, those of a batch one after the other: as a worker has them in a burst.
template <class Phone>
Cost pass(state::Tracker& tracker, std::size_t count, unsigned cseq, Phone phone) {
    const auto scanner = wire::best_sip_scanner();
    const auto marks = std::make_unique<wire::SipMarks>();
    std::vector<std::string> texts(batch);
    wire::SipMessage message;
    Cost cost;
    std::vector<state::TrackedMessage> messages;
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t size = std::min(batch, count - first);
        messages.clear();
        for (std::size_t i = 0; i < size; ++i) {
            texts[i] = request(phone(first + i), cseq);
            messages.push_back({{}, state::Way::served, texts[i]});
        }
        const double begin = spent_ns();
        for (std::size_t i = 0; i < size; ++i)
            if (wire::extract_sip(texts[i], scanner, *marks, message))
                std::abort();
        const double read = spent_ns();
        tracker.see({}, messages);
        const double end = spent_ns();
        cost.read_ns += read - begin;
        cost.track_ns += end - read;
    }
    cost.read_ns /= static_cast<double>(count);
    cost.track_ns /= static_cast<double>(count);
    cost.track_ns -= cost.read_ns; // it reads them as well
    return cost;
}

/// Ticks of the clock that counts them, for one nanosecond.
double ticks_per_ns() {
    const auto begin = Clock::now();
    const auto ticks = __rdtsc();
    while (Clock::now() - begin < std::chrono::milliseconds{20}) {
    }
    return static_cast<double>(__rdtsc() - ticks) /
           std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t count = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
    if (count == 0 || count > 10'000'000) {
        std::fprintf(stderr, "usage: %s COUNT\n", argv[0]);
        return 2;
    }
    constexpr std::size_t dialogs_max = 64;
    const state::Tracker::Limits limits = state::Tracker::limits_for(count, dialogs_max);
    const Memory memory{state::Registrations::octets(limits.registrations)};
    const Memory dialogs{state::Dialogs::octets(limits.dialogs)};
    const auto tracker = std::make_unique<state::Tracker>(
        state::Tracker::Memory{memory.octets(), dialogs.octets()}, limits, 7);
    const state::Registrations& registrations = tracker->registrations();
    const Cost insert = pass(*tracker, count, 1, [](std::size_t i) { return i; });
    // A prime that divides no count of interest: each phone once, far from the one before.
    const auto far = [count](std::size_t i) { return i * 7919 % count; };
    const Cost look_up = pass(*tracker, count, 0, far); // older than what is known: found, and left as it is
    const Cost refresh = pass(*tracker, count, 2, far);
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::printf(
        "{\"count\":%zu,\"tracked\":%zu,\"outdated\":%lu,\"refreshed\":%lu,\"evicted\":%lu,\"read_ns\":%.1f,"
        "\"insert_"
        "ns\":%.1f,"
        "\"look_up_ns\":%.1f,\"refresh_ns\":%.1f,\"memory_mib\":%.1f,\"ticks_per_ns\":%.4f,\"octets\":%zu}\n",
        count, registrations.size(), registrations.counts().outdated, registrations.counts().refreshed,
        registrations.counts().evicted, (insert.read_ns + look_up.read_ns + refresh.read_ns) / 3,
        insert.track_ns, look_up.track_ns, refresh.track_ns, static_cast<double>(used.ru_maxrss) / 1024,
        ticks_per_ns(), request(0, 1).size());
    return 0;
}
