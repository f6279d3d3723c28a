// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/segments.hh"
#include "control/ledger/whole_file.hh"
#include "folder.hh"

#include <algorithm>
#include <vector>

using namespace tandem::ledger;
using test::entry;
using test::Folder;

namespace {

Segments open_in(const Folder& folder, std::uint64_t size_max = 1U << 20U) {
    return Segments{{folder.path(), size_max, 0}};
}

std::vector<std::string> files(const Folder& folder) {
    std::vector<std::string> names;
    for (const auto& place : std::filesystem::directory_iterator{folder.path()})
        names.push_back(place.path().string());
    std::ranges::sort(names);
    return names;
}

std::vector<std::uint64_t> numbers(Segments& segments) {
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < segments.count(); ++i)
        for (const EntryPtr& each : segments.read(i).entries)
            out.push_back(each->sequence);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(segments)

BOOST_AUTO_TEST_CASE(kept_over_restarts) {
    const Folder folder;
    {
        Segments segments = open_in(folder);
        BOOST_TEST((segments.open()->last == nullptr));
        BOOST_TEST(
            segments.append(to_line(Mark{Mark::Kind::begins, "boot"}) + to_line(entry(1))).has_value());
        BOOST_TEST(segments.append(to_line(entry(2))).has_value());
        BOOST_TEST(segments.sync().has_value());
    }
    Segments segments = open_in(folder);
    auto found = segments.open();
    BOOST_REQUIRE((found && found->last));
    BOOST_TEST(found->last->sequence == 2U);
    BOOST_TEST(found->boot == "boot");
    BOOST_TEST(!found->ended);
    BOOST_TEST(!found->torn);
    BOOST_TEST(segments.append(to_line(entry(3)) + to_line(Mark{Mark::Kind::ended, {}})).has_value());
    BOOST_TEST((numbers(segments) == std::vector<std::uint64_t>{1, 2, 3}));
    BOOST_TEST(open_in(folder).open()->ended);
    BOOST_TEST((std::filesystem::status(folder.path()).permissions() == std::filesystem::perms::owner_all));
}

BOOST_AUTO_TEST_CASE(cut_off_at_every_octet_of_the_last_lines) {
    const std::string first = to_line(entry(1));
    const std::string rest = to_line(entry(2)) + to_line(entry(3));
    for (std::size_t size = 0; size <= rest.size(); ++size) {
        const Folder folder;
        std::filesystem::create_directory(folder.path());
        test::put(folder.path() + "/000000000001.jsonl", first + rest.substr(0, size));
        Segments segments = open_in(folder);
        const auto found = segments.open();
        BOOST_REQUIRE((found && found->last));
        const std::size_t second = to_line(entry(2)).size();
        const std::uint64_t last = size < second ? 1 : size < rest.size() ? 2 : 3;
        BOOST_TEST_CONTEXT("size " << size) {
            BOOST_TEST(found->last->sequence == last);
            BOOST_TEST(found->torn == (size != 0 && size != second && size != rest.size()));
            BOOST_TEST(segments.append(to_line(entry(last + 1))).has_value());
            std::vector<std::uint64_t> wanted;
            for (std::uint64_t i = 1; i <= last + 1; ++i)
                wanted.push_back(i);
            BOOST_TEST((numbers(segments) == wanted));
            BOOST_TEST(segments.read(0).damaged == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_oldest_make_room) {
    const Folder folder;
    Segments segments = open_in(folder, 512 * 1024);
    BOOST_TEST(segments.open().has_value());
    std::uint64_t last = 0;
    for (; last < 10'000; ++last) {
        BOOST_REQUIRE(segments.append(to_line(entry(last + 1))).has_value());
        if (last % 1000 == 0) {
            std::uint64_t sum = 0;
            for (const std::string& name : files(folder))
                sum += std::filesystem::file_size(name);
            BOOST_TEST(sum <= 512U * 1024);
        }
    }
    const auto left = numbers(segments);
    BOOST_REQUIRE(left.size() > 1000U);
    BOOST_TEST(left.back() == last);
    for (std::size_t i = 1; i < left.size(); ++i)
        BOOST_REQUIRE(left[i] == left[i - 1] + 1);
    // A smaller bound holds from the next line on.
    segments.resize(128 * 1024);
    BOOST_TEST(segments.append(to_line(entry(last + 1))).has_value());
    std::uint64_t sum = 0;
    for (const std::string& name : files(folder))
        sum += std::filesystem::file_size(name);
    BOOST_TEST(sum <= 192U * 1024); // the newest file was made with the larger one
}

BOOST_AUTO_TEST_CASE(many_lines_at_once) {
    const Folder folder;
    Segments segments = open_in(folder, 8U << 20U);
    std::string lines;
    for (std::uint64_t i = 1; i <= 5000; ++i)
        lines += to_line(entry(i));
    BOOST_TEST(segments.append(lines).has_value());
    BOOST_TEST(numbers(segments).size() == 5000U);
    BOOST_TEST(files(folder).size() >= 2U);
}

BOOST_AUTO_TEST_CASE(what_else_lies_there_is_left_alone) {
    const Folder folder;
    std::filesystem::create_directory(folder.path());
    test::put(folder.path() + "/notes.txt", "x");
    test::put(folder.path() + "/1.jsonl", "x");
    std::filesystem::create_directory(folder.path() + "/000000000009.jsonl");
    Segments segments = open_in(folder);
    BOOST_TEST((segments.open()->last == nullptr));
    BOOST_TEST(segments.append(to_line(entry(1))).has_value());
    BOOST_TEST((numbers(segments) == std::vector<std::uint64_t>{1}));
    BOOST_TEST(test::content(folder.path() + "/notes.txt") == "x");
}

BOOST_AUTO_TEST_CASE(a_file_of_nothing_but_damage) {
    const Folder folder;
    std::filesystem::create_directory(folder.path());
    test::put(folder.path() + "/000000000001.jsonl", to_line(entry(1)));
    test::put(folder.path() + "/000000000002.jsonl", std::string(200'000, '\0'));
    Segments segments = open_in(folder);
    const auto found = segments.open();
    BOOST_REQUIRE((found && found->last));
    BOOST_TEST(found->torn);
    BOOST_TEST(found->last->sequence == 1U);
    BOOST_TEST(segments.append(to_line(entry(2))).has_value());
    BOOST_TEST((open_in(folder).open()->last->sequence == 2U));
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be) {
    const Folder folder;
    test::put(folder.path(), "a file");
    Segments segments = open_in(folder);
    BOOST_TEST(!segments.open().has_value());
    BOOST_TEST(!segments.append(to_line(entry(1))).has_value());
    std::filesystem::remove(folder.path());
    BOOST_TEST(segments.append(to_line(entry(1))).has_value()); // once it can
}

BOOST_AUTO_TEST_CASE(whole_files) {
    const Folder folder;
    const std::string path = folder.path("deep/alarms.json");
    BOOST_TEST(read_file(path, 100).empty());
    BOOST_TEST(replace_file(path, "one").has_value());
    BOOST_TEST(replace_file(path, "two").has_value());
    BOOST_TEST(read_file(path, 100) == "two");
    BOOST_TEST(read_file(path, 2).empty());
    BOOST_TEST(!std::filesystem::exists(path + ".new"));
}

BOOST_AUTO_TEST_SUITE_END()
