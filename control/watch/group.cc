// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/group.hh"

#include "netlink/kernel.hh"

#include <algorithm>
#include <utility>

namespace tandem::watch {

namespace {

constexpr ha::Duration facts_interval = std::chrono::milliseconds{500};
constexpr ha::Duration vip_interval = std::chrono::milliseconds{100};
constexpr ha::Duration ports_interval = std::chrono::milliseconds{500};
constexpr ha::Duration sockets_interval = std::chrono::milliseconds{500};
constexpr ha::Duration process_interval = std::chrono::milliseconds{200};
constexpr ha::Duration proof_interval = std::chrono::seconds{1};

std::vector<EndpointTimes> endpoint_times(const config::Watch& watch) {
    std::vector<EndpointTimes> times;
    if (watch.traffic == config::Monitor::on)
        for (const auto& endpoint : watch.endpoints)
            times.push_back({.check = endpoint.oos_check, .force = endpoint.oos_force});
    return times;
}

} // namespace

Group::Impl::Impl(boost::asio::io_context& io_context, const config::Group& group, int index, Handlers to,
                  std::vector<std::string> path_interfaces, std::string inside)
    : io_(io_context)
    , config_(group)
    , outside_index_(index)
    , handlers_(std::move(to))
    , timer_(io_context)
    , path_interfaces_(std::move(path_interfaces))
    , inside_(std::move(inside))
    , traffic_judge_(endpoint_times(group.watch)) {
    due_.fill(ha::end_of_time);
    const config::Watch& watch = config_.watch;
    const auto add = [&](std::string_view name, bool on) {
        standings_.emplace_back(name, on ? State::unknown : State::off);
    };
    add("vip", watch.vip == config::Monitor::on);
    add("nic", watch.nic == config::Monitor::on);
    add("traffic", watch.traffic == config::Monitor::on && !watch.endpoints.empty());
    add("listener", watch.listener == config::Monitor::on);
    add("process", watch.process == config::Monitor::on && !watch.process_match.empty());
    add("server", watch.server == config::Monitor::on && !config_.vips.empty() && !config_.sip_ports.empty());
    add("witness", !watch.witnesses.empty());
    add_source(vip, watch.vip_weight);
    add_source(nic, watch.nic_weight);
    add_source(listener, watch.listener_weight);
    add_source(process, watch.process_weight);
    add_source(server, watch.server_weight);
}

/// A weight of 0 leaves the monitor its alarms. Traffic is no source: its failure is a matter of patience and
/// of the damper (ha::Service), which a lower score would overtake.
void Group::Impl::add_source(Monitor monitor, std::uint16_t weight) {
    if (is_on(monitor) && weight > 0)
        sources_[monitor] = board_.add(std::min(weight, ha::score_max), config_.watch.rise);
}

ha::Instant Group::Impl::moment() {
    return ha::Instant{std::chrono::steady_clock::now().time_since_epoch()}; // CLOCK_MONOTONIC
}

/// This node's own addresses on an interface. A link-local one serves nobody beyond the link.
std::vector<wire::Prefix> Group::Impl::own_addresses(const netlink::Interface& interface,
                                                     const std::vector<wire::Prefix>& vips) {
    std::vector<wire::Prefix> result;
    for (const auto& prefix : interface.addresses) {
        const auto& octets = prefix.address.octets;
        const bool link_local = prefix.address.is_v6() && octets[0] == 0xfe && (octets[1] & 0xc0U) == 0x80;
        const bool vip = std::ranges::any_of(
            vips, [&](const wire::Prefix& known) { return known.address == prefix.address; });
        if (!link_local && !vip)
            result.push_back(prefix);
    }
    return result;
}

/// Those on the outside interface.
std::vector<wire::Prefix> Group::Impl::own_addresses() const {
    if (const auto interfaces = netlink::list_interfaces())
        for (const auto& interface : *interfaces)
            if (interface.name == config_.interface)
                return own_addresses(interface, config_.vips);
    return {};
}

// ---- the life of it ----

void Group::Impl::start() {
    life_ = std::make_shared<int>(0);
    const ha::Instant now = moment();
    const Facts facts = handlers_.facts();
    const config::Watch& watch = config_.watch;
    active_ = facts.active;
    carrier_ = facts.carrier;
    traffic_judge_.on_role(now, active_, facts.arrived);
    endpoints_ = std::vector<Asked>(is_on(traffic) ? watch.endpoints.size() : 0);
    due_[look_at_facts] = now;
    if (is_on(vip))
        vip_judge_.emplace(now);
    if (is_on(nic)) {
        std::vector<WatchedPort> ports{{config_.interface, PortUse::outside}};
        if (!inside_.empty())
            ports.push_back({inside_, PortUse::inside});
        for (const auto& name : path_interfaces_)
            if (std::ranges::find(ports, name, &WatchedPort::name) == ports.end())
                ports.push_back({name, PortUse::path});
        if (!watch.management_interface.empty())
            ports.push_back({watch.management_interface, PortUse::management});
        ports_.assign(ports.size(), PortFacts{.present = true, .carrier = true, .received = 0});
        nic_judge_.emplace(now, std::move(ports), watch.rx_silence);
        due_[look_at_ports] = now;
    }
    if (is_on(listener)) {
        std::vector<ListenerPlace> places;
        for (const auto& address : config_.vips)
            for (const std::uint16_t port : config_.sip_ports)
                places.push_back({address.address, port});
        listener_judge_.emplace(std::move(places));
        due_[look_at_sockets] = now;
    }
    if (is_on(process))
        due_[find_the_process] = now;
    if (is_on(server)) {
        server_judge_.emplace(now, watch.server_interval, watch.server_timeout);
        due_[ask_the_server] = now;
    }
    if (is_on(witness)) {
        witness_judge_.emplace(now, watch.witness_interval, std::max(watch.witness_fail, 1U));
        witness_judge_->on_role(active_);
        due_[ask_witnesses] = now;
    }
    turn(now);
}

void Group::Impl::stop() {
    life_.reset();
    timer_.cancel();
    due_.fill(ha::end_of_time);
    process_end_.reset();
    process_.reset();
    endpoints_.clear();
    servers_.clear();
    witness_readable_.clear();
    witness_socket_.reset();
}

void Group::Impl::look_now() {
    if (!life_)
        return;
    const ha::Instant now = moment();
    due_[look_at_facts] = now;
    if (!inside_.empty() && is_on(nic))
        due_[look_at_ports] = now; // its carrier is no fact of the service's
    turn(now);
}

void Group::Impl::on_role(bool now_active) {
    if (!life_ || now_active == active_)
        return;
    const ha::Instant now = moment();
    active_ = now_active;
    if (vip_judge_)
        vip_judge_->on_role(now);
    if (witness_judge_)
        witness_judge_->on_role(active_);
    traffic_judge_.on_role(now, active_, handlers_.facts().arrived);
    for (Asked& endpoint : endpoints_) {
        endpoint.readable.reset();
        endpoint.socket.reset();
    }
    // What was known to fail goes on to fail under this role, from now.
    if (unbound_since_)
        serve_fail(ServiceSource::listener, now);
    if (process_gone_since_)
        serve_fail(ServiceSource::process, now);
    turn(now);
}

void Group::Impl::arm() {
    const auto next = std::ranges::min(due_);
    if (next == ha::end_of_time)
        return;
    timer_.expires_at(std::chrono::steady_clock::time_point{next.time_since_epoch()});
    timer_.async_wait([this, life = std::weak_ptr<int>(life_)](boost::system::error_code error) {
        if (!error && !life.expired())
            turn(moment());
    });
}

void Group::Impl::turn(ha::Instant now) {
    const auto is_due = [&](Duty duty) { return now >= due_[duty]; };
    if (is_due(look_at_facts))
        run_facts(now);
    if (is_due(look_at_ports))
        run_nic(now);
    if (is_due(find_the_process))
        find(now);
    if (is_due(look_at_sockets))
        run_listener(now);
    if (is_due(ask_the_server))
        run_server(now);
    if (is_due(ask_witnesses))
        run_witness(now);
    due_[ask_endpoints] = is_on(traffic) ? traffic_judge_.deadline() : ha::end_of_time;
    if (is_due(ask_endpoints))
        run_endpoints(now);
    tell(now);
    arm();
}

// ---- what is told ----

void Group::Impl::tell(ha::Instant now) {
    if (const std::uint16_t score = board_.score(now); score != told_score_) {
        told_score_ = score;
        handlers_.input(ha::Health{score});
    }
    due_[believe_recovery] = board_.deadline(now);
    if (const auto service = service_.next())
        handlers_.input(*service);
    const std::uint8_t lacks = standings_[server].state() == State::failed ? ha::lack_server : 0;
    if (lacks != told_lacks_) {
        told_lacks_ = lacks;
        handlers_.lacks(lacks);
    }
}

void Group::Impl::fail_in_health(Monitor monitor, ha::Instant now, bool failed) {
    if (sources_[monitor])
        board_.set(*sources_[monitor], now, failed);
}

void Group::Impl::stand(Monitor monitor, ha::Instant now, State state, std::string detail,
                        const char* bad_code, const char* good_code) {
    const State before = standings_[monitor].set(now, state, detail);
    if (is_bad(state) && !is_bad(before))
        handlers_.change({.code = bad_code, .detail = std::move(detail), .state = state});
    else if (state == State::ok && is_bad(before))
        handlers_.change({.code = good_code, .detail = std::move(detail), .state = state});
}

/// Nothing can be served from here; while active this is the role engine's business.
void Group::Impl::serve_fail(ServiceSource source, ha::Instant now) {
    if (active_)
        service_.fail(source, now, config_.watch.alternate);
    else
        service_.work(source);
}

// ---- the monitors without sockets of their own ----

void Group::Impl::run_facts(ha::Instant now) {
    const Facts facts = handlers_.facts();
    if (std::exchange(carrier_, facts.carrier) != facts.carrier && is_on(nic))
        due_[look_at_ports] = now;
    if (is_on(vip))
        run_vip(now, facts);
    run_traffic(now, facts);
    due_[look_at_facts] = now + (is_on(vip) ? vip_interval : facts_interval);
}

void Group::Impl::run_vip(ha::Instant now, const Facts& facts) {
    const auto verdict = vip_judge_->look(now, {.active = active_,
                                                .outside = facts.vip_outside,
                                                .claimed = facts.claimed,
                                                .peer_heard = facts.peer_heard});
    standings_[vip].set(now, verdict.state, verdict.detail);
    fail_in_health(vip, now, verdict.state == State::failed);
    if (verdict.repair == VipJudge::Repair::now)
        handlers_.repair();
    if (verdict.event != VipJudge::Event::none)
        handlers_.change({.code = verdict.event == VipJudge::Event::lost ? "vip.lost" : "vip.restored",
                          .detail = std::string(verdict.detail),
                          .state = verdict.state});
}

void Group::Impl::run_traffic(ha::Instant now, const Facts& facts) {
    const auto verdict = traffic_judge_.look(now, facts.arrived);
    if (verdict.sign && active_)
        prove(now);
    if (!is_on(traffic))
        return;
    const std::string endpoints =
        std::to_string(verdict.failed) + " of " + std::to_string(endpoints_.size()) + " endpoints failed";
    const std::string period =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(traffic_judge_.period()).count()) +
        " s";
    if (verdict.state == State::failed)
        service_.fail(ServiceSource::traffic, verdict.since, traffic_judge_.period());
    else
        service_.work(ServiceSource::traffic);
    if (verdict.state == State::unknown) {
        standings_[traffic].set(now, State::unknown, "not looked at on a node that is not active");
        return;
    }
    stand(traffic, now, verdict.state,
          verdict.state == State::failed ? "no SIP message for " + period + "; " + endpoints : endpoints,
          "traffic.unavailable", "traffic.running");
}

/// Arrived SIP proves service only where somebody can answer it.
void Group::Impl::prove(ha::Instant now) {
    const bool served = !service_.is_failed(ServiceSource::listener) &&
                        !service_.is_failed(ServiceSource::process) &&
                        (!is_on(server) || standings_[server].state() == State::ok);
    if (!served || (proven_at_ && now - *proven_at_ < proof_interval))
        return;
    proven_at_ = now;
    handlers_.input(ha::Proof{});
}

void Group::Impl::run_nic(ha::Instant now) {
    due_[look_at_ports] = now + ports_interval;
    if (!links_) {
        auto opened = LinkTable::open();
        if (!opened) {
            standings_[nic].set(now, State::unknown, opened.error());
            return;
        }
        links_.emplace(std::move(*opened));
    }
    const auto& ports = nic_judge_->ports();
    for (std::size_t i = 0; i < ports.size(); ++i) {
        if (const auto facts = links_->look(ports[i].name))
            ports_[i] = *facts;
        if (ports[i].use == PortUse::outside && !carrier_)
            ports_[i].carrier = false;
    }
    const auto verdict = nic_judge_->look(now, ports_);
    standings_[nic].set(now, verdict.state, verdict.detail);
    fail_in_health(nic, now, verdict.state == State::failed);
    for (const auto& event : verdict.events)
        handlers_.change({.code = event.restored ? "nic.restored" : "nic.failed",
                          .detail = event.detail,
                          .state = verdict.state});
}

void Group::Impl::run_listener(ha::Instant now) {
    due_[look_at_sockets] = now + sockets_interval;
    if (!sockets_) {
        auto opened = SocketTable::open();
        if (!opened) {
            standings_[listener].set(now, State::unknown, opened.error());
            return;
        }
        sockets_.emplace(std::move(*opened));
    }
    std::vector<ListenerFacts> facts;
    for (const auto& place : listener_judge_->places())
        facts.push_back({.udp = sockets_->bound(Transport::udp, place.address, place.port, outside_index_),
                         .tcp = sockets_->bound(Transport::tcp, place.address, place.port, outside_index_)});
    const auto verdict = listener_judge_->look(facts);
    stand(listener, now, verdict.state, verdict.detail, "listener.failed", "listener.restored");
    fail_in_health(listener, now, verdict.unbound);
    if (!verdict.unbound) {
        unbound_since_.reset();
        service_.work(ServiceSource::listener);
    } else if (!unbound_since_) {
        unbound_since_ = now;
        serve_fail(ServiceSource::listener, now);
    }
}

void Group::Impl::find(ha::Instant now) {
    auto found = find_process(config_.watch.process_match);
    if (!found) {
        due_[find_the_process] = now + process_interval;
        stand(process, now, State::failed, "the process of the SIP server is not there", "process.ended",
              "process.restored");
        fail_in_health(process, now, true);
        if (!process_gone_since_) {
            process_gone_since_ = now;
            serve_fail(ServiceSource::process, now);
        }
        return;
    }
    due_[find_the_process] = ha::end_of_time;
    process_ = std::move(found);
    process_end_.emplace(io_, process_->descriptor.get(), [this] { on_process_end(); });
    process_gone_since_.reset();
    service_.work(ServiceSource::process);
    fail_in_health(process, now, false);
    stand(process, now, State::ok, "process " + std::to_string(process_->pid), "process.ended",
          "process.restored");
}

/// The first to know of it: what follows must not wait for the next round of anything.
void Group::Impl::on_process_end() {
    const ha::Instant now = moment();
    process_gone_since_ = now;
    serve_fail(ServiceSource::process, now);
    fail_in_health(process, now, true);
    tell(now);
    stand(process, now, State::failed, "process " + std::to_string(process_->pid) + " has ended",
          "process.ended", "process.restored");
    process_end_.reset();
    process_.reset();
    due_[find_the_process] = now + process_interval;
    if (is_on(listener))
        due_[look_at_sockets] = now;
    turn(now);
}

std::vector<Line> Group::Impl::lines() const {
    std::vector<Line> result;
    for (const Standing& standing : standings_)
        result.push_back(standing.line());
    return result;
}

std::chrono::seconds Group::Impl::silence_period() const {
    return std::chrono::duration_cast<std::chrono::seconds>(traffic_judge_.period());
}

// ---- the face ----

Group::Group(boost::asio::io_context& io, const config::Group& config, int outside_index, Handlers handlers,
             std::vector<std::string> path_interfaces, std::string inside)
    : impl_(std::make_unique<Impl>(io, config, outside_index, std::move(handlers), std::move(path_interfaces),
                                   std::move(inside))) {}

Group::~Group() {
    stop();
}

void Group::start() {
    impl_->start();
}

void Group::stop() {
    impl_->stop();
}

void Group::look_now() {
    impl_->look_now();
}

void Group::on_role(bool active) {
    impl_->on_role(active);
}

std::vector<Line> Group::lines() const {
    return impl_->lines();
}

std::chrono::seconds Group::silence_period() const {
    return impl_->silence_period();
}

} // namespace tandem::watch
