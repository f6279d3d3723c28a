// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/network_prober.hh"

#include "control/probe/echo_socket.hh"
#include "control/watch/readable.hh"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace tandem::probe {
namespace {

std::uint64_t random_token() {
    std::uint64_t token = 0;
    if (::getrandom(&token, sizeof token, 0) != static_cast<ssize_t>(sizeof token))
        token = static_cast<std::uint64_t>(moment().time_since_epoch().count()); // before the pool is ready
    return token;
}

/// The interface is another one by now, or gone: the socket is of no use any more.
bool is_stale(int error) {
    return error == ENODEV || error == ENXIO || error == EADDRNOTAVAIL || error == EBADF;
}

class NetworkProber : public Prober {
public:
    NetworkProber(boost::asio::io_context& io, Told told)
        : io_(io)
        , told_(std::move(told))
        , token_(random_token()) {}

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override { targets_.erase(check); }
    Drained receive() override {
        Drained drained = Drained::yes;
        for (auto& [origin, socket] : sockets_)
            if (socket && receive(socket->echo) == Drained::no)
                drained = Drained::no;
        return drained;
    }

private:
    /// From where a target is asked.
    using Origin = std::tuple<wire::Family, wire::IpAddress, std::string>;
    struct Socket {
        EchoSocket echo;
        std::optional<watch::Readable> readable; ///< ends before the socket
    };
    Drained receive(EchoSocket& echo);

    boost::asio::io_context& io_;
    Told told_;
    std::uint64_t token_;
    std::unordered_map<CheckId, wire::IpAddress> targets_; ///< whose answers are wanted
    std::map<Origin, std::unique_ptr<Socket>> sockets_;
};

Drained NetworkProber::receive(EchoSocket& echo) {
    for (int i = 0; i < received_max; ++i) {
        const auto answer = echo.receive();
        if (!answer)
            return Drained::yes;
        const auto target = targets_.find(answer->check);
        if (target != targets_.end() && target->second == answer->from)
            told_({answer->check, answer->number, Found::good, {}, moment()});
    }
    return Drained::no;
}

std::optional<std::string> NetworkProber::ask(CheckId check, const config::CheckSettings& settings,
                                              std::uint64_t number) {
    const wire::IpAddress to = std::get<config::NetworkTarget>(settings.target).address;
    auto& socket = sockets_[{to.family, settings.source, settings.interface}];
    if (!socket) {
        auto echo = EchoSocket::open({to.family, settings.source, settings.interface, token_});
        if (!echo)
            return std::move(echo.error());
        socket.reset(new Socket{std::move(*echo), {}});
        EchoSocket* const opened = &socket->echo;
        socket->readable.emplace(io_, opened->descriptor(), [this, opened] { receive(*opened); });
    }
    targets_[check] = to;
    const int error = socket->echo.ask(to, check, number);
    if (error == 0)
        return std::nullopt;
    if (is_stale(error))
        socket.reset();
    return std::string{"the kernel does not send the question: "} + std::strerror(error);
}

} // namespace

std::unique_ptr<Prober> make_network_prober(boost::asio::io_context& io, Prober::Told told) {
    return std::make_unique<NetworkProber>(io, std::move(told));
}

} // namespace tandem::probe
