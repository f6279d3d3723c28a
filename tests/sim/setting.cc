// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/setting.hh"

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Rhythm {
    unsigned weight; ///< per mille
    int interval_ms;
    unsigned multiplier_min;
    unsigned multiplier_max;
};

constexpr std::array<Rhythm, 7> rhythms{{{25, 1, 4, 4},
                                         {225, 5, 3, 3},
                                         {200, 10, 3, 4},
                                         {200, 50, 3, 4},
                                         {120, 100, 3, 4},
                                         {110, 250, 3, 4},
                                         {120, 1000, 3, 3}}};

const Rhythm& draw_rhythm(Random& random) {
    auto at = static_cast<unsigned>(random.below(1000));
    for (const Rhythm& rhythm : rhythms) {
        if (at < rhythm.weight)
            return rhythm;
        at -= rhythm.weight;
    }
    return rhythms.back();
}

int draw_ppm(Random& random) {
    const int most = random.per_mille(100) ? 5000 : 200;
    return static_cast<int>(random.below(static_cast<std::uint64_t>(2 * most) + 1)) - most;
}

ha::Failback draw_failback(Random& random) {
    switch (random.below(4)) {
    case 0:
        return ha::Failback::automatic;
    case 1:
        return ha::Failback::window;
    default:
        return ha::Failback::manual;
    }
}

void draw_policies(Random& random, Setting& setting, Duration interval) {
    const Rhythm& rhythm = draw_rhythm(random);
    ha::Policy common;
    common.paths = setting.paths;
    common.interval = interval == Duration{} ? Duration{milliseconds{rhythm.interval_ms}} : interval;
    common.multiplier =
        rhythm.multiplier_min +
        static_cast<unsigned>(random.below(rhythm.multiplier_max - rhythm.multiplier_min + 1));
    common.probe_ahead = common.probe_wait; // as the daemon does
    common.failback = draw_failback(random);
    common.failback_hold =
        random.per_mille(500) ? random.between(seconds{2}, seconds{20}) : Duration{seconds{60}};
    common.damper_base = random.between(seconds{2}, seconds{12});
    common.hysteresis = static_cast<std::uint16_t>(50 * random.below(5));
    const bool served = random.per_mille(300);
    for (std::size_t i = 0; i < 2; ++i) {
        ha::Policy& policy = setting.policies[i];
        policy = common;
        policy.node_id = static_cast<std::uint8_t>(i + 1);
        policy.priority = static_cast<std::uint8_t>(100 + random.below(2));
        const bool primary = i == 0 ? !served || random.per_mille(500) : random.per_mille(200);
        policy.configured = primary ? ha::ConfiguredRole::primary : ha::ConfiguredRole::secondary;
        policy.known_epoch = served ? 1 + random.below(5) : 0;
    }
}

} // namespace

Setting draw_setting(std::uint64_t seed, Duration interval) {
    Random random{seed ^ 0x5e771135e771135eULL};
    Setting setting;
    setting.paths = 1 + random.index(3);
    if (random.per_mille(500))
        setting.lan_paths = 1U << (setting.paths - 1);
    draw_policies(random, setting, interval);
    for (std::size_t i = 0; i < 2; ++i) {
        setting.ppm[i] = draw_ppm(random);
        setting.clock_from[i] = random.between(seconds{10}, seconds{1000});
        setting.boot[i] =
            random.between(Duration{0}, random.per_mille(500) ? milliseconds{3} : milliseconds{4000});
    }
    setting.clients = 1 + random.index(clients_max);
    setting.request_period = random.between(milliseconds{400}, seconds{3});
    setting.fdb_age = random.between(seconds{15}, seconds{300});
    setting.witness = random.per_mille(500) ? Option::yes : Option::no;
    setting.listener = random.per_mille(500) ? Option::yes : Option::no;
    setting.patience = random.between(seconds{1}, seconds{10});
    setting.rise = random.between(milliseconds{500}, seconds{3});
    setting.history = 8U << random.below(4);
    return setting;
}

std::string Setting::text() const {
    const ha::Policy& policy = this->policy();
    std::string text =
        "interval " + std::to_string(policy.interval.count() / 1'000'000) + " ms x " +
        std::to_string(policy.multiplier) + ", " + std::to_string(paths) + " paths" +
        (lan_paths != 0 ? " (the last one over the LAN)" : "") + ", failback " +
        std::to_string(static_cast<unsigned>(policy.failback)) + " after " +
        std::to_string(policy.failback_hold.count() / 1'000'000) + " ms, damper " +
        std::to_string(policy.damper_base.count() / 1'000'000) + " ms" +
        (witness == Option::yes ? ", witness" : "") +
        (listener == Option::yes ? ", listener " + std::to_string(patience.count() / 1'000'000) + " ms" : "");
    for (const ha::Policy& one : policies)
        text += "; node " + std::to_string(one.node_id) + " " + std::string{to_string(one.configured)} +
                ", priority " + std::to_string(one.priority) + ", epoch " + std::to_string(one.known_epoch);
    return text;
}

} // namespace tandem::sim
