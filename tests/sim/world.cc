// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/world.hh"

#include <algorithm>
#include <cstdio>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t notes_max = 80;
constexpr Instant genesis = Instant{} + seconds{1000};
constexpr Duration handshake = milliseconds{20};

std::uint8_t small(std::size_t index) {
    return static_cast<std::uint8_t>(index);
}

bool is_turning_point(ha::Event event) {
    return event != ha::Event::path_up && event != ha::Event::path_down && event != ha::Event::claim_seen &&
           event != ha::Event::stalled;
}

} // namespace

World::World(std::uint64_t seed, const Setting& setting, const Schedule& schedule, Duration quiet_from,
             Mutation mutation, Telling telling)
    : setting_(setting)
    , schedule_(schedule)
    , random_(seed)
    , mutation_(mutation)
    , telling_(telling)
    , now_(genesis)
    , wires_(setting.paths)
    , lan_(setting, genesis)
    , disturbed_at_(genesis) {
    for (std::size_t i = 0; i < 2; ++i) {
        hosts_[i].install(*this, i);
        after(setting.boot[i], {.task = Task::power_on, .host = small(i)});
    }
    for (std::size_t i = 0; i < setting.clients; ++i)
        after(random_.between(Duration{0}, setting.request_period),
              {.task = Task::client_turn, .index = small(i)});
    for (std::size_t i = 0; i < schedule.size(); ++i)
        after(schedule[i].at, {.value = i, .task = Task::fault_begins});
    after(quiet_from, {.task = Task::heal});
}

Instant World::next_lapse() const {
    return std::min(hosts_[0].lease_end(), hosts_[1].lease_end());
}

void World::step(Instant limit) {
    const std::array<Instant, 3> due{queue_.due(), hosts_[0].due(), hosts_[1].due()};
    const auto first = static_cast<std::size_t>(std::min_element(due.begin(), due.end()) - due.begin());
    if (due[first] > limit) {
        now_ = limit;
        return;
    }
    ++events_;
    now_ = std::max(now_, due[first]);
    mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()) + first);
    if (first != 0)
        return hosts_[first - 1].turn();
    const Event event = queue_.pop();
    mix(static_cast<std::uint64_t>(event.task));
    dispatch(event);
}

void World::dispatch(const Event& event) {
    switch (event.task) {
    case Task::power_on:
        return hosts_[event.host].power_on();
    case Task::hear: {
        Spoken spoken = spoken_.take(event.value);
        if (hosts_[event.host].life() == event.life) {
            spoken.beat.path = event.index;
            hosts_[event.host].hear(spoken);
        }
        return;
    }
    case Task::mirror_frame:
        return hosts_[event.host].take_mirror(mirrored_.take(event.value));
    case Task::fault_begins:
        return begin_fault(event.value);
    case Task::fault_ends:
        return end_fault(event.value);
    case Task::heal:
        return heal();
    case Task::claim:
    case Task::look_arrives:
    case Task::probe_arrives:
    case Task::client_turn:
    case Task::client_learns:
    case Task::request_arrives:
    case Task::answer_arrives:
        return dispatch_lan(event);
    default:
        return hosts_[event.host].run(event);
    }
}

void World::note(std::string text) {
    const auto us = std::chrono::duration_cast<microseconds>(now_ - genesis).count();
    std::array<char, 32> stamp{};
    std::snprintf(stamp.data(), stamp.size(), "%10.3f ms  ", static_cast<double>(us) / 1000.0);
    std::string line = stamp.data() + std::move(text);
    if (telling_ == Telling::all)
        std::puts(line.c_str());
    notes_.push_back(std::move(line));
    if (telling_ != Telling::turns && notes_.size() > notes_max)
        notes_.pop_front();
}

void World::report(std::size_t host, const ha::Output& output, bool isolated) {
    reports.push_back({small(host), output.event, output.value, isolated});
    mix(static_cast<std::uint64_t>(output.event) + 1000 * (host + 1));
    if (is_turning_point(output.event))
        changed();
}

// ---- faults ----

void World::begin_fault(std::size_t index) {
    if (healed_)
        return;
    const Fault& fault = schedule_[index];
    ++faults_open_;
    disturb();
    changed();
    if (listening())
        note("[" + std::to_string(index) + "] " + text(fault));
    lossy_at_ = loses() ? now_ : lossy_at_;
    begin(*this, fault);
    after(fault.length, {.value = index, .task = Task::fault_ends});
}

void World::end_fault(std::size_t index) {
    if (healed_)
        return;
    --faults_open_;
    disturb();
    changed();
    if (listening())
        note("[" + std::to_string(index) + "] over: " + text(schedule_[index]));
    lossy_at_ = loses() ? now_ : lossy_at_;
    end(*this, schedule_[index]);
}

void World::heal() {
    if (listening())
        note("everything is healed");
    healed_ = true;
    lossy_at_ = loses() ? now_ : lossy_at_;
    faults_open_ = 0;
    disturb();
    changed();
    for (std::size_t path = 0; path < wires_.size(); ++path)
        for (std::size_t from = 0; from < 2; ++from) {
            const Instant since = wires_[path][from].cuts > 0 ? now_ : wires_[path][from].whole_since;
            wires_[path][from] = Wire{.whole_since = since};
        }
    lan_.heal(now_);
    for (Host& host : hosts_)
        host.heal();
}

void World::cut(std::size_t path, std::size_t from, int change) {
    Wire& wire = wires_[path][from];
    wire.cuts += change;
    if (wire.cuts == 0)
        wire.whole_since = now_;
}

void World::move_port(std::size_t host) {
    lan_.move_port(host);
}

// ---- the HA paths ----

bool World::passes(std::size_t path, std::size_t from) const {
    return wires_[path][from].cuts <= 0 && ((setting_.lan_paths >> path & 1U) == 0 || lan_between_hosts());
}

void World::send_beat(std::size_t from, const Spoken& spoken) {
    const std::size_t to = 1 - from;
    if (!hosts_[to].alive() || !associate())
        return;
    for (std::size_t path = 0; path < wires_.size(); ++path) {
        const Wire& wire = wires_[path][from];
        if (!passes(path, from) || random_.per_mille(wire.loss))
            continue;
        if ((setting_.lan_paths >> path & 1U) != 0)
            lan_.hears(from, now_);
        const int copies = random_.per_mille(wire.duplicate) ? 2 : 1;
        for (int copy = 0; copy < copies; ++copy)
            after(random_.between(wire.delay_min, wire.delay_max), {.value = spoken_.put(spoken),
                                                                    .life = hosts_[to].life(),
                                                                    .task = Task::hear,
                                                                    .host = small(to),
                                                                    .index = small(path)});
    }
}

/// On the first path that works, as far as one can see from here.
void World::send_mirror(std::size_t from, const MirrorBytes& bytes) {
    const std::size_t to = 1 - from;
    std::size_t path = 0;
    if (const ha::Node* brain = hosts_[from].brain())
        while (path + 1 < wires_.size() && !brain->view().paths[path].is_up())
            ++path;
    const Wire& wire = wires_[path][from];
    if (!hosts_[to].powered() || !passes(path, from) || random_.per_mille(wire.loss))
        return;
    const int copies = random_.per_mille(wire.duplicate) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy)
        after(random_.between(wire.delay_min, wire.delay_max),
              {.value = mirrored_.put(bytes), .task = Task::mirror_frame, .host = small(to)});
}

void World::process_died(std::size_t host) {
    if (listening())
        note("process ended, host " + std::to_string(host));
    disturb();
    const std::size_t to = 1 - host;
    for (std::size_t path = 0; path < wires_.size(); ++path)
        if (passes(path, host))
            after(random_.between(microseconds{200}, microseconds{600}), {.life = hosts_[to].life(),
                                                                          .task = Task::peer_gone,
                                                                          .host = small(to),
                                                                          .index = small(path)});
}

/// Since when the path carries what `from` sends; end_of_time: it does not.
Instant World::passes_since(std::size_t path, std::size_t from) const {
    if (!passes(path, from))
        return ha::end_of_time;
    const Instant whole = wires_[path][from].whole_since;
    return (setting_.lan_paths >> path & 1U) == 0 ? whole : std::max(whole, lan_since());
}

/// Two processes that never met have no keys: they need a path that works both ways, and both of them awake.
bool World::associate() {
    const std::array<std::uint32_t, 2> lives{hosts_[0].life(), hosts_[1].life()};
    if (associated_ == lives)
        return true;
    if (now_ < could_associate_since() + handshake)
        return false;
    associated_ = lives;
    associated_at_ = now_;
    for (Host& host : hosts_)
        host.greet();
    return true;
}

Instant World::could_associate_since() const {
    if (!hosts_[0].running() || !hosts_[1].running())
        return ha::end_of_time - handshake;
    Instant since = ha::end_of_time - handshake;
    for (std::size_t path = 0; path < wires_.size(); ++path)
        since = std::min(since, std::max(passes_since(path, 0), passes_since(path, 1)));
    return std::max(
        {since, hosts_[0].up_since(), hosts_[1].up_since(), hosts_[0].resumed_at(), hosts_[1].resumed_at()});
}

Instant World::audible_since(std::size_t from) const {
    if (!hosts_[0].running() || !hosts_[1].running())
        return ha::end_of_time;
    Instant since = ha::end_of_time;
    for (std::size_t path = 0; path < wires_.size(); ++path)
        since = std::min(since, passes_since(path, from));
    if (since == ha::end_of_time)
        return since;
    if (associated_ != std::array<std::uint32_t, 2>{hosts_[0].life(), hosts_[1].life()}) {
        if (could_associate_since() == ha::end_of_time - handshake)
            return ha::end_of_time;
        // They try with each heartbeat.
        since = std::max(since, could_associate_since() + handshake) + setting_.policy().interval;
    } else {
        since = std::max(since, associated_at_);
    }
    return std::max({since, hosts_[0].up_since() + handshake, hosts_[1].up_since() + handshake,
                     hosts_[0].resumed_at(), hosts_[1].resumed_at()});
}

bool World::loses() const {
    for (const auto& path : wires_)
        if (path[0].loss != 0 || path[1].loss != 0)
            return true;
    return false;
}

bounds::Way World::way() const {
    const bool made_up_for = now_ > lossy_at_ + bounds::heartbeat(setting_.policy(), bounds::Way::lossy);
    return made_up_for && !loses() ? bounds::Way::clean : bounds::Way::lossy;
}

bool World::faults_on_hand_over() const {
    return hosts_[0].raise_failures != 0 || hosts_[1].raise_failures != 0;
}

} // namespace tandem::sim
