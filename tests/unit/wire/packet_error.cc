// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/packet_error.hh"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string_view>

namespace tandem::wire {

BOOST_AUTO_TEST_SUITE(packet_error)

BOOST_AUTO_TEST_CASE(each_has_its_own_sentence) {
    std::set<std::string_view> sentences;
    const auto last = static_cast<unsigned>(PacketError::address);
    for (unsigned i = 0; i <= last; ++i)
        sentences.insert(sentence(static_cast<PacketError>(i)));
    BOOST_TEST(sentences.size() == last + 1);
    BOOST_TEST(!sentences.contains("unknown"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::wire
