// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/server.hh"

#include <boost/asio/ip/v6_only.hpp>

#include <algorithm>
#include <utility>

namespace tandem::https {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int backlog = 64;

asio::ip::address to_asio(const wire::IpAddress& address) {
    if (address.is_v4())
        return asio::ip::address_v4{
            {address.octets[0], address.octets[1], address.octets[2], address.octets[3]}};
    return asio::ip::address_v6{address.octets};
}

wire::IpAddress from_asio(const asio::ip::address& address) {
    return unmapped(address.is_v4() ? wire::IpAddress::v4(address.to_v4().to_bytes())
                                    : wire::IpAddress::v6(address.to_v6().to_bytes()));
}

std::string text_of(const config::ApiEndpoint& endpoint) {
    return endpoint.address.to_string() + " port " + std::to_string(endpoint.port);
}

} // namespace

Server::Server(asio::io_context& io, Parts parts)
    : io_{io}
    , parts_{std::move(parts)}
    , brain_{io, parts_.socket_path, parts_.patience.brain} {}

std::expected<std::unique_ptr<Server>, std::string> Server::start(asio::io_context& io,
                                                                  Gate::Settings settings, Parts parts) {
    std::unique_ptr<Server> server{new Server{io, std::move(parts)}};
    auto gate = Gate::make(settings, server->parts_.tell);
    if (!gate)
        return std::unexpected(gate.error());
    server->gate_ = std::move(*gate);
    if (auto taken = server->reconfigure(std::move(settings)); !taken)
        return std::unexpected(taken.error());
    return server;
}

Server::~Server() {
    replace_doors({});
    for (const auto& connection : std::exchange(connections_, {}))
        connection->stop();
}

std::expected<void, std::string> Server::reconfigure(Gate::Settings settings) {
    auto material = read_material(*settings);
    if (!material)
        return std::unexpected(material.error());
    auto context = make_context(*material);
    if (!context)
        return std::unexpected(context.error());
    auto doors = open_doors(settings->listen);
    if (!doors)
        return std::unexpected(doors.error());
    const bool same = material->authorities == material_.authorities;
    if (const auto taken = gate_->reconfigure(std::move(settings),
                                              same ? Gate::Authorities::same : Gate::Authorities::other);
        !taken)
        return taken;
    material_ = std::move(*material);
    context_ = std::move(*context);
    replace_doors(std::move(*doors));
    return {};
}

std::expected<Server::Doors, std::string> Server::open_doors(const std::vector<config::ApiEndpoint>& wanted) {
    Doors doors;
    for (const config::ApiEndpoint& endpoint : wanted) {
        const auto known =
            std::ranges::find_if(doors_, [&](const auto& door) { return door->endpoint == endpoint; });
        if (known != doors_.end()) {
            doors.push_back(*known);
            continue;
        }
        auto door = std::make_shared<Door>(endpoint, Tcp::acceptor{io_}, asio::steady_timer{io_});
        const Tcp::endpoint place{to_asio(endpoint.address), endpoint.port};
        error_code error;
        const auto go_on = [&error](auto&& step) {
            if (!error)
                step();
        };
        go_on([&] { door->acceptor.open(place.protocol(), error); });
        go_on([&] { door->acceptor.set_option(Tcp::acceptor::reuse_address{true}, error); });
        if (endpoint.address.is_v6())
            go_on([&] { door->acceptor.set_option(asio::ip::v6_only{true}, error); });
        go_on([&] { door->acceptor.bind(place, error); });
        go_on([&] { door->acceptor.listen(backlog, error); });
        if (error)
            return std::unexpected("cannot listen at " + text_of(endpoint) + ": " + error.message());
        doors.push_back(std::move(door));
    }
    return doors;
}

void Server::replace_doors(Doors doors) {
    const Doors old = std::exchange(doors_, std::move(doors));
    for (const auto& door : old)
        if (std::ranges::find(doors_, door) == doors_.end()) {
            error_code ignored;
            door->acceptor.close(ignored);
            door->pause.cancel();
        }
    for (const auto& door : doors_)
        if (std::ranges::find(old, door) == old.end())
            accept(door);
}

void Server::accept(const std::shared_ptr<Door>& door) {
    door->acceptor.async_accept([this, door](error_code error, Tcp::socket socket) {
        if (!door->acceptor.is_open())
            return;
        if (!error) {
            admit(std::move(socket));
            return accept(door);
        }
        // Out of descriptors, most likely: not at once again, or the loop would spin.
        door->pause.expires_after(std::chrono::milliseconds{100});
        door->pause.async_wait([this, door](error_code ended) {
            if (!ended && door->acceptor.is_open())
                accept(door);
        });
    });
}

bool Server::make_room() {
    const auto stranger = std::ranges::find_if(connections_, [](const auto& c) { return !c->trusted(); });
    if (stranger == connections_.end())
        return false;
    const auto leaving = *stranger;
    gate_->refused(leaving->address(), Refusal::too_many_connections, now());
    leaving->stop();
    forget(*leaving);
    return true;
}

void Server::admit(Tcp::socket socket) {
    error_code error;
    const auto remote = socket.remote_endpoint(error);
    if (error)
        return;
    const wire::IpAddress address = from_asio(remote.address());
    if (!gate_->admits(address, now()))
        return;
    const config::Api& settings = gate_->settings();
    const auto taken = places_.find(counted(address));
    if ((taken != places_.end() && taken->second >= settings.connections_per_address) ||
        (connections_.size() >= settings.connections_max && !make_room()))
        return gate_->refused(address, Refusal::too_many_connections, now());
    socket.set_option(Tcp::no_delay{true}, error);
    ++places_[counted(address)];
    connections_.push_back(std::make_shared<Connection>(
        std::move(socket), address,
        Connection::Parts{context_, *gate_, brain_, parts_.patience,
                          [this](Connection& connection) { forget(connection); }}));
    connections_.back()->start();
}

void Server::forget(Connection& connection) {
    const auto found =
        std::ranges::find_if(connections_, [&](const auto& known) { return known.get() == &connection; });
    if (found == connections_.end())
        return;
    const auto place = places_.find(counted(connection.address()));
    if (place != places_.end() && --place->second == 0)
        places_.erase(place);
    connections_.erase(found);
}

std::vector<std::uint16_t> Server::ports() const {
    std::vector<std::uint16_t> out;
    for (const auto& door : doors_) {
        error_code error;
        out.push_back(door->acceptor.local_endpoint(error).port());
    }
    return out;
}

} // namespace tandem::https
