// SPDX-License-Identifier: GPL-3.0-or-later
// A disk that is full or read-only: a small file system in a mount namespace of the test's own.
#include "control/ledger/segments.hh"
#include "control/ledger/whole_file.hh"
#include "folder.hh"

#include <sched.h>
#include <sys/mount.h>

using namespace tandem::ledger;
using test::entry;

namespace {

class SmallDisk {
public:
    SmallDisk() {
        BOOST_REQUIRE(::unshare(CLONE_NEWNS) == 0);
        BOOST_REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        BOOST_REQUIRE(::mount("tandem-test", folder_.path("").c_str(), "tmpfs", 0, "size=512k") == 0);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() { ::umount2(folder_.path("").c_str(), MNT_DETACH); }
    void read_only(bool yes) {
        BOOST_REQUIRE(::mount("tandem-test", folder_.path("").c_str(), "tmpfs",
                              yes ? MS_REMOUNT | MS_RDONLY : MS_REMOUNT, "size=512k") == 0);
    }
    void fill() { test::put(folder_.path("filler"), std::string(1U << 20U, 'x')); }
    void make_room() { std::filesystem::remove(folder_.path("filler")); }
    std::string path(const std::string& name = "journal") const { return folder_.path(name); }

private:
    test::Folder folder_;
};

std::size_t count(Segments& segments) {
    std::size_t entries = 0;
    for (std::size_t i = 0; i < segments.count(); ++i) {
        const Reading reading = segments.read(i);
        BOOST_TEST(reading.damaged == 0U);
        entries += reading.entries.size();
    }
    return entries;
}

} // namespace

BOOST_AUTO_TEST_SUITE(disk)

BOOST_AUTO_TEST_CASE(a_full_disk_garbles_nothing) {
    SmallDisk disk;
    std::uint64_t written = 0;
    {
        Segments segments{{disk.path(), 16U << 20U, 0}};
        // Of a few lines each, so that the disk fills up in the middle of them.
        const auto lines = [&] {
            return to_line(entry(written + 1)) + to_line(entry(written + 2)) + to_line(entry(written + 3));
        };
        std::string error;
        while (error.empty()) {
            if (auto done = segments.append(lines()); done)
                written += 3;
            else
                error = done.error();
        }
        BOOST_TEST(error.find("No space left") != std::string::npos, error);
        BOOST_TEST(count(segments) == written);
        BOOST_TEST(!segments.append(lines()).has_value());
    }
    Segments again{{disk.path(), 16U << 20U, 0}};
    const auto found = again.open();
    BOOST_REQUIRE((found && found->last));
    BOOST_TEST(!found->torn);
    BOOST_TEST(found->last->sequence == written);
    // A smaller bound makes room by itself.
    again.resize(256 * 1024);
    BOOST_TEST(again.append(to_line(entry(written + 1))).has_value());
    const auto after = again.open();
    BOOST_REQUIRE((after && after->last));
    BOOST_TEST(after->last->sequence == written + 1);
}

BOOST_AUTO_TEST_CASE(the_last_of_the_disk_is_not_touched) {
    SmallDisk disk;
    Segments segments{{disk.path(), 16U << 20U, 128U << 10U}};
    std::string error;
    for (std::uint64_t i = 1; error.empty(); ++i)
        if (auto done = segments.append(to_line(entry(i))); !done)
            error = done.error();
    BOOST_TEST(error.find("128 KiB") != std::string::npos, error);
    BOOST_TEST(replace_file(disk.path("groups"), std::string(64U << 10U, 'x')).has_value());
}

BOOST_AUTO_TEST_CASE(a_read_only_disk_and_its_return) {
    SmallDisk disk;
    {
        Segments segments{{disk.path(), 16U << 20U, 0}};
        BOOST_TEST(segments.append(to_line(entry(1))).has_value());
    } // a file that is open for writing keeps a file system from being made read-only
    disk.read_only(true);
    Segments segments{{disk.path(), 16U << 20U, 0}};
    const auto found = segments.open();
    BOOST_REQUIRE((found && found->last));
    const auto refused = segments.append(to_line(entry(2)));
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().find("Read-only") != std::string::npos, refused.error());
    disk.read_only(false);
    BOOST_TEST(segments.append(to_line(entry(2))).has_value());
    BOOST_TEST(count(segments) == 2U);
}

BOOST_AUTO_TEST_CASE(whole_files_on_a_full_disk) {
    SmallDisk disk;
    BOOST_TEST(replace_file(disk.path("alarms.json"), "before").has_value());
    disk.fill();
    BOOST_TEST(!replace_file(disk.path("alarms.json"), std::string(100'000, 'x')).has_value());
    BOOST_TEST(read_file(disk.path("alarms.json"), 1000) == "before");
    disk.make_room();
    BOOST_TEST(replace_file(disk.path("alarms.json"), "after").has_value());
    BOOST_TEST(read_file(disk.path("alarms.json"), 1000) == "after");
}

BOOST_AUTO_TEST_SUITE_END()
