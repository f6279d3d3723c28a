// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/listener.hh"
#include "bench.hh"

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

using namespace tandem::api;

namespace {

/// A socket file with or without somebody who listens.
int bound_socket(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    BOOST_REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

} // namespace

BOOST_AUTO_TEST_SUITE(listener)

BOOST_AUTO_TEST_CASE(mode_and_removal) {
    const Folder folder;
    const std::string path = folder.path("s");
    {
        const auto listener = Listener::open(path, std::nullopt);
        BOOST_REQUIRE(listener);
        struct stat status {};
        BOOST_REQUIRE(stat(path.c_str(), &status) == 0);
        BOOST_TEST((status.st_mode & 07777U) == 0660U);
        const Raw client{path};
    }
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(the_group_can_be_chosen,
                     *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                         return boost::test_tools::assertion_result{geteuid() == 0};
                     })) {
    const Folder folder;
    const auto listener = Listener::open(folder.path("s"), 12345U);
    BOOST_REQUIRE(listener);
    struct stat status {};
    BOOST_REQUIRE(stat(folder.path("s").c_str(), &status) == 0);
    BOOST_TEST(status.st_gid == 12345U);
}

BOOST_AUTO_TEST_CASE(a_file_of_a_dead_daemon_is_replaced) {
    const Folder folder;
    const std::string path = folder.path("s");
    close(bound_socket(path));
    BOOST_REQUIRE(std::filesystem::exists(path));
    const auto listener = Listener::open(path, std::nullopt);
    BOOST_REQUIRE(listener);
    const Raw client{path};
}

BOOST_AUTO_TEST_CASE(a_living_daemon_is_an_error) {
    const Folder folder;
    const std::string path = folder.path("s");
    const auto first = Listener::open(path, std::nullopt);
    BOOST_REQUIRE(first);
    const auto second = Listener::open(path, std::nullopt);
    BOOST_REQUIRE(!second);
    BOOST_TEST(second.error() == path + ": another tandemd is running");
    // The first is unharmed.
    const Raw client{path};
}

BOOST_AUTO_TEST_CASE(somebody_who_listens_without_the_lock_is_left_alone) {
    const Folder folder;
    const std::string path = folder.path("s");
    const int other = bound_socket(path);
    BOOST_REQUIRE(listen(other, 1) == 0);
    const auto listener = Listener::open(path, std::nullopt);
    BOOST_REQUIRE(!listener);
    BOOST_TEST(listener.error().find("another tandemd is running") != std::string::npos);
    BOOST_TEST(std::filesystem::exists(path));
    close(other);
}

BOOST_AUTO_TEST_CASE(what_is_not_a_socket_is_left_alone) {
    const Folder folder;
    const std::string path = folder.path("s");
    std::ofstream{path} << "precious";
    const auto listener = Listener::open(path, std::nullopt);
    BOOST_REQUIRE(!listener);
    BOOST_TEST(listener.error().find("not a socket") != std::string::npos);
    BOOST_TEST(std::filesystem::file_size(path) == 8U);
}

BOOST_AUTO_TEST_CASE(impossible_paths) {
    const Folder folder;
    BOOST_TEST(!Listener::open("", std::nullopt).has_value());
    BOOST_TEST(!Listener::open(folder.path(std::string(200, 'x')), std::nullopt).has_value());
    BOOST_TEST(!Listener::open(folder.path("none/s"), std::nullopt).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
