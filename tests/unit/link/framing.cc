// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/framing.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem::link;

BOOST_AUTO_TEST_SUITE(framing)

BOOST_AUTO_TEST_CASE(every_kind_of_length) {
    const struct {
        int number;
        FrameHeader octets;
        FrameKind kind;
        std::size_t length;
    } cases[] = {
        {1, {0, 0, 0, 0}, FrameKind::keepalive, 0},
        {2, {0, 0, 0, 1}, FrameKind::message, 1},
        {3, {0, 0, 1, 0}, FrameKind::message, 256},
        {4, {0, 0, 0x10, 0}, FrameKind::message, 4096}, // the limit itself
        {5, {0, 0, 0x10, 1}, FrameKind::refused, 0},
        {6, {0x80, 0, 0, 0}, FrameKind::refused, 0},
        {7, {0xff, 0xff, 0xff, 0xfd}, FrameKind::refused, 0},
        {8, {0xff, 0xff, 0xff, 0xfe}, FrameKind::abandon, 0},
        {9, {0xff, 0xff, 0xff, 0xff}, FrameKind::goodbye, 0},
    };
    for (const auto& c : cases) {
        const Frame frame = read_frame_header(c.octets, 4096);
        BOOST_TEST((frame.kind == c.kind), "case " << c.number);
        BOOST_TEST(frame.length == c.length, "case " << c.number);
    }
}

BOOST_AUTO_TEST_CASE(the_length_is_big_endian) {
    const FrameHeader expected{0x01, 0x02, 0x03, 0x04};
    BOOST_TEST((frame_header(0x01020304U) == expected));
}

BOOST_AUTO_TEST_SUITE_END()
