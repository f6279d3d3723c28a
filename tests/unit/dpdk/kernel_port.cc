// SPDX-License-Identifier: GPL-3.0-or-later
// A port with interrupts: a virtio device whose other end is in this process. A program of its own, which
// ends without ending the devices: their drivers get in each other's way when one process ends both.
#define BOOST_TEST_MODULE kernel_port
#define BOOST_TEST_NO_MAIN
#include "dataplane/io/dpdk/eal.hh"
#include "dataplane/io/dpdk/port.hh"

#include <boost/test/unit_test.hpp>

#include <rte_dev.h>
#include <rte_mbuf.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

namespace {

using tandem::dpdk::Missed;
using tandem::dpdk::Port;
using tandem::dpdk::Waiting;

constexpr auto patience = std::chrono::seconds{5};

struct Pair {
    std::string folder;
    rte_mempool* pool{
        ::rte_pktmbuf_pool_create("virtio", 8191, 0, 0, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY)};

    Pair() {
        std::string name = (std::filesystem::temp_directory_path() / "tandem-port-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder = name;
        BOOST_REQUIRE(pool != nullptr);
        const std::string socket = folder + "/socket";
        BOOST_REQUIRE(
            ::rte_eal_hotplug_add("vdev", "net_vhost0", ("iface=" + socket + ",queues=1").c_str()) == 0);
    }
    ~Pair() { std::filesystem::remove_all(folder); }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    Port open(std::string_view device, tandem::contract::Idle idle) const {
        tandem::contract::PortSetup setup;
        std::ranges::copy(device, setup.device.begin());
        auto opened = Port::open(setup, pool, 1, idle);
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error()));
        return std::move(*opened);
    }
};

bool readable(int descriptor, int milliseconds) {
    pollfd source{descriptor, POLLIN, 0};
    return ::poll(&source, 1, milliseconds) == 1;
}

std::size_t receive(Port& port) {
    std::array<rte_mbuf*, Port::burst_max> packets{};
    const std::size_t count = port.receive(0, packets.data(), Port::burst_max);
    for (std::size_t i = 0; i < count; ++i)
        ::rte_pktmbuf_free(packets[i]);
    return count;
}

struct Dpdk {
    Dpdk() {
        BOOST_REQUIRE_MESSAGE(::geteuid() == 0, "devices are made here: run as root");
        tandem::contract::Appliance setup;
        setup.hugepages = tandem::contract::Hugepages::off;
        setup.memory_mb = 96;
        const auto started = tandem::dpdk::start_eal(setup);
        BOOST_REQUIRE_MESSAGE(started.has_value(), (started ? std::string{} : started.error()));
    }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(Dpdk);

BOOST_AUTO_TEST_SUITE(port)

BOOST_AUTO_TEST_CASE(an_interrupt_ends_one_sleep) {
    const Pair pair;
    Port far = pair.open("net_vhost0", tandem::contract::Idle::poll);
    BOOST_REQUIRE(
        ::rte_eal_hotplug_add("vdev", "net_virtio_user0", ("path=" + pair.folder + "/socket").c_str()) == 0);
    Port near = pair.open("net_virtio_user0", tandem::contract::Idle::sleep);
    BOOST_REQUIRE((near.waiting() == Waiting::interrupt));
    const auto send = [&] {
        rte_mbuf* packet = ::rte_pktmbuf_alloc(pair.pool);
        BOOST_REQUIRE(packet != nullptr);
        ::rte_pktmbuf_append(packet, 60);
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (far.transmit(0, &packet, 1) == 0)
            BOOST_REQUIRE(std::chrono::steady_clock::now() < deadline);
    };
    send();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (receive(near) == 0)
        BOOST_REQUIRE(std::chrono::steady_clock::now() < deadline);
    near.disarm(0);
    for (int round = 0; round < 3; ++round) {
        // Nothing is left: at worst the device does not know.
        BOOST_TEST((near.arm(0) != Missed::yes));
        BOOST_TEST(!readable(near.descriptor(0), 0));
        send();
        BOOST_TEST(readable(near.descriptor(0), 5000));
        near.disarm(0);
        BOOST_TEST(receive(near) == 1U);
    }
    near.arm(0);
    BOOST_TEST(!readable(near.descriptor(0), 0));
    near.disarm(0);
    // What came between the last look and arm() is not slept over.
    send();
    BOOST_TEST((near.arm(0) != Missed::no));
    near.disarm(0);
    BOOST_TEST(receive(near) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

int main(int count, char** words) {
    const int status = boost::unit_test::unit_test_main([] { return true; }, count, words);
    std::fflush(nullptr);
    std::_Exit(status);
}
