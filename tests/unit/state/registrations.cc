// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/registrations.hh"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>

namespace tandem::state::test {
namespace {

using namespace std::chrono_literals;

std::string request(const std::string& to, const std::string& contact, const std::string& call_id = "c1",
                    unsigned cseq = 1, const std::string& more = {}) {
    return "REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\r\nFrom: <" +
           to + ">;tag=1\r\nTo: <" + to + ">\r\nCall-ID: " + call_id + "\r\nCSeq: " + std::to_string(cseq) +
           " REGISTER\r\nContact: " + contact + "\r\n" + more + "Content-Length: 0\r\n\r\n";
}

struct Fixture {
    Fixture() { make({64, 1024}); }
    void make(const Registrations::Limits& wanted) {
        limits = wanted;
        memory.assign(Registrations::octets(limits) / 8 + 1, 0);
        registrations = std::make_unique<Registrations>(
            std::as_writable_bytes(std::span{memory}).first(Registrations::octets(limits)), limits, 11);
    }
    void see(const std::string& text, std::uint8_t group = 0) {
        const auto message = wire::parse_sip(text);
        BOOST_REQUIRE(message.has_value());
        registrations->see(now, {*wire::IpAddress::parse("198.51.100.7"), 5060, group}, *message, text);
    }
    /// All records as a reader sees them, by text.
    std::map<std::string, Registrations::Binding> listed() const {
        const auto reader =
            Registrations::Records::reader(std::as_bytes(std::span{memory}), limits.bindings, limits.chunks);
        std::map<std::string, Registrations::Binding> found;
        for (std::uint32_t i = 0; i < limits.bindings; ++i) {
            Registrations::Binding binding;
            std::string text;
            if (reader.read(i, binding, text))
                found.emplace(text + std::to_string(binding.contact), binding);
        }
        return found;
    }
    void sweep_all() {
        for (std::size_t i = 0; i < limits.bindings; i += 64)
            registrations->sweep(now);
    }

    Registrations::Limits limits;
    std::vector<std::uint64_t> memory;
    std::unique_ptr<Registrations> registrations;
    Instant now{Instant{} + 1h};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(registrations, Fixture)

BOOST_AUTO_TEST_CASE(a_binding_with_everything_that_it_said) {
    const std::string text = request("sip:ann@example.net", "<sip:ann@198.51.100.7:5062>;expires=60");
    see(text);
    const auto all = listed();
    BOOST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all.begin()->first == text + "0");
    const Registrations::Binding& binding = all.begin()->second;
    BOOST_TEST(binding.expires_ns == (now + 60s).time_since_epoch().count());
    BOOST_TEST(binding.cseq == 1U);
    BOOST_TEST(binding.port == 5060);
    BOOST_TEST((binding.source == *wire::IpAddress::parse("198.51.100.7")));
    BOOST_TEST(registrations->counts().added == 1U);
}

BOOST_AUTO_TEST_CASE(a_refresh_replaces_and_an_old_request_does_not) {
    see(request("sip:ann@example.net", "<sip:ann@a>", "c1", 5));
    const std::string newer = request("sip:ann@EXAMPLE.net;x=1", "<sip:ann@a>", "c1", 6, "Expires: 100\r\n");
    see(newer);
    see(request("sip:ann@example.net", "<sip:ann@a>;expires=0", "c1", 4));
    const auto all = listed();
    BOOST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all.begin()->first == newer + "0");
    BOOST_TEST(registrations->counts().refreshed == 1U);
    BOOST_TEST(registrations->counts().outdated == 1U);
    see(request("sip:ann@example.net", "<sip:ann@a>", "another", 1)); // the phone started anew
    BOOST_TEST(registrations->size() == 1U);
    BOOST_TEST(registrations->counts().refreshed == 2U);
}

BOOST_AUTO_TEST_CASE(contacts_of_one_request_have_a_record_each) {
    see(request("sip:ann@example.net", "<sip:ann@a>;expires=10, <sip:ann@b>", "c1", 1, "Expires: 20\r\n"));
    BOOST_TEST(registrations->size() == 2U);
    now += 10s;
    sweep_all();
    BOOST_TEST(registrations->size() == 1U);
    BOOST_TEST(registrations->counts().expired == 1U);
    see(request("sip:ann@example.net", "<sip:ann@b>;expires=0", "c1", 2));
    BOOST_TEST(registrations->size() == 0U);
    BOOST_TEST(registrations->counts().removed == 1U);
}

BOOST_AUTO_TEST_CASE(a_wildcard_removes_the_bindings_of_its_own_address) {
    see(request("sip:ann@example.net", "<sip:ann@a>", "c1", 1));
    see(request("sip:ann@example.net", "<sip:ann@b>", "c2", 9));
    see(request("sip:bob@example.net", "<sip:bob@a>"));
    see(request("sip:ann@example.net", "<sip:ann@a>"), 1); // another group
    see(request("sip:ann@example.net", "*", "c2", 3));     // without Expires: 0 it says nothing
    BOOST_TEST(registrations->size() == 4U);
    see(request("sip:ann@example.net", "*", "c2", 3, "Expires: 0\r\n")); // older than what c2 said last
    BOOST_TEST(registrations->size() == 3U);
    see(request("sip:ann@example.net", "*", "c2", 10, "Expires: 0\r\n"));
    BOOST_TEST(registrations->size() == 2U);
    BOOST_TEST(registrations->counts().removed == 2U);
}

BOOST_AUTO_TEST_CASE(other_messages_change_nothing) {
    std::string text = request("sip:ann@example.net", "<sip:ann@a>");
    for (std::size_t at; (at = text.find("REGISTER")) != std::string::npos;)
        text.replace(at, 8, "OPTIONS");
    see(text);
    BOOST_TEST(registrations->size() == 0U);
}

BOOST_AUTO_TEST_CASE(addresses_of_record) {
    const auto parts = [](std::string_view uri) {
        const auto found = address_of_record(uri);
        return std::string{found.user} + "|" + std::string{found.host};
    };
    BOOST_TEST(parts("sip:ann@example.net") == "ann|example.net");
    BOOST_TEST(parts("sips:ann:secret@example.net:5061;transport=tcp?h=1") == "ann|example.net:5061");
    BOOST_TEST(parts("sip:a;b?c@example.net") == "a;b?c|example.net");
    BOOST_TEST(parts("sip:example.net") == "|example.net");
    BOOST_TEST(parts("sip:+1;ext=3@[2001:db8::1]:5060") == "+1;ext=3|[2001:db8::1]:5060");
    BOOST_TEST(parts("") == "|");
    BOOST_TEST(parts("sip:user100@203.0.113.10") == "user100|203.0.113.10");
    BOOST_TEST(parts("a@very-long-domain.example.net") == "a|very-long-domain.example.net");
    BOOST_TEST(parts("sip:very-long-domain.example.net;maddr=x") == "|very-long-domain.example.net");
}

BOOST_AUTO_TEST_CASE(addresses_of_record_of_every_length) {
    // What stands around the parts must not matter, nor where they stand.
    for (std::size_t user = 0; user < 80; ++user)
        for (std::size_t host = 0; host < 80; ++host)
            for (const std::string_view tail : {"", ";lr", "?a=b", ";x=@:?;"}) {
                const std::string name(user, ';');
                const std::string domain(host, 'H');
                const auto found = address_of_record("sip:" + name + ":p?@" + domain + std::string{tail});
                BOOST_REQUIRE(found.user.size() == user);
                BOOST_REQUIRE(found.host.size() == host);
            }
}

BOOST_AUTO_TEST_CASE(a_full_table_gives_up_what_was_refreshed_longest_ago) {
    make({4, 100});
    for (const char* user : {"a", "b", "c", "d"})
        see(request(std::string{"sip:"} + user + "@x", "<sip:u@h>"));
    now += Registrations::age_slack; // what came within less counts as equally old
    see(request("sip:a@x", "<sip:u@h>", "c1", 2));
    see(request("sip:e@x", "<sip:u@h>"));
    BOOST_TEST(registrations->size() == 4U);
    BOOST_TEST(registrations->counts().evicted == 1U);
    see(request("sip:b@x", "<sip:u@h>", "c1", 1));
    BOOST_TEST(registrations->counts().added == 6U); // b was the one that had gone
}

BOOST_AUTO_TEST_CASE(texts_too_long_for_the_room) {
    make({64, 12});
    const std::string padding = "X: " + std::string(400, 'x') + "\r\n";
    for (int i = 0; i < 10; ++i)
        see(request("sip:" + std::to_string(i) + "@x", "<sip:u@h>", "c", 1, padding));
    BOOST_TEST(registrations->size() == 2U);
    BOOST_TEST(registrations->counts().evicted == 8U);
    see(request("sip:z@x", "<sip:u@h>", "c", 1, "X: " + std::string(3000, 'x') + "\r\n"));
    BOOST_TEST(registrations->size() == 0U);
    BOOST_TEST(registrations->records().chunks_free() == 12U);
}

// Whatever happens, index and records say the same, and no chunk is lost.
BOOST_AUTO_TEST_CASE(a_long_life) {
    make({50, 300});
    std::mt19937 random{1};
    for (unsigned i = 0; i < 20'000; ++i) {
        const std::string user = std::to_string(random() % 40);
        const std::string contact =
            random() % 20 == 0 ? "*" : "<sip:" + user + "@" + std::to_string(random() % 3) + ">";
        see(request("sip:" + user + "@x", contact, "c", i,
                    "Expires: " + std::to_string(random() % 5 * 10) +
                        "\r\nX: " + std::string(random() % 600, 'x') + "\r\n"));
        now += 100ms;
        registrations->sweep(now);
        if (i % 1000 == 0)
            BOOST_TEST(listed().size() == registrations->size());
    }
    const auto& counts = registrations->counts();
    BOOST_TEST(counts.added - counts.removed - counts.expired - counts.evicted == registrations->size());
    now += 1h;
    sweep_all();
    BOOST_TEST(registrations->size() == 0U);
    BOOST_TEST(registrations->records().chunks_free() == 300U);
}

// A reader beside the writer sees whole records only.
BOOST_AUTO_TEST_CASE(a_reader_beside_the_writer) {
    make({8, 200});
    std::atomic<bool> stop{false};
    std::atomic<unsigned> seen{0};
    std::atomic<unsigned> torn{0};
    const auto reader =
        Registrations::Records::reader(std::as_bytes(std::span{memory}), limits.bindings, limits.chunks);
    std::thread other{[&] {
        while (!stop) {
            for (std::uint32_t i = 0; i < 8; ++i) {
                Registrations::Binding binding;
                std::string text;
                if (!reader.read(i, binding, text))
                    continue;
                ++seen;
                const auto message = wire::parse_sip(text);
                if (!message || message->cseq != binding.cseq)
                    ++torn;
            }
        }
    }};
    std::mt19937 random{2};
    for (unsigned i = 0; i < 200'000 || seen < 1000; ++i) {
        see(request("sip:" + std::to_string(random() % 4) + "@x", "<sip:u@h>", "c", i,
                    "X: " + std::string(random() % 1000, 'x') + "\r\n"));
        BOOST_REQUIRE(i < 100'000'000U);
    }
    stop = true;
    other.join();
    BOOST_TEST(torn == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::state::test
