// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What is going to happen, in order of time. A small value per event and a flat heap: most of a simulation's
// time is spent here, and ten million events a second leave no room for an allocation each.

#include "tests/sim/random.hh"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tandem::sim {

/// What is to be done; the comment names the fields of Event that it uses beside `host` and `life`.
enum class Task : std::uint8_t {
    power_on,
    hear,            ///< index: path; value: slot of the heartbeat
    peer_gone,       ///< index: path
    claim,           ///< value: station
    hand_done,       ///< the slow operation at hand is finished
    resume,          ///< a pause ends
    guard_ends,      ///< the guard loses patience with a stalled brain
    guard_cleans,    ///< the guard removes the addresses of a dead brain
    restart,         ///< the guard starts the brain again
    renew_addresses, ///< the kernel's lease of the VIPs
    await_end,       ///< is an orderly end complete?; value: limit
    disk_done,       ///< value: epoch
    monitor,         ///< the monitors look at the machine's own state
    witness_turn,    ///< the witness is asked
    look_arrives,    ///< at `host`, from the other one; value: number of the look
    look_answered,   ///< value: number of the look
    look_over,       ///< value: number of the look
    probe_arrives,   ///< at `host`; life: of the one that asks
    server_speaks,   ///< the SIP server says something unasked
    mirror_frame,    ///< value: slot of the frame
    client_turn,     ///< index: client
    client_learns,   ///< index: client; host: what it learns; value: 1 when it overrides
    request_arrives, ///< index: client; value: request
    answer_arrives,  ///< index: client; value: request
    fault_begins,    ///< value: index into the schedule
    fault_ends,      ///< value: index into the schedule
    heal,
};

struct Event {
    Instant when{};
    std::uint64_t order{0};
    std::uint64_t value{0};
    std::uint32_t life{0};
    Task task{};
    std::uint8_t host{0};
    std::uint8_t index{0};
};

class Queue {
public:
    Queue() { heap_.reserve(256); }
    void push(Event event) {
        event.order = order_++;
        heap_.push_back(event);
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    Instant due() const { return heap_.empty() ? ha::end_of_time : heap_.front().when; }
    Event pop() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const Event event = heap_.back();
        heap_.pop_back();
        return event;
    }

private:
    static bool later(const Event& a, const Event& b) {
        return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
    std::vector<Event> heap_;
    std::uint64_t order_{0};
};

/// Things on their way, by number; a number is used again once its thing has arrived.
template <typename Thing>
class Slots {
public:
    std::uint64_t put(const Thing& thing) {
        if (free_.empty()) {
            things_.push_back(thing);
            return things_.size() - 1;
        }
        const std::uint64_t slot = free_.back();
        free_.pop_back();
        things_[slot] = thing;
        return slot;
    }
    Thing take(std::uint64_t slot) {
        free_.push_back(slot);
        return things_[slot];
    }

private:
    std::vector<Thing> things_;
    std::vector<std::uint64_t> free_;
};

} // namespace tandem::sim
