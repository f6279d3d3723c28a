// SPDX-License-Identifier: GPL-3.0-or-later
// Sender and receiver of the mirror stream against each other over a bad link, from one seed.
#include "dataplane/path/mirror_receiver.hh"
#include "dataplane/path/mirror_sender.hh"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <vector>

namespace {

using namespace tandem::path;
using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

struct Faults {
    unsigned loss_percent{0};
    unsigned duplicate_percent{0};
    Duration delay_max{100us}; ///< chosen anew for each datagram: larger values reorder
};

Bytes message(std::uint32_t n) {
    Bytes bytes(20 + n % 700);
    for (std::size_t i = 0; i < 4; ++i)
        bytes[i] = static_cast<std::uint8_t>(n >> (8 * i));
    return bytes;
}

std::uint32_t number_of(std::span<const std::uint8_t> bytes) {
    std::uint32_t n = 0;
    for (std::size_t i = 0; i < 4; ++i)
        n |= std::uint32_t{bytes[i]} << (8 * i);
    return n;
}

class Pair {
public:
    Pair(unsigned seed, const Faults& faults, const SenderLimits& limits = {})
        : random_(seed)
        , faults_(faults)
        , limits_(limits) {
        sender.emplace(100, limits);
        receiver.emplace(200);
    }

    void restart_sender(std::uint64_t stream) { sender.emplace(stream, limits_); }
    void restart_receiver(std::uint64_t incarnation) { receiver.emplace(incarnation); }

    void send(std::uint32_t n) { BOOST_REQUIRE((sender->append(message(n), 7, now) == Appended::yes)); }

    void run(Duration time) {
        const Instant end = now + time;
        while (now < end) {
            now += 100us;
            step();
        }
    }

    std::optional<MirrorSender> sender;
    std::optional<MirrorReceiver> receiver;
    Instant now{Instant{} + 1h};
    bool cut{false}; ///< nothing gets through in either direction
    std::vector<std::uint32_t> got;
    std::uint64_t lost{0};
    std::uint64_t evicted{0};
    std::uint64_t duplicates{0};

private:
    void step() {
        while (!link_.empty() && link_.begin()->first <= now) {
            const auto [to_receiver, bytes] = link_.begin()->second;
            link_.erase(link_.begin());
            arrive(to_receiver, bytes);
        }
        while (const auto frame = sender->next(now))
            transmit(true, frame->frame);
        while (const auto frame = receiver->next_control(now)) {
            transmit(false, *frame);
            drain();
        }
        drain();
        lost += receiver->take_lost();
        evicted += sender->take_evicted();
    }

    void transmit(bool to_receiver, std::span<const std::uint8_t> frame) {
        const unsigned copies = random_() % 100 < faults_.duplicate_percent ? 2 : 1;
        for (unsigned i = 0; i < copies; ++i) {
            if (cut || random_() % 100 < faults_.loss_percent)
                continue;
            const Duration delay{
                1 + static_cast<long>(random_() % static_cast<unsigned long>(faults_.delay_max.count()))};
            link_.emplace(now + delay, std::pair{to_receiver, Bytes(frame.begin(), frame.end())});
        }
    }

    void arrive(bool to_receiver, const Bytes& bytes) {
        const auto frame = read_frame(bytes);
        BOOST_REQUIRE(frame.has_value());
        if (to_receiver) {
            if (const auto* packet = std::get_if<PacketFrame>(&*frame)) {
                if (receiver->on_packet(*packet, now) == Received::duplicate)
                    ++duplicates;
            } else {
                receiver->on_mark(std::get<MarkFrame>(*frame), now);
            }
            drain();
        } else if (const auto* request = std::get_if<RequestFrame>(&*frame)) {
            sender->on_request(*request);
        } else {
            sender->on_report(std::get<ReportFrame>(*frame));
        }
    }

    void drain() {
        while (const auto ready = receiver->next()) {
            BOOST_TEST(ready->epoch == 7U);
            got.push_back(number_of(ready->packet));
            BOOST_REQUIRE(ready->packet.size() == message(got.back()).size());
        }
    }

    std::mt19937 random_;
    Faults faults_;
    SenderLimits limits_;
    std::multimap<Instant, std::pair<bool, Bytes>> link_;
};

void check_run(const std::vector<std::uint32_t>& got, std::uint32_t first, std::uint32_t count) {
    BOOST_REQUIRE_EQUAL(got.size(), count);
    for (std::uint32_t i = 0; i < count; ++i)
        BOOST_REQUIRE_EQUAL(got[i], first + i);
}

} // namespace

BOOST_AUTO_TEST_SUITE(mirror_stream)

BOOST_AUTO_TEST_CASE(a_good_link_repairs_nothing) {
    Pair pair{1, {}};
    pair.run(5ms);
    for (std::uint32_t n = 0; n < 1'000; ++n) {
        pair.send(n);
        pair.run(1ms);
    }
    pair.run(100ms);
    check_run(pair.got, 0, 1'000);
    BOOST_TEST(pair.lost == 0U);
    BOOST_TEST(pair.duplicates == 0U);
    BOOST_TEST(pair.sender->confirmed() == 1'000U);
    BOOST_TEST(pair.receiver->handled() == 1'000U);
    BOOST_TEST(pair.receiver->announced() == 1'000U);
}

BOOST_AUTO_TEST_CASE(loss_duplication_and_reordering_are_mended) {
    for (unsigned seed = 1; seed <= 25; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            Pair pair{seed, {seed % 16, seed % 10, 100us * (1 + seed % 30)}};
            std::mt19937 random{seed};
            for (std::uint32_t n = 0; n < 2'000; ++n) {
                pair.send(n);
                if (random() % 4 == 0)
                    pair.run(std::chrono::microseconds{random() % 3'000});
            }
            pair.run(1s);
            check_run(pair.got, 0, 2'000);
            BOOST_TEST(pair.lost == 0U);
            BOOST_TEST(pair.sender->confirmed() == 2'000U);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_lost_tail_is_seen_within_ten_milliseconds) {
    Pair pair{3, {}};
    pair.run(50ms);
    pair.cut = true;
    pair.send(0);
    pair.run(200us);
    pair.cut = false;
    pair.run(10ms);
    check_run(pair.got, 0, 1);
}

BOOST_AUTO_TEST_CASE(what_the_history_lost_is_counted_and_the_stream_goes_on) {
    SenderLimits limits;
    limits.packets = 100;
    Pair pair{4, {}, limits};
    pair.run(50ms);
    pair.cut = true;
    for (std::uint32_t n = 0; n < 250; ++n)
        pair.send(n);
    pair.run(1ms);
    pair.cut = false;
    pair.run(200ms);
    check_run(pair.got, 150, 100);
    BOOST_TEST(pair.lost == 150U);
    BOOST_TEST(pair.evicted == 150U);
    BOOST_TEST(pair.receiver->handled() == 250U);
}

BOOST_AUTO_TEST_CASE(the_history_is_bounded_by_octets) {
    SenderLimits limits;
    limits.octets = 10'000;
    MirrorSender sender{1, limits};
    const Bytes packet(972); // with its header 1,000
    for (int i = 0; i < 25; ++i)
        BOOST_TEST((sender.append(packet, 1, Instant{} + 1s) == Appended::yes));
    BOOST_TEST(sender.take_evicted() == 15U);
    BOOST_TEST(sender.take_evicted() == 0U);
    BOOST_TEST((sender.append(Bytes(70'000), 1, Instant{} + 1s) == Appended::too_large));
    BOOST_TEST(sender.sent() == 25U);
}

BOOST_AUTO_TEST_CASE(a_gap_without_answer_is_given_up_after_100_ms) {
    MirrorReceiver receiver{1};
    Instant now = Instant{} + 1s;
    const Bytes packet(100);
    receiver.on_mark({9, 1, 1, 1, 0}, now);
    receiver.on_packet({9, 1, 7, packet}, now);
    receiver.on_packet({9, 4, 7, packet}, now);
    int delivered = 0;
    while (receiver.next())
        ++delivered;
    BOOST_TEST(delivered == 1);
    int requests = 0;
    for (int i = 0; i < 990; ++i) {
        while (const auto frame = receiver.next_control(now))
            if ((*frame)[0] == static_cast<std::uint8_t>(FrameType::request)) {
                const auto read = read_frame(*frame);
                BOOST_REQUIRE(read.has_value());
                BOOST_TEST(std::get<RequestFrame>(*read).ranges[0].first == 2U);
                BOOST_TEST(std::get<RequestFrame>(*read).ranges[0].count == 2U);
                ++requests;
            }
        BOOST_REQUIRE(!receiver.next());
        now += 100us;
    }
    BOOST_TEST(requests == 10); // at once, then every 10 ms
    now += 2ms;
    while (receiver.next_control(now)) {
    }
    BOOST_TEST(receiver.take_lost() == 2U);
    BOOST_TEST(receiver.next().has_value());
    BOOST_TEST(receiver.handled() == 4U);
}

BOOST_AUTO_TEST_CASE(a_restarted_receiver_gets_what_was_not_confirmed) {
    Pair pair{5, {}};
    pair.run(50ms);
    for (std::uint32_t n = 0; n < 100; ++n)
        pair.send(n);
    pair.run(200ms);
    BOOST_TEST(pair.sender->confirmed() == 100U);
    pair.cut = true;
    for (std::uint32_t n = 100; n < 3'100; ++n)
        pair.send(n);
    pair.run(1ms);
    pair.restart_receiver(201);
    pair.got.clear();
    pair.cut = false;
    pair.run(300ms);
    check_run(pair.got, 100, 3'000);
    BOOST_TEST(pair.lost == 0U);
    BOOST_TEST(pair.sender->confirmed() == 3'100U);
}

BOOST_AUTO_TEST_CASE(a_receiver_that_comes_late_begins_at_the_beginning) {
    Pair pair{6, {}};
    pair.cut = true;
    for (std::uint32_t n = 0; n < 500; ++n)
        pair.send(n);
    pair.run(50ms);
    pair.cut = false;
    pair.run(200ms);
    check_run(pair.got, 0, 500);
}

BOOST_AUTO_TEST_CASE(a_restarted_sender_begins_a_new_stream) {
    Pair pair{7, {}};
    pair.run(50ms);
    for (std::uint32_t n = 0; n < 10; ++n)
        pair.send(n);
    pair.run(50ms);
    pair.restart_sender(101);
    for (std::uint32_t n = 10; n < 20; ++n)
        pair.send(n);
    pair.run(100ms);
    check_run(pair.got, 0, 20);
    BOOST_TEST(pair.lost == 0U);
    BOOST_TEST(pair.receiver->stream() == 101U);
    // A late frame of the earlier stream changes nothing.
    pair.receiver->on_mark({100, 50, 1, 1, 200}, pair.now);
    BOOST_TEST(pair.receiver->stream() == 101U);
    BOOST_TEST((pair.receiver->on_packet({100, 11, 7, message(0)}, pair.now) == Received::duplicate));
}

BOOST_AUTO_TEST_CASE(restarts_under_loss_never_repeat_or_reorder) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            Pair pair{seed, {10, 5, 2ms}};
            std::uint32_t n = 0;
            for (unsigned life = 1; life <= 5; ++life) {
                for (int i = 0; i < 200; ++i) {
                    pair.send(n++);
                    pair.run(200us);
                }
                pair.run(300ms);
                pair.restart_sender(1'000 * seed + life);
            }
            BOOST_TEST(pair.got.size() + pair.lost >= 1'000U);
            for (std::size_t i = 1; i < pair.got.size(); ++i)
                BOOST_REQUIRE(pair.got[i - 1] < pair.got[i]);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_sequence_far_ahead_stays_within_bounds) {
    MirrorReceiver receiver{1};
    const Instant now = Instant{} + 1s;
    const Bytes packet(100);
    receiver.on_mark({9, 1, 1, 1, 0}, now);
    BOOST_TEST((receiver.on_packet({9, std::uint64_t{1} << 60U, 7, packet}, now) == Received::too_far));
    const auto frame = receiver.next_control(now);
    BOOST_REQUIRE(frame.has_value());
    BOOST_TEST(frame->size() <= RequestFrame::size_max);
}

BOOST_AUTO_TEST_CASE(a_confirmation_of_what_was_never_sent_is_ignored) {
    MirrorSender sender{5};
    BOOST_TEST((sender.append(Bytes(50), 1, Instant{} + 1s) == Appended::yes));
    sender.on_report({5, 1, 1'000, 0});
    BOOST_TEST(sender.confirmed() == 0U);
    sender.on_report({5, 1, 1, 0});
    BOOST_TEST(sender.confirmed() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
