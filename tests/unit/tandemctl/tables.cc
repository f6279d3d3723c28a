// SPDX-License-Identifier: GPL-3.0-or-later
// Listing tables that an engine, here the tracker alone, keeps in its run directory.
#include "dataplane/state/shared_flows.hh"
#include "dataplane/state/shared_tracker.hh"
#include "tests/unit/tandemctl/run.hh"

#include <boost/json/parse.hpp>

#include <atomic>
#include <bit>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace tandem::ctl::test {
namespace {

namespace json = boost::json;

Result run(const std::string& arguments) {
    return run_program(PROGRAM, arguments);
}
using state::Way;

std::string header(const std::string& user, const std::string& cseq, const std::string& call_id) {
    return "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKq\r\nFrom: <sip:" + user +
           "@example.net>;tag=7\r\nTo: <sip:" + user + "@example.net>\r\nCall-ID: " + call_id +
           "\r\nCSeq: " + cseq + "\r\nMax-Forwards: 70\r\n";
}

std::string registration(const std::string& user, const std::string& call_id, const std::string& more = {}) {
    return "REGISTER sip:example.net SIP/2.0\r\n" + header(user, "3 REGISTER", call_id) +
           "Contact: <sip:" + user + "@198.51.100.7:5070>, <sip:" + user +
           "@198.51.100.8>;expires=60\r\nExpires: 3600\r\n" + more + "Content-Length: 0\r\n\r\n";
}

struct Engine : Folder {
    Engine() {
        setup.registrations_max = 5000;
        setup.dialogs_max = 100;
        setup.group_names[0] = {'s', 'i', 'p'};
        setup.group_names[1] = {'t', 'r', 'u', 'n', 'k'};
        tracker = std::make_unique<state::SharedTracker>(path(), setup, 5);
    }
    void see(const std::string& text, std::uint8_t group = 0) {
        const auto now =
            std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now());
        (*tracker)->see(now, {{*wire::IpAddress::parse("2001:db8::7"), 5070, group}, Way::served, text});
        tracker->turn(now);
    }
    Result ctl(const std::string& arguments) const { return run(arguments + " --run-dir " + path()); }
    json::value parsed(const std::string& arguments) const {
        const auto result = ctl(arguments + " --json");
        BOOST_REQUIRE_MESSAGE(result.exit == 0, result.err);
        return json::parse(result.out);
    }

    contract::RecordSetup setup;
    std::unique_ptr<state::SharedTracker> tracker;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(tables, Engine)

BOOST_AUTO_TEST_CASE(registrations_as_columns) {
    see(registration("alice", "c1"));
    see(registration("bob", "c2"), 1);
    const auto result = ctl("registrations");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(result.err == "");
    BOOST_TEST(result.out.starts_with("ADDRESS-OF-RECORD"), result.out);
    BOOST_TEST(result.out.find("sip:alice@example.net  sip:alice@198.51.100.7:5070  59 min") !=
                   std::string::npos,
               result.out);
    BOOST_TEST(result.out.find("[2001:db8::7]:5070") != std::string::npos);
    BOOST_TEST(result.out.find("c2       3     trunk") != std::string::npos, result.out);
    BOOST_TEST(result.out.find("registrations: 4 of 5000; added 4\n") != std::string::npos, result.out);
    // The folder of the socket is the other way to it.
    BOOST_TEST(run("registrations --socket " + file("tandemd.sock")).out.find("alice") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(registrations_as_json) {
    see(registration("alice", "c1", "Path: <sip:p1;lr>\r\nPath: <sip:p2;lr>\r\n"));
    const auto answer = parsed("registrations --raw");
    const auto& list = answer.at("registrations").as_array();
    BOOST_REQUIRE(list.size() == 2U);
    const auto& one = list[0];
    BOOST_TEST(one.at("aor") == "sip:alice@example.net");
    BOOST_TEST(one.at("contact") == "sip:alice@198.51.100.7:5070");
    BOOST_TEST(one.at("contacts").as_array().size() == 2U);
    BOOST_TEST(one.at("expires").to_number<double>() > 3590.0);
    BOOST_TEST(one.at("expires").to_number<double>() <= 3600.0);
    BOOST_TEST(list[1].at("expires").to_number<double>() <= 60.0);
    BOOST_TEST(one.at("seen").to_number<double>() >= 0.0);
    BOOST_TEST(one.at("source") == "2001:db8::7");
    BOOST_TEST(one.at("port") == 5070);
    BOOST_TEST(one.at("call_id") == "c1");
    BOOST_TEST(one.at("cseq") == 3);
    BOOST_TEST(one.at("group") == "sip");
    BOOST_TEST(one.at("path").at(1) == "<sip:p2;lr>");
    BOOST_TEST(one.at("raw").as_string().starts_with("REGISTER sip:example.net SIP/2.0\r\n"));
    BOOST_TEST(answer.at("summary").at("records") == 2);
    BOOST_TEST(answer.at("summary").at("engine_running") == true);
    BOOST_TEST(!parsed("registrations").at("registrations").at(0).as_object().contains("raw"));
}

BOOST_AUTO_TEST_CASE(they_are_filtered_and_bounded) {
    for (int i = 0; i < 1200; ++i)
        see(registration("user" + std::to_string(i), "c" + std::to_string(i)),
            static_cast<std::uint8_t>(i % 2));
    BOOST_TEST(parsed("registrations").at("registrations").as_array().size() == 1000U);
    BOOST_TEST(parsed("registrations --limit 0").at("registrations").as_array().size() == 2400U);
    BOOST_TEST(parsed("registrations --limit 0 --group trunk").at("registrations").as_array().size() ==
               1200U);
    BOOST_TEST(parsed("registrations --match USER77@").at("registrations").as_array().size() == 2U);
    const auto few = parsed("registrations --match @198.51.100.8 --limit 3");
    BOOST_TEST(few.at("registrations").as_array().size() == 3U);
    BOOST_TEST(few.at("summary").at("matched") == 2400); // each has both contacts
    const auto text = ctl("registrations --match user77@ --limit 1").out;
    BOOST_TEST(text.find("registrations: 2400 of 5000, 2 match, 1 shown (--limit 0 for all)") !=
                   std::string::npos,
               text);
    BOOST_TEST(ctl("registrations --match nobody").out.starts_with("registrations: 2400 of 5000, 0 match;"));
    const auto wrong = ctl("registrations --group nope");
    BOOST_TEST(wrong.exit == 2);
    BOOST_TEST(wrong.err == "tandemctl: there is no group \"nope\"; there are: sip, trunk\n");
}

BOOST_AUTO_TEST_CASE(dialogs) {
    see("INVITE sip:bob@example.net SIP/2.0\r\n" + header("alice", "1 INVITE", "call-1") +
        "Contact: <sip:alice@198.51.100.7>\r\nRecord-Route: <sip:p1;lr>\r\nContent-Length: 0\r\n\r\n");
    const auto answer = parsed("dialogs");
    const auto& one = answer.at("dialogs").at(0);
    BOOST_TEST(one.at("state") == "trying");
    BOOST_TEST(one.at("caller") == "sip:alice@example.net");
    BOOST_TEST(one.at("caller_tag") == "7");
    BOOST_TEST(one.at("caller_cseq") == 1);
    BOOST_TEST(one.at("target") == "sip:alice@198.51.100.7");
    BOOST_TEST(one.at("route_set").at(0) == "<sip:p1;lr>");
    const auto text = ctl("dialogs --match CALL-1").out;
    BOOST_TEST(text.find("trying") != std::string::npos);
    BOOST_TEST(text.find("dialogs: 1 of 100; begun 1\n") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(flows) {
    BOOST_TEST(ctl("flows").err.find("only an appliance") != std::string::npos);
    setup.flows_max = 1000;
    state::SharedFlows shared{path(), setup, 5};
    const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now());
    const state::FlowEnds ends{.remote = *wire::IpAddress::parse("198.51.100.7"),
                               .local = *wire::IpAddress::parse("192.0.2.10"),
                               .remote_port = 20000,
                               .local_port = 40000,
                               .group = 1,
                               .kind = state::FlowKind::rtp};
    const state::FlowKey key{.addresses = 7, .rest = state::FlowKey::rest_of(0x409c'204eU, 17, 4)};
    shared->begin(key, ends, state::FlowSide::remote, 200, now);
    BOOST_TEST(shared->see(key, shared->lines().line(shared->hash(key)), state::FlowSide::local, 172,
                           now.time_since_epoch().count()));
    shared.turn(now);
    const auto answer = parsed("flows");
    BOOST_REQUIRE(answer.at("flows").as_array().size() == 1U);
    const auto& one = answer.at("flows").at(0);
    BOOST_TEST(one.at("kind") == "rtp");
    BOOST_TEST(one.at("remote") == "198.51.100.7");
    BOOST_TEST(one.at("vip_port") == 40000);
    BOOST_TEST(one.at("octets_in") == 200);
    BOOST_TEST(one.at("octets_out") == 172);
    BOOST_TEST(one.at("packets_out") == 1);
    BOOST_TEST(one.at("established") == true);
    BOOST_TEST(one.at("group") == "trunk");
    const auto text = ctl("flows --match 198.51.100.7:20000").out;
    BOOST_TEST(text.find("198.51.100.7:20000  192.0.2.10:40000  1/1") != std::string::npos, text);
    BOOST_TEST(text.find("flows: 1 of 1000; begun 1\n") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(flows_of_several_workers) {
    setup.flows_max = 1000;
    const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now());
    const auto begin = [&](state::SharedFlows& table, std::uint16_t port) {
        const state::FlowEnds ends{.remote = *wire::IpAddress::parse("198.51.100.7"),
                                   .local = *wire::IpAddress::parse("192.0.2.10"),
                                   .remote_port = port,
                                   .local_port = 40000,
                                   .group = 0,
                                   .kind = state::FlowKind::other};
        const state::FlowKey key{.addresses = port,
                                 .rest = state::FlowKey::rest_of(std::byteswap(port), 17, 4)};
        table->begin(key, ends, state::FlowSide::remote, 200, now);
        table.turn(now);
    };
    {
        std::vector<std::unique_ptr<state::SharedFlows>> tables;
        for (std::uint16_t worker = 0; worker < 3; ++worker) {
            tables.push_back(
                std::make_unique<state::SharedFlows>(path(), setup, 5, contract::TablePart{worker, 3}));
            BOOST_TEST(tables.back()->complaint() == "");
            for (std::uint16_t i = 0; i <= worker; ++i)
                begin(*tables.back(), static_cast<std::uint16_t>(10'000 * (worker + 1) + i));
        }
        const auto answer = parsed("flows");
        std::set<std::int64_t> ports;
        for (const auto& flow : answer.at("flows").as_array())
            ports.insert(flow.at("remote_port").as_int64());
        BOOST_TEST(ports == (std::set<std::int64_t>{10'000, 20'000, 20'001, 30'000, 30'001, 30'002}),
                   boost::test_tools::per_element());
        BOOST_TEST(answer.at("summary").at("records") == 6);
        BOOST_TEST(answer.at("summary").at("records_max") == 3000);
        BOOST_TEST(answer.at("summary").at("begun") == 6);
        BOOST_TEST(ctl("flows --match 30001").out.find("flows: 6 of 3000, 1 match") != std::string::npos);
    }
    // An engine with fewer workers leaves none of the files of one with more behind, and none is shown.
    state::SharedFlows alone{path(), setup, 5};
    begin(alone, 7);
    BOOST_TEST(parsed("flows").at("flows").as_array().size() == 1U);
    BOOST_TEST(!std::filesystem::exists(path() + "/flows.1"));
    BOOST_TEST(!std::filesystem::exists(path() + "/flows.2"));
    // What is no table is left out.
    const state::SharedFlows first{path(), setup, 5, {0, 2}};
    std::filesystem::create_symlink("/dev/zero", path() + "/flows.1");
    BOOST_TEST(parsed("flows").at("flows").as_array().empty());
}

BOOST_AUTO_TEST_CASE(what_came_over_the_network_is_never_printed_as_it_came) {
    see("REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKq\r\n"
        "From: <sip:a@example.net>;tag=7\r\nTo: <sip:\x1b[2J\xff@example.net>\r\nCall-ID: c1\r\n"
        "CSeq: 1 REGISTER\r\nContact: <sip:a@\x07h>\r\nX: \x1b]0;title\x07\r\n\r\n");
    for (const char* arguments : {"registrations", "registrations --raw", "registrations --json --raw"}) {
        const auto result = ctl(arguments);
        BOOST_TEST(result.exit == 0);
        BOOST_TEST(result.out.find("example.net") != std::string::npos);
        for (const char c : result.out)
            BOOST_REQUIRE(((c >= ' ' && c <= '~') || c == '\n' ||
                           std::string{"\xef\xbf\xbd"}.find(c) != std::string::npos));
    }
}

BOOST_AUTO_TEST_CASE(the_last_words_of_an_engine_can_be_read) {
    see(registration("alice", "c1"));
    tracker.reset();
    const auto result = ctl("registrations");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(result.out.find("alice") != std::string::npos);
    BOOST_TEST(result.err.find("not running") != std::string::npos);
    BOOST_TEST(parsed("registrations").at("summary").at("engine_running") == false);
}

BOOST_AUTO_TEST_CASE(without_files_it_says_so) {
    const Folder empty;
    const auto result = run("dialogs --run-dir " + empty.path());
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err.find("has tandem-fast been started?") != std::string::npos);
    BOOST_TEST(result.out == "");
    std::ofstream{empty.file("dialogs")} << std::string(100'000, '\xff');
    BOOST_TEST(run("dialogs --run-dir " + empty.path()).exit == 1);
    BOOST_TEST(json::parse(run("dialogs --json --run-dir " + empty.path()).out).at("error").at("code") == 1);
    BOOST_TEST(run("dialogs --raw").exit == 2);
    BOOST_TEST(run("registrations --limit x").exit == 2);
}

/// The header says one thing, the memory is another.
BOOST_AUTO_TEST_CASE(a_damaged_file_is_refused) {
    see(registration("alice", "c1"));
    const std::string copy = content(file("registrations"));
    for (std::size_t at = 0; at < sizeof(contract::TableHeader); at += 8) {
        std::string damaged = copy.substr(0, 200'000);
        damaged.resize(copy.size());
        damaged.replace(at, 8, std::string(8, '\xfe'));
        const Folder other;
        std::ofstream{other.file("registrations"), std::ios::binary} << damaged;
        const auto result = run("registrations --run-dir " + other.path());
        BOOST_TEST((result.exit == 0 || result.exit == 1));
        at += at > 64 ? 96 : 0; // names and interfaces: a few of them
    }
}

BOOST_AUTO_TEST_CASE(the_engine_goes_on_meanwhile) {
    std::atomic<bool> stop{false};
    std::jthread writer{[&] {
        for (int i = 0; !stop; ++i)
            see(registration("user" + std::to_string(i % 3000), "c" + std::to_string(i)));
    }};
    std::vector<std::string> answers;
    for (int i = 0; i < 5; ++i)
        answers.push_back(ctl("registrations --limit 0 --json").out);
    stop = true;
    writer.join();
    for (const std::string& text : answers) {
        const auto answer = json::parse(text);
        for (const auto& one : answer.at("registrations").as_array()) {
            const std::string aor{one.at("aor").as_string()};
            const std::string contact{one.at("contact").as_string()};
            BOOST_TEST(contact.starts_with(aor.substr(0, aor.find('@') + 1)));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::ctl::test
