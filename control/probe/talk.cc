// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/talk.hh"

#include <boost/asio/steady_timer.hpp>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

namespace tandem::probe {
namespace {

namespace ip = boost::asio::ip;

class TalkProber : public Prober {
public:
    TalkProber(boost::asio::io_context& io, Told told, std::function<std::shared_ptr<Talk>()> make)
        : io_(io)
        , told_(std::move(told))
        , make_(std::move(make)) {}
    ~TalkProber() override {
        life_.reset();
        for (auto& [question, open] : open_)
            open.talk->end();
    }

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override {
        auto open = open_.lower_bound({check, 0});
        while (open != open_.end() && open->first.first == check) {
            open->second.talk->end();
            open = open_.erase(open);
        }
    }

private:
    using Question = std::pair<CheckId, std::uint64_t>;
    struct Open {
        std::shared_ptr<Talk> talk;
        boost::asio::steady_timer timer; ///< until nobody wants to know any more
    };
    /// Ends a talk. False: it has ended before.
    bool end(const Question& question) {
        const auto open = open_.find(question);
        if (open == open_.end())
            return false;
        open->second.talk->end();
        open_.erase(open);
        return true;
    }

    boost::asio::io_context& io_;
    Told told_;
    std::function<std::shared_ptr<Talk>()> make_;
    std::map<Question, Open> open_;
    std::shared_ptr<int> life_{std::make_shared<int>()}; ///< a timer that was over already still comes
};

std::optional<std::string> TalkProber::ask(CheckId check, const config::CheckSettings& settings,
                                           std::uint64_t number) {
    const Question question{check, number};
    std::shared_ptr<Talk> talk = make_();
    auto trouble = talk->begin(settings, [this, question](Found found, std::string detail) {
        if (end(question))
            told_({question.first, question.second, found, std::move(detail), moment()});
    });
    if (trouble) {
        talk->end();
        return trouble;
    }
    const auto open = open_.emplace(question, Open{std::move(talk), boost::asio::steady_timer{io_}}).first;
    open->second.timer.expires_after(settings.timeout);
    open->second.timer.async_wait(
        [this, question, life = std::weak_ptr<int>(life_)](boost::system::error_code error) {
            if (!error && !life.expired())
                static_cast<void>(end(question));
        });
    return std::nullopt;
}

std::string failure(int error) {
    return std::string{"the question cannot leave: "} + std::strerror(error);
}

template <class Socket>
std::optional<std::string> open_socket(Socket& socket, const wire::IpAddress& to,
                                       const config::CheckSettings& settings) {
    using Protocol = typename Socket::protocol_type;
    boost::system::error_code error;
    socket.open(to.is_v4() ? Protocol::v4() : Protocol::v6(), error);
    if (!error)
        socket.non_blocking(true, error);
    if (error)
        return failure(error.value());
    const std::string& interface = settings.interface;
    if (!interface.empty() &&
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                     static_cast<socklen_t>(interface.size() + 1)) != 0)
        return failure(errno);
    if (settings.source.size() == 0)
        return std::nullopt;
    // One port may then be used towards several targets.
    const int on = 1;
    static_cast<void>(
        ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on));
    socket.bind({address_for(settings.source, settings), 0}, error);
    return error ? std::optional{failure(error.value())} : std::nullopt;
}

} // namespace

std::unique_ptr<Prober> make_talk_prober(boost::asio::io_context& io, Prober::Told told,
                                         std::function<std::shared_ptr<Talk>()> make) {
    return std::make_unique<TalkProber>(io, std::move(told), std::move(make));
}

std::optional<std::string> open_for(ip::tcp::socket& socket, const wire::IpAddress& to,
                                    const config::CheckSettings& settings) {
    return open_socket(socket, to, settings);
}

std::optional<std::string> open_for(ip::udp::socket& socket, const wire::IpAddress& to,
                                    const config::CheckSettings& settings) {
    return open_socket(socket, to, settings);
}

ip::address address_for(const wire::IpAddress& address, const config::CheckSettings& settings) {
    if (address.is_v4()) {
        ip::address_v4::bytes_type four{};
        std::copy_n(address.octets.begin(), four.size(), four.begin());
        return ip::address_v4{four};
    }
    ip::address_v6::bytes_type six{};
    std::copy_n(address.octets.begin(), six.size(), six.begin());
    const bool local = six[0] == 0xfe && (six[1] & 0xc0U) == 0x80; // fe80::/10
    return ip::address_v6{six, local ? ::if_nametoindex(settings.interface.c_str()) : 0};
}

} // namespace tandem::probe
