// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/mirror_frame.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <random>
#include <vector>

using namespace tandem::path;

namespace {
std::span<const std::uint8_t> first(const std::vector<std::uint8_t>& bytes, std::size_t n) {
    return std::span(bytes).first(n);
}
} // namespace

BOOST_AUTO_TEST_SUITE(mirror_frame)

BOOST_AUTO_TEST_CASE(packet_octet_by_octet) {
    std::vector<std::uint8_t> bytes(PacketFrame::header_size + 2, 0xee);
    BOOST_TEST(write_packet_header({0x0102030405060708U, 0x1112, 0x2122, {}}, bytes) == 28U);
    const std::vector<std::uint8_t> want{1, 0, 0, 0,    1,    2, 3, 4, 5, 6, 7, 8,    0,    0,    0,
                                         0, 0, 0, 0x11, 0x12, 0, 0, 0, 0, 0, 0, 0x21, 0x22, 0xee, 0xee};
    BOOST_TEST(bytes == want, boost::test_tools::per_element());
    mark_sent_again(bytes);
    BOOST_TEST(bytes[1] == 1U);
    const auto frame = read_frame(bytes);
    BOOST_REQUIRE(frame.has_value());
    const auto& packet = std::get<PacketFrame>(*frame);
    BOOST_TEST(packet.stream == 0x0102030405060708U);
    BOOST_TEST(packet.sequence == 0x1112U);
    BOOST_TEST(packet.epoch == 0x2122U);
    BOOST_TEST(packet.packet.size() == 2U);
}

BOOST_AUTO_TEST_CASE(control_frames_come_back) {
    std::vector<std::uint8_t> bytes(RequestFrame::size_max);
    std::size_t n = write(MarkFrame{7, 20, 3, 5, 99}, bytes);
    const auto mark = read_frame(first(bytes, n));
    BOOST_REQUIRE(mark.has_value());
    BOOST_TEST(std::get<MarkFrame>(*mark).next == 20U);
    BOOST_TEST(std::get<MarkFrame>(*mark).oldest == 3U);
    BOOST_TEST(std::get<MarkFrame>(*mark).begin == 5U);
    BOOST_TEST(std::get<MarkFrame>(*mark).incarnation == 99U);

    n = write(ReportFrame{7, 99, 12, 3}, bytes);
    const auto report = read_frame(first(bytes, n));
    BOOST_REQUIRE(report.has_value());
    BOOST_TEST(std::get<ReportFrame>(*report).handled == 12U);
    BOOST_TEST(std::get<ReportFrame>(*report).missing == 3U);

    RequestFrame request;
    request.stream = 7;
    request.range_count = RequestFrame::ranges_max;
    for (std::size_t i = 0; i < RequestFrame::ranges_max; ++i)
        request.ranges[i] = {i * 10 + 1, static_cast<std::uint32_t>(i + 1)};
    n = write(request, bytes);
    BOOST_TEST(n == RequestFrame::size_max);
    const auto read = read_frame(first(bytes, n));
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(std::get<RequestFrame>(*read).ranges[31].first == 311U);
    BOOST_TEST(std::get<RequestFrame>(*read).ranges[31].count == 32U);
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
    std::vector<std::uint8_t> bytes(RequestFrame::size_max);
    RequestFrame request;
    request.stream = 1;
    request.range_count = 2;
    request.ranges[0] = {1, 1};
    request.ranges[1] = {5, 1};
    const std::size_t lengths[] = {write(MarkFrame{1, 1, 1, 1, 0}, bytes), 0};
    for (std::size_t n = 0; n < lengths[0]; ++n)
        BOOST_TEST(!read_frame(first(bytes, n)).has_value());
    std::size_t length = write(request, bytes);
    for (std::size_t n = 0; n < length; ++n)
        BOOST_TEST(!read_frame(first(bytes, n)).has_value());
    length = write(ReportFrame{1, 1, 1, 1}, bytes);
    for (std::size_t n = 0; n < length; ++n)
        BOOST_TEST(!read_frame(first(bytes, n)).has_value());
    length = write_packet_header({1, 1, 1, {}}, bytes); // and no packet behind it
    for (std::size_t n = 0; n <= length; ++n)
        BOOST_TEST(!read_frame(first(bytes, n)).has_value());
}

BOOST_AUTO_TEST_CASE(contradictions_are_refused) {
    std::vector<std::uint8_t> bytes(RequestFrame::size_max);
    const auto refused = [&](std::size_t n) { return !read_frame(first(bytes, n)).has_value(); };
    BOOST_TEST(refused(write(MarkFrame{0, 1, 1, 1, 0}, bytes)));                 // no stream
    BOOST_TEST(refused(write(MarkFrame{1, 4, 5, 1, 0}, bytes)));                 // oldest beyond next
    BOOST_TEST(refused(write(MarkFrame{1, 4, 1, 5, 0}, bytes)));                 // begin beyond next
    BOOST_TEST(refused(write(MarkFrame{1, ~std::uint64_t{0}, 1, 1, 0}, bytes))); // absurdly far
    BOOST_TEST(refused(write(ReportFrame{1, 0, 0, 0}, bytes)));                  // no incarnation
    bytes.assign(bytes.size(), 0);
    bytes[0] = 9;
    const auto unknown = read_frame(bytes);
    BOOST_REQUIRE(!unknown.has_value());
    BOOST_TEST((unknown.error() == FrameError::type));
}

BOOST_AUTO_TEST_CASE(noise_never_breaks_the_reader) {
    std::mt19937 random{4475};
    std::array<std::uint8_t, 500> bytes{};
    for (int i = 0; i < 50'000; ++i) {
        for (std::uint8_t& octet : bytes)
            octet = static_cast<std::uint8_t>(random());
        bytes[0] = static_cast<std::uint8_t>(random() % 7);
        const auto frame = read_frame(std::span(bytes).first(random() % bytes.size()));
        if (frame && std::holds_alternative<RequestFrame>(*frame))
            BOOST_TEST(std::get<RequestFrame>(*frame).range_count <= RequestFrame::ranges_max);
    }
}

BOOST_AUTO_TEST_SUITE_END()
