// SPDX-License-Identifier: GPL-3.0-or-later

// What the pulse and the hand report, as entries of the journal.

#include "control/app/clock.hh"
#include "control/app/service.hh"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

constexpr ha::Duration stall_spacing = std::chrono::seconds{10};

/// How grave an event is that only tells of a group.
Severity severity_of(ha::Event event) {
    switch (event) {
    case ha::Event::peer_silent:
    case ha::Event::peer_gone:
    case ha::Event::claim_seen:
    case ha::Event::serving_elsewhere:
    case ha::Event::won_conflict:
    case ha::Event::resign_failed:
    case ha::Event::resigning_health:
    case ha::Event::resigning_unserved:
    case ha::Event::damped:
    case ha::Event::forced:
        return Severity::warning;
    case ha::Event::lost_conflict:
    case ha::Event::unfit:
    case ha::Event::raise_failed:
    case ha::Event::paused:
    case ha::Event::isolated:
    case ha::Event::dual_active:
        return Severity::error;
    default:
        return Severity::info;
    }
}

/// What the event's number says, for programs in `data`; for people it comes back as the end of the sentence.
std::string add_value(const ha::Output& output, json::object& data) {
    const std::uint64_t value = output.value;
    switch (output.event) {
    case ha::Event::resigning_health: {
        const std::uint64_t own = value >> 16U;
        const std::uint64_t peer = value & 0xffffU;
        data["own_score"] = own;
        data["peer_score"] = peer;
        return ": " + std::to_string(own) + " here, " + std::to_string(peer) + " there";
    }
    case ha::Event::resigning_unserved:
        data["damper_factor"] = value;
        return value > 1 ? ", damper x" + std::to_string(value) : "";
    case ha::Event::damped:
        data["wait_ms"] = value;
        return ", for " + std::to_string(value) + " ms yet";
    case ha::Event::role_followed:
        data["configured_role"] = value != 0 ? "primary" : "secondary";
        return value != 0 ? ": primary" : ": secondary";
    case ha::Event::forced: {
        const std::string refusal{ha::to_string(static_cast<ha::Refusal>(value))};
        data["refusal"] = refusal;
        return ": " + refusal;
    }
    case ha::Event::health_changed:
        data["score"] = value;
        return ": " + std::to_string(value) + " of " + std::to_string(ha::score_max);
    default:
        return {};
    }
}

bool is_takeover(ha::Event event) {
    switch (event) {
    case ha::Event::took_over_silence:
    case ha::Event::took_over_gone:
    case ha::Event::took_over_resigned:
    case ha::Event::took_over_unfit:
    case ha::Event::took_over_vacant:
    case ha::Event::took_over_operator:
    case ha::Event::took_over_unserved:
        return true;
    default:
        return false;
    }
}

} // namespace

void Service::on_pulse_note(const PulseNote& note) {
    switch (note.output.effect) {
    case ha::Effect::keep_epoch:
    case ha::Effect::keep_role: {
        // The snapshot says the same and cannot be lost in a full mailbox; this is only sooner.
        PulseSnapshot snapshot;
        if (note.output.effect == ha::Effect::keep_epoch)
            keep_epoch(note.group, note.output.epoch);
        else if (parts_.pulse.snapshot(snapshot))
            keep_from(snapshot);
        return;
    }
    case ha::Effect::report:
        return on_report(note.group, note.output);
    case ha::Effect::answer:
        return desk_->on_answer(note.group, note.output);
    default:
        return;
    }
}

void Service::on_report(std::size_t group, const ha::Output& output) {
    status_due_ = now();
    PulseSnapshot snapshot;
    if (parts_.pulse.snapshot(snapshot))
        follow_roles(snapshot);
    if (is_takeover(output.event)) {
        groups_[group].recorder.decided(output);
        return tell_takeover(group);
    }
    switch (output.event) {
    case ha::Event::path_up:
    case ha::Event::path_down:
        return group == 0 ? tell_path(output, snapshot) : void(); // every group's engine sees it: told once
    case ha::Event::stalled:
        return group == 0 ? tell_stall(output.value) : void();
    case ha::Event::disabled:
        if (!stopping_)
            keep_disabled(group, true);
        break;
    case ha::Event::enabled:
        keep_disabled(group, false);
        break;
    default:
        break;
    }
    json::object data{{"epoch", output.epoch}, {"decided_ns", to_ns(output.decided)}};
    const std::string sentence = std::string{ha::to_sentence(output.event)} + add_value(output, data);
    parts_.journal.add(severity_of(output.event), ha::to_string(output.event),
                       parts_.config.groups[group].name, sentence, std::move(data));
}

void Service::tell_path(const ha::Output& output, const PulseSnapshot& snapshot) {
    choose_mirror_path(snapshot);
    parts_.journal.add(output.event == ha::Event::path_down ? Severity::warning : Severity::info,
                       ha::to_string(output.event), "", std::string{ha::to_sentence(output.event)},
                       {{"path", parts_.config.paths[output.value].name}});
}

/// A busy machine may stall many times a second; the journal gets one entry in ten seconds with the sum of
/// them.
void Service::tell_stall(std::uint64_t late_us) {
    stalled_at_ = now();
    ++stalls_;
    stall_max_us_ = std::max(stall_max_us_, late_us);
    if (now() < stall_told_ + stall_spacing)
        return;
    stall_told_ = now();
    parts_.journal.add(
        Severity::warning, ha::to_string(ha::Event::stalled), "",
        std::string{ha::to_sentence(ha::Event::stalled)},
        {{"times", std::exchange(stalls_, 0)}, {"longest_us", std::exchange(stall_max_us_, 0)}});
}

void Service::on_hand_note(const HandNote& note) {
    const std::string& group = parts_.config.groups[note.group].name;
    if (note.error != 0)
        parts_.journal.add(Severity::error,
                           note.act == Act::announce ? "announce.failed" : "vip.change_failed", group,
                           std::string{"the kernel refused: "} + std::strerror(note.error));
    switch (note.act) {
    case Act::raise:
        if (note.error == 0)
            groups_[note.group].recorder.addresses_done(note.epoch, note.done);
        return tell_takeover(note.group);
    case Act::announce:
        groups_[note.group].recorder.announced(note.epoch, note.done);
        return tell_takeover(note.group);
    case Act::lower:
    case Act::vacate:
        parts_.journal.add(Severity::info, "vip.removed", group, "addresses are off the outside interface",
                           {{"epoch", note.epoch}, {"done_ns", to_ns(note.done)}});
        return;
    default:
        return;
    }
}

void Service::tell_takeover(std::size_t group) {
    const auto record = groups_[group].recorder.take();
    if (!record)
        return;
    const auto us = [](ha::Duration d) {
        return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
    };
    json::object data{{"epoch", record->epoch},
                      {"last_heard_ns", to_ns(record->last_heard)},
                      {"detected_ns", to_ns(record->detected)},
                      {"decided_ns", to_ns(record->decided)},
                      {"addresses_ns", to_ns(record->addresses)},
                      {"announced_ns", to_ns(record->announced)},
                      {"decide_us", us(record->decided - record->detected)},
                      {"addresses_us", us(record->addresses - record->decided)},
                      {"announce_us", us(record->announced - record->addresses)}};
    const bool missed =
        record->cause == ha::Event::took_over_silence || record->cause == ha::Event::took_over_gone;
    if (missed && record->last_heard != ha::Instant{})
        data["detect_us"] = us(record->detected - record->last_heard);
    parts_.journal.add(Severity::warning, ha::to_string(record->cause), parts_.config.groups[group].name,
                       std::string{ha::to_sentence(record->cause)}, std::move(data));
}

} // namespace tandem::app
