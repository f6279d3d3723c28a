// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/faults.hh"

#include "tests/sim/world.hh"

#include <string_view>

namespace tandem::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Fault::Kind;

constexpr std::array<std::string_view, static_cast<std::size_t>(Kind::count_)> names{"cut one way",
                                                                                     "cut path",
                                                                                     "cut every path",
                                                                                     "deaf on every path",
                                                                                     "loss and duplication",
                                                                                     "delay",
                                                                                     "partition",
                                                                                     "LAN lost, carrier kept",
                                                                                     "client moves",
                                                                                     "port moves",
                                                                                     "frames lost",
                                                                                     "brain killed",
                                                                                     "power off",
                                                                                     "power off, disk lost",
                                                                                     "engine killed",
                                                                                     "brain paused",
                                                                                     "machine paused",
                                                                                     "both machines paused",
                                                                                     "machine suspended",
                                                                                     "carrier lost",
                                                                                     "slow netlink",
                                                                                     "addresses refused",
                                                                                     "not ready",
                                                                                     "slow disk",
                                                                                     "full disk",
                                                                                     "server dead",
                                                                                     "server hangs",
                                                                                     "server cannot bind",
                                                                                     "health",
                                                                                     "witness lost",
                                                                                     "clock rate",
                                                                                     "failback window",
                                                                                     "operator",
                                                                                     "told to leave"};

constexpr std::array<ha::Verb, 8> verbs{ha::Verb::failover, ha::Verb::failover, ha::Verb::failover,
                                        ha::Verb::failback, ha::Verb::disable,  ha::Verb::enable,
                                        ha::Verb::follow,   ha::Verb::failover};
constexpr std::array<std::string_view, 8> verb_names{"failover", "failover", "failover", "failback",
                                                     "disable",  "enable",   "follow",   "failover"};

Duration draw_length(Random& random, Duration detection) {
    switch (random.below(6)) {
    case 0:
        return random.between(milliseconds{1}, milliseconds{30});
    case 1:
        return random.between(milliseconds{30}, milliseconds{300});
    case 2:
        return random.between(milliseconds{300}, seconds{2});
    case 3:
        return random.between(detection / 4, detection * 4);
    default:
        return random.between(seconds{1}, seconds{8});
    }
}

/// What a node may have to bear for longer than the damper's longest wait.
bool lasts(Kind kind) {
    return kind == Kind::server_dead || kind == Kind::server_hangs || kind == Kind::health ||
           kind == Kind::isolate_host || kind == Kind::lose_witness;
}

Fault draw_fault(Random& random, const Setting& setting, Kind kind, Duration at) {
    Fault fault;
    fault.kind = kind;
    fault.at = at;
    fault.length = draw_length(random, setting.policy().detection());
    fault.host = static_cast<std::uint8_t>(random.below(2));
    fault.path = static_cast<std::uint8_t>(random.below(setting.paths));
    fault.client = static_cast<std::uint8_t>(random.below(setting.clients));
    fault.a = static_cast<std::uint32_t>(random.next());
    fault.b = static_cast<std::uint32_t>(random.next());
    if (kind == Kind::crash_host || kind == Kind::crash_host_and_disk)
        fault.length += milliseconds{500};
    if (kind == Kind::server_unbound || kind == Kind::window)
        fault.length += seconds{fault.a % 40};
    if (lasts(kind) && fault.b % 4 == 0)
        fault.length += seconds{fault.a % 80};
    return fault;
}

void cut_all(World& world, std::size_t from, int change) {
    for (std::size_t path = 0; path < world.paths(); ++path)
        world.cut(path, from, change);
}

void strike_links(World& world, const Fault& fault, int change) {
    Wire& wire = world.wire(fault.path, fault.host);
    switch (fault.kind) {
    case Kind::cut_one_way:
        return world.cut(fault.path, fault.host, change);
    case Kind::cut_path:
        world.cut(fault.path, 0, change);
        return world.cut(fault.path, 1, change);
    case Kind::cut_every_path:
        cut_all(world, 0, change);
        return cut_all(world, 1, change);
    case Kind::deaf_every_path:
        return cut_all(world, fault.host, change);
    case Kind::lose:
        wire.loss = change > 0 ? fault.a % 100 : 0;
        wire.duplicate = change > 0 ? fault.b % 300 : 0;
        return;
    default:
        wire.delay_max = change > 0 ? Duration{microseconds{1000 + fault.a % 4000}} : Wire{}.delay_max;
    }
}

void strike_lan(World& world, const Fault& fault, int change) {
    switch (fault.kind) {
    case Kind::partition:
        cut_all(world, 0, change);
        cut_all(world, 1, change);
        [[fallthrough]];
    case Kind::isolate_host:
        world.lan().move_host(fault.host, change, world.now());
        if (fault.a % 2 == 0)
            world.lan().move_client(fault.client, change, world.now());
        return;
    case Kind::move_client:
        return world.lan().move_client(fault.client, change, world.now());
    case Kind::move_port:
        return world.move_port(fault.host);
    case Kind::lose_frames:
        world.lan().loss = change > 0 ? 1 + fault.a % 200 : 0;
        return;
    default:
        world.lan().witness_lost += change;
    }
}

void strike_machine(World& world, const Fault& fault, int change) {
    Host& host = world.host(fault.host);
    const bool begins = change > 0;
    switch (fault.kind) {
    case Kind::crash_brain:
        if (begins)
            host.crash_brain();
        return;
    case Kind::crash_host:
        return begins ? host.power_off(Disk::kept) : host.power_on();
    case Kind::crash_host_and_disk:
        return begins ? host.power_off(Disk::lost) : host.power_on();
    case Kind::crash_engine:
        return host.engine(begins ? Condition::dead : Condition::well);
    case Kind::pause_brain:
        if (begins)
            host.pause(fault.length);
        return;
    case Kind::freeze_host:
        if (begins)
            host.freeze(fault.length, ClockIs::running);
        return;
    case Kind::suspend_host:
        if (begins)
            host.freeze(fault.length, ClockIs::standing);
        return;
    case Kind::freeze_both:
        if (!begins)
            return;
        world.host(0).freeze(microseconds{1000 + fault.a % 80'000}, ClockIs::running);
        return world.host(1).freeze(microseconds{1000 + fault.b % 80'000}, ClockIs::running);
    case Kind::clock_rate:
        return host.set_clock_rate(begins ? static_cast<int>(fault.a % 401) - 200
                                          : world.setting().ppm[fault.host]);
    default:
        return host.set_port(change);
    }
}

void strike_service(World& world, const Fault& fault, int change) {
    Host& host = world.host(fault.host);
    const bool begins = change > 0;
    switch (fault.kind) {
    case Kind::slow_hand:
        host.slow_hand = begins;
        return;
    case Kind::refuse_raise:
        host.raise_failures = begins ? 100 + fault.a % 901 : 0;
        return;
    case Kind::not_ready:
        return host.set_lacks(begins ? 1U << (fault.a % 7 == 4 || fault.a % 7 == 5 ? 3 : fault.a % 7) : 0);
    case Kind::slow_disk:
        host.disk_delay = begins ? Duration{milliseconds{20 + fault.a % 3000}} : Duration{milliseconds{2}};
        return;
    case Kind::full_disk:
        host.disk_full = begins;
        return;
    case Kind::server_dead:
        return host.server(begins ? Server::dead : Server::well);
    case Kind::server_hangs:
        return host.server(begins ? Server::hanging : Server::well);
    case Kind::server_unbound:
        host.server(begins ? Server::unbound : Server::well);
        if (fault.b % 3 == 0) // nothing is served from either
            world.host(1U - fault.host).server(begins ? Server::unbound : Server::well);
        return;
    case Kind::health:
        return host.set_weight_lost(begins ? static_cast<std::uint16_t>(50 * (1 + fault.a % 20))
                                           : std::uint16_t{0});
    default:
        return host.set_window(begins);
    }
}

void strike_operator(World& world, const Fault& fault, int change) {
    Host& host = world.host(fault.host);
    if (fault.kind == Kind::leave) {
        if (change > 0)
            host.order(ha::Verb::leave, ha::Force::no);
        return;
    }
    const ha::Verb verb = verbs[fault.a % verbs.size()];
    if (change > 0)
        host.order(verb, fault.b % 2 == 0 ? ha::Force::yes : ha::Force::no);
    else if (verb == ha::Verb::disable)
        host.order(ha::Verb::enable, ha::Force::no);
}

void strike(World& world, const Fault& fault, int change) {
    if (fault.kind <= Kind::delay)
        strike_links(world, fault, change);
    else if (fault.kind <= Kind::lose_frames || fault.kind == Kind::lose_witness)
        strike_lan(world, fault, change);
    else if (fault.kind <= Kind::lose_port || fault.kind == Kind::clock_rate)
        strike_machine(world, fault, change);
    else if (fault.kind <= Kind::window)
        strike_service(world, fault, change);
    else
        strike_operator(world, fault, change);
}

} // namespace

Schedule draw_schedule(std::uint64_t seed, const Setting& setting, Duration until) {
    Random random{seed ^ 0xfa0175fa0175fa01ULL};
    std::vector<Kind> kinds;
    const unsigned share = static_cast<unsigned>(150 + random.below(500));
    for (unsigned kind = 0; kind < static_cast<unsigned>(Kind::count_); ++kind)
        if (random.per_mille(share))
            kinds.push_back(static_cast<Kind>(kind));
    const Duration gap = random.between(milliseconds{100}, seconds{4}) + setting.policy().detection() / 4;
    Schedule schedule;
    Duration at = random.between(milliseconds{10}, seconds{8});
    while (!kinds.empty() && at < until) {
        schedule.push_back(draw_fault(random, setting, kinds[random.index(kinds.size())], at));
        at += random.between(milliseconds{1}, gap * 2);
        if (random.per_mille(30))
            at += random.between(seconds{5}, seconds{120}); // a calm
    }
    return schedule;
}

std::string text(const Fault& fault) {
    std::string line{names[static_cast<std::size_t>(fault.kind)]};
    if (fault.kind == Kind::operate)
        line += ": " + std::string{verb_names[fault.a % verbs.size()]} + (fault.b % 2 == 0 ? ", forced" : "");
    if (fault.kind <= Kind::delay)
        line += ", path " + std::to_string(fault.path) + " from";
    line += ", host " + std::to_string(fault.host);
    if (fault.kind == Kind::partition || fault.kind == Kind::isolate_host || fault.kind == Kind::move_client)
        line += ", client " + std::to_string(fault.client);
    return line + ", " + std::to_string(fault.length.count() / 1'000'000) + " ms";
}

void begin(World& world, const Fault& fault) {
    strike(world, fault, 1);
}

void end(World& world, const Fault& fault) {
    strike(world, fault, -1);
}

} // namespace tandem::sim
