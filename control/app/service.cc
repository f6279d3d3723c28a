// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/service.hh"

#include "control/app/clock.hh"
#include "control/app/policy.hh"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <utility>

namespace tandem::app {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr auto tick_interval = std::chrono::milliseconds{20};
constexpr ha::Duration status_interval = std::chrono::milliseconds{500};
constexpr auto stop_patience = std::chrono::seconds{12};
/// The kernel's notifications about our own changes come in the middle of them; what is wrong after this is
/// wrong.
constexpr auto address_check_delay = std::chrono::milliseconds{20};

constexpr ha::Duration stall_spacing = std::chrono::seconds{10};

/// A process id may have been given to somebody else meanwhile.
bool is_packet_engine(std::int32_t pid) {
    std::string name;
    std::getline(std::ifstream{"/proc/" + std::to_string(pid) + "/comm"}, name);
    return name == "tandem-fast";
}

/// Descriptors that others own: Asio only waits on them.
void wait_on(asio::posix::stream_descriptor& descriptor, auto handler) {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [handler](boost::system::error_code error) {
                              if (!error)
                                  handler();
                          });
}

} // namespace

Service::Service(ServiceParts parts)
    : parts_(std::move(parts))
    , recorders_(parts_.config.groups.size())
    , ready_told_(parts_.config.groups.size())
    , in_sync_told_(parts_.config.groups.size())
    , port_usable_(parts_.config.groups.size(), true)
    , started_(now()) {}

std::expected<void, std::string> Service::open() {
    auto monitor = netlink::Monitor::open(
        {.link = [this](const auto& change) { on_link(change); },
         .address = [this](const auto& change) { on_address(change.index, change.address); },
         .overrun = [this] { check_addresses(); }});
    if (!monitor)
        return std::unexpected(monitor.error().what);
    monitor_ = std::move(*monitor);

    peer_ = std::make_unique<PeerLine>(
        io_, parts_.config, parts_.pair_key, parts_.page, parts_.to_pulse,
        PeerLine::Handlers{
            .established =
                [this](std::size_t path) {
                    parts_.journal.add(Severity::info, "stream.up", "", "control stream established",
                                       {{"path", parts_.config.paths[path].name}});
                    status_due_ = now();
                },
            .ended =
                [this](std::size_t path, link::StreamEnd end, const std::string& detail) {
                    const bool expected = end == link::StreamEnd::goodbye || end == link::StreamEnd::replaced;
                    parts_.journal.add(expected ? Severity::info : Severity::warning, "stream.down", "",
                                       "control stream ended: " + detail,
                                       {{"path", parts_.config.paths[path].name}});
                    if (said_goodbye_ && !peer_->connected())
                        io_.stop();
                },
            .status =
                [this](json::object status) {
                    peer_status_ = std::move(status);
                    peer_status_at_ = now();
                },
            .request =
                [this](const std::string& method, const json::object& params, Respond respond) {
                    PulseSnapshot snapshot;
                    const bool known = parts_.pulse.snapshot(snapshot);
                    desk_->ask(
                        method, params, OperatorDesk::Origin::peer,
                        [&](std::size_t group) { return known ? &snapshot.groups[group] : nullptr; },
                        std::move(respond));
                }});
    desk_ = std::make_unique<OperatorDesk>(parts_.config, parts_.to_pulse, *peer_);

    api::Settings settings;
    settings.socket_path = parts_.config.node.run_dir + "/tandemd.sock";
    auto server = api::Server::start(io_, std::move(settings), methods());
    if (!server)
        return std::unexpected(server.error());
    api_ = std::move(*server);
    parts_.journal.on_entry([this](const JournalEntry& entry) { api_->publish(to_json(entry)); });
    return {};
}

void Service::run() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.async_wait([this](boost::system::error_code error, int) {
        if (!error)
            stop();
    });
    pulse_ready_.assign(parts_.from_pulse.descriptor());
    hand_ready_.assign(parts_.hand_notes.descriptor());
    kernel_ready_.assign(monitor_->descriptor());
    wait_for_pulse();
    wait_for_hand();
    wait_for_kernel();
    check_addresses();
    tick();
    io_.run();
    disk_.join();
    // The descriptors belong to the mailboxes and the monitor.
    pulse_ready_.release();
    hand_ready_.release();
    kernel_ready_.release();
}

// ---- the end ----

void Service::stop() {
    if (stopping_)
        return;
    stopping_ = true;
    parts_.journal.add(Severity::info, "node.stopping", "",
                       "asked to stop; handing over what is active here");
    stop_deadline_.expires_after(stop_patience);
    stop_deadline_.async_wait([this](boost::system::error_code error) {
        if (!error)
            io_.stop();
    });
    desk_->leave([this] {
        left_ = true;
        finish_when_quiet();
    });
}

/// After a planned switchover the old node still redirects stragglers; it ends when that has ended.
void Service::finish_when_quiet() {
    PulseSnapshot snapshot;
    if (!left_ || !parts_.pulse.snapshot(snapshot))
        return;
    for (std::size_t i = 0; i < parts_.config.groups.size(); ++i)
        if (snapshot.groups[i].role == ha::Role::active || snapshot.groups[i].yielding)
            return; // asked again at the next tick
    left_ = false;
    said_goodbye_ = true;
    peer_->goodbye();
    // Long enough for the goodbye to leave; its end stops the loop before.
    stop_deadline_.expires_after(std::chrono::milliseconds{peer_->connected() ? 500 : 0});
    stop_deadline_.async_wait([this](boost::system::error_code error) {
        if (!error)
            io_.stop();
    });
}

// ---- the pulse and the hand ----

void Service::wait_for_pulse() {
    wait_on(pulse_ready_, [this] {
        parts_.from_pulse.settle();
        PulseNote note;
        while (parts_.from_pulse.receive(note))
            on_pulse_note(note);
        wait_for_pulse();
    });
}

void Service::on_pulse_note(const PulseNote& note) {
    const std::string& group = parts_.config.groups[note.group].name;
    switch (note.output.effect) {
    case ha::Effect::keep_epoch:
        return keep_record(note.group, note.output.epoch);
    case ha::Effect::report:
        return on_report(group, note.group, note.output);
    case ha::Effect::answer:
        return desk_->on_answer(note.group, note.output);
    default:
        return;
    }
}

void Service::on_report(const std::string& group, std::size_t index, const ha::Output& output) {
    status_due_ = now();
    json::object data{{"epoch", output.epoch}, {"decided_ns", to_ns(output.decided)}};
    Severity severity = Severity::info;
    switch (output.event) {
    case ha::Event::took_over_silence:
    case ha::Event::took_over_gone:
    case ha::Event::took_over_resigned:
    case ha::Event::took_over_unfit:
    case ha::Event::took_over_vacant:
    case ha::Event::took_over_operator:
        recorders_[index].decided(output);
        return tell_takeover(index);
    case ha::Event::path_up:
    case ha::Event::path_down: {
        // Liveness is the pair's, every group's engine sees it: told once.
        if (index != 0)
            return;
        data = {{"path", parts_.config.paths[output.value].name}};
        severity = output.event == ha::Event::path_down ? Severity::warning : Severity::info;
        PulseSnapshot snapshot;
        if (parts_.pulse.snapshot(snapshot))
            choose_mirror_path(snapshot);
        parts_.journal.add(severity, ha::to_string(output.event), "",
                           std::string{ha::to_sentence(output.event)}, std::move(data));
        return;
    }
    case ha::Event::stalled:
        return index == 0 ? tell_stall(output.value) : void();
    case ha::Event::peer_silent:
    case ha::Event::peer_gone:
    case ha::Event::claim_seen:
    case ha::Event::serving_elsewhere:
    case ha::Event::won_conflict:
    case ha::Event::resign_failed:
        severity = Severity::warning;
        break;
    case ha::Event::lost_conflict:
    case ha::Event::unfit:
    case ha::Event::raise_failed:
        severity = Severity::error;
        break;
    case ha::Event::disabled:
        if (!stopping_)
            keep_disabled(index, true);
        break;
    case ha::Event::enabled:
        keep_disabled(index, false);
        break;
    default:
        break;
    }
    parts_.journal.add(severity, ha::to_string(output.event), group,
                       std::string{ha::to_sentence(output.event)}, std::move(data));
}

/// A busy machine may stall many times a second; the journal gets one entry in ten seconds with the sum of
/// them.
void Service::tell_stall(std::uint64_t late_us) {
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

void Service::wait_for_hand() {
    wait_on(hand_ready_, [this] {
        parts_.hand_notes.settle();
        HandNote note;
        while (parts_.hand_notes.receive(note))
            on_hand_note(note);
        wait_for_hand();
    });
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
            recorders_[note.group].addresses_done(note.epoch, note.done);
        return tell_takeover(note.group);
    case Act::announce:
        recorders_[note.group].announced(note.epoch, note.done);
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
    const auto record = recorders_[group].take();
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

// ---- the kernel ----

void Service::wait_for_kernel() {
    wait_on(kernel_ready_, [this] {
        monitor_->read();
        wait_for_kernel();
    });
}

void Service::on_link(const netlink::Monitor::LinkChange& change) {
    for (std::size_t i = 0; i < parts_.interface_indices.size(); ++i) {
        const bool usable = change.up && change.carrier;
        if (parts_.interface_indices[i] != change.index || port_usable_[i] == usable)
            continue;
        port_usable_[i] = usable;
        parts_.to_pulse.send(SetPort{i, usable});
        parts_.journal.add(usable ? Severity::info : Severity::error, usable ? "nic.restored" : "nic.failed",
                           parts_.config.groups[i].name,
                           "outside interface " + parts_.config.groups[i].interface +
                               (usable       ? " has its carrier again"
                                : !change.up ? " is down"
                                             : " lost its carrier"));
    }
}

void Service::on_address(int index, const wire::IpAddress& address) {
    for (std::size_t i = 0; i < parts_.config.groups.size(); ++i) {
        if (parts_.interface_indices[i] != index)
            continue;
        for (const wire::Prefix& vip : parts_.config.groups[i].vips)
            if (vip.address == address && !address_check_pending_) {
                address_check_pending_ = true;
                address_check_.expires_after(address_check_delay);
                address_check_.async_wait([this](boost::system::error_code error) {
                    if (!error)
                        check_addresses();
                });
            }
    }
}

/// The VIPs are where the role wants them, whoever changed them: present on the active, absent on the
/// standby.
void Service::check_addresses() {
    address_check_pending_ = false;
    PulseSnapshot snapshot;
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces || !parts_.pulse.snapshot(snapshot))
        return;
    for (std::size_t i = 0; i < parts_.config.groups.size(); ++i) {
        const ha::View& view = snapshot.groups[i];
        for (const netlink::Interface& interface : *interfaces) {
            if (interface.index != parts_.interface_indices[i])
                continue;
            on_link({interface.index, interface.up, interface.carrier});
            for (const wire::Prefix& vip : parts_.config.groups[i].vips) {
                const bool present =
                    std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                [&](const wire::Prefix& have) { return have.address == vip.address; });
                const bool wanted = view.role == ha::Role::active;
                if (present == wanted || (wanted && now() - view.since < std::chrono::milliseconds{200}))
                    continue;
                parts_.journal.add(
                    Severity::warning, wanted ? "vip.lost" : "vip.left_behind", parts_.config.groups[i].name,
                    vip.address.to_string() + (wanted ? " is missing on the active; adding it again"
                                                      : " is on a node that is not active; removing it"));
                parts_.to_pulse.send(Repair{i});
            }
        }
    }
}

// ---- the look around every 20 ms ----

void Service::tick() {
    const ha::Instant at = now();
    look_at_engine(at);
    read_notices();
    judge_readiness(at);
    if (at >= status_due_) {
        status_due_ = at + status_interval;
        peer_->send_status(own_status());
    }
    if (stopping_)
        finish_when_quiet();
    tick_.expires_after(tick_interval);
    tick_.async_wait([this](boost::system::error_code error) {
        if (!error)
            tick();
    });
}

void Service::look_at_engine(ha::Instant at) {
    const contract::EnginePulse& engine = parts_.page.engine;
    const std::int32_t pid = engine.pid.load();
    const EngineState state = engine_watch_.look(at, {.beats = engine.beats.load(),
                                                      .pid = pid,
                                                      .attached = engine.attached.load() != 0,
                                                      .process_exists = pid > 0 && is_packet_engine(pid)});
    if (state == engine_)
        return;
    const EngineState before = std::exchange(engine_, state);
    status_due_ = at;
    if (state == EngineState::running)
        parts_.journal.add(Severity::info, "engine.running", "",
                           "the packet engine is attached; mirroring works");
    else if (state == EngineState::stalled)
        parts_.journal.add(Severity::error, "engine.stalled", "",
                           "the packet engine does not turn; ending it, so that the kernel passes SIP on");
    else if (before == EngineState::running || before == EngineState::stalled)
        parts_.journal.add(
            Severity::error, "engine.lost", "",
            "the packet engine is gone; the kernel passes SIP on, mirroring pauses until it is back");
    // An engine that hangs keeps the kernel's queue bound, and SIP would wait in it. Dead, it is bypassed.
    if (state == EngineState::stalled && is_packet_engine(pid))
        ::kill(pid, SIGKILL);
}

void Service::read_notices() {
    contract::Notice notice;
    while (parts_.page.notices.pop(notice)) {
        switch (notice.kind) {
        case contract::NoticeKind::engine_started:
            parts_.journal.add(notice.value > 0 ? Severity::warning : Severity::info, "engine.started", "",
                               notice.value > 0 ? "the packet engine has started; the kernel passed on " +
                                                      std::to_string(notice.value) +
                                                      " SIP packets unmirrored while it was away"
                                                : std::string{"the packet engine has started"},
                               {{"missed", notice.value}});
            break;
        case contract::NoticeKind::mirror_gap:
            parts_.journal.add(Severity::warning, "mirror.gap", "",
                               "mirrored packets were lost and could not be repaired",
                               {{"lost", notice.value}});
            break;
        default:
            break;
        }
    }
}

void Service::judge_readiness(ha::Instant at) {
    PulseSnapshot snapshot;
    if (!parts_.pulse.snapshot(snapshot))
        return;
    compare_configurations(snapshot);
    choose_mirror_path(snapshot);
    const auto& mirror = parts_.page.mirror;
    const bool synced = in_sync(to_ns(at), {.received = mirror.received.load(),
                                            .announced = mirror.announced.load(),
                                            .announced_at_ns = mirror.announced_at_ns.load()});
    parts_.page.peer_present.store(snapshot.groups[0].peer == ha::PeerState::up ? 1U : 0U);
    for (std::size_t i = 0; i < parts_.config.groups.size(); ++i) {
        const bool mirroring = parts_.config.groups[i].mirroring == config::Mirroring::on;
        const bool ready =
            engine_ == EngineState::running && differing_digest_ == 0 && (!mirroring || synced);
        if (ready_told_[i] == ready && in_sync_told_[i] == synced)
            continue;
        if (parts_.to_pulse.send(SetReadiness{i, ready, synced})) {
            ready_told_[i] = ready;
            in_sync_told_[i] = synced;
        }
    }
}

void Service::compare_configurations(const PulseSnapshot& snapshot) {
    const std::uint64_t theirs = snapshot.peer_config_digest;
    const std::uint64_t differing = theirs != 0 && theirs != parts_.config.digest ? theirs : 0;
    if (differing == differing_digest_)
        return;
    differing_digest_ = differing;
    if (differing != 0)
        parts_.journal.add(
            Severity::error, "config.differs", "",
            "the two nodes are configured differently (pair, group names, VIPs, ports or patterns); "
            "compare the files: a planned switchover is refused until they agree");
    else
        parts_.journal.add(Severity::info, "config.agrees", "", "the two nodes are configured alike");
}

/// The first path that is up, in the order of the configuration.
void Service::choose_mirror_path(const PulseSnapshot& snapshot) {
    for (std::size_t i = 0; i < parts_.config.paths.size(); ++i)
        if (snapshot.groups[0].paths[i].is_up())
            return parts_.page.mirror_path.store(static_cast<std::uint32_t>(i));
}

// ---- the records on disk ----

void Service::keep_record(std::size_t group, std::uint64_t epoch) {
    GroupRecord& record = parts_.records[parts_.config.groups[group].name];
    if (epoch <= record.epoch)
        return;
    record.epoch = epoch;
    save_records();
}

void Service::keep_disabled(std::size_t group, bool disabled) {
    GroupRecord& record = parts_.records[parts_.config.groups[group].name];
    if (record.disabled == disabled)
        return;
    record.disabled = disabled;
    save_records();
}

/// On a thread of its own: a disk may take seconds, or be full. One write at a time, the last state wins.
void Service::save_records() {
    if (std::exchange(saving_, true)) {
        save_again_ = true;
        return;
    }
    asio::post(disk_, [this, records = parts_.records] {
        auto saved = app::save_records(parts_.config.node.state_dir, records);
        asio::post(io_, [this, saved = std::move(saved)] {
            saving_ = false;
            if (!saved)
                parts_.journal.add(Severity::error, "state.not_kept", "",
                                   saved.error() + " (the role is not affected; the peer knows the epoch)");
            if (std::exchange(save_again_, false))
                save_records();
        });
    });
}

} // namespace tandem::app
