// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/records.hh"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

using namespace tandem;
using app::Ending;
using app::GroupRecord;
using app::KeptRole;
using app::Records;
using app::Store;
using config::ConfiguredRole;

namespace {

struct Directory {
    std::string base;
    std::string path;
    Directory() {
        char name[] = "/tmp/tandem-records-XXXXXX";
        base = ::mkdtemp(name);
        path = base + "/state";
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() { std::filesystem::remove_all(base); }
    void write(const std::string& text) const {
        std::filesystem::create_directories(path);
        std::ofstream{path + "/groups"} << text;
    }
};

const Store some{{{"sip", {.epoch = 17, .disabled = false, .role = std::nullopt}},
                  {"trunks",
                   {.epoch = 3,
                    .disabled = true,
                    .role = KeptRole{ConfiguredRole::primary, ConfiguredRole::secondary, 255}}}},
                 Ending::open};

/// What a child in a mount namespace of its own has to say; 0 is well. 77: mounting is not permitted here.
constexpr int not_permitted = 77;

/// Runs `work` in a child that has a file system of its own, a few pages large, at `place`.
int on_a_disk_of_its_own(const std::string& place, const std::function<int()>& work) {
    std::filesystem::create_directories(place);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=32k,nr_inodes=16") != 0)
            ::_exit(not_permitted);
        ::_exit(work());
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Takes every page that is left.
void fill(const std::string& file) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string block(4096, 'x');
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    ::close(fd);
}

/// True when the refusal has this reason, and the file still says what it said.
bool refused_and_unharmed(const std::string& place, int reason) {
    Store newer = some;
    newer.records["sip"].epoch = 18;
    const auto saved = app::save_records(place, newer);
    const auto loaded = app::load_records(place);
    return !saved && saved.error().find(std::strerror(reason)) != std::string::npos && loaded &&
           loaded->records == some.records;
}

void expect_child(int status) {
    if (status == not_permitted)
        BOOST_TEST_MESSAGE("not run: mounting is not permitted here");
    else
        BOOST_TEST(status == 0, "the child ended with " << status);
}

} // namespace

BOOST_AUTO_TEST_SUITE(records)

BOOST_AUTO_TEST_CASE(nothing_kept_is_no_error) {
    const Directory directory;
    const auto store = app::load_records(directory.path);
    BOOST_REQUIRE(store.has_value());
    BOOST_TEST(store->records.empty());
}

BOOST_AUTO_TEST_CASE(what_was_saved_is_loaded) {
    const Directory directory;
    for (const Ending ending : {Ending::open, Ending::orderly}) {
        Store kept = some;
        kept.ending = ending;
        BOOST_REQUIRE(app::save_records(directory.path, kept).has_value());
        const auto store = app::load_records(directory.path);
        BOOST_REQUIRE(store.has_value());
        BOOST_TEST((store->records == kept.records));
        BOOST_TEST((store->ending == ending));
    }
    BOOST_TEST(!std::filesystem::exists(directory.path + "/groups.new"));
}

BOOST_AUTO_TEST_CASE(the_former_form_is_read) {
    const Directory directory;
    directory.write("tandem-groups-1\nsip 17 enabled\ntrunks 3 disabled\n");
    const auto store = app::load_records(directory.path);
    BOOST_REQUIRE(store.has_value());
    BOOST_TEST((store->ending == Ending::open));
    BOOST_TEST((store->records.at("trunks") == GroupRecord{.epoch = 3, .disabled = true, .role = {}}));
}

BOOST_AUTO_TEST_CASE(damaged_files_are_named_with_a_way_out) {
    const Directory directory;
    for (const char* text :
         {"", "something else\n", "tandem-groups-2\n", "tandem-groups-2 open\nsip x enabled\n",
          "tandem-groups-2 open\nsip 4\n", "tandem-groups-2 open\nsip 4 perhaps\n",
          "tandem-groups-2 open\nsip 4 enabled primary\n",
          "tandem-groups-2 open\nsip 4 enabled primary secondary 256\n",
          "tandem-groups-2 open\nsip 4 enabled primary tertiary 1\n",
          "tandem-groups-2 open\nsip 4 enabled primary secondary 1 more\n"}) {
        directory.write(text);
        const auto store = app::load_records(directory.path);
        BOOST_REQUIRE_MESSAGE(!store.has_value(), text);
        BOOST_TEST(store.error().find(directory.path + "/groups") == 0U);
        BOOST_TEST(store.error().find("move") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_directory_that_cannot_be_made_is_an_error) {
    const Directory directory;
    std::ofstream{directory.path} << "a file in the way";
    BOOST_TEST(!app::save_records(directory.path, {}).has_value());
}

BOOST_AUTO_TEST_CASE(a_half_written_file_beside_does_no_harm) {
    const Directory directory;
    BOOST_REQUIRE(app::save_records(directory.path, some).has_value());
    std::ofstream{directory.path + "/groups.new"} << "tandem-gro";
    BOOST_TEST((app::load_records(directory.path)->records == some.records));
    BOOST_TEST(app::save_records(directory.path, some).has_value());
}

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_and_keeps_what_it_had) {
    const Directory directory;
    expect_child(on_a_disk_of_its_own(directory.path, [&] {
        if (!app::save_records(directory.path, some))
            return 1;
        fill(directory.path + "/ballast");
        if (!refused_and_unharmed(directory.path, ENOSPC))
            return 2;
        if (std::filesystem::exists(directory.path + "/groups.new"))
            return 3;
        // As soon as there is room it works again.
        std::filesystem::remove(directory.path + "/ballast");
        return app::save_records(directory.path, some) ? 0 : 4;
    }));
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_read_only_refuses_and_keeps_what_it_had) {
    const Directory directory;
    expect_child(on_a_disk_of_its_own(directory.path, [&] {
        if (!app::save_records(directory.path, some))
            return 1;
        if (::mount(nullptr, directory.path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
            return 2;
        if (!refused_and_unharmed(directory.path, EROFS))
            return 3;
        if (::mount(nullptr, directory.path.c_str(), nullptr, MS_REMOUNT, nullptr) != 0)
            return 4;
        return app::save_records(directory.path, some) ? 0 : 5;
    }));
}

BOOST_AUTO_TEST_CASE(after_a_crash_one_epoch_more_may_have_been_used) {
    BOOST_TEST(app::known_epoch({.epoch = 5, .disabled = false, .role = {}}, Ending::orderly) == 5U);
    BOOST_TEST(app::known_epoch({.epoch = 5, .disabled = false, .role = {}}, Ending::open) == 6U);
    // It never served: nothing was used.
    BOOST_TEST(app::known_epoch({}, Ending::open) == 0U);
}

BOOST_AUTO_TEST_CASE(a_changed_file_is_the_later_word) {
    constexpr auto primary = ConfiguredRole::primary;
    constexpr auto secondary = ConfiguredRole::secondary;
    BOOST_TEST(!app::settle_role(primary, std::nullopt).has_value());
    const KeptRole followed{primary, secondary, 4};
    BOOST_TEST((app::settle_role(secondary, followed) == followed));
    BOOST_TEST((app::settle_role(primary, followed) == KeptRole{primary, primary, 5}));
    const KeptRole last{secondary, primary, 255};
    BOOST_TEST((app::settle_role(secondary, last) == KeptRole{secondary, secondary, 0}));
}

BOOST_AUTO_TEST_SUITE_END()
