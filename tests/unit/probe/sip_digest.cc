// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_digest.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::probe;

BOOST_AUTO_TEST_SUITE(sip_digest)

// The example of RFC 2617 section 3.5.
BOOST_AUTO_TEST_CASE(md5_as_in_rfc_2617) {
    const auto challenge = read_challenge("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
                                          "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                                          "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");
    BOOST_REQUIRE(challenge);
    const auto value =
        answer_challenge(*challenge, {"Mufasa", "Circle Of Life"}, "GET", "/dir/index.html", "0a4f113b");
    BOOST_REQUIRE(value);
    BOOST_TEST(value->find("response=\"6629fae49393a05397450978507c4ef1\"") != std::string::npos);
    BOOST_TEST(value->find("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"") != std::string::npos);
    BOOST_TEST(value->find("Circle") == std::string::npos);
}

// The example of RFC 7616 section 3.9.1, as RFC 8760 takes it over.
BOOST_AUTO_TEST_CASE(sha256_as_in_rfc_7616) {
    const auto challenge = read_challenge("Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                                          "algorithm=SHA-256, "
                                          "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
                                          "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"");
    BOOST_REQUIRE(challenge);
    const auto value = answer_challenge(*challenge, {"Mufasa", "Circle of Life"}, "GET", "/dir/index.html",
                                        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
    BOOST_REQUIRE(value);
    BOOST_TEST(value->find("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_answered_is_no_challenge) {
    for (const char* const value :
         {"", "Basic realm=\"x\"", "Digest", "Digest realm=\"x\"", "Digest realm=\"x, nonce=\"y\"",
          "Digest nonce=\"x\", algorithm=SHA-512-256", "Digest nonce=\"x\", qop=\"auth-int\"",
          "Digest nonce=\"x\\", "Digest nonce=\"a\x01\"", "Digest nonce=\"a\" b=\"c\""})
        BOOST_TEST(!read_challenge(value), value);
    BOOST_TEST(!read_challenge("Digest nonce=\"" + std::string(1000, 'x') + "\""));
}

BOOST_AUTO_TEST_CASE(without_qop_as_in_rfc_2069) {
    const auto challenge = read_challenge("digest REALM=\"r\",nonce=\"n\"");
    BOOST_REQUIRE(challenge);
    const auto value = answer_challenge(*challenge, {"u\"x", "p"}, "REGISTER", "sip:r", "c");
    BOOST_TEST(value->find("qop") == std::string::npos);
    BOOST_TEST(value->find("username=\"u\\\"x\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
