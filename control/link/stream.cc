// SPDX-License-Identifier: GPL-3.0-or-later

// Who connects, who listens, when to try again, and which of two sessions counts.

#include "control/link/stream.hh"

#include "control/link/first_to_close.hh"
#include "control/link/session.hh"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace tandem::link {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t unfinished_max = 4;
constexpr auto retry_first = 50ms;
constexpr auto retry_step = 10ms;
constexpr auto retry_max = 100ms;
constexpr auto connect_max = 300ms;
constexpr auto reason_any_every = 1s;
constexpr auto reason_same_every = 60s;

asio::ip::address to_asio(const wire::IpAddress& address) {
    if (address.is_v4()) {
        asio::ip::address_v4::bytes_type octets;
        std::copy_n(address.octets.begin(), octets.size(), octets.begin());
        return asio::ip::address_v4(octets);
    }
    asio::ip::address_v6::bytes_type octets;
    std::copy_n(address.octets.begin(), octets.size(), octets.begin());
    return asio::ip::address_v6(octets);
}

/// Everything behind a Stream. Its pending operations keep it alive; stop() ends them.
class Engine : public std::enable_shared_from_this<Engine>, private SessionOwner {
public:
    Engine(asio::io_context& io, StreamSettings settings, Stream::Handlers handlers)
        : io_(io)
        , settings_(std::move(settings))
        , handlers_(std::move(handlers))
        , tls_(std::make_shared<Tls>(settings_.node_id > 1 ? Side::connector : Side::listener,
                                     settings_.pair_id, settings_.pair_key))
        , acceptor_(io)
        , connecting_(io)
        , retry_(io)
        , connect_deadline_(io) {}

    void start() {
        if (tls_->side() == Side::connector)
            connect();
        else
            listen();
    }

    void stop() {
        stopped_ = true;
        rest();
        if (current_ && !leaving_)
            current_->drop();
        else if (current_)
            current_->abandon(); // a goodbye is under way: nobody waits for it, but it may leave
        current_.reset();
    }

    bool send(const std::string& message) { return current_ && current_->send(message); }

    void goodbye() {
        if (std::exchange(leaving_, true))
            return;
        rest();
        if (current_)
            current_->goodbye();
    }

    bool established() const { return current_ && current_->established(); }
    const StreamCounters& counters() const { return counters_; }

private:
    using Error = boost::system::error_code;

    bool idle() const { return stopped_ || leaving_; }

    /// No new session from here on.
    void rest() {
        Error ignored;
        acceptor_.close(ignored);
        connecting_.close(ignored);
        retry_.cancel();
        connect_deadline_.cancel();
        for (const auto& session : std::exchange(unfinished_, {}))
            stopped_ ? session->drop() : session->abandon();
    }

    void retry_after(std::chrono::milliseconds delay, void (Engine::*what)()) {
        retry_.expires_after(delay);
        retry_.async_wait([self = shared_from_this(), what](const Error& error) {
            if (!error && !self->idle())
                (self.get()->*what)();
        });
    }

    // The lower node id: listen. The local address may appear later, or come and go; nothing is said per
    // attempt.

    void listen() {
        const tcp::endpoint endpoint(to_asio(settings_.local), settings_.port);
        Error error;
        acceptor_.open(endpoint.protocol(), error);
        if (!error)
            acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
        if (!error)
            acceptor_.bind(endpoint, error);
        if (!error)
            acceptor_.listen(static_cast<int>(2 * unfinished_max), error);
        if (!error)
            return accept();
        Error ignored;
        acceptor_.close(ignored);
        retry_after(retry_max, &Engine::listen);
    }

    void accept() {
        acceptor_.async_accept([self = shared_from_this()](const Error& error, tcp::socket socket) {
            if (self->idle())
                return;
            if (error) // out of descriptors, or the connection is gone already
                return self->retry_after(retry_first, &Engine::accept);
            self->on_accepted(std::move(socket));
            if (!self->idle())
                self->accept();
        });
    }

    void on_accepted(tcp::socket socket) {
        Error error;
        const tcp::endpoint from = socket.remote_endpoint(error);
        if (error)
            return;
        if (from.address() != to_asio(settings_.peer)) {
            ++counters_.refused_address;
            return;
        }
        // The oldest makes room: idle connections must not keep a restarted peer out.
        if (unfinished_.size() >= unfinished_max) {
            const auto oldest = unfinished_.front();
            unfinished_.erase(unfinished_.begin());
            oldest->drop();
            ++counters_.refused_handshake;
        }
        begin(std::move(socket));
    }

    // The higher: connect.

    void connect() {
        Error error;
        const tcp::endpoint local(to_asio(settings_.local), 0);
        connecting_ = tcp::socket(io_);
        connecting_.open(local.protocol(), error);
        if (!error)
            connecting_.bind(local, error);
        if (error)
            return try_again();
        connect_deadline_.expires_after(connect_max);
        connect_deadline_.async_wait([self = shared_from_this()](const Error& cancelled) {
            Error ignored;
            if (!cancelled)
                self->connecting_.close(ignored); // the attempt then ends with an error
        });
        connecting_.async_connect(
            {to_asio(settings_.peer), settings_.port},
            [self = shared_from_this()](const Error& failure) { self->on_connected(failure); });
    }

    void on_connected(const Error& error) {
        connect_deadline_.cancel();
        if (idle())
            return;
        if (error || !connecting_.is_open())
            return try_again();
        begin(std::move(connecting_));
    }

    void try_again() {
        Error ignored;
        connecting_.close(ignored);
        retry_after(delay_, &Engine::connect);
        delay_ = std::min(delay_ + retry_step, std::chrono::milliseconds(retry_max));
    }

    // Sessions.

    void begin(tcp::socket connected) {
        Error error;
        tcp::socket socket(io_);
        const int fd = first_to_close(connected.release(error));
        socket.assign(settings_.local.is_v4() ? tcp::v4() : tcp::v6(), fd, error);
        if (error) { // the system has no room for it: the peer sees it close, and either side tries again
            if (fd >= 0)
                ::close(fd);
            if (tls_->side() == Side::connector)
                try_again();
            return;
        }
        auto session = std::make_shared<Session>(std::move(socket), tls_,
                                                 Hello{stream_version, settings_.node_id, settings_.pair_id},
                                                 static_cast<SessionOwner&>(*this));
        unfinished_.push_back(session);
        session->start();
    }

    void on_established(Session& session, const Association& association) override {
        const auto self = shared_from_this();
        const auto found = find(session);
        const auto fresh = *found;
        unfinished_.erase(found);
        delay_ = retry_first;
        ++counters_.sessions;
        if (const auto old = std::exchange(current_, nullptr)) {
            old->abandon();
            tell_end(StreamEnd::replaced, "a newer session took its place");
        }
        // The handler may have stopped the stream or said goodbye.
        if (stopped_)
            return fresh->drop();
        current_ = fresh;
        if (leaving_)
            return fresh->goodbye();
        last_reason_.clear();
        if (handlers_.established)
            handlers_.established(association);
    }

    void on_message(Session&, std::string message) override {
        const auto self = shared_from_this();
        if (handlers_.message)
            handlers_.message(std::move(message));
    }

    void on_ended(Session& session, Ending ending, const std::string& detail) override {
        const auto self = shared_from_this();
        const bool was_current = current_.get() == &session;
        if (ending == Ending::bad_message)
            ++counters_.refused_message;
        if (was_current) {
            current_.reset();
        } else {
            unfinished_.erase(find(session));
        }
        // A peer that restarts under our attempt refuses nothing.
        const bool refused =
            !was_current && (tls_->side() == Side::listener || ending != Ending::process_gone);
        if (refused)
            ++counters_.refused_handshake;
        if (!idle() && tls_->side() == Side::connector)
            try_again();
        if (refused)
            tell_refused(detail);
        else if (!was_current)
            return;
        else if (ending == Ending::process_gone)
            tell_end(StreamEnd::process_gone, detail);
        else
            tell_end(ending == Ending::goodbye ? StreamEnd::goodbye : StreamEnd::failed, detail);
    }

    std::vector<std::shared_ptr<Session>>::iterator find(const Session& session) {
        return std::ranges::find_if(unfinished_, [&](const auto& s) { return s.get() == &session; });
    }

    void tell_end(StreamEnd end, const std::string& detail) {
        if (handlers_.ended)
            handlers_.ended(end, detail);
    }

    /// Whoever reaches the port could otherwise fill the log.
    void tell_refused(const std::string& reason) {
        const auto now = std::chrono::steady_clock::now();
        if (!handlers_.refused || (told_at_ && now - *told_at_ < reason_any_every) ||
            (told_at_ && reason == last_reason_ && now - *told_at_ < reason_same_every))
            return;
        told_at_ = now;
        last_reason_ = reason;
        handlers_.refused(reason);
    }

    asio::io_context& io_;
    StreamSettings settings_;
    Stream::Handlers handlers_;
    std::shared_ptr<Tls> tls_;
    tcp::acceptor acceptor_;
    tcp::socket connecting_;
    asio::steady_timer retry_;
    asio::steady_timer connect_deadline_;
    std::chrono::milliseconds delay_{retry_first};
    std::shared_ptr<Session> current_;
    std::vector<std::shared_ptr<Session>> unfinished_; ///< oldest first; at most unfinished_max
    bool stopped_{false};
    bool leaving_{false};
    std::optional<std::chrono::steady_clock::time_point> told_at_;
    std::string last_reason_;
    StreamCounters counters_;
};

class EngineStream : public Stream {
public:
    explicit EngineStream(std::shared_ptr<Engine> engine)
        : engine_(std::move(engine)) {
        engine_->start();
    }
    ~EngineStream() override { engine_->stop(); }
    EngineStream(const EngineStream&) = delete;
    EngineStream& operator=(const EngineStream&) = delete;

    bool send(std::string message) override { return engine_->send(message); }
    void goodbye() override { engine_->goodbye(); }
    bool established() const override { return engine_->established(); }
    const StreamCounters& counters() const override { return engine_->counters(); }

private:
    std::shared_ptr<Engine> engine_;
};

} // namespace

std::unique_ptr<Stream> Stream::start(asio::io_context& io, StreamSettings settings, Handlers handlers) {
    return std::make_unique<EngineStream>(
        std::make_shared<Engine>(io, std::move(settings), std::move(handlers)));
}

} // namespace tandem::link
