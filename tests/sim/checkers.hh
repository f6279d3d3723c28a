// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What must hold, each as a class of its own that only looks.
//
// A checker is asked after every event of the world that it could notice, and at the instants at which it
// asked to be asked again. It keeps the instants that it needs and answers with a sentence once its promise
// is broken. Safety: something happened that never may. Liveness: something did not happen in time. The
// bounds are in bounds.hh.

#include "tests/sim/world.hh"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::sim {

enum class Promise : std::uint8_t { safety, liveness };

/// Since when something holds; end_of_time, if it does not.
class Since {
public:
    void update(bool holds, Instant now) {
        if (!holds)
            since_ = ha::end_of_time;
        else if (since_ == ha::end_of_time)
            since_ = now;
    }
    bool holds() const { return since_ != ha::end_of_time; }
    Instant instant() const { return since_; }

private:
    Instant since_{ha::end_of_time};
};

class Checker {
public:
    virtual ~Checker() = default;
    virtual std::string_view name() const = 0;
    virtual Promise promise() const = 0;
    virtual std::optional<std::string> look(const World& world) = 0;

    std::optional<std::string> check(const World& world) {
        due_ = ha::end_of_time;
        return look(world);
    }
    /// To be asked again by then, even if nothing happens.
    Instant due() const { return due_; }

protected:
    /// It is later than `since` + `bound`; if not yet, the checker will be asked when it is.
    bool overdue(Instant since, Duration bound, Instant now) {
        if (since == ha::end_of_time)
            return false;
        if (now - since > bound)
            return true;
        due_ = std::min(due_, since + bound + Duration{1});
        return false;
    }
    bool overdue(const Since& since, Duration bound, Instant now) {
        return overdue(since.instant(), bound, now);
    }

private:
    Instant due_{ha::end_of_time};
};

using Checkers = std::vector<std::unique_ptr<Checker>>;

void add_role_checkers(Checkers& all);    // who may act as active
void add_service_checkers(Checkers& all); // whom the clients reach
void add_truth_checkers(Checkers& all);   // the mirror, status, what is kept

/// One of each.
Checkers all_checkers();

/// For sentences.
std::string ms(Duration duration);

} // namespace tandem::sim
