// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ha_frame.hh"

#include "tests/unit/wire/octets.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <string_view>

namespace tandem::wire::test {
namespace {

HaError header_error(const Octets& octets) {
    const auto header = read_ha_header(octets);
    BOOST_REQUIRE(!header);
    return header.error();
}

HaError beat_error(const Octets& octets) {
    const auto beat = read_beat(octets);
    BOOST_REQUIRE(!beat);
    return beat.error();
}

} // namespace

BOOST_AUTO_TEST_SUITE(ha_frame)

BOOST_AUTO_TEST_CASE(header_octet_by_octet) {
    std::array<std::uint8_t, HaHeader::size> out;
    out.fill(0xee);
    write(HaHeader{1, HaType::mirror, 0x01020304U, 0x1112131415161718U}, out);
    const Octets expected{1, 2, 0, 0, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
    BOOST_TEST(out == expected, boost::test_tools::per_element());
    const auto header = read_ha_header(out);
    BOOST_REQUIRE(header);
    BOOST_TEST((header->type == HaType::mirror));
    BOOST_TEST(header->association == 0x01020304U);
    BOOST_TEST(header->sequence == 0x1112131415161718U);
}

BOOST_AUTO_TEST_CASE(headers_that_are_refused) {
    const Octets good = seed("ha_frame/header-heartbeat.bin");
    BOOST_REQUIRE(read_ha_header(good));
    for (std::size_t length = 0; length < HaHeader::size; ++length)
        BOOST_TEST((header_error({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}) ==
                    HaError::truncated));
    for (const int version : {0, 2, 255}) {
        Octets other = good;
        other[0] = static_cast<std::uint8_t>(version);
        BOOST_TEST((header_error(other) == HaError::version));
    }
    for (const int type : {0, 4, 255}) {
        Octets other = good;
        other[1] = static_cast<std::uint8_t>(type);
        BOOST_TEST((header_error(other) == HaError::type));
    }
}

BOOST_AUTO_TEST_CASE(beat_made_elsewhere) {
    const Octets octets = seed("ha_frame/beat-two-groups.bin");
    BOOST_TEST(octets.size() == 56U + 2 * 20U);
    const auto beat = read_beat(octets);
    BOOST_REQUIRE(beat);
    BOOST_TEST(beat->pair_hash == 0x11223344U);
    BOOST_TEST(beat->node_id == 1);
    BOOST_TEST(beat->group_count == 2);
    BOOST_TEST(beat->incarnation == 0xcafeU);
    BOOST_TEST(beat->config_digest == 5U);
    BOOST_TEST(beat->sent_ns == 6U);
    BOOST_TEST(beat->echo_ns == 7U);
    BOOST_TEST(beat->echo_age_us == 8U);
    BOOST_TEST(beat->mirror_sent == 9U);
    BOOST_TEST(beat->mirror_handled == 10U);
    BOOST_TEST(beat->groups[0].name_hash == 1U);
    BOOST_TEST(beat->groups[0].epoch == 2U);
    BOOST_TEST(beat->groups[0].role == 3);
    BOOST_TEST(beat->groups[0].priority == 4);
    BOOST_TEST(beat->groups[0].score == 1000);
    BOOST_TEST(beat->groups[0].flags == 5);
    BOOST_TEST(beat->groups[0].lacks == 0x55);
    BOOST_TEST(beat->groups[0].role_serial == 0xaa);
    BOOST_TEST(beat->groups[1].name_hash == 9U);
    BOOST_TEST(beat->groups[1].flags == 31);
    BOOST_TEST(beat->groups[1].lacks == 0x7f);
    BOOST_TEST(beat->groups[1].role_serial == 0xff);
    std::array<std::uint8_t, Beat::size_max> out{};
    BOOST_REQUIRE(write(*beat, out) == octets.size());
    BOOST_TEST(std::equal(octets.begin(), octets.end(), out.begin()));
}

BOOST_AUTO_TEST_CASE(beats_of_every_group_count_and_their_buffers) {
    for (std::uint8_t count = 0; count <= Beat::groups_max; ++count) {
        Beat beat;
        beat.group_count = count;
        std::array<std::uint8_t, Beat::size_max> out{};
        const std::size_t length = write(beat, out);
        BOOST_TEST(length == 56U + count * 20U);
        BOOST_TEST(write(beat, std::span{out}.first(length - 1)) == 0U);
        const auto read = read_beat(std::span{out}.first(length));
        BOOST_REQUIRE(read);
        BOOST_TEST(read->group_count == count);
    }
}

BOOST_AUTO_TEST_CASE(beats_that_are_refused) {
    const Octets good = seed("ha_frame/beat-two-groups.bin");
    for (std::size_t length = 0; length < good.size(); ++length)
        BOOST_TEST((beat_error({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}) ==
                    HaError::truncated));
    Octets longer = good;
    longer.push_back(0);
    BOOST_TEST((beat_error(longer) == HaError::malformed));
    Octets fewer = good;
    fewer[5] = 1;
    BOOST_TEST((beat_error(fewer) == HaError::malformed));
    Octets more = good;
    more[5] = 3;
    BOOST_TEST((beat_error(more) == HaError::truncated));
    Octets too_many = good;
    too_many[5] = 9;
    too_many.resize(56 + 9 * 20);
    BOOST_TEST((beat_error(too_many) == HaError::malformed));
    Octets score = good;
    score[56 + 15] = 0xe9; // 1001
    BOOST_TEST((beat_error(score) == HaError::malformed));
}

BOOST_AUTO_TEST_CASE(every_field_of_a_group_has_its_own_octets) {
    Beat beat;
    beat.group_count = 1;
    beat.groups[0] = {.name_hash = 0x01020304,
                      .epoch = 0x1112131415161718,
                      .role = 0x21,
                      .priority = 0x22,
                      .score = 0x0123,
                      .flags = 0x3132,
                      .lacks = 0x41,
                      .role_serial = 0x42};
    std::array<std::uint8_t, Beat::size_max> out{};
    BOOST_REQUIRE(write(beat, out) == 76U);
    const Octets expected{0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
                          0x17, 0x18, 0x21, 0x22, 0x01, 0x23, 0x31, 0x32, 0x41, 0x42};
    BOOST_TEST(std::equal(expected.begin(), expected.end(), out.begin() + 56));
}

// The two values are those of the algorithm's authors for "" and "a".
BOOST_AUTO_TEST_CASE(name_hashes) {
    BOOST_TEST(name_hash("", 0) == 0x811c9dc5U);
    BOOST_TEST(name_hash("a", 1) == 0xe40c292cU);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire::test
