// SPDX-License-Identifier: GPL-3.0-or-later

#include "control/link/session.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <netinet/tcp.h>

#include <utility>

namespace tandem::link {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto handshake_max = 2s; ///< until the peer's hello is read
constexpr auto watch_interval = 250ms;
constexpr auto silence_max = 2s;
constexpr unsigned keepalive_every = 2; ///< watches: 500 ms
constexpr auto goodbye_linger = 500ms;
constexpr auto abandon_linger = 300ms;
constexpr int user_timeout_ms = 2000;

std::string_view end_text(const boost::system::error_code& error) {
    if (error == asio::error::connection_reset || error == asio::error::broken_pipe)
        return "connection reset";
    return "connection closed without a goodbye";
}

/// Did the peer's kernel end the connection? It does so when the process dies. A time-out or an unreachable
/// host say nothing about the process.
bool ended_by_peer(const boost::system::error_code& error) {
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated ||
           error == asio::error::connection_reset || error == asio::error::broken_pipe;
}

std::string frame_of(const std::string& message) {
    const FrameHeader header = frame_header(static_cast<std::uint32_t>(message.size()));
    std::string frame;
    frame.reserve(header.size() + message.size());
    frame.assign(header.begin(), header.end());
    return frame += message;
}

} // namespace

Session::Session(Socket socket, std::shared_ptr<Tls> tls, Hello own, SessionOwner& owner)
    : tls_(std::move(tls))
    , stream_(std::move(socket), tls_->context())
    , own_(std::move(own))
    , owner_(&owner)
    , deadline_(stream_.get_executor())
    , watch_(stream_.get_executor()) {}

void Session::start() {
    using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
    Error ignored; // each of them only makes the session quicker to notice something
    stream_.next_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
    stream_.next_layer().set_option(UserTimeout(user_timeout_ms), ignored);
    deadline_.expires_after(handshake_max);
    deadline_.async_wait([self = shared_from_this()](const Error& error) {
        if (!error && (self->state_ == State::handshake || self->state_ == State::hello))
            self->give_up(Ending::failed, "the handshake took too long");
    });
    const auto role =
        tls_->side() == Side::connector ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
    stream_.async_handshake(role,
                            [self = shared_from_this()](const Error& error) { self->on_handshake(error); });
}

void Session::on_handshake(const Error& error) {
    if (state_ != State::handshake)
        return;
    if (error)
        return finish(ended_by_peer(error) ? Ending::process_gone : Ending::failed,
                      "TLS handshake: " + error.message());
    if (!proved_key(stream_.native_handle()))
        return finish(Ending::failed, "TLS handshake: the peer did not prove the pair key");
    state_ = State::hello;
    enqueue(frame_of(to_json(own_)));
    read_header();
}

void Session::read_header() {
    asio::async_read(
        stream_, asio::buffer(header_),
        [self = shared_from_this()](const Error& error, std::size_t) { self->on_header(error); });
}

void Session::on_header(const Error& error) {
    if (state_ == State::closed)
        return;
    if (error)
        return on_read_error(error);
    heard_ = Clock::now();
    const Frame frame = read_frame_header(header_, state_ == State::hello ? hello_max : Stream::message_max);
    switch (frame.kind) {
    case FrameKind::message:
        return read_body(frame.length);
    case FrameKind::keepalive:
        return read_header();
    case FrameKind::goodbye:
        return finish(Ending::goodbye, "the peer said goodbye");
    case FrameKind::abandon:
        return finish(Ending::failed, "the peer gave the session up");
    case FrameKind::refused:
        return give_up(Ending::bad_message, "the peer sent a message that is too long");
    }
}

void Session::read_body(std::size_t length) {
    auto body = std::make_unique<std::string>(length, '\0');
    const auto buffer = asio::buffer(*body);
    // A long message on a slow link is a sign of life with each part of it.
    const auto condition = [self = shared_from_this()](const Error& error, std::size_t have) {
        if (have != 0)
            self->heard_ = Clock::now();
        return asio::transfer_all()(error, have);
    };
    asio::async_read(
        stream_, buffer, condition,
        [self = shared_from_this(), body = std::move(body)](const Error& error, std::size_t) mutable {
            self->on_body(error, std::move(*body));
        });
}

void Session::on_body(const Error& error, std::string body) {
    if (state_ == State::closed)
        return;
    if (error)
        return on_read_error(error);
    if (state_ == State::hello)
        on_hello(body);
    else if (state_ == State::established)
        owner_->on_message(*this, std::move(body));
    if (state_ != State::closed)
        read_header();
}

void Session::on_hello(const std::string& text) {
    const auto peer = read_hello(text, own_);
    if (!peer)
        return give_up(Ending::failed, peer.error());
    const auto association = derive(stream_.native_handle(), own_.node_id, peer->node_id);
    if (!association)
        return give_up(Ending::failed, "the TLS library exported no keys");
    deadline_.cancel();
    state_ = State::established;
    heard_ = Clock::now();
    watch();
    owner_->on_established(*this, *association);
}

bool Session::send(const std::string& message) {
    if (state_ != State::established || message.empty() || message.size() > Stream::message_max ||
        waiting_ + message.size() + frame_header_size > waiting_max)
        return false;
    enqueue(frame_of(message));
    return true;
}

void Session::enqueue(std::string frame) {
    waiting_ += frame.size();
    queue_.push_back(std::move(frame));
    if (queue_.size() == 1)
        write_next();
}

void Session::write_next() {
    asio::async_write(
        stream_, asio::buffer(queue_.front()),
        [self = shared_from_this()](const Error& error, std::size_t) { self->on_written(error); });
}

void Session::on_written(const Error& error) {
    if (state_ == State::closed)
        return;
    if (error) {
        // What the peer said last, perhaps a goodbye, may still wait to be read: the reading side tells the
        // end.
        write_error_ = error;
        return;
    }
    waiting_ -= queue_.front().size();
    queue_.pop_front();
    if (!queue_.empty())
        return write_next();
    if (state_ == State::parting) {
        // The peer closes when it has read the last word; closing first could reset the connection under it.
        Error ignored;
        stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
    }
}

void Session::watch() {
    watch_due_ = Clock::now() + watch_interval;
    watch_.expires_at(watch_due_);
    watch_.async_wait([self = shared_from_this()](const Error& error) {
        if (!error)
            self->on_watch();
    });
}

void Session::on_watch() {
    if (state_ != State::established)
        return;
    const auto now = Clock::now();
    if (now - watch_due_ > watch_interval)
        heard_ = now; // this process did not run: the silence may be our own
    if (now - heard_ > silence_max)
        return give_up(Ending::failed, "nothing heard for two seconds");
    if (++watches_ % keepalive_every == 0 && queue_.empty() && !write_error_) {
        const FrameHeader header = frame_header(keepalive_length);
        enqueue(std::string(header.begin(), header.end()));
    }
    watch();
}

void Session::part(std::uint32_t last_word, std::chrono::milliseconds linger) {
    state_ = State::parting;
    watch_.cancel();
    deadline_.expires_after(linger);
    deadline_.async_wait([self = shared_from_this()](const Error& error) {
        if (!error)
            self->finish(Ending::goodbye, "this node said goodbye");
    });
    const FrameHeader header = frame_header(last_word);
    enqueue(std::string(header.begin(), header.end()));
}

void Session::goodbye() {
    if (state_ == State::established)
        part(goodbye_length, goodbye_linger);
}

void Session::abandon() {
    owner_ = nullptr;
    if (state_ == State::closed || state_ == State::parting)
        return;
    if (state_ == State::handshake || write_error_)
        return close();
    // What is queued behind the message under way will not be said any more.
    while (queue_.size() > 1) {
        waiting_ -= queue_.back().size();
        queue_.pop_back();
    }
    part(abandon_length, abandon_linger);
}

void Session::drop() {
    owner_ = nullptr;
    close();
}

void Session::on_read_error(const Error& error) {
    if (state_ == State::parting)
        return finish(Ending::goodbye, "this node said goodbye");
    // After a failed write the reading side sees only an end of file; the write knows why.
    const Error& cause = write_error_ && !ended_by_peer(write_error_) ? write_error_ : error;
    if (ended_by_peer(cause))
        finish(Ending::process_gone, std::string(end_text(cause)));
    else
        finish(Ending::failed, cause.message());
}

void Session::give_up(Ending ending, const std::string& detail) {
    const auto self = shared_from_this();
    SessionOwner* owner = owner_;
    abandon();
    if (owner != nullptr)
        owner->on_ended(*this, ending, detail);
}

void Session::finish(Ending ending, const std::string& detail) {
    const auto self = shared_from_this();
    SessionOwner* owner = std::exchange(owner_, nullptr);
    close();
    if (owner != nullptr)
        owner->on_ended(*this, ending, detail);
}

void Session::close() {
    state_ = State::closed;
    deadline_.cancel();
    watch_.cancel();
    Error ignored;
    stream_.next_layer().close(ignored);
}

} // namespace tandem::link
