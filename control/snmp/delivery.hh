// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One notification on its way to one receiver, as net-snmp has it.
//
// Problem: the library waits for answers inside its calls where it can, above all when it asks a receiver for
// its engine id. Idea: that question is a message of its own, sent and answered like any other, so that no
// call here ever waits. All of this belongs to one thread, since the library's tables of users and engines
// are global. Deliberately absent: threads, and any retry beyond those of an inform.

#include "control/config/snmp_schema.hh"
#include "control/snmp/notification.hh"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tandem::snmp {

/// The sender as receivers know it.
struct Self {
    std::string engine_id;
    std::uint32_t boots{1};
    std::uint32_t time{0};    ///< seconds since that beginning
    std::uint32_t up_time{0}; ///< hundredths of a second since this process began (sysUpTime.0)
};

/// Once in a process, on the thread that delivers: reads no file, makes none, prints nothing.
void begin_library();

class Delivery {
public:
    struct Ended {
        bool good{false};
        std::string detail; ///< a sentence without a full stop
    };

    Delivery(const config::SnmpReceiver& receiver, const config::SnmpWords& words, Notification notification,
             const Self& self, std::chrono::milliseconds timeout);
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;
    ~Delivery();

    /// There is something to be read on it; -1: nothing is awaited.
    int descriptor() const;
    void on_readable();
    /// Sends again what was not answered. To be called every some ten milliseconds.
    void on_time();
    /// Once it has ended.
    const std::optional<Ended>& ended() const { return ended_; }

private:
    struct State;
    void discover();
    void send();
    void end(bool good, std::string detail);
    void look();

    std::unique_ptr<State> state_;
    std::optional<Ended> ended_;
};

} // namespace tandem::snmp
