// SPDX-License-Identifier: GPL-3.0-or-later

// The outside network of a world: who hears what, and what the clients do.

#include "tests/sim/world.hh"

#include <algorithm>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr Duration neighbour_patience = seconds{6};

std::uint8_t small(std::size_t index) {
    return static_cast<std::uint8_t>(index);
}

} // namespace

Duration World::lan_delay() {
    return random_.between(microseconds{30}, microseconds{200});
}

bool World::lan_between_hosts() const {
    return hosts_[0].powered() && hosts_[1].powered() && hosts_[0].port_usable() && hosts_[1].port_usable() &&
           lan_.side(0) == lan_.side(1);
}

Instant World::lan_since() const {
    return std::max({lan_.side_since(0), lan_.side_since(1), hosts_[0].port_since(), hosts_[1].port_since()});
}

bool World::reaches(std::size_t host, std::size_t client) const {
    const Host& station = hosts_[host];
    return station.powered() && !station.frozen() && station.port_usable() &&
           lan_.side(host) == lan_.clients[client].side();
}

Instant World::reaches_since(std::size_t host, std::size_t client) const {
    return std::max({lan_.side_since(host), lan_.clients[client].side_since, hosts_[host].port_since()});
}

bool World::reaches_any_client(std::size_t host) const {
    for (std::size_t i = 0; i < lan_.clients.size(); ++i)
        if (reaches(host, i))
            return true;
    return false;
}

void World::announce(std::size_t from) {
    if (hosts_[from].port_usable())
        lan_.hears(from, now_);
    for (std::size_t i = 0; i < lan_.clients.size(); ++i)
        if (reaches(from, i) && !random_.per_mille(lan_.loss))
            after(lan_delay(),
                  {.value = 1, .task = Task::client_learns, .host = small(from), .index = small(i)});
    if (lan_between_hosts() && !random_.per_mille(lan_.loss))
        after(lan_delay(), {.life = hosts_[1 - from].life(), .task = Task::claim, .host = small(1 - from)});
}

void World::probe(std::size_t from) {
    if (hosts_[from].port_usable())
        lan_.hears(from, now_);
    if (lan_between_hosts() && !random_.per_mille(lan_.loss))
        after(lan_delay(),
              {.life = hosts_[from].life(), .task = Task::probe_arrives, .host = small(1 - from)});
}

void World::look(std::size_t from, std::uint64_t number) {
    if (hosts_[from].port_usable())
        lan_.hears(from, now_);
    if (lan_between_hosts() && lan_.leads_to(1 - from, now_) && !random_.per_mille(lan_.loss))
        after(lan_delay(), {.value = number,
                            .life = hosts_[from].life(),
                            .task = Task::look_arrives,
                            .host = small(1 - from)});
}

void World::answer(std::size_t from, std::size_t client, std::uint64_t number) {
    lan_.hears(from, now_);
    if (reaches(from, client) && !random_.per_mille(lan_.loss))
        after(lan_delay(), {.value = number, .task = Task::answer_arrives, .index = small(client)});
}

void World::egress(std::size_t from) {
    if (hosts_[from].port_usable())
        lan_.hears(from, now_);
    const Host& host = hosts_[from];
    left.push_back(
        {.host = small(from),
         .role = host.role(),
         .permitted = !host.running() || host.role() == ha::Role::active || host.brain()->view().yielding});
    changed();
}

void World::dispatch_lan(const Event& event) {
    Client& client = lan_.clients[event.index < lan_.clients.size() ? event.index : 0];
    Host& host = hosts_[event.host];
    switch (event.task) {
    case Task::claim:
        if (host.life() == event.life)
            host.claim();
        return;
    case Task::probe_arrives:
        if (host.holds_vip() && lan_between_hosts()) {
            lan_.hears(event.host, now_);
            after(lan_delay(), {.life = event.life, .task = Task::claim, .host = small(1U - event.host)});
        }
        return;
    case Task::look_arrives:
        if (!host.holds_vip() || !host.granted() || !host.server_well() || !lan_between_hosts() ||
            random_.per_mille(lan_.loss))
            return;
        egress(event.host);
        after(lan_delay(), {.value = event.value,
                            .life = event.life,
                            .task = Task::look_answered,
                            .host = small(1U - event.host)});
        return;
    case Task::client_turn:
        return client_turn(event.index);
    case Task::client_learns:
        if (event.value != 0 || client.cached < 0) {
            client.cached = event.host;
            changed();
        }
        return;
    case Task::request_arrives:
        return host.request(event.index, event.value);
    default:
        ++client.answered;
    }
}

/// A client resolves when it has nothing, and gives up an entry that has not answered for a while (RFC 4861,
/// 7.3).
void World::client_turn(std::size_t index) {
    Client& client = lan_.clients[index];
    if (client.cached >= 0) {
        const auto cached = static_cast<std::size_t>(client.cached);
        const bool leads = reaches(cached, index) && lan_.leads_to(cached, now_);
        if (hosts_[cached].holds_vip() && leads) {
            client.unanswered_since = ha::end_of_time;
        } else if (client.unanswered_since == ha::end_of_time) {
            client.unanswered_since = now_;
        } else if (now_ >= client.unanswered_since + neighbour_patience) {
            client.cached = -1;
            client.unanswered_since = ha::end_of_time;
            changed();
        }
        if (leads && client.cached >= 0 && !random_.per_mille(lan_.loss))
            after(lan_delay(), {.value = ++requests_,
                                .task = Task::request_arrives,
                                .host = small(cached),
                                .index = small(index)});
    }
    if (client.cached < 0)
        resolve(index);
    after(setting_.request_period, {.task = Task::client_turn, .index = small(index)});
}

void World::resolve(std::size_t index) {
    for (std::size_t host = 0; host < 2; ++host)
        if (hosts_[host].holds_vip() && reaches(host, index) && !random_.per_mille(lan_.loss)) {
            lan_.hears(host, now_);
            after(lan_delay() * 2, {.task = Task::client_learns, .host = small(host), .index = small(index)});
        }
}

} // namespace tandem::sim
