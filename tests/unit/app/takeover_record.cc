// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/takeover_record.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace std::chrono_literals;

namespace {

ha::Output decision(std::uint64_t epoch) {
    return {.effect = ha::Effect::report,
            .event = ha::Event::took_over_silence,
            .epoch = epoch,
            .last_heard = ha::Instant{100ms},
            .detected = ha::Instant{115ms},
            .decided = ha::Instant{116ms}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(takeover_record)

BOOST_AUTO_TEST_CASE(is_whole_when_decision_addresses_and_announcement_are_known_in_any_order) {
    app::TakeoverRecorder first;
    first.decided(decision(3));
    BOOST_TEST(!first.take());
    first.addresses_done(3, ha::Instant{117ms});
    first.announced(3, ha::Instant{118ms});
    const auto record = first.take();
    BOOST_REQUIRE(record.has_value());
    BOOST_TEST((record->addresses == ha::Instant{117ms}));
    BOOST_TEST(!first.take()); // once

    app::TakeoverRecorder second;
    second.addresses_done(3, ha::Instant{117ms});
    second.announced(3, ha::Instant{118ms});
    BOOST_TEST(!second.take());
    second.decided(decision(3));
    BOOST_TEST(second.take().has_value());
}

BOOST_AUTO_TEST_CASE(later_announcements_do_not_change_the_record) {
    app::TakeoverRecorder recorder;
    recorder.decided(decision(3));
    recorder.addresses_done(3, ha::Instant{117ms});
    recorder.announced(3, ha::Instant{118ms});
    recorder.announced(3, ha::Instant{168ms});
    BOOST_TEST((recorder.take()->announced == ha::Instant{118ms}));
    recorder.announced(3, ha::Instant{618ms});
    BOOST_TEST(!recorder.take());
}

BOOST_AUTO_TEST_CASE(numbers_of_an_earlier_epoch_do_not_mix_in) {
    app::TakeoverRecorder recorder;
    recorder.decided(decision(5));
    recorder.addresses_done(4, ha::Instant{1ms});
    recorder.announced(4, ha::Instant{2ms});
    BOOST_TEST(!recorder.take());
}

BOOST_AUTO_TEST_SUITE_END()
