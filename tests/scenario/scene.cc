// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenario/scene.hh"

#include "tests/scenario/words.hh"

#include <cstdio>
#include <utility>

namespace tandem::ha {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t stranger_station = 99;
/// How long the kernel keeps the addresses of a brain that does not run (docs/architecture.md).
constexpr Duration kernel_lease = seconds{1};
/// How long a packet that meets a lapsed grant is kept back.
constexpr Duration kept_back = milliseconds{100};

std::string ms(Duration duration) {
    return std::to_string(duration_cast<milliseconds>(duration).count()) + " ms";
}

/// The value that an event carries, in words.
std::string detail(const Output& output) {
    switch (output.event) {
    case Event::path_up:
    case Event::path_down:
    case Event::health_changed:
        return " " + std::to_string(output.value);
    case Event::stalled:
    case Event::paused:
        return " " + std::to_string(output.value / 1000) + " ms";
    case Event::damped:
        return " " + std::to_string(output.value) + " ms";
    case Event::forced:
        return " " + std::string{word(static_cast<Refusal>(output.value))};
    case Event::role_followed:
        return output.value == 1 ? " primary" : " secondary";
    case Event::resigning_unserved:
        return " x" + std::to_string(output.value);
    case Event::resigning_health:
        return " " + std::to_string(output.value >> 16U) + " against " +
               std::to_string(output.value & 0xffffU);
    default:
        return "";
    }
}

} // namespace

void Scene::say(std::size_t who, const std::string& what) {
    std::array<char, 48> head{};
    const auto at = duration_cast<milliseconds>(now_ - zero_).count();
    std::snprintf(head.data(), head.size(), "%8lld ms  %zu: ", static_cast<long long>(at), who + 1);
    const std::string text = head.data() + what + "\n";
    if (what != "probe" || who != probes_.who)
        end_probes();
    if (what == "probe") {
        probes_.who = who;
        if (++probes_.count > 2) {
            probes_.last = text;
            return;
        }
    }
    text_ += text;
}

void Scene::end_probes() {
    if (probes_.count > 3)
        text_ += "                  ... " + std::to_string(probes_.count - 3) + " more\n";
    text_ += probes_.last;
    probes_ = {};
}

std::string Scene::take() {
    end_probes();
    return std::exchange(text_, {});
}

void Scene::settle() {
    end_probes();
    zero_ = now_;
    text_.clear();
}

void Scene::show(std::size_t who) {
    if (!actors[who].node)
        return say(who, "down");
    const View& view = actors[who].node->view();
    std::string line{to_string(view.role)};
    line += ", " + std::string{to_string(view.configured)} + ", epoch " + std::to_string(view.epoch) +
            ", score " + std::to_string(view.score) + ", peer " + std::string{to_string(view.peer)};
    for (const auto& [holds, text] : {std::pair{view.ready, "ready"},
                                      {view.holds, "holds the addresses"},
                                      {view.isolated, "isolated"},
                                      {view.serving_elsewhere, "serving elsewhere"},
                                      {view.dual_active, "dual active"},
                                      {view.yielding, "redirects"}})
        if (holds)
            line += std::string{", "} + text;
    if (view.damper_factor > 1)
        line += ", damper x" + std::to_string(view.damper_factor);
    if (view.damped_until > now_)
        line += ", damped for " + ms(view.damped_until - now_);
    if (view.failback_at != end_of_time)
        line += ", failback in " + ms(view.failback_at - now_);
    say(who, line);
}

// ---- what a machine does ----

void Scene::drain(std::size_t who) {
    while (const auto output = actors[who].node->next())
        carry_out(who, *output);
}

void Scene::carry_out(std::size_t who, const Output& output) {
    Actor& actor = actors[who];
    const std::size_t other = 1 - who;
    // An answer of the network is in the socket at the next millisecond.
    const auto later = [&](const Input& input) { actor.waiting.push_back(input); };
    switch (output.effect) {
    case Effect::beat:
        actor.beat_now = true;
        return; // what it causes is seen at the other node
    case Effect::probe:
        if (lan && kernel_answers(other))
            later(Claim{other + 1});
        else if (stranger)
            later(Claim{stranger_station});
        break;
    case Effect::look:
        if (lan && kernel_answers(other))
            actors[other].asked = now_;
        break;
    case Effect::announce:
        if (lan && hears_lan(other))
            actors[other].waiting.push_back(Claim{who + 1});
        break;
    case Effect::raise:
        actor.outside = actor.raise_now = true; // the kernel's word comes with the next millisecond
        break;
    case Effect::lower:
    case Effect::vacate:
        actor.outside = false;
        break;
    case Effect::keep_epoch:
        actor.policy.known_epoch = output.epoch;
        break;
    case Effect::keep_role:
        actor.policy.role_serial = static_cast<std::uint8_t>(output.value & 0xffU);
        actor.policy.configured =
            output.value >> 8U != 0 ? ConfiguredRole::primary : ConfiguredRole::secondary;
        break;
    default:
        break;
    }
    say(who, line(output) + (output.effect == Effect::report ? detail(output) : ""));
}

/// It is there, and its kernel runs.
bool Scene::hears_lan(std::size_t who) const {
    return actors[who].node && !(asleep(who) && actors[who].frozen);
}

/// Its kernel runs, and has not yet dropped the addresses of a brain that does not.
bool Scene::kernel_answers(std::size_t who) const {
    const Actor& actor = actors[who];
    return hears_lan(who) && actor.outside && (!asleep(who) || now_ < actor.asleep_since + kernel_lease);
}

/// The packet path of a node whose grant has lapsed keeps a question back, in case that the brain comes back.
void Scene::answer_look(std::size_t who) {
    Actor& actor = actors[who];
    const bool lapsed = asleep(who) && now_ >= actor.asleep_since + actor.policy.lease();
    if (!actor.asked || lapsed)
        return;
    if (kernel_answers(who) && actor.server == Server::well && now_ < *actor.asked + kept_back)
        actors[1 - who].waiting.push_back(Looked{true});
    actor.asked.reset();
}

void Scene::give(std::size_t who, const Input& input) {
    Actor& actor = actors[who];
    if (!actor.node)
        return;
    if (asleep(who))
        return actor.waiting.push_back(input);
    actor.node->on(now_, input);
    drain(who);
}

void Scene::begin(std::size_t who) {
    Actor& actor = actors[who];
    ++actor.life;
    actor.waiting.clear();
    actor.beat_now = actor.raise_now = actor.outside = false;
    actor.asked.reset();
    actor.asleep_until = {};
    actor.node.emplace(actor.policy, now_);
    drain(who);
    tell_readiness(who);
}

void Scene::switch_on() {
    begin(0);
    begin(1);
}

void Scene::put_to_sleep(std::size_t who, Duration length, bool frozen) {
    Actor& actor = actors[who];
    actor.asleep_since = now_;
    actor.asleep_until = now_ + length;
    actor.frozen = frozen;
}

void Scene::tell_readiness(std::size_t who) {
    const Actor& actor = actors[who];
    const unsigned server = actor.server == Server::well ? 0 : static_cast<unsigned>(lack_server);
    give(who, Readiness{static_cast<std::uint8_t>(actor.lacks | server)});
}

/// What the monitors of the SIP server say: nothing is ready, the health is gone, and nothing is served.
void Scene::serve(std::size_t who, Server server, Duration patience) {
    actors[who].server = server;
    if (server == Server::hangs)
        return;
    tell_readiness(who);
    give(who, Health{server == Server::well ? score_max : std::uint16_t{0}});
    give(who, server == Server::unbound ? Service{.working = false, .since = now_, .patience = patience}
                                        : Service{});
}

// ---- the passing of time ----

void Scene::beat(std::size_t from) {
    const Actor& actor = actors[from];
    if (!actor.node || asleep(from))
        return;
    const View& view = actor.node->view();
    for (std::size_t path = 0; path < actor.policy.paths; ++path) {
        if (actor.mute[path])
            continue;
        give(1 - from, PeerBeat{.path = path,
                                .node_id = actor.policy.node_id,
                                .incarnation = actor.life,
                                .role = view.role,
                                .epoch = view.epoch,
                                .configured = view.configured,
                                .priority = actor.policy.priority,
                                .score = view.score,
                                .lacks = view.lacks,
                                .role_serial = view.role_serial,
                                .ready = view.ready,
                                .resigning = view.resigning,
                                .holds = view.holds,
                                .leaving = view.leaving});
    }
}

/// The order of the brain's loop: what waits in the sockets, the tick that says how late it is, a heartbeat.
void Scene::step() {
    now_ += milliseconds{1};
    answer_look(0);
    answer_look(1);
    for (std::size_t who = 0; who < 2; ++who) {
        Actor& actor = actors[who];
        if (!actor.node || asleep(who))
            continue;
        for (const Input& input : std::exchange(actor.waiting, {}))
            give(who, input);
        if (std::exchange(actor.raise_now, false))
            give(who, Raised{true, actor.node->view().epoch});
        const bool woke = now_ == actor.asleep_until;
        // How late is counted from the wake-up that was missed.
        give(who, Tick{woke ? now_ - actor.asleep_since - actor.policy.interval : Duration{}});
    }
    for (std::size_t who = 0; who < 2; ++who) {
        Actor& actor = actors[who];
        const bool due = (now_ - epoch) % actor.policy.interval == Duration::zero();
        if (std::exchange(actor.beat_now, false) || due)
            beat(who);
    }
}

void Scene::run(Duration length) {
    for (const Instant end = now_ + length; now_ < end;)
        step();
}

} // namespace tandem::ha
