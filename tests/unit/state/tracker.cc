// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/shared_tracker.hh"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tandem::state::test {
namespace {

using namespace std::chrono_literals;
using contract::TableKind;
using contract::TableReader;

std::string message(const std::string& start, const std::string& cseq, const std::string& call_id,
                    const std::string& to_tag = {}, const std::string& more = {}) {
    return start + "\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK" + cseq.substr(0, 1) +
           "\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>" +
           (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: " + call_id + "\r\nCSeq: " + cseq +
           "\r\nMax-Forwards: 70\r\n" + more + "Content-Length: 0\r\n\r\n";
}

std::string registration(const std::string& call_id, const std::string& contact = "<sip:b@198.51.100.7>") {
    return message("REGISTER sip:example.net SIP/2.0", "1 REGISTER", call_id, {},
                   "Contact: " + contact + "\r\n");
}

struct Fixture {
    Fixture() {
        std::string name = "/tmp/tandem-tracker-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
        setup.registrations_max = 100;
        setup.dialogs_max = 100;
        setup.group_names[1] = {'s', 'i', 'p'};
    }
    ~Fixture() { std::filesystem::remove_all(path); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;
    static TrackedMessage tracked(const std::string& text, Way way = Way::served) {
        return {{*wire::IpAddress::parse("198.51.100.7"), 5070, 1}, way, text};
    }

    std::string path;
    contract::RecordSetup setup;
    Instant now{1h};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(tracker, Fixture)

BOOST_AUTO_TEST_CASE(readers_see_what_was_tracked) {
    SharedTracker shared{path, setup, 5};
    BOOST_TEST(shared.complaints().empty());
    shared->see(now, tracked(registration("r1")));
    shared->see(now, tracked(message("INVITE sip:b@example.net SIP/2.0", "1 INVITE", "c1")));
    BOOST_TEST(shared->calls(1) == 1U);
    shared.turn(now);

    const auto file = TableReader::open(path, TableKind::registrations, sizeof(Registrations::Binding));
    BOOST_REQUIRE_MESSAGE(file, file.error());
    BOOST_TEST(file->header().used == 1U);
    BOOST_TEST(file->header().reach == 1U);
    BOOST_TEST(file->header().counts[static_cast<std::size_t>(RegistrationCount::added)] == 1U);
    BOOST_TEST(std::string{file->header().group_names[1].data()} == "sip");
    const auto bindings =
        Registrations::Records::reader(file->records(), file->header().records, file->header().chunks);
    Registrations::Binding binding;
    std::string text;
    BOOST_REQUIRE(bindings.read(0, binding, text));
    BOOST_TEST(text == registration("r1"));
    BOOST_TEST(binding.port == 5070);
    BOOST_TEST(binding.group == 1);

    const auto calls = TableReader::open(path, TableKind::dialogs, sizeof(Dialogs::Dialog));
    BOOST_REQUIRE_MESSAGE(calls, calls.error());
    const auto dialogs =
        Dialogs::Records::reader(calls->records(), calls->header().records, calls->header().chunks);
    Dialogs::Dialog dialog;
    BOOST_REQUIRE(dialogs.read(0, dialog, text));
    BOOST_TEST(read_dialog_text(text)->call_id == "c1");
    BOOST_TEST((dialog.state == DialogState::trying));
}

BOOST_AUTO_TEST_CASE(only_what_is_served_is_a_call) {
    SharedTracker shared{path, setup, 5};
    const std::string invite = message("INVITE sip:b@example.net SIP/2.0", "1 INVITE", "c1");
    shared->see(now, tracked(invite, Way::mirrored));
    shared->see(now, tracked(message("SIP/2.0 200 OK", "1 INVITE", "c1", "2"), Way::from_server));
    BOOST_TEST(shared->calls(1) == 0U);
    BOOST_TEST(shared->dialogs().size() == 1U);
    shared->see(now, tracked(registration("r1"), Way::mirrored));
    BOOST_TEST(shared->registrations().size() == 1U);
    shared->see(now, tracked(registration("r2", "<sip:server@192.0.2.1>"), Way::from_server));
    BOOST_TEST(shared->registrations().size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_counted) {
    SharedTracker shared{path, setup, 5};
    shared->see(now, tracked(""));
    shared->see(now, tracked("REGISTER sip:x SIP/2.0\r\n\r\n"));
    shared->see(now, tracked(std::string(65'535, 'A')));
    BOOST_TEST(shared->unread() == 3U);
    BOOST_TEST(shared->registrations().size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_new_engine_begins_anew_and_old_readers_go_on) {
    auto first = std::make_unique<SharedTracker>(path, setup, 5);
    (*first)->see(now, tracked(registration("r1")));
    first->turn(now);
    const auto old = TableReader::open(path, TableKind::registrations, sizeof(Registrations::Binding));
    BOOST_REQUIRE(old);
    first.reset();
    const SharedTracker second{path, setup, 6};
    BOOST_TEST(old->header().used == 1U);
    const auto fresh = TableReader::open(path, TableKind::registrations, sizeof(Registrations::Binding));
    BOOST_REQUIRE(fresh);
    BOOST_TEST(fresh->header().used == 0U);
    BOOST_TEST(fresh->is_alive());
    BOOST_TEST(!old->is_alive());
}

BOOST_AUTO_TEST_CASE(without_a_place_for_files_tracking_goes_on) {
    SharedTracker shared{path + "/none", setup, 5};
    BOOST_TEST(shared.complaints().size() == 2U);
    shared->see(now, tracked(registration("r1")));
    shared.turn(now);
    BOOST_TEST(shared->registrations().size() == 1U);
}

/// A million records cost nothing until there are some.
BOOST_AUTO_TEST_CASE(memory_is_taken_when_it_is_needed) {
    setup.registrations_max = 1'000'000;
    SharedTracker shared{path, setup, 5};
    if (!shared.complaints().empty())
        return; // a small disk
    for (int i = 0; i < 10; ++i)
        shared->see(now, tracked(registration("r" + std::to_string(i), "<sip:" + std::to_string(i) + "@h>")));
    for (int i = 0; i < 1000; ++i)
        shared.turn(now);
    struct stat status {};
    BOOST_REQUIRE(::stat((path + "/registrations").c_str(), &status) == 0);
    BOOST_TEST(status.st_size > 800'000'000);
    BOOST_TEST(status.st_blocks * 512 < 200'000);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::state::test
