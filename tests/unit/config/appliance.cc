// SPDX-License-Identifier: GPL-3.0-or-later
#include "example.hh"

#include "control/config/checks.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::config;

namespace {

constexpr std::string_view appliance_text = R"([node]
id = 1
name = "edge-a"
[pair]
id = "office"
[[path]]
name = "cable"
local = "10.1.0.1"
peer = "10.1.0.2"
[[group]]
name = "sip"
interface = "outside0"
vips = ["10.0.0.10/24", "2001:db8::10"]
forwarding = "transparent"
servers = ["192.168.10.10", "fd10::10"]
[engine]
backend = "dpdk"
[engine.outside]
device = "0000:03:00.0"
kernel_interface = "outside0"
[engine.inside]
device = "net_af_packet0,iface=eth1"
kernel_interface = "inside0"
)";

/// The text with one place changed.
std::string changed(std::string_view what, std::string_view by) {
    std::string text{appliance_text};
    const auto position = text.find(what);
    BOOST_REQUIRE_MESSAGE(position != std::string::npos, "the text has no " << what);
    return text.replace(position, what.size(), by);
}

Config good(std::string_view text) {
    auto config = parse(text, "f");
    if (!config)
        for (const auto& problem : config.error())
            BOOST_ERROR(problem.to_string());
    BOOST_REQUIRE(config);
    return *config;
}

wire::IpAddress address(std::string_view text) {
    return wire::IpAddress::parse(text).value();
}

wire::Prefix prefix(std::string_view text) {
    return wire::Prefix::parse(text).value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(appliance)

BOOST_AUTO_TEST_CASE(defaults) {
    const Config config = good(appliance_text);
    const contract::Appliance wanted;
    BOOST_TEST(config.engine.is_appliance());
    BOOST_CHECK(config.engine.idle == wanted.idle);
    BOOST_CHECK(config.engine.hugepages == wanted.hugepages);
    BOOST_TEST(config.engine.sleep_max_us == wanted.sleep_max_us);
    BOOST_TEST(config.engine.memory_mb == wanted.memory_mb);
    BOOST_TEST(config.engine.mbufs == wanted.mbufs);
    BOOST_TEST(config.engine.outside.mtu == wanted.outside.mtu);
    BOOST_TEST(config.engine.outside.vlan.empty());
    BOOST_TEST(config.engine.ha.empty());
    BOOST_TEST(config.groups[0].inside_vips.empty());
    BOOST_CHECK(config.groups[0].forwarding == contract::Forwarding::transparent);
}

BOOST_AUTO_TEST_CASE(every_key) {
    const Config config = good(changed("[engine]\nbackend = \"dpdk\"\n", R"([[engine.ha]]
path = "cable"
device = "0000:05:00.1"
kernel_interface = "ha0"
mtu = 9000
mirror = "clear"
[engine]
backend = "dpdk"
idle = "interrupt"
sleep_max_us = 500
cores = [3, 0, 2]
hugepages = "off"
memory_mb = 256
mbufs = 8192
)"));
    BOOST_CHECK(config.engine.idle == contract::Idle::interrupt);
    BOOST_CHECK(config.engine.hugepages == contract::Hugepages::off);
    BOOST_TEST(config.engine.sleep_max_us == 500);
    BOOST_TEST(config.engine.cores == (std::vector<std::uint16_t>{3, 0, 2}),
               boost::test_tools::per_element());
    BOOST_TEST(config.engine.memory_mb == 256U);
    BOOST_TEST(config.engine.mbufs == 8192U);
    BOOST_TEST(config.engine.ha.at(0).path == "cable");
    BOOST_TEST(config.engine.ha.at(0).port.mtu == 9000);
    BOOST_CHECK(config.engine.ha.at(0).mirror == contract::MirrorSeal::clear);
    const Config tagged =
        good(changed("kernel_interface = \"outside0\"", "kernel_interface = \"outside0\"\nvlan = "
                                                        "[100, 4094]"));
    BOOST_TEST(tagged.engine.outside.vlan == (std::vector<std::uint16_t>{100, 4094}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_server_of_a_vip) {
    Group group;
    group.vips = {prefix("10.0.0.10"), prefix("10.0.0.11"), prefix("fd00::1")};
    BOOST_TEST(server_of(group, 0).size() == 0U);
    group.servers = {address("fd10::1"), address("192.168.0.1")};
    BOOST_TEST(server_of(group, 1).to_string() == "192.168.0.1");
    BOOST_TEST(server_of(group, 2).to_string() == "fd10::1");
    group.servers = {address("192.168.0.1"), address("192.168.0.2"), address("fd10::1")};
    BOOST_TEST(server_of(group, 0).to_string() == "192.168.0.1");
    BOOST_TEST(server_of(group, 1).to_string() == "192.168.0.2");
    group.servers = {address("192.168.0.1"), address("192.168.0.2")};
    BOOST_TEST(server_of(group, 0).size() == 0U);
}

BOOST_AUTO_TEST_CASE(what_belongs_to_the_other_backend) {
    expect_one(changed("backend = \"dpdk\"", "backend = \"dpdk\"\nqueue = 7"), 18,
               "\"queue\" belongs to backend = \"nfqueue\"", "remove it");
    expect_one(changed("name = \"edge-a\"", "shadow_interface = \"t0\""), 3, "\"shadow_interface\" belongs",
               "no shadow interface");
    expect_one(changed("name = \"edge-a\"", "route_table = 5"), 3, "\"route_table\" belongs", "remove it");
    expect_one(changed("name = \"edge-a\"", "rule_priority = 5"), 3, "\"rule_priority\" belongs",
               "remove it");
    expect_one(changed("[engine]\n", "[group.watch]\nlistener = true\n[engine]\n"), 17,
               "\"listener\" belongs", "another machine");
    expect_one(changed("[engine]\n", "[group.watch]\nprocess = \"/x\"\n[engine]\n"), 17,
               "\"process\" belongs", "another machine");
    expect_one(with("role = \"primary\"", "forwarding = \"nat\""), 18,
               "\"forwarding\" belongs to backend = \"dpdk\"", "write backend = \"dpdk\"");
    expect_one(with("role = \"primary\"", "servers = [\"10.0.0.20\"]"), 18, "\"servers\" belongs",
               "this host");
    expect_one(with("name = \"sip-a\"", "name = \"sip-a\"\n[engine]\nidle = \"poll\""), 5,
               "\"idle\" belongs to backend = \"dpdk\"", "the kernel has");
}

BOOST_AUTO_TEST_CASE(mistakes_of_the_group) {
    expect_one(changed("forwarding = \"transparent\"", "forwarding = \"natt\""), 14, "cannot be \"natt\"",
               "did you mean \"nat\"?");
    expect_one(changed("forwarding = \"transparent\"\n", ""), 10, "[[group]] has no \"forwarding\"",
               "\"transparent\"");
    expect_one(changed("servers = [\"192.168.10.10\", \"fd10::10\"]\n", ""), 10,
               "[[group]] has no \"servers\"", "inside network");
    expect_one(changed("\"192.168.10.10\", \"fd10::10\"", "\"192.168.10.10\""), 15,
               "there is no server for VIP 2001:db8::10", "each family");
    expect_one(changed("\"192.168.10.10\",", "\"192.168.10.10\", \"192.168.10.11\","), 15,
               "there is no server for VIP 10.0.0.10", "in their order");
    expect_one(changed("\"2001:db8::10\"]", "\"10.0.0.11\"]"), 15, "server fd10::10 is for no VIP",
               "each family");
    expect_one(changed("\"192.168.10.10\"", "\"192.168.10.0/24\""), 15, "is a network", "without");
    expect_one(changed("\"192.168.10.10\"", "\"10.0.0.10\""), 15, "server 10.0.0.10 is a VIP",
               "inside network");
    expect_one(changed("\"192.168.10.10\"", "\"10.1.0.2\""), 15, "is an address of an HA path",
               "inside network");
    expect_one(changed("interface = \"outside0\"", "interface = \"eth0\""), 12, "is not the outside port's",
               "interface = \"outside0\"");
    expect_one(changed("servers =", "inside_vips = [\"192.168.10.10\"]\nservers ="), 15,
               "inside VIP 192.168.10.10 is a server", "gateway");
    expect_one(changed("servers =", "inside_vips = [\"192.168.10.9\", \"192.168.10.9/24\"]\nservers ="), 15,
               "inside VIP 192.168.10.9 is an inside VIP", "nothing else has");
}

BOOST_AUTO_TEST_CASE(an_address_translated_to_leads_back_to_one_vip) {
    std::string text = changed("\"2001:db8::10\"]", "\"10.0.0.11\"]");
    text.replace(text.find(", \"fd10::10\""), 12, "");
    BOOST_TEST(good(text).groups[0].servers.size() == 1U);
    text.replace(text.find("transparent"), 11, "nat");
    expect_one(text, 15, "server 192.168.10.10 would stand for two VIPs", "of its own");
}

BOOST_AUTO_TEST_CASE(mistakes_of_the_ports) {
    expect_one(
        changed("[engine.inside]\ndevice = \"net_af_packet0,iface=eth1\"\nkernel_interface = \"inside0\"\n",
                ""),
        16, "[engine] has no [engine.inside]", "device and kernel_interface");
    expect_one(changed("device = \"0000:03:00.0\"\n", ""), 18, "[engine.outside] has no \"device\"",
               "add device");
    expect_one(changed("\"0000:03:00.0\"", "\"eth0\""), 19, "\"device\" cannot be \"eth0\"",
               "net_af_packet0");
    expect_one(changed("\"0000:03:00.0\"", "\"net_x y\""), 19, "\"device\" cannot be", "PCI address");
    expect_one(changed("\"0000:03:00.0\"", "\"net_" + std::string(130, 'x') + "\""), 19, "is too long",
               "127");
    expect_one(changed("\"0000:03:00.0\"", "\"net_af_packet0,iface=eth1\""), 22, "is there twice", "line 19");
    expect_one(changed("net_af_packet0,iface=eth1", "03:00.0"), 22, "device \"0000:03:00.0\" is there twice",
               "line 19");
    expect_one(changed("\"0000:03:00.0\"", "\"net_af_packet0,iface=eth2\""), 22,
               "device \"net_af_packet0\" is there twice", "line 19");
    expect_one(changed("\"0000:03:00.0\"", "\"net_af_packet1,iface=eth1\""), 22,
               "interface \"eth1\" is there twice", "line 19");
    expect_one(changed(",iface=eth1", ""), 22, "does not say which interface", "net_af_packet0,iface=eth1");
    for (const std::string_view queues : {"0", "-1", "", "two", "2x"})
        expect_one(changed(",iface=eth1", ",iface=eth1,qpairs=" + std::string{queues}), 22,
                   "the device has \"" + std::string{queues} + "\" queues", "1 or more");
    expect_one(changed("\"inside0\"", "\"outside0\""), 23, "kernel interface \"outside0\" is there twice",
               "line 20");
    expect_one(changed("\"inside0\"", "\"inside0\"\nvlan = [0]"), 24, "out of range", "1 to 4094");
    expect_one(changed("\"inside0\"", "\"inside0\"\nvlan = [1, 2, 3]"), 24, "3 elements", "1 to 2");
    expect_one(changed("\"inside0\"", "\"inside0\"\nmtu = 100"), 24, "out of range", "576 to 9216");
    expect_one(changed("\"inside0\"", "\"inside0\"\nspeed = 100"), 24,
               "unknown key \"speed\" in [engine.inside]", "known keys");
}

BOOST_AUTO_TEST_CASE(mistakes_of_the_engine) {
    const auto engine = [](std::string_view line) {
        return changed("backend = \"dpdk\"", "backend = \"dpdk\"\n" + std::string{line});
    };
    expect_one(engine("workers = 2"), 18, "unknown key", "");
    expect_one(engine("cores = [1024]"), 18, "out of range", "0 to 1023");
    expect_one(engine("cores = [1, 2, 1]"), 18, "core 1 is there twice", "one worker");
    expect_one(engine("cores = []"), 18, "0 elements", "1 to 16");
    expect_one(engine("cores = [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"), 18, "17 elements", "1 to 16");
    expect_one(engine("cores = [\"two\"]"), 18, "", "integers");
    expect_one(engine("cores = [0, 1]\nmbufs = 4095"), 19, "too small for 2 workers", "4096 or more");
    good(engine("cores = [0, 1]\nmbufs = 4096"));
    expect_one(engine("mbufs = 65536"), 18, "65536 packet buffers do not fit \"memory_mb\" = 128",
               "more than 149");
    good(engine("mbufs = 65536\nmemory_mb = 150"));
    expect_one(engine("cores = [0,1,2,3,4,5,6,7,8]"), 16, "too small for 9 workers", "18432 or more");
    const auto queues = [&](std::string_view cores, std::string_view count) {
        std::string text = engine(cores);
        const std::string device = "\"0000:03:00.0\"";
        return text.replace(text.find(device), device.size(),
                            "\"net_af_packet1,iface=eth0,qpairs=" + std::string{count} + ",framesz=2048\"");
    };
    good(queues("cores = [0, 1]", "2"));
    good(queues("cores = [0, 1]", "1"));
    expect_one(queues("cores = [0, 1]", "3"), 20, "3 queues for 2 workers", "qpairs");
    expect_one(queues("", "2"), 20, "2 queues for 1 worker", "would be lost");
    expect_one(engine("idle = \"sleeep\""), 18, "cannot be \"sleeep\"", "did you mean \"sleep\"?");
    expect_one(engine("hugepages = true"), 18, "is a boolean", "a string");
    expect_one(engine("sleep_max_us = 0"), 18, "out of range", "1 to 10000");
    expect_one(engine("memory_mb = 1"), 18, "out of range", "64 to 65536");
    expect_one(engine("mbufs = 10"), 18, "out of range", "2048");
    const std::string ha =
        "[[engine.ha]]\npath = \"cable\"\ndevice = \"net_ring0\"\nkernel_interface = \"ha0\"\n";
    good(std::string{appliance_text} + ha);
    std::string other = ha;
    expect_one(std::string{appliance_text} + other.replace(other.find("cable"), 5, "cabel"), 25,
               "there is no path \"cabel\"", "[[path]]");
    expect_one(std::string{appliance_text} + ha + "mirror = \"plain\"\n", 28, "cannot be \"plain\"",
               "possible: sealed, clear");
    expect_one(changed("\"inside0\"", "\"inside0\"\nmirror = \"clear\""), 24,
               "unknown key \"mirror\" in [engine.inside]", "known keys");
    std::string second = ha;
    second.replace(second.find("net_ring0"), 9, "net_ring1").replace(second.find("ha0"), 3, "ha1");
    expect_one(std::string{appliance_text} + ha + second, 29, "path \"cable\" has two ports", "line 25");
}

BOOST_AUTO_TEST_CASE(what_both_nodes_agree_on) {
    const auto digest = good(appliance_text).digest;
    BOOST_TEST(good(changed("192.168.10.10", "192.168.10.11")).digest == digest);
    BOOST_TEST(good(changed("transparent", "nat")).digest != digest);
    BOOST_TEST(good(changed("servers =", "inside_vips = [\"192.168.10.254\"]\nservers =")).digest != digest);
    // An HA port is this node's business; whether its mirror is sealed is not.
    const std::string ha =
        "[[engine.ha]]\npath = \"cable\"\ndevice = \"net_ring0\"\nkernel_interface = \"ha0\"\n";
    const std::string port = std::string{appliance_text} + ha;
    BOOST_TEST(good(port).digest == digest);
    BOOST_TEST(good(port + "mirror = \"sealed\"\n").digest == digest);
    const Config clear = good(port + "mirror = \"clear\"\n");
    BOOST_TEST(clear.digest != digest);
    Config other = clear; // the same path seen from the other end, under another name
    std::swap(other.paths[0].local, other.paths[0].peer);
    other.paths[0].name = other.engine.ha[0].path = "kabel";
    BOOST_TEST(digest_of(other) == clear.digest);
    BOOST_TEST(advice(clear, {}).size() == advice(good(port), {}).size() + 1);
}

BOOST_AUTO_TEST_CASE(the_machine) {
    std::string text = changed("servers =", "inside_vips = [\"192.168.10.254\"]\nservers =");
    const Config config = good(text);
    std::vector<HostInterface> host{{"outside0", {prefix("10.0.0.1/24"), prefix("2001:db8::1/64")}},
                                    {"inside0", {prefix("192.168.10.1/24"), prefix("fd10::1/64")}},
                                    {"ha", {prefix("10.1.0.1/30")}}};
    BOOST_TEST(check_against_host(config, text, "f", host, 4).empty());
    host[1].networks = {prefix("192.168.10.254/24"), prefix("fd10::1/64")};
    auto problems = check_against_host(config, text, "f", host, 4);
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].what ==
               "inside VIP 192.168.10.254 is outside the networks of interface \"inside0\"");
    BOOST_TEST(problems[1].what == "server 192.168.10.10 is outside the networks of interface \"inside0\"");
    host.erase(host.begin());
    host.erase(host.begin());
    problems = check_against_host(config, text, "f", host, 4);
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].line == 21U);
    BOOST_TEST(problems[0].what == "this machine has no interface \"outside0\"");
    BOOST_CHECK(problems[0].hint.contains("ip tuntap add outside0 mode tap"));
    BOOST_TEST(problems[1].what == "this machine has no interface \"inside0\"");
}

BOOST_AUTO_TEST_CASE(cores_that_the_machine_does_not_have) {
    const std::string text = changed("backend = \"dpdk\"", "backend = \"dpdk\"\ncores = [1, 3, 7]");
    const Config config = good(text);
    const std::vector<HostInterface> host{{"outside0", {prefix("10.0.0.1/24"), prefix("2001:db8::1/64")}},
                                          {"inside0", {prefix("192.168.10.1/24"), prefix("fd10::1/64")}},
                                          {"ha", {prefix("10.1.0.1/30")}}};
    BOOST_TEST(check_against_host(config, text, "f", host, 8).empty());
    const auto problems = check_against_host(config, text, "f", host, 2);
    BOOST_REQUIRE(problems.size() == 2U);
    BOOST_TEST(problems[0].line == 18U);
    BOOST_TEST(problems[0].column == 13U);
    BOOST_TEST(problems[0].what == "this machine has no core 3");
    BOOST_TEST(problems[0].hint == "it has 2, numbers 0 to 1");
    BOOST_TEST(problems[1].column == 16U);
    BOOST_TEST(host_cores() >= 1U);
}

BOOST_AUTO_TEST_CASE(the_examples) {
    const auto first = read_text(EXAMPLES "/appliance-node1.toml");
    const auto second = read_text(EXAMPLES "/appliance-node2.toml");
    BOOST_REQUIRE(first && second);
    const Config a = good(*first);
    const Config b = good(*second);
    BOOST_TEST(a.digest == b.digest);
    BOOST_TEST(a.node.id != b.node.id);
    BOOST_TEST(a.paths[0].local.to_string() == b.paths[0].peer.to_string());
    BOOST_TEST(a.engine.outside.kernel_interface == "outside0");
}

BOOST_AUTO_TEST_SUITE_END()
