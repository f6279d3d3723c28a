// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/store.hh"
#include "folder.hh"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace tandem::mail;

namespace {

Kept letter(const std::string& id, std::int64_t created) {
    return {
        id,   "t@example.com", {"a@example.com", "b@example.com"}, "is \"active\"", "one\ntwo ü\n", created,
        false};
}

void write(const std::string& file, const std::string& text) {
    std::ofstream{file, std::ios::binary} << text;
}

constexpr const char* one = "0000000000000001";
constexpr const char* two = "00000000000000ff";

} // namespace

BOOST_AUTO_TEST_SUITE(store)

BOOST_AUTO_TEST_CASE(kept_and_found) {
    const Folder folder;
    const std::string mail = folder.path("state/mail");
    BOOST_TEST(read_folder(mail, 10).letters.empty());
    BOOST_TEST(read_folder(mail, 10).trouble == "");
    BOOST_REQUIRE(keep(mail, letter(two, 5)));
    BOOST_REQUIRE(keep(mail, letter(one, 7)));
    struct stat status {};
    BOOST_REQUIRE(::stat((mail + "/" + one + ".letter").c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 07777) == 0600);
    const Found found = read_folder(mail, 10);
    BOOST_REQUIRE(found.letters.size() == 2U);
    BOOST_TEST(found.unreadable.empty());
    BOOST_TEST(found.letters[0].id == two); // the older first
    BOOST_TEST(to_text(found.letters[1]) == to_text(letter(one, 7)));
    BOOST_TEST(read_folder(mail, 1).letters.front().id == one); // the newest matter
    remove(mail, one);
    remove(mail, one);
    BOOST_TEST(read_folder(mail, 10).letters.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_crash_leaves_nothing_half) {
    const Folder folder;
    const std::string mail = folder.path("mail");
    BOOST_REQUIRE(keep(mail, letter(one, 1)));
    const std::string whole = to_text(letter(two, 2));
    // The crash may come after any octet of the file beside; under its name the letter is whole.
    write(mail + "/" + two + ".letter.new", whole.substr(0, whole.size() / 2));
    BOOST_TEST(read_folder(mail, 10).letters.size() == 1U);
    BOOST_TEST(!std::filesystem::exists(mail + "/" + two + ".letter.new"));
    for (std::size_t length = 0; length < whole.size(); ++length)
        BOOST_TEST(!from_text(std::string_view{whole}.substr(0, length)).has_value());
    BOOST_TEST(from_text(whole).has_value());
}

BOOST_AUTO_TEST_CASE(unreadable_files_are_put_aside) {
    const Folder folder;
    const std::string mail = folder.path("mail");
    BOOST_REQUIRE(keep(mail, letter(one, 1)));
    write(mail + "/" + two + ".letter", "tandem-letter-1\n{\"id\":");
    write(mail + "/aaaaaaaaaaaaaaaa.letter", to_text(letter(two, 3)));
    write(mail + "/notes.txt", "an operator's");
    std::filesystem::create_directory(mail + "/bbbbbbbbbbbbbbbb.letter");
    const Found found = read_folder(mail, 10);
    BOOST_TEST(found.letters.size() == 1U);
    BOOST_TEST(found.unreadable.size() == 3U);
    BOOST_TEST(std::filesystem::exists(mail + "/" + two + ".letter.unreadable"));
    BOOST_TEST(std::filesystem::exists(mail + "/notes.txt"));
    BOOST_TEST(read_folder(mail, 10).unreadable.empty()); // told once
}

BOOST_AUTO_TEST_CASE(a_file_is_not_trusted) {
    std::string text = to_text(letter(one, 1));
    const auto with = [&](const std::string& what, const std::string& by) {
        std::string changed = text;
        const auto at = changed.find(what);
        BOOST_REQUIRE(at != std::string::npos);
        return changed.replace(at, what.size(), by);
    };
    BOOST_TEST(!from_text(with("a@example.com", "a@example.com\\r\\nRCPT TO:<e@example.com>")));
    BOOST_TEST(!from_text(with("t@example.com", "")));
    BOOST_TEST(!from_text(with(one, "../../../etc/x")));
    BOOST_TEST(!from_text(with("\"to\":[", "\"to\":7,\"x\":[")));
    BOOST_TEST(!from_text(with("false", "0")));
    const auto cleaned = from_text(with("two", "two\\u0000\\u001b"));
    BOOST_REQUIRE(cleaned);
    BOOST_TEST(cleaned->body.find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_disk_that_takes_nothing) {
    const auto written = keep("/proc/nothing/mail", letter(one, 1));
    BOOST_REQUIRE(!written);
    BOOST_TEST(written.error().find("/proc/nothing") != std::string::npos);
    const auto full = keep("/dev/full/mail", letter(one, 1));
    BOOST_TEST(!full);
}

BOOST_AUTO_TEST_SUITE_END()
