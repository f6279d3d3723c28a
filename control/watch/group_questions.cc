// SPDX-License-Identifier: GPL-3.0-or-later
// The monitors of a group that ask: the SIP server, the watched endpoints, the witnesses.

#include "control/watch/group.hh"

#include "netlink/kernel.hh"

#include <sys/random.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace tandem::watch {

namespace {

/// VIPs at which the server is asked: its life shows at any of them.
constexpr std::size_t servers_max = 4;
/// Datagrams read from one socket before others have their turn.
constexpr int datagrams_max = 64;
/// The sockets to the witnesses are made anew after so many silent rounds: the interface may be another one.
constexpr unsigned witness_reopen_rounds = 10;

std::uint64_t new_token() {
    std::uint64_t token = 0;
    if (::getrandom(&token, sizeof token, 0) != static_cast<ssize_t>(sizeof token))
        token = 0; // a token that can be guessed: answers can be forged, questions still work
    return token;
}

} // namespace

// ---- the SIP server ----

void Group::Impl::open_server() {
    servers_.clear();
    servers_.resize(std::min(config_.vips.size(), servers_max));
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces)
        return;
    const std::string& name = is_appliance() ? inside_ : config_.interface;
    const auto interface = std::ranges::find(*interfaces, name, &netlink::Interface::name);
    const auto own = interface == interfaces->end() ? std::vector<wire::Prefix>{}
                                                    : own_addresses(*interface, config_.vips);
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        Server& place = servers_[i];
        const bool opened = !is_appliance()
                                ? open_server_here(place, config_.vips[i].address, own)
                                : interface != interfaces->end() && open_server_behind(place, i, *interface);
        if (!opened)
            continue;
        const int descriptor = std::visit(
            [](const auto& socket) {
                if constexpr (std::is_same_v<std::decay_t<decltype(socket)>, std::monostate>)
                    return -1;
                else
                    return socket.descriptor();
            },
            place.socket);
        place.readable.emplace(io_, descriptor, [this] {
            const ha::Instant now = moment();
            read_server();
            judge_server(now);
            tell(now);
            arm();
        });
    }
}

bool Group::Impl::open_server_here(Server& place, const wire::IpAddress& service,
                                   const std::vector<wire::Prefix>& own) const {
    // From an address of this node's own: a server may have its doubts about questions from its own.
    const auto from =
        std::ranges::find(own, service.family, [](const wire::Prefix& p) { return p.address.family; });
    auto opened = OptionsSocket::open({.local = from == own.end() ? wire::IpAddress{} : from->address,
                                       .server = service,
                                       .port = config_.sip_ports.front(),
                                       .answerer = Answerer::this_host,
                                       .token = new_token(),
                                       .service = {}});
    if (opened)
        place.socket.emplace<OptionsSocket>(std::move(*opened));
    return opened.has_value();
}

/// From this node's own address on the inside network: the answer reaches it whatever the role is.
bool Group::Impl::open_server_behind(Server& place, std::size_t position,
                                     const netlink::Interface& interface) const {
    const wire::IpAddress& service = config_.vips[position].address;
    const wire::IpAddress host = config::server_of(config_, position);
    const std::uint16_t port = config_.sip_ports.front();
    const auto own = own_addresses(interface, config_.inside_vips);
    const auto from =
        std::ranges::find_if(own, [&](const wire::Prefix& network) { return network.contains(host); });
    if (host.size() == 0 || from == own.end())
        return false;
    if (config_.forwarding == contract::Forwarding::nat) {
        auto opened = OptionsSocket::open({.local = from->address,
                                           .server = host,
                                           .port = port,
                                           .answerer = Answerer::anybody,
                                           .token = new_token(),
                                           .service = service});
        if (opened)
            place.socket.emplace<OptionsSocket>(std::move(*opened));
        return opened.has_value();
    }
    auto opened = BehindSocket::open({.interface_index = interface.index,
                                      .own_mac = interface.mac,
                                      .own = from->address,
                                      .server = host,
                                      .vip = service,
                                      .port = port});
    if (opened)
        place.socket.emplace<BehindSocket>(std::move(*opened));
    return opened.has_value();
}

void Group::Impl::read_server() {
    using Received = OptionsSocket::Received;
    const auto receive = [](auto& socket) {
        if constexpr (std::is_same_v<std::decay_t<decltype(socket)>, std::monostate>)
            return Received::nothing;
        else
            return socket.receive();
    };
    for (Server& place : servers_) {
        for (int i = 0; i < datagrams_max; ++i) {
            const auto received = std::visit(receive, place.socket);
            if (received == Received::nothing)
                break;
            if (received == Received::answer)
                server_judge_->answered();
            place.refused = place.refused || received == Received::refused;
        }
    }
    if (!servers_.empty() && std::ranges::all_of(servers_, &Server::refused))
        server_judge_->refused();
}

void Group::Impl::judge_server(ha::Instant now) {
    const char* detail = "not asked often enough yet";
    switch (server_judge_->why()) {
    case ServerJudge::Why::unknown:
        break;
    case ServerJudge::Why::answers:
        detail = "answers OPTIONS at the VIP";
        break;
    case ServerJudge::Why::silent:
        detail = "does not answer OPTIONS at the VIP";
        break;
    case ServerJudge::Why::refused:
        detail = "nobody has the SIP port at the VIP";
        break;
    }
    const State state = server_judge_->state();
    stand(server, now, state, detail, "server.silent", "server.answering");
    fail_in_health(server, now, state == State::failed);
    due_[ask_the_server] = server_judge_->deadline();
}

void Group::Impl::run_server(ha::Instant now) {
    read_server();
    if (server_judge_->turn(now) == ServerJudge::Step::ask) {
        // While it fails, the fault may be the sockets': an own address that went, for one.
        if (servers_.empty() || server_judge_->state() == State::failed)
            open_server();
        for (Server& place : servers_) {
            place.refused = false;
            std::visit(
                [](auto& socket) {
                    if constexpr (!std::is_same_v<std::decay_t<decltype(socket)>, std::monostate>)
                        socket.ask();
                },
                place.socket);
        }
    }
    judge_server(now);
}

// ---- the witnesses ----

void Group::Impl::open_witness() {
    witness_readable_.clear();
    witness_socket_.reset();
    WitnessSocket::Settings settings{.interface_index = 0,
                                     .interface = config_.interface,
                                     .own_mac = {},
                                     .own_addresses = own_addresses(),
                                     .witnesses = config_.watch.witnesses,
                                     .token = new_token()};
    if (const auto interfaces = netlink::list_interfaces())
        for (const auto& interface : *interfaces)
            if (interface.name == config_.interface) {
                settings.interface_index = interface.index;
                settings.own_mac = interface.mac;
            }
    auto opened = WitnessSocket::open(std::move(settings));
    if (!opened) // the round is silent, and the next but some tries again
        return;
    witness_socket_.emplace(std::move(*opened));
    for (const int fd : witness_socket_->descriptors())
        witness_readable_.emplace_back(io_, fd, [this] {
            read_witness();
            judge_witness(moment());
        });
}

void Group::Impl::read_witness() {
    if (!witness_socket_ || !witness_socket_->answered())
        return;
    witness_judge_->answered();
    witness_rounds_lost_ = 0;
}

void Group::Impl::judge_witness(ha::Instant now) {
    const State state = witness_judge_->state();
    stand(witness, now, state,
          state == State::ok       ? "a witness answers"
          : state == State::failed ? "no witness answers"
                                   : "not asked often enough yet",
          "witness.lost", "witness.restored");
    if (state == State::unknown || told_reachable_ == (state == State::ok))
        return;
    told_reachable_ = state == State::ok;
    handlers_.input(ha::Witness{*told_reachable_});
}

void Group::Impl::run_witness(ha::Instant now) {
    read_witness();
    if (witness_judge_->turn(now) == WitnessJudge::Step::ask) {
        if (!witness_socket_ ? witness_rounds_lost_ % witness_reopen_rounds == 0
                             : witness_rounds_lost_ >= witness_reopen_rounds) {
            open_witness();
            witness_rounds_lost_ = 0;
        }
        ++witness_rounds_lost_;
        if (witness_socket_)
            witness_socket_->ask();
    }
    judge_witness(now);
    due_[ask_witnesses] = witness_judge_->deadline();
}

// ---- the watched endpoints ----

bool Group::Impl::open_endpoint(std::size_t endpoint) {
    const auto& watched = config_.watch.endpoints[endpoint];
    // From the VIP, as the calls come: an endpoint may answer nobody else, and the way back is tried as well.
    // What comes to an appliance's VIP goes to the server, so there it is an address of the node.
    const auto candidates = is_appliance() ? own_addresses() : config_.vips;
    const auto from = std::ranges::find(candidates, watched.address.family,
                                        [](const wire::Prefix& v) { return v.address.family; });
    auto opened = OptionsSocket::open({.local = from == candidates.end() ? wire::IpAddress{} : from->address,
                                       .server = watched.address,
                                       .port = watched.port,
                                       .answerer = Answerer::anybody,
                                       .token = new_token(),
                                       .service = {}});
    if (!opened)
        return false;
    Asked& asked = endpoints_[endpoint];
    asked.readable.reset();
    asked.socket.emplace(std::move(*opened));
    asked.readable.emplace(io_, asked.socket->descriptor(), [this, endpoint] {
        const ha::Instant now = moment();
        bool heard = false;
        for (int i = 0; i < datagrams_max; ++i) {
            const auto received = endpoints_[endpoint].socket->receive();
            if (received == OptionsSocket::Received::nothing)
                break;
            heard = heard || received == OptionsSocket::Received::answer ||
                    received == OptionsSocket::Received::late;
        }
        if (!heard)
            return;
        traffic_judge_.on_message(now, endpoint);
        due_[look_at_facts] = now; // the verdict and the proof, at once
        turn(now);
    });
    return true;
}

void Group::Impl::run_endpoints(ha::Instant now) {
    for (const std::size_t endpoint : traffic_judge_.due(now)) {
        if (endpoints_[endpoint].socket || open_endpoint(endpoint))
            endpoints_[endpoint].socket->ask();
    }
    due_[ask_endpoints] = traffic_judge_.deadline();
}

} // namespace tandem::watch
