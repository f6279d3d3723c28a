// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/act/runner.hh"

#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::act;
using namespace std::chrono_literals;
using Kind = Runner::Output::Kind;

namespace {

struct Stage {
    Runner runner{Runner::Settings{}};
    Instant now{1000s};

    static Run run(std::string list, std::size_t steps = 2, OnError on_error = OnError::proceed,
                   std::string role = "", std::string subject = "") {
        Run out;
        out.list = std::move(list);
        out.role = std::move(role);
        out.subject = std::move(subject);
        for (std::size_t i = 0; i < steps; ++i)
            out.steps.push_back({i, 5s, on_error});
        return out;
    }
    RunId submit(Run run) { return runner.submit(now, std::move(run)); }

    /// What came out, as words: "begin a.0", "ended a done".
    std::vector<std::string> drain() {
        std::vector<std::string> out;
        while (const auto output = runner.next()) {
            const std::string list = output->run.list;
            const std::string step = list + "." + std::to_string(output->step);
            switch (output->kind) {
            case Kind::began:
                out.push_back("began " + list);
                break;
            case Kind::begin:
                out.push_back("begin " + step);
                break;
            case Kind::cancel:
                out.push_back("cancel " + step);
                break;
            case Kind::step:
                out.push_back("step " + step + " " + std::string{to_string(output->result)});
                break;
            case Kind::ended:
                out.push_back("ended " + list + " " + std::string{to_string(output->end)});
                break;
            }
        }
        return out;
    }
    void expect(const std::vector<std::string>& wanted) {
        const auto got = drain();
        BOOST_TEST(got == wanted, boost::test_tools::per_element());
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(runner)

BOOST_FIXTURE_TEST_CASE(steps_in_their_order, Stage) {
    const RunId id = submit(run("a"));
    expect({"began a", "begin a.0"});
    runner.finished(now, id, 1, StepResult::done); // not its turn
    expect({});
    runner.finished(now, id, 0, StepResult::done);
    expect({"step a.0 done", "begin a.1"});
    runner.finished(now, id, 0, StepResult::failed); // late
    expect({});
    runner.finished(now, id, 1, StepResult::done);
    expect({"step a.1 done", "ended a done"});
    BOOST_TEST(runner.idle());
    BOOST_TEST((runner.deadline() == ha::end_of_time));
}

BOOST_FIXTURE_TEST_CASE(a_failed_step_ends_the_list_or_not, Stage) {
    const RunId on = submit(run("on"));
    runner.finished(now, on, 0, StepResult::failed);
    runner.finished(now, on, 1, StepResult::done);
    expect({"began on", "begin on.0", "step on.0 failed", "begin on.1", "step on.1 done", "ended on failed"});
    const RunId off = submit(run("off", 2, OnError::stop));
    runner.finished(now, off, 0, StepResult::failed);
    expect({"began off", "begin off.0", "step off.0 failed", "ended off stopped"});
}

BOOST_FIXTURE_TEST_CASE(a_step_has_its_time, Stage) {
    const RunId id = submit(run("a"));
    drain();
    BOOST_TEST((runner.deadline() == now + 5s));
    now += 4999ms;
    runner.tick(now);
    expect({});
    now += 1ms;
    runner.tick(now);
    expect({"cancel a.0"});
    runner.finished(now, id, 0, StepResult::done); // ended because it was told to
    expect({"step a.0 timed out", "begin a.1"});
    now += 5s;
    runner.tick(now);
    expect({"cancel a.1"});
    now += 10s; // it does not
    runner.tick(now);
    expect({"step a.1 timed out", "ended a failed"});
    runner.finished(now, id, 1, StepResult::done);
    expect({});
}

BOOST_FIXTURE_TEST_CASE(one_list_at_a_time, Stage) {
    const RunId a = submit(run("a", 1));
    const RunId b = submit(run("b", 1));
    expect({"began a", "begin a.0"});
    runner.finished(now, a, 0, StepResult::done);
    expect({"step a.0 done", "ended a done", "began b", "begin b.0"});
    runner.finished(now, b, 0, StepResult::done);
    expect({"step b.0 done", "ended b done"});
}

BOOST_FIXTURE_TEST_CASE(what_waits_is_folded_and_bounded, Stage) {
    const RunId first = submit(run("a", 1));
    drain();
    submit(run("a", 1));
    expect({});
    Run later = run("a", 1);
    later.variables["reason"] = "later";
    submit(later);
    expect({"ended a folded"});
    BOOST_TEST(runner.waiting().size() == 1U);
    BOOST_TEST(runner.waiting().front().variables.at("reason") == "later");
    submit(run("a", 1, OnError::proceed, "", "another check"));
    expect({});
    for (int i = 0; i < 20; ++i)
        submit(run("list" + std::to_string(i), 1));
    const auto told = drain();
    BOOST_TEST(runner.waiting().size() == 16U);
    BOOST_TEST(told.size() == 6U);
    BOOST_TEST(told.front() == "ended list14 full");
    runner.finished(now, first, 0, StepResult::done);
    expect({"step a.0 done", "ended a done", "began a", "begin a.0"});
}

BOOST_FIXTURE_TEST_CASE(a_newer_role_ends_what_is_obsolete, Stage) {
    const RunId down = submit(run("check", 1)); // not for a role: it may cause the change
    submit(run("role", 2, OnError::proceed, "standby"));
    expect({"began check", "begin check.0"});
    runner.on_role(now, "active");
    expect({"ended role obsolete"});
    submit(run("role", 2, OnError::proceed, "active"));
    runner.finished(now, down, 0, StepResult::done);
    expect({"step check.0 done", "ended check done", "began role", "begin role.0"});
    runner.on_role(now, "active");
    expect({});
    runner.on_role(now, "fault");
    expect({"cancel role.0"});
    submit(run("role", 1, OnError::proceed, "fault"));
    expect({});
    runner.finished(now, 3, 0, StepResult::done);
    expect({"step role.0 cancelled", "ended role obsolete", "began role", "begin role.0"});
}

BOOST_FIXTURE_TEST_CASE(one_that_hangs_does_not_hold_up_the_newer_role_for_ever, Stage) {
    submit(run("role", 2, OnError::proceed, "standby"));
    drain();
    runner.on_role(now, "active");
    submit(run("role", 1, OnError::proceed, "active"));
    expect({"cancel role.0"});
    now = runner.deadline();
    runner.tick(now);
    expect({"step role.0 cancelled", "ended role obsolete", "began role", "begin role.0"});
}

BOOST_FIXTURE_TEST_CASE(a_list_that_triggers_itself_is_held_back, Stage) {
    unsigned begun = 0;
    unsigned limited = 0;
    for (int i = 0; i < 100; ++i) {
        const RunId id = submit(run("loop", 1));
        for (const std::string& word : drain()) {
            begun += word == "began loop";
            limited += word == "ended loop limited";
        }
        runner.finished(now, id, 0, StepResult::done);
        drain();
        now += 100ms;
    }
    BOOST_TEST(begun == 10U);
    BOOST_TEST(limited == 90U);
    Run asked = run("loop", 1);
    asked.limited = Run::Limit::no; // an operator is not held back
    runner.finished(now, submit(asked), 0, StepResult::done);
    expect({"began loop", "begin loop.0", "step loop.0 done", "ended loop done"});
    now += 60s;
    submit(run("loop", 1));
    expect({"began loop", "begin loop.0"});
}

BOOST_FIXTURE_TEST_CASE(an_operator_cancels, Stage) {
    const RunId a = submit(run("a"));
    submit(run("b"));
    submit(run("c"));
    drain();
    BOOST_TEST(runner.cancel(now, "b") == 1U);
    expect({"ended b cancelled"});
    BOOST_TEST(runner.cancel(now, "") == 2U);
    expect({"ended c cancelled", "cancel a.0"});
    BOOST_TEST(runner.cancel(now, "") == 0U);
    runner.finished(now, a, 0, StepResult::done);
    expect({"step a.0 cancelled", "ended a cancelled"});
}

BOOST_FIXTURE_TEST_CASE(a_list_without_a_step_that_is_meant, Stage) {
    submit(run("a", 0));
    expect({"began a", "ended a done"});
}

BOOST_AUTO_TEST_SUITE_END()
