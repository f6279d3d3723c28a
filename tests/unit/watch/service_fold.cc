// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/service_fold.hh"

#include "tests/unit/watch/time_line.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::testing;
using watch::ServiceFold;
using watch::ServiceSource;

BOOST_AUTO_TEST_SUITE(service_fold)

BOOST_AUTO_TEST_CASE(working_is_not_told_before_it_failed) {
    ServiceFold fold;
    BOOST_CHECK(!fold.next());
    fold.work(ServiceSource::traffic);
    BOOST_CHECK(!fold.next());
}

BOOST_AUTO_TEST_CASE(a_change_is_told_once) {
    ServiceFold fold;
    fold.fail(ServiceSource::traffic, at(5), ms(70000));
    const auto told = fold.next();
    BOOST_REQUIRE(told.has_value());
    BOOST_CHECK(!told->working);
    BOOST_CHECK(told->since == at(5));
    BOOST_CHECK(told->patience == ms(70000));
    fold.fail(ServiceSource::traffic, at(5), ms(70000));
    BOOST_CHECK(!fold.next());
    fold.work(ServiceSource::traffic);
    const auto again = fold.next();
    BOOST_REQUIRE(again.has_value());
    BOOST_CHECK(again->working);
    BOOST_CHECK(!fold.next());
}

BOOST_AUTO_TEST_CASE(the_patience_that_ends_first_speaks) {
    ServiceFold fold;
    fold.fail(ServiceSource::traffic, at(0), ms(70000));
    BOOST_CHECK(fold.next()->patience == ms(70000));
    fold.fail(ServiceSource::listener, at(50000), ms(10000));
    BOOST_CHECK(fold.next()->since == at(50000));
    fold.fail(ServiceSource::process, at(65000), ms(10000)); // ends later
    BOOST_CHECK(!fold.next());
    BOOST_CHECK(fold.is_failed(ServiceSource::process));
    fold.work(ServiceSource::listener);
    BOOST_CHECK(!fold.is_failed(ServiceSource::listener));
    BOOST_CHECK(fold.next()->since == at(0));
    fold.work(ServiceSource::traffic);
    BOOST_CHECK(fold.next()->since == at(65000));
    fold.work(ServiceSource::process);
    BOOST_CHECK(fold.next()->working);
}

BOOST_AUTO_TEST_SUITE_END()
