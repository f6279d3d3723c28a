// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenario/play.hh"

#include "tests/scenario/scene.hh"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

namespace tandem::ha {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Duration duration(const std::string& text) {
    const long count = std::strtol(text.c_str(), nullptr, 10);
    return text.ends_with("ms") ? milliseconds{count} : milliseconds{count * 1000};
}

/// "primary,priority=90"; false when a word is not known.
bool read_policy(const std::string& description, Policy& policy) {
    policy.probe_ahead = policy.probe_wait; // as the daemon does
    std::istringstream parts{description};
    for (std::string part; std::getline(parts, part, ',');) {
        const std::size_t split = part.find('=');
        const std::string key = part.substr(0, split);
        const std::string value = split == std::string::npos ? "" : part.substr(split + 1);
        const auto count = std::strtol(value.c_str(), nullptr, 10);
        if (key == "primary")
            policy.configured = ConfiguredRole::primary;
        else if (key == "epoch")
            policy.known_epoch = static_cast<std::uint64_t>(count);
        else if (key == "priority")
            policy.priority = static_cast<std::uint8_t>(count);
        else if (key == "paths")
            policy.paths = static_cast<std::size_t>(count);
        else if (key == "disabled")
            policy.initial = InitialState::disabled;
        else if (key == "interval")
            policy.interval = milliseconds{count};
        else if (key == "multiplier")
            policy.multiplier = static_cast<unsigned>(count);
        else if (key == "hysteresis")
            policy.hysteresis = static_cast<std::uint16_t>(count);
        else if (key == "damper")
            policy.damper_base = seconds{count};
        else if (key == "hold")
            policy.failback_hold = seconds{count};
        else if (key == "failback")
            policy.failback = value == "auto" ? Failback::automatic : Failback::window;
        else if (key != "secondary")
            return false;
    }
    return true;
}

/// One command: its words after the verb.
struct Words {
    std::vector<std::string> list;
    const std::string& at(std::size_t index) const {
        static const std::string nothing;
        return index < list.size() ? list[index] : nothing;
    }
    std::size_t count() const { return list.size(); }
};

class Play {
public:
    void command(const std::string& line);
    std::string take() { return scene_.take(); }

private:
    bool switch_on(const Words& words);
    bool on_network(const std::string& verb, const Words& words);
    bool on_machine(const std::string& verb, std::size_t who, const Words& words);
    bool on_monitors(const std::string& verb, std::size_t who, const Words& words);
    bool order(std::size_t who, const Words& words);
    void mute(std::size_t who, const std::string& path, bool muted);

    Scene scene_;
};

bool Play::switch_on(const Words& words) {
    for (std::size_t who = 0; who < 2; ++who) {
        scene_.actors[who].policy.node_id = static_cast<std::uint8_t>(who + 1);
        if (!read_policy(words.at(who), scene_.actors[who].policy))
            return false;
    }
    scene_.switch_on();
    return words.count() == 2;
}

void Play::mute(std::size_t who, const std::string& path, bool muted) {
    for (std::size_t i = 0; i < paths_max; ++i)
        if (path.empty() || path == "all" || path == std::to_string(i))
            scene_.actors[who].mute[i] = muted;
}

bool Play::on_network(const std::string& verb, const Words& words) {
    if (verb == "cut" || verb == "join") {
        mute(0, words.at(0), verb == "cut");
        mute(1, words.at(0), verb == "cut");
    } else if (verb == "lan") {
        scene_.lan = words.at(0) == "whole";
    } else if (verb == "stranger") {
        scene_.stranger = words.at(0) == "on";
    } else {
        return false;
    }
    return words.count() == 1;
}

bool Play::on_machine(const std::string& verb, std::size_t who, const Words& words) {
    Actor& actor = scene_.actors[who];
    if (verb == "kill") {
        actor.node.reset();
        actor.outside = false;
    } else if (verb == "start") {
        scene_.begin(who);
    } else if (verb == "silence" || verb == "hear") {
        mute(who, words.at(0), verb == "silence");
    } else if (verb == "gone") {
        for (std::size_t path = 0; path < actor.policy.paths; ++path)
            if (words.at(0).empty() || std::to_string(path) == words.at(0))
                scene_.give(1 - who, PeerGone{path});
    } else if (verb == "stall" || verb == "freeze") {
        scene_.put_to_sleep(who, duration(words.at(0)), verb == "freeze");
    } else if (verb == "refuse") {
        scene_.give(who, Raised{false, actor.node->view().epoch});
    } else if (verb == "show") {
        scene_.show(who);
    } else {
        return false;
    }
    return true;
}

bool Play::on_monitors(const std::string& verb, std::size_t who, const Words& words) {
    static const std::map<std::string, std::uint8_t> lacks{{"none", std::uint8_t{0}},
                                                           {"engine", lack_engine},
                                                           {"mirror", lack_mirror},
                                                           {"config", lack_config},
                                                           {"state", lack_state}};
    static const std::map<std::string, Server> servers{{"well", Server::well},
                                                       {"dead", Server::dead},
                                                       {"unbound", Server::unbound},
                                                       {"hangs", Server::hangs}};
    const std::string& word = words.at(0);
    if (verb == "port") {
        scene_.give(who, Port{word == "back"});
    } else if (verb == "witness") {
        scene_.give(who, Witness{word == "back"});
    } else if (verb == "claim") {
        scene_.give(who, Claim{99});
    } else if (verb == "straggler") {
        scene_.give(who, Straggler{});
    } else if (verb == "health") {
        scene_.give(who, Health{static_cast<std::uint16_t>(std::strtol(word.c_str(), nullptr, 10))});
    } else if (verb == "proof") {
        scene_.give(who, Proof{});
    } else if (verb == "window") {
        scene_.give(who, FailbackWindow{word == "open"});
    } else if (verb == "server" && servers.contains(word)) {
        scene_.serve(who, servers.at(word), duration(words.at(1)));
    } else if (verb == "lacks" && lacks.contains(word)) {
        scene_.actors[who].lacks = lacks.at(word);
        scene_.tell_readiness(who);
    } else {
        return false;
    }
    return true;
}

bool Play::order(std::size_t who, const Words& words) {
    static const std::map<std::string, Verb> verbs{{"failover", Verb::failover}, {"failback", Verb::failback},
                                                   {"enable", Verb::enable},     {"disable", Verb::disable},
                                                   {"leave", Verb::leave},       {"follow", Verb::follow}};
    if (!verbs.contains(words.at(0)))
        return false;
    scene_.give(who, Operator{verbs.at(words.at(0)), words.at(1) == "force" ? Force::yes : Force::no, 1});
    return true;
}

void Play::command(const std::string& line) {
    std::istringstream stream{line};
    std::string verb;
    stream >> verb;
    Words words;
    for (std::string each; stream >> each;)
        words.list.push_back(each);
    bool known = true;
    if (verb == "nodes" || verb == "pair") {
        known = switch_on(words);
        if (verb == "pair") {
            scene_.run(seconds{10});
            scene_.settle();
        }
    } else if (verb == "run") {
        scene_.run(duration(words.at(0)));
    } else if (!on_network(verb, words)) {
        known = words.at(0) == "1" || words.at(0) == "2";
        const std::size_t who = words.at(0) == "1" ? 0 : 1;
        if (known)
            words.list.erase(words.list.begin());
        known = known && (verb == "order" ? order(who, words)
                                          : on_machine(verb, who, words) || on_monitors(verb, who, words));
    }
    if (!known)
        scene_.complain("unknown command");
}

} // namespace

std::string play(const std::string& transcript) {
    Play play;
    std::string played;
    std::istringstream lines{transcript};
    for (std::string each; std::getline(lines, each);) {
        if (each.empty() || each.starts_with("#"))
            played += each + "\n";
        if (!each.starts_with("> "))
            continue;
        play.command(each.substr(2));
        played += each + "\n" + play.take();
    }
    return played;
}

} // namespace tandem::ha
