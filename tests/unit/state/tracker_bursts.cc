// SPDX-License-Identifier: GPL-3.0-or-later
// Messages that are tracked in bursts, where there are many records: the tables must not know the difference.
#include "dataplane/state/tracker.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace tandem::state::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t users = 2000;

struct Tables {
    static Tracker::Limits limits() {
        Tracker::Limits limits = Tracker::limits_for(1500, 600); // fewer than there are: the oldest give way
        limits.calls = 4096;
        return limits;
    }
    std::vector<std::uint64_t> registrations =
        std::vector<std::uint64_t>(Registrations::octets(limits().registrations) / 8 + 1);
    std::vector<std::uint64_t> dialogs =
        std::vector<std::uint64_t>(Dialogs::octets(limits().dialogs) / 8 + 1);
    Tracker tracker{
        {std::as_writable_bytes(std::span{registrations}), std::as_writable_bytes(std::span{dialogs})},
        limits(),
        3};
};

/// A user's message; garbage now and then, and texts of all lengths.
std::string text_of(std::size_t user, std::mt19937_64& random) {
    const std::string name = std::to_string(user);
    const auto head = [&](const std::string& start, const std::string& method, bool tagged) {
        return start + "\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK" + name + method +
               "\r\nFrom: <sip:" + name + "@example.net>;tag=f" + name + "\r\nTo: <sip:b@example.net>" +
               (tagged ? ";tag=t" + name : "") + "\r\nCall-ID: " + (method == "REGISTER" ? "r" : "c") + name +
               "\r\nCSeq: " + std::to_string(random() % 4 + 1) + ' ' + method +
               "\r\nMax-Forwards: 70\r\nContact: <sip:" + name +
               "@198.51.100.7>\r\nSubject: " + std::string(random() % 700, 'x') + "\r\n";
    };
    const std::string end = "Content-Length: 0\r\n\r\n";
    switch (random() % 10) {
    case 0:
        return head("INVITE sip:b@example.net SIP/2.0", "INVITE", false) + end;
    case 1:
        return head("ACK sip:b@example.net SIP/2.0", "ACK", true) + end;
    case 2:
        return head("BYE sip:b@example.net SIP/2.0", "BYE", true) + end;
    case 3:
        return head("CANCEL sip:b@example.net SIP/2.0", "CANCEL", false) + end;
    case 4:
        return head("SIP/2.0 180 Ringing", "INVITE", true) + end;
    case 5:
        return head("SIP/2.0 200 OK", "INVITE", true) + end;
    case 6:
        return head("REGISTER sip:example.net SIP/2.0", "REGISTER", false) + "Expires: 0\r\n" + end;
    case 7:
        return random() % 4 == 0 ? std::string(random() % 200, 'A')
                                 : head("INFO sip:b@example.net SIP/2.0", "INFO", true) + end;
    default:
        return head("REGISTER sip:example.net SIP/2.0", "REGISTER", false) + end;
    }
}

using Registered = Registrations::Binding;
using Dialog = Dialogs::Dialog;

auto fields(const Registered& b) {
    return std::tuple{b.expires_ns, b.seen_ns, b.call_id, b.cseq,
                      b.port,       b.group,   b.contact, b.source.to_string()};
}
auto fields(const Dialog& d) {
    return std::tuple{d.since_ns,    d.seen_ns, d.branch, d.caller, d.caller_cseq,
                      d.callee_cseq, d.port,    d.group,  d.state,  d.source.to_string()};
}

/// Are all records and their texts the same? Not octet by octet: between the fields there may be anything.
template <class Records>
bool same(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b, std::size_t records,
          std::size_t chunks) {
    const auto one = Records::reader(std::as_bytes(std::span{a}), records, chunks);
    const auto other = Records::reader(std::as_bytes(std::span{b}), records, chunks);
    std::conditional_t<std::is_same_v<Records, Registrations::Records>, Registered, Dialog> head;
    auto other_head = head;
    std::string text;
    std::string other_text;
    for (std::uint32_t i = 0; i < records; ++i) {
        const bool there = one.read(i, head, text);
        if (there != other.read(i, other_head, other_text))
            return false;
        if (there && (fields(head) != fields(other_head) || text != other_text))
            return false;
    }
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tracker_bursts)

BOOST_AUTO_TEST_CASE(a_burst_leaves_what_its_messages_leave_one_by_one) {
    Tables alone;
    Tables together;
    std::mt19937_64 random{26};
    Instant now{1h};
    std::size_t most = 0;
    for (int burst = 0; burst < 2000; ++burst) {
        now += 10ms;
        std::vector<std::string> texts;
        for (std::size_t i = random() % 70; i-- > 0;)
            texts.push_back(text_of(random() % users, random));
        std::vector<TrackedMessage> messages;
        for (const std::string& text : texts) {
            const auto port = static_cast<std::uint16_t>(5060 + random() % 3);
            messages.push_back(
                {{*wire::IpAddress::parse("198.51.100.7"), port, static_cast<std::uint8_t>(random() % 2)},
                 random() % 5 == 0 ? Way::from_server : Way::served,
                 text});
        }
        table::Soon soon;
        for (const std::string& text : texts)
            soon.add(text.data(), text.size());
        together.tracker.see(now, messages, random() % 2 == 0 ? &soon : nullptr);
        for (const TrackedMessage& message : messages)
            alone.tracker.see(now, message);
        for (Tables* tables : {&alone, &together})
            tables->tracker.sweep(now);
        most = std::max(most, alone.tracker.registrations().size() + alone.tracker.dialogs().size());
        if (burst % 16 == 0) {
            const Tracker::Limits limits = Tables::limits();
            BOOST_REQUIRE(same<Registrations::Records>(alone.registrations, together.registrations,
                                                       limits.registrations.bindings,
                                                       limits.registrations.chunks));
            BOOST_REQUIRE(same<Dialogs::Records>(alone.dialogs, together.dialogs, limits.dialogs.dialogs,
                                                 limits.dialogs.chunks));
        }
        BOOST_REQUIRE(alone.tracker.unread() == together.tracker.unread());
        for (const std::size_t group : {0U, 1U})
            BOOST_REQUIRE(alone.tracker.calls(group) == together.tracker.calls(group));
    }
    BOOST_TEST(most > 1500U); // so many that bursts are not taken one by one
    BOOST_TEST(alone.tracker.unread() > 0U);
    BOOST_TEST(alone.tracker.dialogs().counts().evicted > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::state::test
