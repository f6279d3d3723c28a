// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/hello.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::link;

namespace {

const Hello own{.version = 1, .node_id = 1, .pair_id = "sip-a"};

} // namespace

BOOST_AUTO_TEST_SUITE(hello)

BOOST_AUTO_TEST_CASE(is_understood_by_the_other) {
    const Hello peer{.version = 1, .node_id = 2, .pair_id = "sip-a"};
    BOOST_TEST(to_json(peer) == R"({"tandem":1,"node":2,"pair":"sip-a"})");
    const auto read = read_hello(to_json(peer), own);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->version == 1U);
    BOOST_TEST(read->node_id == 2);
    BOOST_TEST(read->pair_id == "sip-a");
}

BOOST_AUTO_TEST_CASE(a_later_version_may_say_more) {
    const auto read = read_hello(R"({"tandem":2,"node":2,"pair":"sip-a","more":[1]})", own);
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->version == 2U);
}

BOOST_AUTO_TEST_CASE(is_refused_with_the_reason) {
    const struct {
        int number;
        std::string text;
        std::string reason; ///< a part of it
    } cases[] = {
        {1, R"({"tandem":1,"node":1,"pair":"sip-a"})", "same node id as this node (1)"},
        {2, R"({"tandem":1,"node":2,"pair":"sip-b"})", "another pair than \"sip-a\""},
        {3, R"({"tandem":3,"node":2,"pair":"sip-a"})", "version 3"},
        {4, R"({"tandem":0,"node":2,"pair":"sip-a"})", "lacks"},
        {5, R"({"tandem":-1,"node":2,"pair":"sip-a"})", "lacks"},
        {6, R"({"tandem":99999999999,"node":2,"pair":"sip-a"})", "lacks"},
        {7, R"({"tandem":1.5,"node":2,"pair":"sip-a"})", "lacks"},
        {8, R"({"tandem":1,"node":0,"pair":"sip-a"})", "lacks"},
        {9, R"({"tandem":1,"node":256,"pair":"sip-a"})", "lacks"},
        {10, R"({"tandem":1,"node":"2","pair":"sip-a"})", "lacks"},
        {11, R"({"tandem":1,"node":2})", "lacks"},
        {12, R"({"tandem":1,"node":2,"pair":7})", "lacks"},
        {13, R"({"node":2,"pair":"sip-a"})", "lacks"},
        {14, R"([1,2])", "not a JSON object"},
        {15, R"({"tandem":1,"node":2,"pair":"sip-a")", "not a JSON object"},
        {16, "", "not a JSON object"},
        {17, std::string(500, '['), "not a JSON object"},
        {18, R"({"tandem":1,"node":2,"pair":")" + std::string(hello_max, 'a') + R"("})", "too long"},
        {19, std::string("\0\xff\xfe", 3), "not a JSON object"},
    };
    for (const auto& c : cases) {
        const auto read = read_hello(c.text, own);
        BOOST_TEST(!read.has_value(), "case " << c.number);
        if (!read)
            BOOST_TEST(read.error().find(c.reason) != std::string::npos,
                       "case " << c.number << ": " << read.error());
    }
}

BOOST_AUTO_TEST_SUITE_END()
