// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/neighbour_prober.hh"

#include "control/probe/neighbour_socket.hh"
#include "control/watch/readable.hh"

#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace tandem::probe {
namespace {

/// The interface is another one by now, or gone: the socket is of no use any more.
bool is_stale(int error) {
    return error == ENODEV || error == ENXIO || error == ENETDOWN || error == EBADF;
}

class NeighbourProber : public Prober {
public:
    NeighbourProber(boost::asio::io_context& io, Told told)
        : io_(io)
        , told_(std::move(told)) {}

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override {
        const auto place = places_.find(check);
        if (place == places_.end())
            return;
        const auto waiting = waiting_.find(place->second);
        if (waiting != waiting_.end() && waiting->second.erase(check) > 0 && waiting->second.empty())
            waiting_.erase(waiting);
        places_.erase(place);
    }
    Drained receive() override {
        Drained drained = Drained::yes;
        for (auto& [network, socket] : sockets_)
            if (socket && receive(network, *socket) == Drained::no)
                drained = Drained::no;
        return drained;
    }

private:
    using Network = std::pair<std::string, wire::Family>; ///< interface
    using Place = std::pair<Network, wire::IpAddress>;    ///< target
    struct Socket {
        NeighbourSocket asking;
        std::optional<watch::Readable> readable; ///< ends before the socket
    };
    Drained receive(const Network& network, Socket& socket);

    boost::asio::io_context& io_;
    Told told_;
    std::map<Network, std::unique_ptr<Socket>> sockets_;
    std::map<Place, std::map<CheckId, std::uint64_t>> waiting_; ///< for an answer to its newest question
    std::unordered_map<CheckId, Place> places_;
};

Drained NeighbourProber::receive(const Network& network, Socket& socket) {
    for (int i = 0; i < received_max; ++i) {
        const auto answer = socket.asking.receive();
        if (!answer)
            return Drained::yes;
        const auto waiting = waiting_.find({network, answer->from});
        if (waiting == waiting_.end())
            continue;
        const auto asked = std::exchange(waiting->second, {});
        waiting_.erase(waiting);
        for (const auto& [check, number] : asked)
            told_({check, number, Found::good, "is at " + answer->mac.to_string(), moment()});
    }
    return Drained::no;
}

std::optional<std::string> NeighbourProber::ask(CheckId check, const config::CheckSettings& settings,
                                                std::uint64_t number) {
    const wire::IpAddress to = std::get<config::NeighbourTarget>(settings.target).address;
    const Network network{settings.interface, to.family};
    auto& socket = sockets_[network];
    if (!socket) {
        auto asking = NeighbourSocket::open(to.family, settings.interface);
        if (!asking)
            return std::move(asking.error());
        socket.reset(new Socket{std::move(*asking), {}});
        Socket* const opened = socket.get();
        socket->readable.emplace(io_, opened->asking.descriptor(),
                                 [this, network, opened] { receive(network, *opened); });
    }
    const Place place{network, to};
    places_.insert_or_assign(check, place);
    waiting_[place][check] = number;
    const int error = socket->asking.ask(to, settings.source);
    if (error == 0)
        return std::nullopt;
    if (is_stale(error))
        socket.reset();
    return std::string{"the question cannot leave: "} + std::strerror(error);
}

} // namespace

std::unique_ptr<Prober> make_neighbour_prober(boost::asio::io_context& io, Prober::Told told) {
    return std::make_unique<NeighbourProber>(io, std::move(told));
}

} // namespace tandem::probe
