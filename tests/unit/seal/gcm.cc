// SPDX-License-Identifier: GPL-3.0-or-later

#include "dataplane/seal/seal.hh"
#include "tests/unit/seal/allocations.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace {

using namespace tandem;

std::vector<std::uint8_t> hex(std::string_view text) {
    std::vector<std::uint8_t> out;
    const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(nibble(text[i]) * 16 + nibble(text[i + 1])));
    return out;
}

contract::DatagramKey key_of(std::string_view key, std::string_view iv) {
    contract::DatagramKey out;
    std::ranges::copy(hex(key), out.key.begin());
    std::ranges::copy(hex(iv), out.iv.begin());
    return out;
}

const contract::DatagramKey some_key = key_of("000102030405060708090a0b0c0d0e0f", "a0a1a2a3a4a5a6a7a8a9aaab");
const std::vector<std::uint8_t> header = hex("01010000deadbeef0000000000000007");

std::vector<std::uint8_t> sealed(seal::Sealer& sealer, std::uint64_t sequence,
                                 const std::vector<std::uint8_t>& plain) {
    std::vector<std::uint8_t> out(plain.size() + seal::tag_size);
    BOOST_REQUIRE_EQUAL(sealer.seal(sequence, header, plain, out), out.size());
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(gcm)

// The GCM specification of McGrew and Viega, appendix B, test case 4. With sequence 0 the nonce is the iv
// itself.
BOOST_AUTO_TEST_CASE(agrees_with_the_published_vector) {
    seal::Sealer sealer(key_of("feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888"));
    const auto bound = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const auto plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    const auto expected = hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                              "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                              "5bc94fbc3221a5db94fae95ae7121a47");
    std::vector<std::uint8_t> out(expected.size());
    BOOST_REQUIRE_EQUAL(sealer.seal(0, bound, plain, out), expected.size());
    BOOST_TEST(out == expected, boost::test_tools::per_element());
}

// The same vector from an iv that differs from its nonce by sequence 0x0102030405060708 in the last 8 octets.
BOOST_AUTO_TEST_CASE(the_sequence_enters_the_nonce_big_endian_at_the_end) {
    seal::Sealer sealer(key_of("feffe9928665731c6d6a8f9467308308", "cafebabefbccd8a9dbccff80"));
    const auto bound = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const auto plain = hex("d9313225");
    std::vector<std::uint8_t> out(plain.size() + seal::tag_size);
    BOOST_REQUIRE_EQUAL(sealer.seal(0x0102030405060708U, bound, plain, out), out.size());
    const auto expected = hex("42831ec2");
    BOOST_TEST(std::vector(out.begin(), out.begin() + 4) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(opens_what_was_sealed_of_every_size) {
    seal::Sealer sealer(some_key);
    seal::Opener opener(some_key);
    std::uint64_t sequence = 0;
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 216U, 1400U, 65000U}) {
        std::vector<std::uint8_t> plain(size);
        for (std::size_t i = 0; i < size; ++i)
            plain[i] = static_cast<std::uint8_t>(i * 7);
        ++sequence;
        const auto datagram = sealed(sealer, sequence, plain);
        std::vector<std::uint8_t> out(size);
        const auto opened = opener.open(sequence, header, datagram, out);
        BOOST_REQUIRE(opened.has_value());
        BOOST_TEST(*opened == size);
        BOOST_TEST(out == plain);
    }
}

BOOST_AUTO_TEST_CASE(refuses_every_flipped_bit) {
    seal::Sealer sealer(some_key);
    seal::Opener opener(some_key);
    const std::vector<std::uint8_t> plain{1, 2, 3, 4, 5};
    const auto datagram = sealed(sealer, 9, plain);
    std::vector<std::uint8_t> out(plain.size());
    for (std::size_t bit = 0; bit < datagram.size() * 8; ++bit) {
        auto changed = datagram;
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
        BOOST_TEST(!opener.open(9, header, changed, out).has_value());
        BOOST_TEST(out == std::vector<std::uint8_t>(plain.size(), 0)); // no unauthentic text is left behind
    }
    for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
        auto changed = header;
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
        BOOST_TEST(!opener.open(9, changed, datagram, out).has_value());
    }
    BOOST_TEST(!opener.open(8, header, datagram, out).has_value());
    BOOST_TEST(opener.open(9, header, datagram, out).has_value()); // and is none the worse for it
}

BOOST_AUTO_TEST_CASE(refuses_other_keys) {
    seal::Sealer sealer(some_key);
    const auto datagram = sealed(sealer, 1, {1, 2, 3});
    std::vector<std::uint8_t> out(3);
    auto other = some_key;
    other.key[15] ^= 1;
    BOOST_TEST(!seal::Opener(other).open(1, header, datagram, out).has_value());
    other = some_key;
    other.iv[0] ^= 1;
    BOOST_TEST(!seal::Opener(other).open(1, header, datagram, out).has_value());
}

BOOST_AUTO_TEST_CASE(refuses_truncated_input_and_small_output) {
    seal::Sealer sealer(some_key);
    seal::Opener opener(some_key);
    const std::vector<std::uint8_t> plain{1, 2, 3, 4, 5};
    const auto datagram = sealed(sealer, 1, plain);
    std::vector<std::uint8_t> out(plain.size());
    for (std::size_t length = 0; length < datagram.size(); ++length)
        BOOST_TEST(!opener.open(1, header, std::span(datagram).first(length), out).has_value());
    BOOST_TEST(!opener.open(1, header, datagram, std::span(out).first(4)).has_value());

    std::vector<std::uint8_t> small(plain.size() + seal::tag_size - 1);
    BOOST_TEST(sealer.seal(2, header, plain, small) == 0U);
    BOOST_TEST(sealer.seal(2, header, {}, {}) == 0U);
}

BOOST_AUTO_TEST_CASE(moved_from_objects_refuse) {
    seal::Sealer sealer(some_key);
    seal::Opener opener(some_key);
    const auto datagram = sealed(sealer, 1, {1});
    seal::Sealer sealer2(std::move(sealer));
    seal::Opener opener2(std::move(opener));
    std::vector<std::uint8_t> out(64);
    BOOST_TEST(sealer.seal(2, header, {}, out) == 0U);
    BOOST_TEST(!opener.open(1, header, datagram, out).has_value());
    BOOST_TEST(sealer2.seal(2, header, {}, out) == seal::tag_size);
    BOOST_TEST(opener2.open(1, header, datagram, out).has_value());
}

BOOST_AUTO_TEST_CASE(another_key_without_allocation) {
    auto second = some_key;
    second.key[0] ^= 0xff;
    second.iv[3] ^= 0xff;
    seal::Sealer sealer(some_key);
    seal::Opener opener(some_key);
    std::array<std::uint8_t, 3> plain{1, 2, 3};
    std::array<std::uint8_t, 19> datagram{};
    std::array<std::uint8_t, 3> out{};
    BOOST_REQUIRE_EQUAL(sealer.seal(1, header, plain, datagram), datagram.size());
    const std::uint64_t before = test::allocations();
    const bool sealer_took = sealer.rekey(second);
    const std::size_t written = sealer.seal(1, header, plain, datagram);
    const bool by_first = opener.open(1, header, datagram, out).has_value();
    const bool opener_took = opener.rekey(second);
    const bool by_second = opener.open(1, header, datagram, out).has_value();
    const std::uint64_t after = test::allocations();
    BOOST_TEST(sealer_took);
    BOOST_TEST(opener_took);
    BOOST_TEST(written == datagram.size());
    BOOST_TEST(!by_first);
    BOOST_TEST(by_second);
    BOOST_TEST(out == plain, boost::test_tools::per_element());
    BOOST_TEST(after - before == 0U);
    // As if it had been made with that key.
    BOOST_TEST(seal::Opener(second).open(1, header, datagram, out).has_value());
}

BOOST_AUTO_TEST_CASE(the_hot_path_allocates_nothing) {
    BOOST_REQUIRE(test::openssl_counted()); // otherwise this test could not fail
    const std::uint64_t at_start = test::allocations();
    seal::Sealer sealer(some_key);
    seal::Opener opener(some_key);
    BOOST_REQUIRE_GT(test::allocations() - at_start, 2U); // the counter does count
    std::array<std::uint8_t, 200> plain{};
    std::array<std::uint8_t, 216> datagram{};
    std::array<std::uint8_t, 200> out{};
    const std::uint64_t before = test::allocations();
    unsigned opened = 0;
    unsigned forged = 0;
    for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence) {
        const std::size_t n = sealer.seal(sequence, header, plain, datagram);
        opened += opener.open(sequence, header, std::span(datagram).first(n), out).has_value() ? 1 : 0;
    }
    const std::uint64_t after = test::allocations();
    datagram[0] ^= 1;
    for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence)
        forged += opener.open(sequence, header, datagram, out).has_value() ? 1 : 0;
    const std::uint64_t after_forged = test::allocations();
    BOOST_TEST(opened == 1000U);
    BOOST_TEST(forged == 0U);
    BOOST_TEST(after - before == 0U);
    BOOST_TEST(after_forged - after == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
