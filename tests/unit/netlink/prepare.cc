// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/kernel.hh"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <sys/socket.h>

using namespace tandem;
using netlink::Placement;
using netlink::Transition;

namespace {

/// A request as read back from the bytes.
struct Request {
    nlmsghdr header{};
    std::vector<std::uint8_t> body; ///< the fixed part behind nlmsghdr
    std::map<unsigned, std::vector<std::uint8_t>> attributes;

    template <typename T>
    T fixed() const {
        T value{};
        BOOST_REQUIRE_GE(body.size(), sizeof value);
        std::memcpy(&value, body.data(), sizeof value);
        return value;
    }
    template <typename T>
    T attribute(unsigned type) const {
        T value{};
        BOOST_REQUIRE(attributes.contains(type));
        BOOST_REQUIRE_EQUAL(attributes.at(type).size(), sizeof value);
        std::memcpy(&value, attributes.at(type).data(), sizeof value);
        return value;
    }
};

std::size_t fixed_size(unsigned type) {
    return type == RTM_NEWADDR || type == RTM_DELADDR ? sizeof(ifaddrmsg) : sizeof(fib_rule_hdr);
}

std::vector<Request> read_back(const netlink::Batch& batch) {
    std::vector<Request> requests;
    std::size_t offset = 0;
    while (offset < batch.length) {
        Request request;
        BOOST_REQUIRE_LE(sizeof request.header, batch.length - offset);
        std::memcpy(&request.header, batch.bytes.data() + offset, sizeof request.header);
        const std::size_t end = offset + request.header.nlmsg_len;
        BOOST_REQUIRE_LE(end, batch.length);
        std::size_t at = offset + sizeof request.header;
        const std::size_t fixed = fixed_size(request.header.nlmsg_type);
        request.body.assign(batch.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            batch.bytes.begin() + static_cast<std::ptrdiff_t>(at + fixed));
        at += NLMSG_ALIGN(fixed);
        while (at < end) {
            rtattr header{};
            BOOST_REQUIRE_LE(sizeof header, end - at);
            std::memcpy(&header, batch.bytes.data() + at, sizeof header);
            BOOST_REQUIRE_GE(header.rta_len, sizeof header);
            BOOST_REQUIRE_LE(header.rta_len, end - at);
            request.attributes[header.rta_type].assign(
                batch.bytes.begin() + static_cast<std::ptrdiff_t>(at + sizeof header),
                batch.bytes.begin() + static_cast<std::ptrdiff_t>(at + header.rta_len));
            at += RTA_ALIGN(header.rta_len);
        }
        requests.push_back(request);
        offset = end;
    }
    BOOST_CHECK_EQUAL(requests.size(), batch.requests);
    return requests;
}

Placement placement(const char* vip) {
    return {.vip = wire::Prefix::parse(vip).value(),
            .interface_index = 3,
            .egress = netlink::EgressRule{.route_table = 7777, .rule_priority = 111}};
}

std::vector<unsigned> types(const std::vector<Request>& requests) {
    std::vector<unsigned> result;
    for (const auto& request : requests)
        result.push_back(request.header.nlmsg_type);
    return result;
}

std::vector<Request> requests_of(Transition transition, const std::vector<Placement>& placements) {
    const auto batch = netlink::prepare(transition, placements);
    BOOST_REQUIRE(batch.has_value());
    return read_back(*batch);
}

} // namespace

BOOST_AUTO_TEST_SUITE(prepare)

BOOST_AUTO_TEST_CASE(the_order_of_each_transition) {
    const std::vector<Placement> two{placement("10.0.0.1/24"), placement("2001:db8::1/64")};
    const auto order = [&](Transition transition) { return types(requests_of(transition, two)); };
    using Types = std::vector<unsigned>;
    BOOST_CHECK(order(Transition::rise) == (Types{RTM_NEWADDR, RTM_NEWADDR, RTM_DELRULE, RTM_DELRULE}));
    BOOST_CHECK(order(Transition::fall) == (Types{RTM_NEWRULE, RTM_NEWRULE, RTM_DELADDR, RTM_DELADDR}));
    BOOST_CHECK(order(Transition::vacate) == (Types{RTM_DELADDR, RTM_DELADDR}));
    BOOST_CHECK(order(Transition::seal) == (Types{RTM_NEWRULE, RTM_NEWRULE}));
    BOOST_CHECK(order(Transition::renew) == (Types{RTM_NEWADDR, RTM_NEWADDR}));
}

BOOST_AUTO_TEST_CASE(an_appliance_has_no_rules) {
    std::vector<Placement> two{placement("10.0.0.1/24"), placement("2001:db8::1/64")};
    for (Placement& each : two)
        each.egress.reset();
    two[1].interface_index = 4; // an inside VIP
    const auto order = [&](Transition transition) { return types(requests_of(transition, two)); };
    using Types = std::vector<unsigned>;
    BOOST_CHECK(order(Transition::rise) == (Types{RTM_NEWADDR, RTM_NEWADDR}));
    BOOST_CHECK(order(Transition::fall) == (Types{RTM_DELADDR, RTM_DELADDR}));
    BOOST_CHECK(order(Transition::vacate) == (Types{RTM_DELADDR, RTM_DELADDR}));
    BOOST_CHECK(order(Transition::seal).empty());
    BOOST_CHECK(order(Transition::renew) == (Types{RTM_NEWADDR, RTM_NEWADDR}));
    BOOST_CHECK_EQUAL(requests_of(Transition::rise, two)[1].fixed<ifaddrmsg>().ifa_index, 4U);
}

BOOST_AUTO_TEST_CASE(every_request_wants_an_acknowledgement) {
    for (const auto transition :
         {Transition::rise, Transition::fall, Transition::vacate, Transition::seal, Transition::renew})
        for (const auto& request :
             requests_of(transition, {placement("10.0.0.1/24"), placement("2001:db8::1/64")})) {
            BOOST_CHECK_EQUAL(request.header.nlmsg_flags & (NLM_F_REQUEST | NLM_F_ACK),
                              NLM_F_REQUEST | NLM_F_ACK);
            BOOST_CHECK_EQUAL(request.header.nlmsg_seq, 0U);
            BOOST_CHECK_EQUAL(request.header.nlmsg_len % 4, 0U);
        }
}

BOOST_AUTO_TEST_CASE(an_ipv4_address_with_its_lease) {
    const auto request = requests_of(Transition::rise, {placement("10.0.0.1/24")}).front();
    const auto fixed = request.fixed<ifaddrmsg>();
    BOOST_CHECK_EQUAL(fixed.ifa_family, AF_INET);
    BOOST_CHECK_EQUAL(fixed.ifa_prefixlen, 24);
    BOOST_CHECK_EQUAL(fixed.ifa_index, 3U);
    const std::vector<std::uint8_t> octets{10, 0, 0, 1};
    BOOST_CHECK(request.attributes.at(IFA_LOCAL) == octets);
    BOOST_CHECK(request.attributes.at(IFA_ADDRESS) == octets);
    BOOST_CHECK_EQUAL(request.attribute<std::uint32_t>(IFA_FLAGS), std::uint32_t{IFA_F_NOPREFIXROUTE});
    const auto cache = request.attribute<ifa_cacheinfo>(IFA_CACHEINFO);
    BOOST_CHECK_EQUAL(cache.ifa_valid, 1U);
    BOOST_CHECK_EQUAL(cache.ifa_prefered, 1U);
    BOOST_CHECK_EQUAL(request.header.nlmsg_flags & NLM_F_REPLACE, NLM_F_REPLACE);
}

BOOST_AUTO_TEST_CASE(an_ipv6_address_without_detection_and_not_as_source_for_others) {
    const auto request = requests_of(Transition::renew, {placement("2001:db8::1/64")}).front();
    BOOST_CHECK_EQUAL(request.fixed<ifaddrmsg>().ifa_family, AF_INET6);
    BOOST_CHECK_EQUAL(request.attribute<std::uint32_t>(IFA_FLAGS),
                      std::uint32_t{IFA_F_NODAD} | std::uint32_t{IFA_F_NOPREFIXROUTE});
    BOOST_CHECK_EQUAL(request.attributes.at(IFA_LOCAL).size(), 16U);
    const auto cache = request.attribute<ifa_cacheinfo>(IFA_CACHEINFO);
    BOOST_CHECK_EQUAL(cache.ifa_valid, 1U);
    BOOST_CHECK_EQUAL(cache.ifa_prefered, 0U);
}

BOOST_AUTO_TEST_CASE(a_rule_is_exclusive_and_names_source_table_and_priority) {
    for (const auto* vip : {"10.0.0.1/24", "2001:db8::1/64"}) {
        const auto added = requests_of(Transition::seal, {placement(vip)}).front();
        const auto removed = requests_of(Transition::rise, {placement(vip)}).back();
        BOOST_CHECK_EQUAL(added.header.nlmsg_flags & (NLM_F_EXCL | NLM_F_CREATE), NLM_F_EXCL | NLM_F_CREATE);
        const auto address = wire::Prefix::parse(vip)->address;
        for (const auto& rule : {added, removed}) {
            BOOST_CHECK_EQUAL(rule.fixed<fib_rule_hdr>().src_len, address.bits());
            BOOST_CHECK_EQUAL(rule.fixed<fib_rule_hdr>().action, FR_ACT_TO_TBL);
            BOOST_CHECK_EQUAL(rule.attribute<std::uint32_t>(FRA_PRIORITY), 111U);
            BOOST_CHECK_EQUAL(rule.attribute<std::uint32_t>(FRA_TABLE), 7777U);
            BOOST_CHECK(std::ranges::equal(rule.attributes.at(FRA_SRC), address.bytes()));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_address_is_taken_away_whatever_its_length) {
    const auto request = requests_of(Transition::vacate, {placement("10.0.0.1/24")}).front();
    BOOST_CHECK(request.attributes.contains(IFA_LOCAL));
    BOOST_CHECK(!request.attributes.contains(IFA_ADDRESS));
}

BOOST_AUTO_TEST_CASE(no_vips_no_requests) {
    const auto batch = netlink::prepare(Transition::rise, {});
    BOOST_REQUIRE(batch.has_value());
    BOOST_CHECK_EQUAL(batch->length, 0U);
    BOOST_CHECK_EQUAL(batch->requests, 0U);
}

BOOST_AUTO_TEST_CASE(all_the_vips_of_a_node_fit_into_one_batch) {
    const std::vector<Placement> placements(32, placement("2001:db8::1/64"));
    for (const auto transition : {Transition::rise, Transition::fall})
        BOOST_CHECK_EQUAL(requests_of(transition, placements).size(), 64U);
}

BOOST_AUTO_TEST_CASE(more_than_a_batch_holds_is_an_error) {
    const std::vector<Placement> placements(200, placement("2001:db8::1/64"));
    const auto batch = netlink::prepare(Transition::rise, placements);
    BOOST_REQUIRE(!batch.has_value());
    BOOST_CHECK_EQUAL(batch.error().code, EMSGSIZE);
}

BOOST_AUTO_TEST_CASE(impossible_placements_are_errors) {
    std::vector<Placement> wrong(6, placement("10.0.0.1/24"));
    wrong[0].vip.length = 33;
    wrong[1].vip.length = 0;
    wrong[2].vip.address = {};
    wrong[3].interface_index = 0;
    wrong[4].egress->route_table = 0;
    wrong[5].egress->rule_priority = 0;
    for (const auto& p : wrong) {
        const std::vector<Placement> placements{placement("10.0.0.2/24"), p};
        const auto batch = netlink::prepare(Transition::fall, placements);
        BOOST_REQUIRE(!batch.has_value());
        BOOST_CHECK_EQUAL(batch.error().code, EINVAL);
        BOOST_CHECK(batch.error().what.find("VIP") != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
