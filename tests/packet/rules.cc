// SPDX-License-Identifier: GPL-3.0-or-later
// The packet-filter rules as text.
#include "dataplane/io/nfqueue/rules.hh"

#include "tests/packet/cases.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::nfqueue;

BOOST_AUTO_TEST_SUITE(rules)

BOOST_AUTO_TEST_CASE(one_rule_for_each_vip_and_port) {
    const auto wanted = wanted_rules(packet_suite::policy("eth0", 9));
    BOOST_REQUIRE(wanted.size() == 4U);
    BOOST_TEST(wanted[1].interface == "eth0");
    BOOST_TEST(wanted[1].vip.to_string() == "10.9.0.100");
    BOOST_TEST(wanted[1].port == 5062U);
    BOOST_TEST(wanted[2].vip.to_string() == "fd00:9::100");
}

BOOST_AUTO_TEST_CASE(a_name_that_could_be_read_as_syntax_makes_no_rule) {
    BOOST_TEST(wanted_rules(packet_suite::policy("e\" accept", 9)).empty());
    BOOST_TEST(wanted_rules(packet_suite::policy("e\n-F", 9)).empty());
    BOOST_TEST(wanted_rules(packet_suite::policy("", 9)).empty());
}

BOOST_AUTO_TEST_CASE(nft_text) {
    const std::vector<QueueRule> wanted{{"eth0", packet_suite::address("10.9.0.100"), 5060},
                                        {"eth0", packet_suite::address("fd00:9::100"), 5060}};
    BOOST_TEST(nft_replace_text(wanted, 9) ==
               "add table inet tandem\ndelete table inet tandem\ntable inet tandem {\n  chain input {\n"
               "    type filter hook input priority mangle; policy accept;\n"
               "    iifname \"eth0\" ip daddr 10.9.0.100 udp dport 5060 counter queue num 9 bypass\n"
               "    iifname \"eth0\" ip6 daddr fd00:9::100 udp dport 5060 counter queue num 9 bypass\n"
               "  }\n}\n");
}

BOOST_AUTO_TEST_CASE(iptables_text_names_only_the_own_chain) {
    const std::vector<QueueRule> wanted{{"eth0", packet_suite::address("10.9.0.100"), 5060},
                                        {"eth0", packet_suite::address("fd00:9::100"), 5060}};
    const std::string rule =
        "-A TANDEM -d 10.9.0.100/32 -i eth0 -p udp -m udp --dport 5060 -j NFQUEUE --queue-num 9 "
        "--queue-bypass\n";
    BOOST_TEST(iptables_replace_text(wanted, 9, wire::Family::ipv4, {}) ==
               "*mangle\n:TANDEM - [0:0]\n" + rule + "-I INPUT -j TANDEM\nCOMMIT\n");
    BOOST_TEST(iptables_replace_text(wanted, 9, wire::Family::ipv4, {true, true, 0}) ==
               "*mangle\n:TANDEM - [0:0]\n" + rule + "COMMIT\n");
    BOOST_TEST(iptables_remove_text({true, true, 0}) ==
               "*mangle\n-D INPUT -j TANDEM\n-F TANDEM\n-X TANDEM\nCOMMIT\n");
    BOOST_TEST(iptables_remove_text({true, false, 0}) == "*mangle\n-F TANDEM\n-X TANDEM\nCOMMIT\n");
    BOOST_TEST(iptables_remove_text({}).empty());
}

BOOST_AUTO_TEST_CASE(listings) {
    const Listing iptables =
        read_iptables_listing("# comment\n*mangle\n:INPUT ACCEPT [0:0]\n:TANDEM - [0:0]\n"
                              "[40:100] -A INPUT -j TANDEM\n[7:70] -A INPUT -j OTHER\n"
                              "[12:9] -A TANDEM -d 10.9.0.100/32 -j NFQUEUE\n"
                              "[30:9] -A TANDEM -d 10.9.0.101/32 -j NFQUEUE\nCOMMIT\n");
    BOOST_TEST(iptables.chain);
    BOOST_TEST(iptables.jump);
    BOOST_TEST(iptables.packets == 42U);
    const Listing elsewhere =
        read_iptables_listing("*filter\n:TANDEM - [0:0]\n[1:1] -A INPUT -j TANDEM\nCOMMIT\n");
    BOOST_TEST(!elsewhere.chain);
    BOOST_TEST(!read_iptables_listing("").chain);
    BOOST_TEST(read_iptables_listing("*mangle\n[").packets == 0U);
    const Listing nft =
        read_nft_listing("table inet tandem {\n\tchain input {\n\t\ttype filter hook input priority "
                         "mangle; policy accept;\n\t\tiifname \"e\" counter packets 5 bytes 60 "
                         "queue flags bypass to 9\n\t\tcounter packets 6 bytes 1\n\t}\n}\n");
    BOOST_TEST(nft.chain);
    BOOST_TEST(nft.jump);
    BOOST_TEST(nft.packets == 11U);
}

BOOST_AUTO_TEST_CASE(digest_tells_rule_sets_apart) {
    const auto a = wanted_rules(packet_suite::policy("eth0", 9));
    const auto b = wanted_rules(packet_suite::policy("eth1", 9));
    BOOST_TEST(digest(a, 9) == digest(a, 9));
    BOOST_TEST(digest(a, 9) != digest(a, 10));
    BOOST_TEST(digest(a, 9) != digest(b, 9));
    BOOST_TEST(digest({}, 9) != 0U);
}

BOOST_AUTO_TEST_SUITE_END()
