// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/appliance.hh"
#include "dataplane/contract/guarded.hh"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstring>

namespace tandem::contract {
namespace {

using Octets = std::array<unsigned char, sizeof(Appliance)>;

/// What a reader of the page gets of a value.
Appliance through_the_page(const Appliance& written) {
    Guarded<Appliance> page;
    page.write(written);
    Appliance read;
    BOOST_REQUIRE(page.read(read));
    return read;
}

Appliance an_appliance() {
    Appliance one;
    one.backend = Backend::dpdk;
    one.workers = 2;
    one.cores[0] = 2;
    one.cores[1] = 3;
    one.outside.device[0] = 'o';
    one.inside.device[0] = 'i';
    one.ha[3].device[0] = 'h';
    return one;
}

} // namespace

BOOST_AUTO_TEST_SUITE(appliance)

// An engine leaves when it finds another appliance in the page than it was started with. A brain that was
// started again writes the same one, from another place of its stack.
BOOST_AUTO_TEST_CASE(octets_between_the_values_mean_nothing) {
    const Appliance one = an_appliance();
    Octets octets;
    std::memcpy(octets.data(), &one, sizeof one);
    static_assert(offsetof(Appliance, workers) + 1 < offsetof(Appliance, cores), "there are such octets");
    octets[offsetof(Appliance, workers) + 1] ^= 0xffU;
    Appliance other;
    std::memcpy(static_cast<void*>(&other), octets.data(), sizeof other);
    BOOST_TEST((through_the_page(one) == through_the_page(other)));
}

BOOST_AUTO_TEST_CASE(another_value_is_another_appliance) {
    const Appliance one = an_appliance();
    const auto differs = [&](auto change) {
        Appliance other = one;
        change(other);
        return through_the_page(other) != through_the_page(one);
    };
    BOOST_TEST(differs([](Appliance& a) { a.idle = Idle::poll; }));
    BOOST_TEST(differs([](Appliance& a) { a.sleep_max_us = 81; }));
    BOOST_TEST(differs([](Appliance& a) { a.cores[15] = 1; }));
    BOOST_TEST(differs([](Appliance& a) { a.outside.mtu = 1501; }));
    BOOST_TEST(differs([](Appliance& a) { a.inside.kernel_interface[15] = 'x'; }));
    BOOST_TEST(differs([](Appliance& a) { a.ha[3].mirror = MirrorSeal::clear; }));
    BOOST_TEST(differs([](Appliance& a) { a.ha[0].tags[1] = 7; }));
    BOOST_TEST(!differs([](Appliance&) {}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::contract
