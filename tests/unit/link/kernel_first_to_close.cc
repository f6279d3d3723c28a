// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE kernel_link
#include <boost/test/unit_test.hpp>

#include "control/link/beat_socket.hh"
#include "control/link/first_to_close.hh"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>

using namespace tandem;

namespace {

constexpr int packet_sockets = 3;

/// A network of our own, in which only this test has sockets.
struct Network {
    Network() {
        BOOST_REQUIRE_MESSAGE(::geteuid() == 0, "packet sockets are for root");
        BOOST_REQUIRE(::unshare(CLONE_NEWNET) == 0);
        const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
        ifreq request{};
        std::string_view{"lo"}.copy(&request.ifr_name[0], IFNAMSIZ);
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        BOOST_REQUIRE(::ioctl(control, SIOCSIFFLAGS, &request) == 0);
        ::close(control);
    }
};

/// Sockets of a kind in this network: the lines of the kernel's table without its heading.
std::ptrdiff_t sockets(const char* table) {
    std::ifstream lines{std::string{"/proc/net/"} + table};
    std::string line;
    std::ptrdiff_t count = -1;
    while (std::getline(lines, line))
        ++count;
    return count;
}

/// Opens the heartbeat socket, then packet sockets, as a brain does, and waits for its end.
[[noreturn]] void live(int ready) {
    const auto beats = link::BeatSocket::open({.local = *wire::IpAddress::parse("127.0.0.2"),
                                               .peer = *wire::IpAddress::parse("127.0.0.3"),
                                               .port = 7101,
                                               .pair_hash = 1,
                                               .node_id = 1});
    bool all = beats.has_value();
    for (int i = 0; i < packet_sockets; ++i)
        // A protocol: only a socket that receives makes its end wait.
        all = ::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP)) >= 0 && all;
    const char word = all ? 'y' : 'n';
    if (::write(ready, &word, 1) != 1)
        ::_exit(1);
    for (;;)
        ::pause();
}

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(Network);

BOOST_AUTO_TEST_CASE(the_kernel_closes_a_dead_brains_heartbeat_socket_before_its_packet_sockets) {
    for (int round = 0; round < 5; ++round) {
        std::array<int, 2> ready{};
        BOOST_REQUIRE(::pipe(ready.data()) == 0);
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0)
            live(ready[1]);
        char word = 0;
        BOOST_REQUIRE(::read(ready[0], &word, 1) == 1);
        BOOST_REQUIRE_EQUAL(word, 'y');
        BOOST_REQUIRE_EQUAL(sockets("udp"), 1);
        BOOST_REQUIRE_EQUAL(sockets("packet"), packet_sockets);

        ::kill(child, SIGKILL);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        bool wrong_order = false;
        std::ptrdiff_t packets = packet_sockets;
        while (packets > 0 && std::chrono::steady_clock::now() < deadline) {
            // In this order: a packet socket is gone, and the other is still there.
            packets = sockets("packet");
            wrong_order = wrong_order || (packets < packet_sockets && sockets("udp") > 0);
        }
        BOOST_TEST(packets == 0);
        BOOST_TEST(!wrong_order);
        ::waitpid(child, nullptr, 0);
        ::close(ready[0]);
        ::close(ready[1]);
    }
}

BOOST_AUTO_TEST_CASE(a_process_without_high_numbers_keeps_the_socket_that_it_has) {
    rlimit before{};
    BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit few{.rlim_cur = 64, .rlim_max = before.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    BOOST_TEST(link::first_to_close(fd) == fd);
    BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    const int high = link::first_to_close(fd);
    BOOST_TEST(high >= link::first_to_close_min);
    BOOST_TEST(::fcntl(fd, F_GETFD) == -1);
    BOOST_TEST((::fcntl(high, F_GETFD) & FD_CLOEXEC) != 0);
    ::close(high);
}
