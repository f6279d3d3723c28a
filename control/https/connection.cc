// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/connection.hh"

#include "control/https/tls.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace tandem::https {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// So much of what a caller still sends is thrown away, so that it can read why.
constexpr std::size_t drain_max = 256 * 1024;

} // namespace

ha::Instant now() {
    return ha::Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

Connection::Connection(Socket socket, const wire::IpAddress& address, Parts parts)
    : context_{parts.context}
    , stream_{std::move(socket), *context_}
    , timer_{stream_.get_executor()}
    , address_{address}
    , parts_{std::move(parts)} {}

void Connection::set_deadline(std::chrono::milliseconds patience) {
    timer_.expires_after(patience);
    timer_.async_wait([self = shared_from_this(), wait = ++wait_](error_code error) {
        if (!error && wait == self->wait_)
            self->on_deadline();
    });
}

void Connection::start() {
    const auto authorities = parts_.gate.authorities();
    set_deadline(parts_.patience.handshake);
    stream_.async_handshake(
        asio::ssl::stream_base::server, [self = shared_from_this(), authorities](error_code error) {
            if (self->state_ != State::handshake)
                return;
            if (error)
                return self->on_handshake(error);
            self->conversation_.emplace(
                self->parts_.gate,
                Peer{self->address_, certificate_names(self->stream_.native_handle()), authorities});
            self->on_handshake({});
        });
}

void Connection::on_handshake(const error_code& error) {
    if (error) {
        parts_.gate.refused(address_, Refusal::handshake, now());
        return close();
    }
    run(conversation_->start());
}

void Connection::run(Conversation::Step step) {
    if (step.send.empty())
        return go_on(step.wants, std::move(step.call));
    state_ = State::writing;
    waited_ = Conversation::Wants::end;
    output_ = std::move(step.send);
    set_deadline(parts_.patience.write);
    asio::async_write(stream_, asio::buffer(output_),
                      [self = shared_from_this(), wants = step.wants,
                       call = std::move(step.call)](error_code error, std::size_t) mutable {
                          if (self->state_ != State::writing)
                              return;
                          if (error)
                              return self->close();
                          self->go_on(wants, std::move(call));
                      });
}

void Connection::go_on(Conversation::Wants wants, std::optional<Call> call) {
    using Wants = Conversation::Wants;
    if (wants == Wants::end)
        return say_goodbye();
    if (wants == Wants::brain) {
        state_ = State::asking;
        trusted_ = true;
        waited_ = wants;
        ++wait_; // the line to the brain has a deadline of its own
        timer_.cancel();
        parts_.brain.ask(std::move(*call), [self = shared_from_this()](Outcome outcome) {
            if (self->state_ == State::asking)
                self->run(self->conversation_->on_outcome(std::move(outcome), now()));
        });
        return;
    }
    state_ = State::reading;
    if (wants != waited_)
        set_deadline(wants == Wants::request ? parts_.patience.idle
                     : wants == Wants::head  ? parts_.patience.head
                                             : parts_.patience.body);
    waited_ = wants;
    read();
}

void Connection::read() {
    stream_.async_read_some(
        asio::buffer(buffer_), [self = shared_from_this()](error_code error, std::size_t size) {
            if (self->state_ != State::reading)
                return;
            if (error)
                return self->close();
            self->run(self->conversation_->on_octets({self->buffer_.data(), size}, now()));
        });
}

void Connection::on_deadline() {
    if (state_ == State::reading)
        return run(conversation_->on_deadline(now()));
    if (state_ == State::handshake || state_ == State::writing)
        parts_.gate.refused(address_, Refusal::too_slow, now());
    close();
}

void Connection::say_goodbye() {
    state_ = State::leaving;
    set_deadline(parts_.patience.farewell);
    stream_.async_shutdown([self = shared_from_this()](error_code) {
        if (self->state_ != State::leaving)
            return;
        error_code ignored;
        self->stream_.lowest_layer().shutdown(Socket::shutdown_send, ignored);
        self->drain();
    });
}

void Connection::drain() {
    // To close while octets are waiting would be a reset, and the reset overtakes the answer.
    stream_.next_layer().async_read_some(asio::buffer(buffer_),
                                         [self = shared_from_this()](error_code error, std::size_t size) {
                                             if (self->state_ != State::leaving)
                                                 return;
                                             self->drained_ += size;
                                             if (error || self->drained_ > drain_max)
                                                 return self->close();
                                             self->drain();
                                         });
}

void Connection::close() {
    if (state_ == State::closed)
        return;
    stop();
    if (const auto ended = std::exchange(parts_.ended, nullptr))
        ended(*this);
}

void Connection::stop() {
    state_ = State::closed;
    ++wait_;
    timer_.cancel();
    error_code ignored;
    stream_.lowest_layer().close(ignored);
}

} // namespace tandem::https
