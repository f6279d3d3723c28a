// SPDX-License-Identifier: GPL-3.0-or-later

// The engine on other devices than net_af_packet: what passes must not depend on the port.

#include "tests/packet/appliance.hh"
#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include "dataplane/wire/ethernet.hh"

#include <boost/test/unit_test.hpp>

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
    BOOST_TEST(appliance.count(contract::Counter::inside_forwarded) == forwarded);
    const Bytes registering = packet_of(request("REGISTER"), vip, 5060);
    appliance.send(Wire::outside, registering);
    BOOST_TEST(appliance.receive(Wire::inside, holds(registering)).has_value());
    BOOST_TEST(eventually([&] {
        appliance.peer().poll();
        return appliance.peer().mirrored.size() == 1;
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

BOOST_AUTO_TEST_SUITE_END()
