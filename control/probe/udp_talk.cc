// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/udp_talk.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace tandem::probe {
namespace {

class UdpTalk : public Talk, public std::enable_shared_from_this<UdpTalk> {
public:
    explicit UdpTalk(boost::asio::io_context& io)
        : socket_(io) {}

    std::optional<std::string> begin(const config::CheckSettings& settings, Done done) override {
        const auto& target = std::get<config::UdpTarget>(settings.target);
        if (auto trouble = open_for(socket_, target.address, settings))
            return trouble;
        boost::system::error_code error;
        // Connected: only its answers come, and the kernel tells what ICMP says.
        socket_.connect({address_for(target.address, settings), target.port}, error);
        if (!error)
            socket_.send(boost::asio::buffer(target.send), 0, error);
        if (error)
            return std::string{"the question cannot leave: "} + std::strerror(error.value());
        expect_ = target.expect;
        done_ = std::move(done);
        receive();
        return std::nullopt;
    }
    void end() override {
        done_ = nullptr;
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

private:
    void finish(Found found, std::string detail) {
        if (const auto done = std::exchange(done_, nullptr))
            done(found, std::move(detail));
    }
    void receive() {
        socket_.async_receive(
            boost::asio::buffer(answer_),
            [self = shared_from_this()](const boost::system::error_code& error, std::size_t length) {
                if (!self->done_)
                    return;
                if (error == boost::asio::error::connection_refused)
                    self->finish(Found::bad, "has closed the port");
                else if (!error)
                    self->take(std::string_view{self->answer_.data(), length});
            });
    }
    void take(std::string_view answer) {
        if (answer.find(expect_) != std::string_view::npos)
            finish(Found::good, {});
        else
            finish(Found::bad, "answers without the text that is expected");
    }

    boost::asio::ip::udp::socket socket_;
    std::string expect_;
    Done done_;
    std::array<char, 4096> answer_{}; ///< what is longer is cut
};

} // namespace

std::shared_ptr<Talk> make_udp_talk(boost::asio::io_context& io) {
    return std::make_shared<UdpTalk>(io);
}

} // namespace tandem::probe
