// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/probe.hh"

#include "tools/phone/answer.hh"
#include "tools/phone/probe_log.hh"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

namespace tandem::phone {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t last_answers_ns = second_ns; ///< how long answers are awaited after the last request
constexpr std::uint64_t entries_max = 8'000'000;
constexpr std::uint64_t unlimited_seconds = 3600; ///< room in the log when no duration is given
constexpr std::size_t burst_max = 64;             ///< requests sent in a row before answers are read again

volatile std::sig_atomic_t stop_asked = 0;
void ask_stop(int) {
    stop_asked = 1;
}

std::int64_t clock_ns(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

/// The kernel stamps arrival in wall-clock time; it is carried over to CLOCK_MONOTONIC by the present
/// difference.
std::int64_t arrival_ns(const msghdr& message) {
    const std::int64_t now = clock_ns(CLOCK_MONOTONIC);
    for (const cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
         c = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(c))) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
        const std::int64_t age = clock_ns(CLOCK_REALTIME) - (stamp.tv_sec * second_ns + stamp.tv_nsec);
        return age >= 0 && age < second_ns ? now - age : now; // a stepped wall clock is not believed
    }
    return now;
}

std::string random_token() {
    std::array<unsigned char, 8> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return std::to_string(::getpid());
    std::string token;
    for (const unsigned char byte : bytes) {
        token += "0123456789abcdef"[byte >> 4];
        token += "0123456789abcdef"[byte & 15];
    }
    return token;
}

std::string json_ms(std::int64_t ns) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(ns) / 1e6);
    return text;
}

class Probe {
public:
    Probe(const ProbeSettings& settings, int fd, ProbeLog& log, const Endpoint& local);
    void run();
    std::string summary();

private:
    void send_due(std::int64_t now);
    void send_one(std::int64_t due);
    void read_answers();
    void note(std::string_view datagram, std::int64_t arrived);
    std::int64_t due_ns(std::uint64_t index) const {
        return started_ns_ + static_cast<std::int64_t>(index * static_cast<std::uint64_t>(second_ns) / rate_);
    }

    int fd_;
    ProbeLog& log_;
    std::uint64_t rate_;
    std::uint64_t requests_max_;
    std::string token_ = random_token();
    std::string target_;
    std::string local_;
    std::int64_t started_ns_{0};
    std::uint64_t sent_{0};
    std::uint64_t stalls_{0};
    std::uint64_t unreachable_{0};
    std::uint64_t repeated_{0};
    std::uint64_t strange_{0};
    std::int64_t longest_stall_ns_{0};
};

Probe::Probe(const ProbeSettings& settings, int fd, ProbeLog& log, const Endpoint& local)
    : fd_(fd)
    , log_(log)
    , rate_(settings.rate)
    , requests_max_(settings.duration_ms != 0 ? settings.rate * settings.duration_ms / 1000 : log.capacity())
    , target_(settings.target.to_string())
    , local_(local.to_string()) {}

void Probe::send_one(std::int64_t due) {
    const std::string number = std::to_string(sent_ + 1);
    const std::string request = "OPTIONS sip:probe@" + target_ +
                                " SIP/2.0\r\n"
                                "Via: SIP/2.0/UDP " +
                                local_ + ";rport;branch=z9hG4bK" + token_ + "." + number +
                                "\r\nMax-Forwards: 70\r\n"
                                "From: <sip:probe@" +
                                local_ + ">;tag=" + token_ + "\r\nTo: <sip:probe@" + target_ +
                                ">\r\n"
                                "Call-ID: " +
                                token_ + "." + number + "\r\nCSeq: " + number +
                                " OPTIONS\r\n"
                                "Contact: <sip:probe@" +
                                local_ +
                                ">\r\n"
                                "Content-Length: 0\r\n\r\n";
    ProbeLogEntry& entry = log_.entries()[sent_];
    entry.sent_ns = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t late = entry.sent_ns - due;
    if (late > second_ns / static_cast<std::int64_t>(rate_))
        entry.flags |= sent_late;
    ssize_t taken = ::send(fd_, request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken < 0 && errno == ECONNREFUSED) {
        // The report of an earlier request, not the fate of this one.
        ++unreachable_;
        taken = ::send(fd_, request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (taken < 0)
        entry.flags |= send_refused;
    log_.header().sent = ++sent_;
}

void Probe::send_due(std::int64_t now) {
    const std::int64_t late = now - due_ns(sent_);
    if (late > second_ns / static_cast<std::int64_t>(rate_)) {
        ++stalls_;
        longest_stall_ns_ = std::max(longest_stall_ns_, late);
    }
    for (std::size_t i = 0; i < burst_max && sent_ < requests_max_ && due_ns(sent_) <= now; ++i)
        send_one(due_ns(sent_));
}

void Probe::note(std::string_view datagram, std::int64_t arrived) {
    const auto answer = read_answer(datagram, token_);
    if (!answer || answer->sequence == 0 || answer->sequence > sent_) {
        ++strange_;
        return;
    }
    if (answer->status < 200)
        return;
    ProbeLogEntry& entry = log_.entries()[answer->sequence - 1];
    if (entry.answered_ns != 0) {
        ++repeated_;
        return;
    }
    entry.answered_ns = arrived;
    entry.status = answer->status;
    ++log_.header().answered;
    log_.header().last_answer_ns = std::max(log_.header().last_answer_ns, arrived);
}

void Probe::read_answers() {
    for (std::size_t i = 0; i < burst_max; ++i) {
        std::array<char, 2048> buffer;
        alignas(cmsghdr) std::array<char, 128> control;
        iovec part{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(fd_, &message, MSG_DONTWAIT);
        if (size >= 0) {
            note({buffer.data(), static_cast<std::size_t>(size)}, arrival_ns(message));
            continue;
        }
        if (errno == ECONNREFUSED || errno == EHOSTUNREACH) {
            ++unreachable_;
            continue;
        }
        return;
    }
}

void Probe::run() {
    started_ns_ = clock_ns(CLOCK_MONOTONIC);
    log_.header().started_ns = started_ns_;
    log_.header().period_ns = second_ns / static_cast<std::int64_t>(rate_);
    std::int64_t ends_ns = 0; // 0: still sending
    for (;;) {
        const std::int64_t now = clock_ns(CLOCK_MONOTONIC);
        if (ends_ns == 0 && (stop_asked != 0 || sent_ == requests_max_))
            ends_ns = now + last_answers_ns;
        if (ends_ns != 0 && (now >= ends_ns || log_.header().answered == sent_))
            return;
        if (ends_ns == 0 && due_ns(sent_) <= now)
            send_due(now);
        const std::int64_t next = ends_ns != 0 ? ends_ns : due_ns(sent_);
        const std::int64_t wait = std::max<std::int64_t>(0, next - clock_ns(CLOCK_MONOTONIC));
        const timespec timeout{wait / second_ns, wait % second_ns};
        pollfd readable{fd_, POLLIN, 0};
        if (::ppoll(&readable, 1, &timeout, nullptr) > 0)
            read_answers();
    }
}

std::string Probe::summary() {
    const ProbeLogEntry* entries = log_.entries();
    std::vector<std::int64_t> answered;
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < sent_; ++i) {
        if (entries[i].answered_ns != 0)
            answered.push_back(entries[i].answered_ns);
        refused += (entries[i].flags & send_refused) != 0 ? 1U : 0U;
    }
    std::ranges::sort(answered);
    std::int64_t gap = 0;
    std::int64_t gap_from = 0;
    for (std::size_t i = 1; i < answered.size(); ++i) {
        if (answered[i] - answered[i - 1] > gap) {
            gap = answered[i] - answered[i - 1];
            gap_from = answered[i - 1];
        }
    }
    std::uint64_t lost_in_gap = 0;
    for (std::uint64_t i = 0; i < sent_; ++i)
        lost_in_gap += entries[i].answered_ns == 0 && entries[i].sent_ns >= gap_from - second_ns / 10 &&
                               entries[i].sent_ns <= gap_from + gap
                           ? 1U
                           : 0U;
    return "{\"sent\":" + std::to_string(sent_) + ",\"answered\":" + std::to_string(answered.size()) +
           ",\"lost\":" + std::to_string(sent_ - answered.size()) + ",\"longest_gap_ms\":" + json_ms(gap) +
           ",\"gap_from_ns\":" + std::to_string(gap_from) +
           ",\"gap_to_ns\":" + std::to_string(gap_from + gap) +
           ",\"lost_in_gap\":" + std::to_string(lost_in_gap) + ",\"stalls\":" + std::to_string(stalls_) +
           ",\"longest_stall_ms\":" + json_ms(longest_stall_ns_) +
           ",\"send_refused\":" + std::to_string(refused) +
           ",\"unreachable\":" + std::to_string(unreachable_) + ",\"repeated\":" + std::to_string(repeated_) +
           ",\"strange\":" + std::to_string(strange_) + "}";
}

void prepare_process(Scheduling scheduling) {
    struct sigaction action {};
    action.sa_handler = ask_stop;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    if (scheduling == Scheduling::realtime) {
        const sched_param lowest{.sched_priority = 1};
        if (::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0)
            std::perror("tandem-phone: real-time scheduling");
    }
}

std::expected<int, std::string> open_socket(const ProbeSettings& settings, Endpoint& local) {
    const int fd = ::socket(settings.target.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return std::unexpected(std::string("socket: ") + std::strerror(errno));
    const int on = 1;
    const int room = 4 << 20;
    ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    local = settings.local;
    if (::bind(fd, local.address(), local.size) != 0 ||
        ::connect(fd, settings.target.address(), settings.target.size) != 0 ||
        ::getsockname(fd, local.address(), &local.size) != 0) {
        const std::string why = std::strerror(errno);
        ::close(fd);
        return std::unexpected(settings.local.to_string() + " to " + settings.target.to_string() + ": " +
                               why);
    }
    return fd;
}

} // namespace

std::expected<std::string, std::string> run_probe(const ProbeSettings& settings) {
    prepare_process(settings.scheduling);
    Endpoint local;
    const auto fd = open_socket(settings, local);
    if (!fd)
        return std::unexpected(fd.error());
    const std::uint64_t wanted = settings.duration_ms != 0 ? settings.rate * settings.duration_ms / 1000 + 1
                                                           : settings.rate * unlimited_seconds;
    auto log = ProbeLog::create(settings.log_file, std::min(wanted, entries_max));
    if (!log) {
        ::close(*fd);
        return std::unexpected(log.error());
    }
    Probe probe(settings, *fd, *log, local);
    probe.run();
    ::close(*fd);
    return probe.summary();
}

} // namespace tandem::phone
