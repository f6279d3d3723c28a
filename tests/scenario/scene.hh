// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The scene of a transcript: two nodes and the millisecond world around them. See play.hh.

#include "control/ha/node.hh"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace tandem::ha {

/// `hangs`: does not answer, and its monitors have not noticed.
enum class Server : std::uint8_t { well, dead, unbound, hangs };

/// One machine.
struct Actor {
    Policy policy;
    std::optional<Node> node;
    std::uint32_t life{0};
    std::array<bool, paths_max> mute{}; ///< its heartbeats are lost on the path
    Server server{Server::well};
    std::uint8_t lacks{0}; ///< besides what the server lacks
    bool beat_now{false};
    bool raise_now{false};
    Instant asleep_until{};
    Instant asleep_since{};
    bool frozen{false};           ///< while asleep: the kernel too
    bool outside{false};          ///< its kernel has the addresses
    std::optional<Instant> asked; ///< a question to its SIP server waits for the packet path to go on
    std::vector<Input> waiting;   ///< in its sockets
};

class Scene {
public:
    static constexpr Instant epoch = Instant{} + std::chrono::seconds{1000};

    void switch_on();
    void run(Duration length);
    /// An input from outside of what the scene models.
    void give(std::size_t who, const Input& input);
    void begin(std::size_t who);
    void put_to_sleep(std::size_t who, Duration length, bool frozen);
    void serve(std::size_t who, Server server, Duration patience);
    void tell_readiness(std::size_t who);
    void show(std::size_t who);
    /// Forgets what was said and counts the time from now.
    void settle();
    std::string take();
    void complain(const std::string& what) { text_ += what + "\n"; }

    std::array<Actor, 2> actors;
    bool lan{true};
    bool stranger{false};

private:
    void step();
    void drain(std::size_t who);
    void carry_out(std::size_t who, const Output& output);
    void beat(std::size_t from);
    bool asleep(std::size_t who) const { return now_ < actors[who].asleep_until; }
    bool hears_lan(std::size_t who) const;
    bool kernel_answers(std::size_t who) const;
    void answer_look(std::size_t who);
    void say(std::size_t who, const std::string& what);
    void end_probes();

    Instant now_{epoch};
    Instant zero_{epoch};
    std::string text_;
    /// Probes of one node in a row: the first two are shown, the last one with their number.
    struct Probes {
        std::size_t who{0};
        unsigned count{0};
        std::string last;
    };
    Probes probes_;
};

} // namespace tandem::ha
