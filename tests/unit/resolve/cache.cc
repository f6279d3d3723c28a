// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/cache.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::resolve;
using namespace std::chrono_literals;

namespace {

constexpr ha::Instant start{1000s};

Records one(std::uint32_t ttl) {
    Records records;
    records.addresses.push_back(wire::IpAddress::v4({192, 0, 2, 1}));
    records.ttl = ttl;
    return records;
}

/// For how long it is fresh.
ha::Duration fresh_for(Records records) {
    Cache cache;
    cache.add(start, "x", RecordType::a, std::move(records));
    ha::Duration time{};
    while (cache.find(start + time, "x", RecordType::a)->freshness == Freshness::fresh)
        time += 1s;
    return time;
}

} // namespace

BOOST_AUTO_TEST_SUITE(cache)

BOOST_AUTO_TEST_CASE(times_to_live_have_a_floor_and_a_ceiling) {
    BOOST_TEST((fresh_for(one(60)) == 60s));
    BOOST_TEST((fresh_for(one(0)) == 5s));
    BOOST_TEST((fresh_for(one(1'000'000)) == 3600s));
    BOOST_TEST((fresh_for({}) == 30s));
}

BOOST_AUTO_TEST_CASE(what_has_expired_is_kept_for_a_day) {
    Cache cache;
    cache.add(start, "x", RecordType::a, one(60));
    BOOST_TEST((cache.find(start + 61s, "x", RecordType::a)->freshness == Freshness::expired));
    BOOST_TEST(!cache.find(start + 60s + 24h, "x", RecordType::a));
    BOOST_TEST(!cache.find(start, "x", RecordType::aaaa));
    BOOST_TEST(!cache.find(start, "y", RecordType::a));
}

BOOST_AUTO_TEST_CASE(it_is_bounded_and_the_oldest_goes_first) {
    Cache cache({.entries = 3});
    for (int i = 0; i < 10; ++i)
        cache.add(start + i * 1s, "n" + std::to_string(i), RecordType::a, one(60));
    BOOST_TEST(cache.size() == 3U);
    BOOST_TEST(cache.find(start + 10s, "n9", RecordType::a).has_value());
    BOOST_TEST(!cache.find(start + 10s, "n6", RecordType::a));
}

BOOST_AUTO_TEST_SUITE_END()
