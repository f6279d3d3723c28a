// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/service.hh"

#include "control/app/clock.hh"
#include "control/app/policy.hh"
#include "control/app/realtime.hh"

#include <algorithm>
#include <csignal>
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
/// And again as long as it is.
constexpr auto address_check_again = std::chrono::milliseconds{100};

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
    , groups_(parts_.config.groups.size())
    , not_kept_(parts_.not_kept)
    , started_(now()) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        for (const wire::Prefix& vip : parts_.config.groups[i].vips)
            groups_[i].places.push_back({vip.address, parts_.interface_indices[i]});
        for (const wire::Prefix& vip : parts_.config.groups[i].inside_vips)
            groups_[i].places.push_back({vip.address, parts_.inside_index});
        groups_[i].vip_present.resize(groups_[i].places.size());
        groups_[i].misplaced.resize(groups_[i].places.size());
    }
    if (!not_kept_.empty())
        save_due_ = started_;
}

std::expected<void, std::string> Service::open() {
    auto monitor =
        netlink::Monitor::open({.link =
                                    [this](const auto& change) {
                                        on_link(change);
                                        if (parts_.config.engine.is_appliance()) // it may be its MAC
                                            check_addresses_in(address_check_delay);
                                    },
                                .address = [this](const auto& change) { on_address(change); },
                                .overrun = [this] { check_addresses(); }});
    if (!monitor)
        return std::unexpected(monitor.error().what);
    monitor_ = std::move(*monitor);

    open_peer_line();
    open_ledger();
    desk_ = std::make_unique<OperatorDesk>(parts_.config, door_, *peer_);

    auto courier = courier::Courier::start(io_);
    if (!courier)
        return std::unexpected(courier.error());
    courier_ = std::move(*courier);
    mail_ = std::make_unique<MailDesk>(io_, *courier_, parts_.journal,
                                       MailDesk::Node{parts_.config.node.name, parts_.config.node.state_dir},
                                       parts_.config.email);

    open_actions();
    alarms_->on_change([this](const ledger::AlarmChange& change) {
        if (change.event == ledger::AlarmEvent::ended) // one that stays in the table is not over
            return;
        Condition condition = change.alarm.condition;
        condition.gravity = change.alarm.severity; // what a rule says
        actions_->on_alarm(condition, change.event == ledger::AlarmEvent::raised);
    });

    checks_ =
        std::make_unique<CheckDesk>(io_, parts_.config, parts_.journal, [this] { status_due_ = now(); });
    checks_->on_change([this](const CheckChange& change) {
        const bool down = change.verdict == probe::CheckVerdict::down;
        actions_->on_check(change.group, change.check, down ? config::Trigger::down : config::Trigger::up,
                           change.target + " " + change.detail);
    });

    api::Settings settings;
    settings.socket_path = parts_.config.node.run_dir + "/tandemd.sock";
    api::Methods known = methods();
    admit_gateway(settings, known);
    auto server = api::Server::start(io_, std::move(settings), std::move(known));
    if (!server)
        return std::unexpected(server.error());
    api_ = std::move(*server);
    open_monitors();
    return {};
}

void Service::open_peer_line() {
    peer_ = std::make_unique<PeerLine>(
        io_, parts_.config, parts_.pair_key, parts_.page, door_,
        PeerLine::Handlers{
            .established =
                [this](std::size_t path) {
                    parts_.journal.add(Severity::info, "stream.up", "", "control stream established",
                                       {{"path", parts_.config.paths[path].name}});
                    status_due_ = now();
                    ledger_->peer_changed();
                    alarms_->peer_changed();
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
                    if (actions_ && actions_->on_peer_request(method, params, respond))
                        return;
                    if (on_ledger_request(method, params, respond))
                        return;
                    PulseSnapshot snapshot;
                    const bool known = parts_.pulse.snapshot(snapshot);
                    desk_->ask(
                        method, params, OperatorDesk::Origin::peer,
                        [&](std::size_t group) { return known ? &snapshot.groups[group] : nullptr; },
                        std::move(respond));
                }});
}

std::string Service::run() {
    realtime_ = !become_realtime(service_priority); // the pulse reports it where this is not possible
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.async_wait([this](boost::system::error_code error, int) {
        if (!error)
            stop();
    });
    hang_up_.add(SIGHUP);
    wait_for_hang_up();
    pulse_ready_.assign(parts_.from_pulse.descriptor());
    hand_ready_.assign(parts_.hand_notes.descriptor());
    kernel_ready_.assign(monitor_->descriptor());
    wait_for_pulse();
    wait_for_hand();
    wait_for_kernel();
    look_at_engine(now());
    check_addresses();
    for (auto& group : groups_)
        group.monitors->start();
    checks_->start();
    tick();
    io_.run();
    checks_->stop();
    actions_->stop();
    for (auto& group : groups_)
        group.monitors->stop();
    disk_.join();
    if (said_goodbye_)
        keep_last_word();
    close_ledger();
    // The descriptors belong to the mailboxes and the monitor.
    pulse_ready_.release();
    hand_ready_.release();
    kernel_ready_.release();
    return begin_anew_;
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

void Service::wait_for_hand() {
    wait_on(hand_ready_, [this] {
        parts_.hand_notes.settle();
        HandNote note;
        while (parts_.hand_notes.receive(note))
            on_hand_note(note);
        wait_for_hand();
    });
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
        if (parts_.interface_indices[i] == change.index) {
            groups_[i].link_up = change.up;
            groups_[i].link_carrier = change.carrier;
            judge_port(i);
        } else if (parts_.config.engine.is_appliance()) {
            groups_[i].monitors->look_now(); // it may be the inside port
        }
    }
}

/// Whether the group's outside port works. That of an appliance does not without its engine, whatever the
/// kernel shows of the TAP.
void Service::judge_port(std::size_t group) {
    GroupState& state = groups_[group];
    const auto& port = parts_.page.ports[static_cast<std::size_t>(contract::PortPlace::outside)];
    const bool appliance = parts_.config.engine.is_appliance();
    const bool driven = !appliance || engine_ == EngineState::running;
    const bool carrier = state.link_carrier && (!appliance || port.link.load() != 0);
    const bool usable = state.link_up && carrier && driven;
    if (std::exchange(state.port_usable, usable) == usable)
        return;
    tell(group, ha::Port{usable});
    state.monitors->look_now();
    if (parts_.config.groups[group].watch.nic == config::Monitor::on)
        return; // the monitor tells it
    parts_.journal.add(usable ? Severity::info : Severity::error, usable ? "nic.restored" : "nic.failed",
                       parts_.config.groups[group].name,
                       "outside interface " + parts_.config.groups[group].interface +
                           (usable           ? " has its carrier again"
                            : !driven        ? " has no packet engine behind it"
                            : !state.link_up ? " is down"
                                             : " lost its carrier"));
}

void Service::on_address(const netlink::Monitor::AddressChange& change) {
    for (GroupState& group : groups_) {
        for (std::size_t i = 0; i < group.places.size(); ++i) {
            if (group.places[i].interface_index != change.index || group.places[i].address != change.address)
                continue;
            group.vip_present[i] = change.present;
            (change.present ? group.vip_came : group.vip_went) = true;
            check_addresses_in(address_check_delay);
        }
    }
}

void Service::check_addresses_in(std::chrono::milliseconds delay) {
    if (std::exchange(address_check_pending_, true))
        return;
    address_check_.expires_after(delay);
    address_check_.async_wait([this](boost::system::error_code error) {
        if (!error)
            check_addresses();
    });
}

/// The VIPs are where the role wants them, whoever changed them: present on the active, absent on the
/// standby.
void Service::check_addresses() {
    address_check_pending_ = false;
    PulseSnapshot snapshot;
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces || !parts_.pulse.snapshot(snapshot))
        return;
    check_macs(*interfaces);
    for (std::size_t i = 0; i < parts_.config.groups.size(); ++i)
        for (const netlink::Interface& interface : *interfaces)
            if (interface.index == parts_.interface_indices[i]) {
                on_link({interface.index, interface.up, interface.carrier});
                check_placement(i, snapshot.groups[i], *interfaces);
            }
}

/// Announcements, probes and questions are prepared with the MAC addresses of the start. An appliance's
/// engine may give a TAP that of its port after that.
void Service::check_macs(const std::vector<netlink::Interface>& interfaces) {
    const config::Engine& engine = parts_.config.engine;
    for (const netlink::Interface& before : parts_.interfaces)
        for (const netlink::Interface& after : interfaces)
            if (engine.is_appliance() && before.index == after.index && before.mac != after.mac &&
                (after.name == engine.outside.kernel_interface ||
                 after.name == engine.inside.kernel_interface) &&
                begin_anew_.empty()) {
                begin_anew_ = "the MAC address of " + after.name + " has changed; the brain begins anew";
                parts_.journal.add(Severity::warning, "node.begins_anew", "", begin_anew_);
                io_.stop();
            }
}

void Service::check_placement(std::size_t group, const ha::View& view,
                              const std::vector<netlink::Interface>& interfaces) {
    const bool wanted = view.role == ha::Role::active;
    const bool watched = parts_.config.groups[group].watch.vip == config::Monitor::on;
    GroupState& state = groups_[group];
    const auto is_there = [&](const Place& place) {
        return std::ranges::any_of(interfaces, [&](const netlink::Interface& interface) {
            return interface.index == place.interface_index &&
                   std::ranges::any_of(interface.addresses, [&](const wire::Prefix& have) {
                       return have.address == place.address;
                   });
        });
    };
    bool misplaced = false;
    bool settling = false;
    for (std::size_t i = 0; i < state.places.size(); ++i) {
        const bool present = is_there(state.places[i]);
        state.vip_present[i] = present;
        settling = settling || (wanted && !present && now() - view.since < std::chrono::milliseconds{200});
        const bool wrong = present != wanted && !settling;
        misplaced = misplaced || wrong;
        const bool told = state.misplaced[i];
        state.misplaced[i] = wrong;
        if (!wrong || told || watched) // where the monitor is on, it tells
            continue;
        parts_.journal.add(
            Severity::warning, wanted ? "vip.missing" : "vip.left_behind", parts_.config.groups[group].name,
            state.places[i].address.to_string() + (wanted ? " is missing on the active; adding it again"
                                                          : " is on a node that is not active; removing it"));
    }
    if (watched)
        show_placement(group, wanted);
    if (misplaced)
        door_.tell(Repair{group});
    if (misplaced || settling)
        check_addresses_in(address_check_again);
}

/// What was misplaced for less than the time to this check is shown to the monitor as well: a renewal of the
/// addresses may have put it right meanwhile.
void Service::show_placement(std::size_t group, bool wanted) {
    GroupState& state = groups_[group];
    const bool came = std::exchange(state.vip_came, false);
    const bool went = std::exchange(state.vip_went, false);
    if (wanted ? went : came) {
        const std::vector<bool> now =
            std::exchange(state.vip_present, std::vector<bool>(state.vip_present.size(), !wanted));
        state.monitors->look_now();
        state.vip_present = now;
    }
    state.monitors->look_now();
}

// ---- the look around every 20 ms ----

void Service::tick() {
    const ha::Instant at = now();
    moderate(at);
    door_.flush();
    desk_->expire(at);
    look_at_engine(at);
    for (std::size_t i = 0; parts_.config.engine.is_appliance() && i < groups_.size(); ++i)
        judge_port(i); // the engine shows it before the kernel does
    read_notices();
    PulseSnapshot snapshot;
    if (parts_.pulse.snapshot(snapshot)) {
        follow_roles(snapshot);
        judge_readiness(snapshot, at);
        judge_window(at);
        keep_from(snapshot);
        judge_alarms(snapshot, at);
    }
    if (save_due_ <= at)
        save_records();
    tick_ledger(at);
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

/// Much work is not for a real-time thread: the heartbeats and the SIP server need the processors as well.
void Service::moderate(ha::Instant at) {
    if (!realtime_)
        return;
    switch (share_.look(at, thread_time())) {
    case RealtimeShare::Step::keep:
        return;
    case RealtimeShare::Step::give_up:
        become_ordinary();
        return parts_.journal.add(
            Severity::warning, "service.busy", "",
            "checks and the rest of the service take more than half of a processor: they "
            "go on without real-time priority; heartbeats keep theirs");
    case RealtimeShare::Step::take_back:
        become_realtime(service_priority);
        return parts_.journal.add(Severity::info, "service.calm", "",
                                  "the service has its real-time priority again");
    }
}

void Service::tell(std::size_t group, const ha::Input& input) {
    door_.tell(Fact{group, input});
}

} // namespace tandem::app
