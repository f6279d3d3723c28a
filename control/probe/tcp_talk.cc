// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/tcp_talk.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace tandem::probe {
namespace {

constexpr std::size_t read_max = 4096;

class TcpTalk : public Talk, public std::enable_shared_from_this<TcpTalk> {
public:
    explicit TcpTalk(boost::asio::io_context& io)
        : socket_(io) {}

    std::optional<std::string> begin(const config::CheckSettings& settings, Done done) override {
        target_ = std::get<config::TcpTarget>(settings.target);
        if (auto trouble = open_for(socket_, target_.address, settings))
            return trouble;
        done_ = std::move(done);
        socket_.async_connect({address_for(target_.address, settings), target_.port},
                              [self = shared_from_this()](const boost::system::error_code& error) {
                                  self->go_on(error, [&] { self->send(); });
                              });
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
    template <class Next>
    void go_on(const boost::system::error_code& error, Next next) {
        if (!done_)
            return;
        if (!error)
            return next();
        if (std::string words = words_for(error); !words.empty())
            finish(Found::bad, std::move(words));
        // Otherwise it is silence: no way to the target, or nothing came.
    }
    void send() {
        if (target_.send.empty())
            return receive();
        boost::asio::async_write(
            socket_, boost::asio::buffer(target_.send),
            [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                self->go_on(error, [&] { self->receive(); });
            });
    }
    void receive() {
        if (target_.expect.empty())
            return finish(Found::good, {});
        socket_.async_read_some(
            boost::asio::buffer(piece_),
            [self = shared_from_this()](const boost::system::error_code& error, std::size_t length) {
                self->go_on(error, [&] { self->take(length); });
            });
    }
    void take(std::size_t length) {
        heard_.append(piece_.data(), std::min(length, read_max - heard_.size()));
        if (heard_.find(target_.expect) != std::string::npos)
            finish(Found::good, {});
        else if (heard_.size() >= read_max)
            finish(Found::bad, "answers without the text that is expected");
        else
            receive();
    }

    boost::asio::ip::tcp::socket socket_;
    config::TcpTarget target_;
    Done done_;
    std::array<char, 1024> piece_{};
    std::string heard_;
};

} // namespace

std::string words_for(const boost::system::error_code& error) {
    if (error == boost::asio::error::connection_refused)
        return "refuses the connection";
    if (error == boost::asio::error::connection_reset || error == boost::asio::error::broken_pipe)
        return "resets the connection";
    if (error == boost::asio::error::eof)
        return "ends the connection without an answer";
    return {};
}

std::shared_ptr<Talk> make_tcp_talk(boost::asio::io_context& io) {
    return std::make_shared<TcpTalk>(io);
}

} // namespace tandem::probe
