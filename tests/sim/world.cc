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
constexpr Duration client_period = milliseconds{250};
constexpr Duration neighbour_patience = seconds{6};

} // namespace

World::World(std::uint64_t seed, Mutation mutation)
    : random_(seed)
    , mutation_(mutation)
    , now_(genesis) {
    wires_.resize(1 + random_.index(3));
    side_since_ = {genesis, genesis};
    clients_.resize(1 + random_.index(clients_max));
    constexpr std::array<int, 6> intervals{1, 5, 5, 5, 10, 20};
    const Duration interval = milliseconds{intervals[random_.index(intervals.size())]};
    const auto multiplier = static_cast<unsigned>(3 + random_.below(2));
    const bool served = random_.per_mille(300);
    for (std::size_t i = 0; i < 2; ++i) {
        ha::Policy policy;
        policy.node_id = static_cast<std::uint8_t>(i + 1);
        policy.paths = wires_.size();
        policy.interval = interval;
        policy.multiplier = multiplier;
        policy.priority = static_cast<std::uint8_t>(100 + random_.below(2));
        const bool primary = i == 0 ? !served || random_.per_mille(500) : random_.per_mille(200);
        policy.configured = primary ? ha::ConfiguredRole::primary : ha::ConfiguredRole::secondary;
        policy.known_epoch = served ? 1 + random_.below(5) : 0;
        hosts_[i].install(*this, i, policy);
        after(random_.between(Duration{0}, random_.per_mille(500) ? milliseconds{3} : milliseconds{4000}),
              [this, i] { hosts_[i].power_on(); });
    }
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        clients_[i].side_since = genesis;
        after(random_.between(Duration{0}, client_period), [this, i] { client_turn(i); });
    }
}

void World::at(Instant when, std::function<void()> what) {
    events_.push({std::max(when, now_), order_++, std::move(what)});
}

void World::step() {
    Event event = std::move(const_cast<Event&>(events_.top())); // popped next: nobody sees it moved from
    events_.pop();
    now_ = event.when;
    event.what();
}

void World::note(std::string text) {
    const auto us = std::chrono::duration_cast<microseconds>(now_ - genesis).count();
    std::array<char, 32> stamp{};
    std::snprintf(stamp.data(), stamp.size(), "%10.3f ms  ", static_cast<double>(us) / 1000.0);
    std::string line = stamp.data() + std::move(text);
    if (trace)
        std::puts(line.c_str());
    notes_.push_back(std::move(line));
    if (notes_.size() > notes_max)
        notes_.pop_front();
}

// ---- the HA paths ----

void World::send_beat(std::size_t from, const Spoken& spoken) {
    const std::size_t to = 1 - from;
    if (!hosts_[to].alive() || now_ < hosts_[from].up_since() + handshake ||
        now_ < hosts_[to].up_since() + handshake)
        return;
    for (std::size_t path = 0; path < wires_.size(); ++path) {
        const Wire& wire = wires_[path][from];
        if (wire.cut || random_.per_mille(wire.loss))
            continue;
        const int copies = random_.per_mille(wire.duplicate) ? 2 : 1;
        for (int copy = 0; copy < copies; ++copy) {
            Spoken sent = spoken;
            sent.beat.path = path;
            after(random_.between(wire.delay_min, wire.delay_max),
                  [this, to, sent, life = hosts_[to].life()] {
                      if (hosts_[to].life() == life)
                          hosts_[to].hear(sent);
                  });
        }
    }
}

void World::process_died(std::size_t host) {
    note("process ended, host " + std::to_string(host));
    const std::size_t to = 1 - host;
    for (std::size_t path = 0; path < wires_.size(); ++path)
        if (!wires_[path][host].cut)
            after(random_.between(microseconds{200}, microseconds{600}),
                  [this, to, path, life = hosts_[to].life()] {
                      if (hosts_[to].life() == life)
                          hosts_[to].peer_gone(path);
                  });
}

void World::set_cut(std::size_t path, std::size_t from, bool cut) {
    Wire& wire = wires_[path][from];
    if (wire.cut && !cut)
        wire.whole_since = now_;
    wire.cut = cut;
}

Instant World::audible_since(std::size_t from) const {
    const Host& speaker = hosts_[from];
    const Host& listener = hosts_[1 - from];
    if (!speaker.running() || !listener.running())
        return ha::end_of_time;
    Instant since = ha::end_of_time;
    for (const auto& path : wires_)
        if (!path[from].cut)
            since = std::min(since, path[from].whole_since);
    if (since == ha::end_of_time)
        return since;
    return std::max({since, speaker.up_since() + handshake, listener.up_since() + handshake,
                     speaker.resumed_at(), listener.resumed_at()});
}

// ---- the LAN ----

Duration World::lan_delay() {
    return random_.between(microseconds{30}, microseconds{200});
}

bool World::lan_between_hosts() const {
    return hosts_[0].powered() && hosts_[1].powered() && hosts_[0].port_usable() && hosts_[1].port_usable() &&
           hosts_[0].side == hosts_[1].side;
}

bool World::reaches(std::size_t host, std::size_t client) const {
    const Host& station = hosts_[host];
    return station.powered() && !station.frozen() && station.port_usable() &&
           station.side == clients_[client].side;
}

Instant World::reaches_since(std::size_t host, std::size_t client) const {
    return std::max(side_since_[host], clients_[client].side_since);
}

bool World::reaches_any_client(std::size_t host) const {
    for (std::size_t i = 0; i < clients_.size(); ++i)
        if (reaches(host, i))
            return true;
    return false;
}

void World::set_side(std::size_t host, unsigned side) {
    hosts_[host].side = side;
    side_since_[host] = now_;
}

void World::set_client_side(std::size_t client, unsigned side) {
    clients_[client].side = side;
    clients_[client].side_since = now_;
}

void World::announce(std::size_t from) {
    for (std::size_t i = 0; i < clients_.size(); ++i)
        if (reaches(from, i) && !random_.per_mille(lan_loss))
            after(lan_delay(), [this, i, from] { clients_[i].cached = static_cast<int>(from); });
    if (lan_between_hosts() && !random_.per_mille(lan_loss))
        after(lan_delay(), [this, to = 1 - from, life = hosts_[1 - from].life()] {
            if (hosts_[to].life() == life)
                hosts_[to].claim();
        });
}

void World::probe(std::size_t from) {
    if (!lan_between_hosts() || random_.per_mille(lan_loss))
        return;
    after(lan_delay(), [this, from, life = hosts_[from].life()] {
        if (!hosts_[1 - from].holds_vip() || !lan_between_hosts())
            return;
        after(lan_delay(), [this, from, life] {
            if (hosts_[from].life() == life)
                hosts_[from].claim();
        });
    });
}

/// A client resolves when it has nothing, and gives up an entry that has not answered for a while (RFC
/// 4861, 7.3).
void World::client_turn(std::size_t index) {
    Client& client = clients_[index];
    if (client.cached >= 0) {
        const auto cached = static_cast<std::size_t>(client.cached);
        if (hosts_[cached].holds_vip() && reaches(cached, index)) {
            client.unanswered_since = ha::end_of_time;
        } else if (client.unanswered_since == ha::end_of_time) {
            client.unanswered_since = now_;
        } else if (now_ >= client.unanswered_since + neighbour_patience) {
            client.cached = -1;
            client.unanswered_since = ha::end_of_time;
        }
    }
    if (client.cached < 0) {
        const std::size_t first = random_.index(2);
        for (const std::size_t host : {first, 1 - first})
            if (hosts_[host].holds_vip() && reaches(host, index))
                client.cached = static_cast<int>(host);
    }
    after(client_period, [this, index] { client_turn(index); });
}

} // namespace tandem::sim
