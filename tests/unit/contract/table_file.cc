// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/table_file.hh"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

namespace tandem::contract {
namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string name = "/tmp/tandem-table-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path;
};

constexpr TableShape shape{TableKind::dialogs, 56, 1U << 20U, 100, 1000};

std::string error_of(const Folder& folder, TableKind kind = TableKind::dialogs, std::uint32_t head = 56) {
    const auto reader = TableReader::open(folder.path, kind, head);
    return reader ? "" : reader.error();
}

/// A part of a table with so many, published.
TableWriter part_of(const Folder& folder, std::uint16_t number, std::uint16_t of) {
    TableShape part = shape;
    part.part = {number, of};
    auto writer = TableWriter::create(folder.path, part);
    BOOST_REQUIRE_MESSAGE(writer, writer.error());
    writer->records()[0] = std::byte(10 * of + number);
    BOOST_REQUIRE(writer->publish());
    return std::move(*writer);
}

/// The first octet of each part that a reader finds.
std::vector<int> parts_in(const Folder& folder) {
    const auto parts = TableReader::open_all(folder.path, TableKind::dialogs, 56);
    BOOST_REQUIRE_MESSAGE(parts, parts.error());
    std::vector<int> firsts;
    for (const TableReader& part : *parts)
        firsts.push_back(static_cast<int>(part.records()[0]));
    return firsts;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(table_file, Folder)

BOOST_AUTO_TEST_CASE(what_the_writer_writes_the_reader_reads) {
    auto writer = TableWriter::create(path, shape);
    BOOST_REQUIRE_MESSAGE(writer, writer.error());
    BOOST_TEST(!fs::exists(path + "/dialogs")); // not before it is complete
    writer->header().reach = 7;
    BOOST_REQUIRE(writer->publish());
    writer->records()[5] = std::byte{9};

    const auto reader = TableReader::open(path, TableKind::dialogs, 56);
    BOOST_REQUIRE_MESSAGE(reader, reader.error());
    BOOST_TEST(reader->header().records == 100U);
    BOOST_TEST(reader->header().chunks == 1000U);
    BOOST_TEST(reader->header().reach == 7U);
    BOOST_TEST(reader->records().size() == shape.octets);
    BOOST_TEST((reader->records()[5] == std::byte{9}));
    struct stat status {};
    BOOST_REQUIRE(::stat((path + "/dialogs").c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777U) == 0600U);
    BOOST_TEST(status.st_blocks * 512 < 64 * 1024); // a hole but for the header
}

BOOST_AUTO_TEST_CASE(readers_of_a_former_table_go_on) {
    auto first = TableWriter::create(path, shape);
    BOOST_REQUIRE(first && first->publish());
    first->records()[0] = std::byte{1};
    const auto reader = TableReader::open(path, TableKind::dialogs, 56);
    BOOST_REQUIRE(reader);
    BOOST_TEST(reader->is_alive());
    auto smaller = shape;
    smaller.octets = 4096;
    auto second = TableWriter::create(path, smaller);
    BOOST_REQUIRE(second && second->publish());
    BOOST_TEST((reader->records()[0] == std::byte{1}));
    BOOST_TEST((reader->records().back() == std::byte{0})); // nothing was cut off
    const auto other = TableReader::open(path, TableKind::dialogs, 56);
    BOOST_REQUIRE(other);
    BOOST_TEST(other->records().size() == 4096U);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_writer_is_seen) {
    std::optional<TableWriter> writer = std::move(*TableWriter::create(path, shape));
    BOOST_REQUIRE(writer->publish());
    const auto reader = TableReader::open(path, TableKind::dialogs, 56);
    BOOST_REQUIRE(reader);
    BOOST_TEST(reader->is_alive());
    BOOST_TEST(reader->is_alive()); // asking changes nothing
    writer.reset();
    BOOST_TEST(!reader->is_alive());
}

BOOST_AUTO_TEST_CASE(what_is_no_table_is_refused) {
    BOOST_TEST(error_of(*this).find("has tandem-fast been started?") != std::string::npos);
    std::ofstream{path + "/dialogs"} << "x";
    BOOST_TEST(error_of(*this).find("is no table") != std::string::npos);
    std::ofstream{path + "/dialogs"} << std::string(20'000, 'x');
    BOOST_TEST(error_of(*this).find("is no table") != std::string::npos);
    fs::remove(path + "/dialogs");
    fs::create_symlink("/etc/passwd", path + "/dialogs");
    BOOST_TEST(!error_of(*this).empty());
    fs::remove(path + "/dialogs");
    fs::create_directory(path + "/dialogs");
    BOOST_TEST(!error_of(*this).empty());
    fs::remove(path + "/dialogs");

    auto writer = TableWriter::create(path, shape);
    BOOST_REQUIRE(writer && writer->publish());
    BOOST_TEST(error_of(*this) == "");
    BOOST_TEST(error_of(*this, TableKind::dialogs, 64).find("another version") != std::string::npos);
    fs::copy(path + "/dialogs", path + "/registrations");
    BOOST_TEST(error_of(*this, TableKind::registrations).find("is no table") != std::string::npos);
    // Shorter than its header says.
    fs::copy(path + "/dialogs", path + "/cut");
    fs::resize_file(path + "/cut", 100'000);
    fs::rename(path + "/cut", path + "/dialogs");
    BOOST_TEST(error_of(*this).find("another version") != std::string::npos);
    writer->header().version = 99;
}

BOOST_AUTO_TEST_CASE(parts_are_read_as_one_table) {
    BOOST_TEST(!TableReader::open_all(path, TableKind::dialogs, 56));
    const auto first = part_of(*this, 0, 3);
    BOOST_TEST(parts_in(*this) == std::vector{30}, boost::test_tools::per_element());
    const auto third = part_of(*this, 2, 3);
    BOOST_TEST(parts_in(*this) == (std::vector{30, 32}), boost::test_tools::per_element());
    const auto second = part_of(*this, 1, 3);
    BOOST_TEST(parts_in(*this) == (std::vector{30, 31, 32}), boost::test_tools::per_element());
}

// The next engine may have fewer workers, or no room for the table of one of them.
BOOST_AUTO_TEST_CASE(parts_of_an_earlier_engine_are_not_of_the_table) {
    for (std::uint16_t number = 0; number < 3; ++number)
        part_of(*this, number, 3);
    const auto first = part_of(*this, 0, 3);
    BOOST_TEST(parts_in(*this) == std::vector{30}, boost::test_tools::per_element());
    BOOST_TEST(!fs::exists(path + "/dialogs.1"));
    BOOST_TEST(!fs::exists(path + "/dialogs.2"));
    // One that is in the wrong place, or of another number of parts.
    part_of(*this, 1, 2);
    BOOST_TEST(parts_in(*this) == std::vector{30}, boost::test_tools::per_element());
    part_of(*this, 1, 3);
    fs::rename(path + "/dialogs.1", path + "/dialogs.2");
    BOOST_TEST(parts_in(*this) == std::vector{30}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_room_no_folder) {
    auto huge = shape;
    huge.octets = 1ULL << 50U;
    const auto writer = TableWriter::create(path, huge);
    BOOST_REQUIRE(!writer);
    BOOST_TEST(writer.error().find("octets") != std::string::npos);
    BOOST_TEST(fs::is_empty(path));
    BOOST_TEST(!TableWriter::create(path + "/none", shape));
    auto unshared = TableWriter::unshared(shape);
    unshared.records().back() = std::byte{1};
    BOOST_TEST(unshared.publish().has_value());
    BOOST_TEST(unshared.header().records == 100U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
