// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/guarded.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>

namespace tandem::contract {
namespace {

struct Wide {
    std::array<std::uint32_t, 101> numbers{}; // not a whole number of 8-octet words
};

Wide filled_with(std::uint32_t number) {
    Wide wide;
    wide.numbers.fill(number);
    return wide;
}

} // namespace

BOOST_AUTO_TEST_SUITE(guarded)

BOOST_AUTO_TEST_CASE(gives_back_what_was_written) {
    Guarded<Wide> guarded;
    const auto before = guarded.sequence();
    guarded.write(filled_with(7));
    BOOST_TEST(guarded.sequence() != before);
    Wide read;
    BOOST_REQUIRE(guarded.read(read));
    BOOST_TEST(read.numbers == filled_with(7).numbers, boost::test_tools::per_element());
}

// The sequence lies first; a writer that died between two words leaves it odd.
BOOST_AUTO_TEST_CASE(a_dead_writer_is_noticed_and_mended) {
    Guarded<Wide> guarded;
    guarded.write(filled_with(1));
    const std::uint32_t odd = guarded.sequence() + 1;
    std::memcpy(static_cast<void*>(&guarded), &odd, sizeof odd);
    Wide read = filled_with(9);
    BOOST_TEST(!guarded.read(read));
    BOOST_TEST(read.numbers[0] == 9U);
    guarded.write(filled_with(2));
    BOOST_REQUIRE(guarded.read(read));
    BOOST_TEST(read.numbers[100] == 2U);
}

BOOST_AUTO_TEST_CASE(a_reader_never_sees_half_a_value) {
    Guarded<Wide> guarded;
    std::atomic<bool> stop{false};
    std::thread writer{[&] {
        for (std::uint32_t i = 1; !stop.load(); ++i)
            guarded.write(filled_with(i));
    }};
    std::uint64_t whole = 0;
    bool torn = false;
    for (int attempt = 0; attempt < 200000 && !torn; ++attempt) {
        Wide read;
        if (!guarded.read(read))
            continue;
        ++whole;
        for (const std::uint32_t number : read.numbers)
            torn = torn || number != read.numbers[0];
    }
    stop.store(true);
    writer.join();
    BOOST_TEST(!torn);
    BOOST_TEST(whole > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
