// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Who is let in to speak: the listening sockets, and the places.
//
// Problem: a place that is taken costs memory and a descriptor, and whoever takes them all shuts the operator
// out. Idea: the address is looked at before TLS begins; an address has some of the places; when all are
// taken, the one who has waited longest without having been anybody makes room. New settings hold for open
// connections too. Thread: that of the io_context.

#include "control/https/connection.hh"
#include "control/https/tls.hh"

#include <boost/asio/io_context.hpp>

#include <expected>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tandem::https {

class Server {
public:
    struct Parts {
        std::string socket_path; ///< of the brain
        Refusals::Tell tell;
        Patience patience{};
    };

    /// Listens; a sentence when something is not as it must be.
    static std::expected<std::unique_ptr<Server>, std::string> start(boost::asio::io_context& io,
                                                                     Gate::Settings settings, Parts parts);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Takes other settings: callers, filters and rates for the next request, certificates and addresses for
    /// the next connection. On failure everything stays as it was.
    std::expected<void, std::string> reconfigure(Gate::Settings settings);

    /// The ports that are listened at, in the order of the settings.
    std::vector<std::uint16_t> ports() const;
    std::size_t connections() const { return connections_.size(); }

private:
    using Tcp = boost::asio::ip::tcp;
    struct Door {
        config::ApiEndpoint endpoint;
        Tcp::acceptor acceptor;
        boost::asio::steady_timer pause;
    };
    using Doors = std::vector<std::shared_ptr<Door>>;

    Server(boost::asio::io_context& io, Parts parts);
    std::expected<Doors, std::string> open_doors(const std::vector<config::ApiEndpoint>& wanted);
    void replace_doors(Doors doors);
    void accept(const std::shared_ptr<Door>& door);
    void admit(Tcp::socket socket);
    bool make_room();
    void forget(Connection& connection);

    boost::asio::io_context& io_;
    Parts parts_;
    BrainLine brain_;
    TlsMaterial material_;
    Connection::Context context_;
    std::unique_ptr<Gate> gate_;
    Doors doors_;
    std::list<std::shared_ptr<Connection>> connections_; ///< the oldest is at the front
    std::map<wire::IpAddress, std::size_t> places_;      ///< taken by each address
};

} // namespace tandem::https
