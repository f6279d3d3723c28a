// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenario/play.hh"

#include "control/ha/node.hh"
#include "tests/scenario/words.hh"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace tandem::ha {
namespace {

using std::chrono::milliseconds;
constexpr Instant start = Instant{} + std::chrono::seconds{1000};

Duration duration(const std::string& text) {
    const long count = std::strtol(text.c_str(), nullptr, 10);
    return text.ends_with("ms") ? milliseconds{count} : milliseconds{count * 1000};
}

struct Actor {
    Policy policy;
    std::optional<Node> node;
    std::uint32_t life{0};
    bool silenced{false};
    bool beat_now{false};
    bool raise_now{false};
    bool probe_now{false};
    Instant asleep_until{};
    Instant asked{};
    std::vector<Input> waiting; ///< what arrived while it was not scheduled
};

class Stage {
public:
    void command(const std::string& line);
    std::string take() { return std::exchange(text_, {}); }

private:
    void nodes(std::istringstream& words);
    void run(Duration length);
    void step();
    void act(const std::string& verb, std::size_t who, std::istringstream& words);
    void order(std::size_t who, std::istringstream& words);
    void give(std::size_t who, const Input& input);
    void drain(std::size_t who);
    void beat(std::size_t from);
    void begin(std::size_t who);
    void say(std::size_t who, const std::string& what);

    std::array<Actor, 2> actors_;
    Instant now_{start};
    bool lan_{true};
    std::string text_;
};

void Stage::say(std::size_t who, const std::string& what) {
    std::array<char, 48> head{};
    const auto ms = std::chrono::duration_cast<milliseconds>(now_ - start).count();
    std::snprintf(head.data(), head.size(), "%8lld ms  %zu: ", static_cast<long long>(ms), who + 1);
    text_ += head.data() + what + "\n";
}

void Stage::drain(std::size_t who) {
    Actor& actor = actors_[who];
    while (const auto output = actor.node->next()) {
        if (output->effect == Effect::beat) {
            actor.beat_now = true;
            continue; // the link carries it; what it causes is seen at the other node
        }
        if (output->effect == Effect::probe)
            actor.probe_now = true;
        if (output->effect == Effect::raise)
            actor.raise_now = true; // the kernel takes the addresses before the next millisecond
        if (output->effect == Effect::keep_epoch)
            actor.policy.known_epoch = output->epoch;
        say(who, line(*output));
    }
}

void Stage::give(std::size_t who, const Input& input) {
    Actor& actor = actors_[who];
    if (!actor.node)
        return;
    if (now_ < actor.asleep_until)
        return actor.waiting.push_back(input);
    actor.node->on(now_, input);
    drain(who);
}

void Stage::begin(std::size_t who) {
    Actor& actor = actors_[who];
    ++actor.life;
    actor.node.emplace(actor.policy, now_);
    drain(who);
    give(who, Readiness{true});
}

void Stage::beat(std::size_t from) {
    const Actor& actor = actors_[from];
    if (!actor.node || actor.silenced || !actors_[1 - from].node || now_ < actor.asleep_until)
        return;
    const View& view = actor.node->view();
    for (std::size_t path = 0; path < actor.policy.paths; ++path)
        give(1 - from, PeerBeat{.path = path,
                                .node_id = actor.policy.node_id,
                                .incarnation = actor.life,
                                .role = view.role,
                                .epoch = view.epoch,
                                .configured = actor.policy.configured,
                                .priority = actor.policy.priority,
                                .ready = view.ready,
                                .resigning = view.resigning,
                                .holds = view.holds,
                                .leaving = view.leaving});
}

void Stage::step() {
    now_ += milliseconds{1};
    for (std::size_t who = 0; who < 2; ++who) {
        Actor& actor = actors_[who];
        if (!actor.node || now_ < actor.asleep_until)
            continue;
        if (std::exchange(actor.probe_now, false) && lan_ && actors_[1 - who].node &&
            actors_[1 - who].node->view().holds)
            give(who, Claim{});
        for (const Input& input : std::exchange(actor.waiting, {}))
            give(who, input);
        if (std::exchange(actor.raise_now, false))
            give(who, Raised{true, actor.node->view().epoch});
        if (now_ == actor.asleep_until)
            give(who, Tick{now_ - actor.asked});
        else if (now_ >= actor.node->deadline())
            give(who, Tick{});
    }
    for (std::size_t who = 0; who < 2; ++who) {
        Actor& actor = actors_[who];
        const bool due = (now_ - start) % actor.policy.interval == Duration::zero();
        if (std::exchange(actor.beat_now, false) || due)
            beat(who);
    }
}

void Stage::run(Duration length) {
    for (const Instant end = now_ + length; now_ < end;)
        step();
}

void Stage::nodes(std::istringstream& words) {
    for (std::size_t who = 0; who < 2; ++who) {
        std::string description;
        words >> description;
        std::istringstream parts{description};
        Policy& policy = actors_[who].policy;
        policy.node_id = static_cast<std::uint8_t>(who + 1);
        for (std::string part; std::getline(parts, part, ',');) {
            const auto value = std::strtoul(part.substr(part.find('=') + 1).c_str(), nullptr, 10);
            if (part == "primary")
                policy.configured = ConfiguredRole::primary;
            else if (part.starts_with("epoch="))
                policy.known_epoch = value;
            else if (part.starts_with("priority="))
                policy.priority = static_cast<std::uint8_t>(value);
            else if (part.starts_with("paths="))
                policy.paths = value;
            else if (part.starts_with("disabled="))
                policy.initial = InitialState::disabled;
        }
    }
    begin(0);
    begin(1);
}

void Stage::order(std::size_t who, std::istringstream& words) {
    std::string verb;
    std::string force;
    words >> verb >> force;
    const auto kind = verb == "failover"   ? Verb::failover
                      : verb == "failback" ? Verb::failback
                      : verb == "enable"   ? Verb::enable
                      : verb == "disable"  ? Verb::disable
                                           : Verb::leave;
    give(who, Operator{kind, force == "force" ? Force::yes : Force::no, 1});
}

void Stage::act(const std::string& verb, std::size_t who, std::istringstream& words) {
    Actor& actor = actors_[who];
    std::string more;
    if (verb == "order")
        return order(who, words);
    words >> more;
    if (verb == "silence" || verb == "hear") {
        actor.silenced = verb == "silence";
    } else if (verb == "kill") {
        actor.node.reset();
    } else if (verb == "start") {
        begin(who);
    } else if (verb == "gone") {
        for (std::size_t path = 0; path < actor.policy.paths; ++path)
            if (more.empty() || std::to_string(path) == more)
                give(1 - who, PeerGone{path});
    } else if (verb == "stall") {
        actor.asked = now_ + actor.policy.interval;
        actor.asleep_until = now_ + duration(more);
    } else if (verb == "port") {
        give(who, Port{more == "back"});
    } else if (verb == "ready" || verb == "unready") {
        give(who, Readiness{verb == "ready"});
    } else if (verb == "claim") {
        give(who, Claim{});
    } else if (verb == "straggler") {
        give(who, Straggler{});
    } else if (verb == "refuse") {
        give(who, Raised{false, actor.node->view().epoch});
    } else {
        text_ += "unknown command\n";
    }
}

void Stage::command(const std::string& line) {
    std::istringstream words{line};
    std::string verb;
    std::string first;
    words >> verb;
    if (verb == "nodes")
        return nodes(words);
    words >> first;
    if (verb == "run")
        return run(duration(first));
    if (verb == "lan") {
        lan_ = first == "whole";
        return;
    }
    if (first == "1" || first == "2")
        return act(verb, first == "1" ? 0 : 1, words);
    text_ += "unknown command\n";
}

} // namespace

std::string play(const std::string& transcript) {
    Stage stage;
    std::string played;
    std::istringstream lines{transcript};
    for (std::string each; std::getline(lines, each);) {
        if (each.empty() || each.starts_with("#"))
            played += each + "\n";
        if (!each.starts_with("> "))
            continue;
        stage.command(each.substr(2));
        played += each + "\n" + stage.take();
    }
    return played;
}

} // namespace tandem::ha
