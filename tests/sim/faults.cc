// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/faults.hh"

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

} // namespace

Faults::Faults(World& world, Instant quiet_from)
    : world_(world)
    , random_(world.random().next())
    , quiet_from_(quiet_from) {
    for (unsigned kind = 0; kind < static_cast<unsigned>(Kind::count_); ++kind)
        if (random_.per_mille(400))
            kinds_.push_back(static_cast<Kind>(kind));
    gap_ = random_.between(milliseconds{100}, seconds{4});
    if (!kinds_.empty())
        world_.after(random_.between(milliseconds{10}, seconds{5}), [this] { next(); });
    world_.at(quiet_from, [this] { heal(); });
}

Duration Faults::length() {
    switch (random_.below(4)) {
    case 0:
        return random_.between(milliseconds{1}, milliseconds{30});
    case 1:
        return random_.between(milliseconds{30}, milliseconds{300});
    case 2:
        return random_.between(milliseconds{300}, seconds{2});
    default:
        return random_.between(seconds{1}, seconds{8});
    }
}

void Faults::next() {
    if (world_.now() >= quiet_from_)
        return;
    strike(kinds_[random_.index(kinds_.size())]);
    world_.after(random_.between(milliseconds{1}, gap_ * 2), [this] { next(); });
}

void Faults::strike(Kind kind) {
    const std::size_t host = random_.index(2);
    const Duration time = length();
    if (kind <= Kind::deaf_every_path || kind == Kind::lose || kind == Kind::delay)
        return strike_links(kind, host, time);
    if (kind == Kind::partition || kind == Kind::isolate_host || kind == Kind::move_client)
        return strike_lan(kind, host, time);
    strike_host(kind, host, time);
}

void Faults::cut_all(std::size_t from, bool cut) {
    for (std::size_t path = 0; path < world_.paths(); ++path)
        world_.set_cut(path, from, cut);
}

void Faults::strike_links(Kind kind, std::size_t host, Duration time) {
    const std::size_t path = random_.index(world_.paths());
    const std::string where = "path " + std::to_string(path) + " from host " + std::to_string(host);
    Wire& wire = world_.wire(path, host);
    switch (kind) {
    case Kind::cut_one_way:
        world_.note("cut " + where);
        world_.set_cut(path, host, true);
        world_.after(time, [this, path, host, where] {
            world_.note("healed " + where);
            world_.set_cut(path, host, false);
        });
        return;
    case Kind::cut_path:
        world_.note("cut path " + std::to_string(path));
        for (const std::size_t from : {0U, 1U}) {
            world_.set_cut(path, from, true);
            world_.after(time, [this, path, from] { world_.set_cut(path, from, false); });
        }
        return;
    case Kind::cut_every_path:
        world_.note("cut every path");
        for (const std::size_t from : {0U, 1U}) {
            cut_all(from, true);
            world_.after(time, [this, from] {
                world_.note("healed every path from host " + std::to_string(from));
                cut_all(from, false);
            });
        }
        return;
    case Kind::deaf_every_path:
        world_.note("cut every path from host " + std::to_string(host));
        cut_all(host, true);
        world_.after(time, [this, host] {
            world_.note("healed every path from host " + std::to_string(host));
            cut_all(host, false);
        });
        return;
    case Kind::lose:
        world_.note("loss and duplication on " + where);
        wire.loss = static_cast<unsigned>(random_.below(100));
        wire.duplicate = static_cast<unsigned>(random_.below(300));
        world_.after(time, [&wire] { wire.loss = wire.duplicate = 0; });
        return;
    default:
        world_.note("delay and reordering on " + where);
        wire.delay_max = random_.between(milliseconds{1}, milliseconds{5});
        world_.after(time, [&wire] { wire.delay_max = microseconds{200}; });
    }
}

void Faults::strike_lan(Kind kind, std::size_t host, Duration time) {
    const std::size_t client = random_.index(world_.clients().size());
    if (kind == Kind::move_client) {
        world_.note("client " + std::to_string(client) + " moves to the other side");
        world_.set_client_side(client, 1 - world_.clients()[client].side);
        return world_.after(time, [this, client] { world_.set_client_side(client, 0); });
    }
    world_.note((kind == Kind::partition ? "partition of host " : "LAN lost, carrier kept, host ") +
                std::to_string(host));
    world_.set_side(host, 1);
    const bool with_client = random_.per_mille(500);
    if (with_client)
        world_.set_client_side(client, 1);
    if (kind == Kind::partition)
        for (const std::size_t from : {0U, 1U})
            cut_all(from, true);
    // The LAN and the HA paths come back in either order.
    const Duration lan_later =
        random_.per_mille(500) ? random_.between(Duration{0}, seconds{1}) : Duration{0};
    world_.after(time + lan_later, [this, host, client, with_client] {
        world_.note("LAN healed, host " + std::to_string(host));
        world_.set_side(host, 0);
        if (with_client)
            world_.set_client_side(client, 0);
    });
    if (kind == Kind::partition)
        world_.after(time + (random_.per_mille(300) ? random_.between(Duration{0}, seconds{1}) : Duration{0}),
                     [this] {
                         world_.note("paths healed");
                         cut_all(0, false);
                         cut_all(1, false);
                     });
}

void Faults::strike_host(Kind kind, std::size_t index, Duration time) {
    Host& host = world_.hosts()[index];
    const std::string where = ", host " + std::to_string(index);
    switch (kind) {
    case Kind::crash_brain:
        world_.note("brain killed" + where);
        return host.crash_brain();
    case Kind::crash_host:
        world_.note("power off" + where);
        host.power_off();
        return world_.after(milliseconds{500} + time, [this, &host, where] {
            world_.note("power on" + where);
            host.power_on();
        });
    case Kind::pause_brain:
        world_.note("brain not scheduled for " + std::to_string(time.count() / 1000) + " us" + where);
        return host.pause(time);
    case Kind::freeze_host:
        world_.note("machine paused for " + std::to_string(time.count() / 1000) + " us" + where);
        return host.freeze(time);
    case Kind::freeze_both:
        world_.note("both machines paused");
        world_.hosts()[0].freeze(random_.between(milliseconds{1}, milliseconds{80}));
        return world_.hosts()[1].freeze(random_.between(milliseconds{1}, milliseconds{80}));
    case Kind::lose_port:
        world_.note("carrier lost" + where);
        host.set_port(false);
        return world_.after(time, [this, &host, where] {
            world_.note("carrier back" + where);
            host.set_port(true);
        });
    case Kind::slow_hand:
        host.slow_hand = true;
        return world_.after(time, [&host] { host.slow_hand = false; });
    case Kind::refuse_raise:
        host.raise_failures = 300;
        return world_.after(time, [&host] { host.raise_failures = 0; });
    case Kind::not_ready:
        host.set_ready(false);
        return world_.after(time, [&host] { host.set_ready(true); });
    case Kind::leave:
        world_.note("told to leave" + where);
        return host.order(ha::Verb::leave, ha::Force::no);
    default:
        return operate(index);
    }
}

void Faults::operate(std::size_t index) {
    Host& host = world_.hosts()[index];
    const auto force = random_.per_mille(500) ? ha::Force::yes : ha::Force::no;
    switch (random_.below(6)) {
    case 0:
    case 1:
    case 2:
        world_.note("operator: failover, host " + std::to_string(index));
        return host.order(ha::Verb::failover, force);
    case 3:
        world_.note("operator: failback, host " + std::to_string(index));
        return host.order(ha::Verb::failback, force);
    default:
        world_.note("operator: disable, host " + std::to_string(index));
        host.order(ha::Verb::disable, force);
        return world_.after(length(), [&host] { host.order(ha::Verb::enable, ha::Force::no); });
    }
}

void Faults::heal() {
    world_.note("everything is healed");
    for (std::size_t i = 0; i < 2; ++i) {
        cut_all(i, false);
        for (std::size_t path = 0; path < world_.paths(); ++path)
            world_.wire(path, i) = Wire{.whole_since = world_.now()};
        Host& host = world_.hosts()[i];
        host.slow_hand = false;
        host.raise_failures = 0;
        world_.set_side(i, 0);
        host.power_on();
        host.set_port(true);
        host.order(ha::Verb::enable, ha::Force::no);
    }
    for (std::size_t i = 0; i < world_.clients().size(); ++i)
        world_.set_client_side(i, 0);
}

} // namespace tandem::sim
