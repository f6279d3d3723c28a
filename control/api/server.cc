// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/server.hh"

#include "control/api/listener.hh"
#include "control/api/session.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

namespace tandem::api {

namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

struct Reply::Once {
    Deliver deliver;
    void operator()(Outcome outcome) {
        if (const Deliver now = std::exchange(deliver, nullptr))
            now(std::move(outcome));
    }
    explicit Once(Deliver d)
        : deliver{std::move(d)} {}
    Once(const Once&) = delete;
    Once& operator=(const Once&) = delete;
    ~Once() {
        (*this)(std::unexpected(Error{Code::internal_error, "the request was not answered", nullptr}));
    }
};

std::string to_string(const Caller& caller) {
    return caller.name.empty() ? "user " + std::to_string(caller.uid) : "api client " + caller.name;
}

Reply::Reply(Deliver deliver)
    : once_{std::make_shared<Once>(std::move(deliver))} {}

void Reply::operator()(Outcome outcome) const {
    (*once_)(std::move(outcome));
}

class Server::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, Settings settings, Methods methods, Listener listener)
        : settings_{std::move(settings)}
        , methods_{std::move(methods)}
        , listener_{std::move(listener)}
        , acceptor_{io}
        , pause_{io} {
        acceptor_.assign(Protocol{}, listener_->release());
    }

    void accept();
    void stop();
    void publish(const json::value& event, Audience audience);
    Counts counts() const;

private:
    /// Kept for callers who may act: those who may only read cannot shut the operator out.
    static constexpr std::size_t places_to_act = 4;
    /// So many clients that are told to go are waited for; more are closed without a word.
    static constexpr std::size_t departing_max = 8;

    void admit(Session::Socket socket);
    bool is_gateway(const Caller& caller) const;
    void dispatch(Session& session, Request request);
    void refuse(Session& session, const Request& request, Code code, std::string message);

    Settings settings_;
    Methods methods_;
    /// Until stop(): an operation that is under way keeps the rest alive for longer.
    std::optional<Listener> listener_;
    Protocol::acceptor acceptor_;
    asio::steady_timer pause_;
    std::set<std::shared_ptr<Session>> sessions_;
    std::set<std::shared_ptr<Session>> departing_;
    Counts counts_;
};

namespace {

/// Nobody without credentials: a kernel that cannot say who calls gets no caller in.
std::optional<Caller> caller_of(int descriptor, std::optional<std::uint32_t> gateway) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return std::nullopt;
    const bool acts = credentials.uid == 0 || credentials.uid == geteuid() || credentials.uid == gateway;
    return Caller{credentials.uid, credentials.pid, acts ? Access::act : Access::read, {}};
}

} // namespace

void Server::Impl::accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, Session::Socket socket) {
        if (!self->acceptor_.is_open())
            return;
        if (!error) {
            self->admit(std::move(socket));
            self->accept();
            return;
        }
        // Out of descriptors, most likely: not at once again, or the loop would spin.
        self->pause_.expires_after(std::chrono::milliseconds{100});
        self->pause_.async_wait([self](error_code ended) {
            if (!ended && self->acceptor_.is_open())
                self->accept();
        });
    });
}

void Server::Impl::admit(Session::Socket socket) {
    const auto caller = caller_of(socket.native_handle(), settings_.gateway);
    if (!caller)
        return;
    const std::size_t reserved = std::min(places_to_act, settings_.clients_max / 2);
    const std::size_t places =
        caller->access == Access::act ? settings_.clients_max : settings_.clients_max - reserved;
    const std::weak_ptr<Impl> weak = weak_from_this();
    Session::Hooks hooks;
    hooks.request = [weak](Session& session, Request request) {
        if (const auto self = weak.lock())
            self->dispatch(session, std::move(request));
    };
    hooks.refused = [weak] {
        if (const auto self = weak.lock())
            ++self->counts_.refused_requests;
    };
    hooks.end = [weak](Session& session, Session::End end) {
        const auto self = weak.lock();
        if (!self)
            return;
        if (end == Session::End::too_slow)
            ++self->counts_.dropped_slow;
        self->sessions_.erase(session.shared_from_this());
        self->departing_.erase(session.shared_from_this());
    };
    auto session = std::make_shared<Session>(std::move(socket), *caller, settings_, std::move(hooks));
    if (sessions_.size() < places) {
        sessions_.insert(session);
        session->start();
        return;
    }
    ++counts_.refused_clients;
    if (departing_.size() >= departing_max)
        return;
    departing_.insert(session);
    session->send_away({Code::too_many, "too many clients; try again later", nullptr});
}

void Server::Impl::refuse(Session& session, const Request& request, Code code, std::string message) {
    ++counts_.refused_requests;
    session.answer(request.id, std::unexpected(Error{code, std::move(message), nullptr}));
}

bool Server::Impl::is_gateway(const Caller& caller) const {
    return caller.uid != 0 && caller.uid != geteuid() && caller.uid == settings_.gateway;
}

void Server::Impl::dispatch(Session& session, Request request) {
    Caller caller = session.caller();
    if (is_gateway(caller)) {
        const auto asked = methods_.find(request.method);
        if (asked != methods_.end() && asked->second.exposure != Exposure::remote)
            return refuse(session, request, Code::not_permitted, "this is not for remote callers");
        if (asked == methods_.end())
            return refuse(session, request, Code::method_not_found, "there is no such method");
        if (request.caller.empty())
            return refuse(session, request, Code::invalid_request, "a gateway must name its \"caller\"");
        caller.name = request.caller;
    } else if (!request.caller.empty()) {
        return refuse(session, request, Code::not_permitted, "only a gateway asks for others");
    }
    if (request.method == "events.follow") {
        const json::value* node = request.params.if_contains("node");
        const bool both = node != nullptr && node->is_string() && node->get_string() == "all";
        session.follow(both ? Audience::both_nodes : Audience::everybody);
        session.answer(request.id, json::value(json::object{{"following", true}}));
        return;
    }
    const auto method = methods_.find(request.method);
    if (method == methods_.end()) {
        refuse(session, request, Code::method_not_found, "there is no such method");
        return;
    }
    if (method->second.access == Access::act && session.caller().access != Access::act) {
        refuse(session, request, Code::not_permitted, "only root and the user that runs tandemd may do this");
        return;
    }
    const std::weak_ptr<Session> weak = session.weak_from_this();
    Reply reply{[weak, id = request.id](Outcome outcome) {
        if (const auto alive = weak.lock())
            alive->answer(id, outcome);
    }};
    try {
        method->second.handler(request.params, caller, reply);
    } catch (const std::exception& failure) {
        reply(std::unexpected(Error{Code::internal_error, failure.what(), nullptr}));
    }
}

void Server::Impl::publish(const json::value& event, Audience audience) {
    const auto line = std::make_shared<const std::string>(write_event(event));
    // A follower that is sent away leaves the set: walk through a copy.
    const auto sessions = sessions_;
    for (const auto& session : sessions)
        if (session->follows(audience))
            session->publish(line);
}

Counts Server::Impl::counts() const {
    Counts counts = counts_;
    counts.clients = sessions_.size();
    counts.followers = static_cast<std::size_t>(std::ranges::count_if(
        sessions_, [](const auto& session) { return session->follows(Audience::everybody); }));
    return counts;
}

void Server::Impl::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    listener_.reset();
    pause_.cancel();
    for (const auto& session : std::exchange(sessions_, {}))
        session->stop();
    for (const auto& session : std::exchange(departing_, {}))
        session->stop();
}

Server::Server(std::shared_ptr<Impl> impl)
    : impl_{std::move(impl)} {}

Server::~Server() {
    impl_->stop();
}

std::expected<std::unique_ptr<Server>, std::string> Server::start(asio::io_context& io, Settings settings,
                                                                  Methods methods) {
    auto listener = Listener::open(settings.socket_path, settings.group);
    if (!listener)
        return std::unexpected(listener.error());
    try {
        auto impl = std::make_shared<Impl>(io, std::move(settings), std::move(methods), std::move(*listener));
        impl->accept();
        return std::unique_ptr<Server>{new Server{std::move(impl)}};
    } catch (const std::exception& failure) {
        return std::unexpected(std::string{"the local API cannot start: "} + failure.what());
    }
}

void Server::publish(const json::value& event, Audience audience) {
    impl_->publish(event, audience);
}

Counts Server::counts() const {
    return impl_->counts();
}

} // namespace tandem::api
