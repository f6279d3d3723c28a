// SPDX-License-Identifier: GPL-3.0-or-later

// The engine on other devices than net_af_packet: what passes must not depend on the port.

#include "tests/packet/appliance.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include "dataplane/wire/ethernet.hh"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace packet_suite;
using namespace tandem;

namespace {

std::function<bool(const Bytes&)> holds(const Bytes& packet) {
    return [&packet](const Bytes& frame) { return ip_in(frame) == packet; };
}

/// SIP and media both ways, of all lengths that a frame can have.
void passes(Appliance& appliance) {
    const auto phone_address = address(phone);
    const auto vip_address = address(vip);
    const std::uint64_t forwarded_before = appliance.count(contract::Counter::inside_forwarded);
    const std::size_t mirrored_before = appliance.peer().mirrored.size();
    std::uint64_t forwarded = 0;
    for (const std::size_t length : {1U, 18U, 172U, 700U, 1472U}) {
        const std::string text(length, 'm');
        const Bytes there = udp_packet(phone_address, 40'000, vip_address, 30'000, text);
        const Bytes back = udp_packet(vip_address, 30'000, phone_address, 40'000, text);
        appliance.send(Wire::outside, there);
        const auto inside = appliance.receive(Wire::inside, holds(there));
        BOOST_REQUIRE_MESSAGE(inside, "nothing came through to the inside, octets: " << length);
        BOOST_TEST((wire::parse_ethernet(*inside)->destination == station(Appliance::server_mac)));
        appliance.send(Wire::inside, back);
        const auto outside = appliance.receive(Wire::outside, holds(back));
        BOOST_REQUIRE_MESSAGE(outside, "nothing came through to the outside, octets: " << length);
        BOOST_TEST((wire::parse_ethernet(*outside)->destination == station(Appliance::phone_mac)));
        ++forwarded;
    }
    BOOST_TEST(appliance.count(contract::Counter::inside_forwarded) - forwarded_before == forwarded);
    const Bytes registering = packet_of(request("REGISTER"), vip, 5060);
    appliance.send(Wire::outside, registering);
    BOOST_TEST(appliance.receive(Wire::inside, holds(registering)).has_value());
    BOOST_TEST(eventually([&] {
        appliance.peer().poll();
        return appliance.peer().mirrored.size() == mirrored_before + 1;
    }));
}

/// So many pages of 2 MiB are set aside as long as the object lives.
class Hugepages {
public:
    explicit Hugepages(long count)
        : before_(read(file)) {
        write(before_ + count);
        BOOST_REQUIRE_MESSAGE(read(file) == before_ + count, "the kernel has no hugepages to give");
        free_ = free();
    }
    Hugepages(const Hugepages&) = delete;
    Hugepages& operator=(const Hugepages&) = delete;
    ~Hugepages() { write(before_); }
    static long free() { return read("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"); }
    long before_use() const { return free_; }

private:
    static constexpr const char* file = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    static long read(const char* name) {
        long value = -1;
        std::ifstream{name} >> value;
        return value;
    }
    static void write(long value) { std::ofstream{file} << value; }
    long before_;
    long free_{0};
};

} // namespace

BOOST_AUTO_TEST_SUITE(dpdk_devices)

/// Its sockets keep 2,048 buffers each.
BOOST_AUTO_TEST_CASE(sockets_of_af_xdp) {
    for (const contract::Idle idle : {contract::Idle::sleep, contract::Idle::interrupt}) {
        Appliance appliance{{.idle = idle,
                             .outside_device = "net_af_xdp0,iface=o,busy_budget=0",
                             .inside_device = "net_af_xdp1,iface=i,busy_budget=0",
                             .memory_mb = 128,
                             .mbufs = 16'384}};
        passes(appliance);
        // An engine that is killed leaves its XDP programs behind.
        appliance.kill();
        appliance.start();
        passes(appliance);
        BOOST_TEST(appliance.terminate() == 0);
    }
}

BOOST_AUTO_TEST_CASE(interfaces_by_libpcap) {
    Appliance appliance{
        {.outside_device = "net_pcap0,iface=o,phy_mac=1", .inside_device = "net_pcap1,iface=i,phy_mac=1"}};
    passes(appliance);
    BOOST_TEST(appliance.terminate() == 0);
}

BOOST_AUTO_TEST_CASE(taps_of_the_device_itself) {
    Appliance appliance{{.outside_device = "net_tap0,iface=dtap0,mac=02:00:00:00:09:02",
                         .inside_device = "net_tap1,iface=dtap1,mac=02:00:00:00:08:01",
                         .far_outside = "dtap0",
                         .far_inside = "dtap1"}};
    passes(appliance);
    BOOST_TEST(appliance.terminate() == 0);
}

BOOST_AUTO_TEST_CASE(hugepages) {
    const Hugepages pages{128};
    for (const contract::Idle idle : {contract::Idle::sleep, contract::Idle::poll}) {
        Appliance appliance{{.idle = idle, .hugepages = contract::Hugepages::on}};
        BOOST_TEST(Hugepages::free() < pages.before_use());
        passes(appliance);
        BOOST_TEST(appliance.terminate() == 0);
    }
    BOOST_TEST(Hugepages::free() == pages.before_use());
}

/// A switch as a virtual machine's host has one: it joins each cable of shared memory (vhost-user) to an
/// interface of a namespace.
class Switch {
public:
    explicit Switch(std::string directory)
        : directory_(std::move(directory)) {
        std::filesystem::create_directory(directory_);
    }
    Switch(const Switch&) = delete;
    Switch& operator=(const Switch&) = delete;
    ~Switch() {
        if (input_ >= 0)
            ::close(input_);
        if (process_ > 0)
            ::waitpid(process_, nullptr, 0);
        std::filesystem::remove_all(directory_);
    }
    void start(const std::string& name) {
        const std::string command =
            "exec dpdk-testpmd -l 0,1 --no-pci --in-memory --single-file-segments -m 128"
            " --no-telemetry --log-level=error --vdev net_vhost0,iface=" +
            outside() + " --vdev net_af_packet0,iface=o --vdev net_vhost1,iface=" + inside() +
            " --vdev net_af_packet1,iface=i -- --no-mlockall --total-num-mbufs=8192"
            " --port-topology=paired --forward-mode=io --auto-start >/dev/null 2>&1";
        std::array<int, 2> input{}; // it ends with its standard input
        BOOST_REQUIRE(::pipe2(input.data(), O_CLOEXEC) == 0);
        process_ = in_namespace(name, [&] {
            const pid_t child = ::fork();
            if (child == 0) {
                ::dup2(input[0], STDIN_FILENO);
                ::execl("/bin/bash", "bash", "-c", command.c_str(), nullptr);
                ::_exit(127);
            }
            return child;
        });
        ::close(input[0]);
        input_ = input[1];
        BOOST_REQUIRE_MESSAGE(eventually([&] {
                                  return std::filesystem::exists(outside()) &&
                                         std::filesystem::exists(inside());
                              }),
                              "dpdk-testpmd does not start");
    }
    std::string outside() const { return directory_ + "/outside"; }
    std::string inside() const { return directory_ + "/inside"; }

private:
    std::string directory_;
    pid_t process_{-1};
    int input_{-1};
};

BOOST_AUTO_TEST_CASE(virtio_by_shared_memory) {
    const Hugepages pages{192};
    for (const contract::Idle idle : {contract::Idle::sleep, contract::Idle::interrupt}) {
        Switch host{"/tmp/tdvhost" + std::to_string(::getpid())};
        Appliance appliance{
            {.idle = idle,
             .outside_device = "virtio_user0,path=" + host.outside() + ",mac=02:00:00:00:09:02",
             .inside_device = "virtio_user1,path=" + host.inside() + ",mac=02:00:00:00:08:01",
             .before_start = [&](const std::string& node) { host.start(node); },
             .hugepages = contract::Hugepages::on}};
        passes(appliance);
        appliance.kill();
        appliance.start();
        passes(appliance);
        BOOST_TEST(appliance.terminate() == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
