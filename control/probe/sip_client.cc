// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_client.hh"

#include "control/probe/sip_reply.hh"
#include "control/probe/sip_request.hh"

#include <boost/asio/steady_timer.hpp>
#include <sys/random.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace tandem::probe {
namespace {

constexpr std::size_t questions_max = 65536;
/// A stream that nobody uses for so long is closed.
constexpr ha::Duration idle_max = std::chrono::minutes{2};

ha::Instant moment() {
    return ha::Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

std::string_view via_name(resolve::Transport transport) {
    switch (transport) {
    case resolve::Transport::udp:
        return "UDP";
    case resolve::Transport::tcp:
        return "TCP";
    case resolve::Transport::tls:
        return "TLS";
    }
    return "?";
}

std::optional<resolve::Transport> transport_of(config::SipTransport transport) {
    switch (transport) {
    case config::SipTransport::udp:
        return resolve::Transport::udp;
    case config::SipTransport::tcp:
        return resolve::Transport::tcp;
    case config::SipTransport::tls:
        return resolve::Transport::tls;
    case config::SipTransport::any:
        break;
    }
    return std::nullopt;
}

/// Links are shared by those that would open the same one.
struct LinkKey {
    resolve::Transport transport;
    wire::IpAddress address; ///< over UDP of the family only
    std::uint16_t port;      ///< over UDP 0
    SipOrigin origin;
    std::string domain; ///< over TLS: whose certificate, and by which file it is judged
    std::string ca_file;
    config::VerifyPeer verify;
    auto operator<=>(const LinkKey&) const = default;
};

std::string domain_of(const config::SipTarget& target) {
    return target.tls.server_name.empty() ? target.uri.host : target.tls.server_name;
}

LinkKey key_of(const SipClient::Question& question, const resolve::Server& server) {
    LinkKey key{server.transport,      server.address, server.port, question.origin, {}, {},
                config::VerifyPeer::no};
    if (server.transport == resolve::Transport::udp) {
        key.address = {};
        key.address.family = server.address.family;
        key.port = 0;
    } else if (server.transport == resolve::Transport::tls) {
        key.domain = domain_of(*question.target);
        key.ca_file = question.target->tls.ca_file;
        key.verify = question.target->tls.verify;
    }
    return key;
}

} // namespace

std::string random_text(std::size_t octets) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    while (text.size() < octets * 2) {
        std::uint64_t value = 0;
        if (::getrandom(&value, sizeof value, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof value))
            value = static_cast<std::uint64_t>(moment().time_since_epoch().count()) * 0x9e3779b97f4a7c15U;
        for (int i = 0; i < 16 && text.size() < octets * 2; ++i, value >>= 4U)
            text += digits[value & 0xfU];
    }
    return text;
}

std::string place_text(const resolve::Server& server) {
    return endpoint_text(server) + " over " + std::string{via_name(server.transport)};
}

resolve::Wanted wanted_of(const config::SipUri& uri, const SipOrigin& origin) {
    return {uri.host, uri.port, transport_of(uri.transport),
            uri.scheme == config::SipScheme::sips ? resolve::Security::required : resolve::Security::any,
            origin.source.family};
}

struct SipClient::Impl : std::enable_shared_from_this<SipClient::Impl> {
    struct Shared {
        std::shared_ptr<SipLink> link;
        std::set<std::uint64_t> users;
        ha::Instant used{};
        bool proven{false}; ///< something was heard over it
    };
    struct Asked {
        Question question;
        Done done;
        ha::Instant end{};
        std::vector<resolve::Server> servers;
        std::size_t server{0};
        std::string remark; ///< of the look-up
        std::optional<LinkKey> link;
        std::optional<SipTransaction> transaction;
        std::string message;
        SipMark mark;
        bool again{false}; ///< a stream that had been in use ended under it once
        ha::Instant due{ha::end_of_time};
    };

    Impl(boost::asio::io_context& loop, resolve::Resolver& names)
        : io(loop)
        , resolver(names)
        , timer(loop) {}

    void located(std::uint64_t number, const resolve::Located& located);
    void go(std::uint64_t number);
    void send(std::uint64_t number);
    bool open(const LinkKey& key, const resolve::Server& server, const Asked& asked, std::string& why);
    std::expected<std::shared_ptr<SipTlsContext>, std::string> tls_context(const config::SipTls& tls);
    void on_opened(const LinkKey& key);
    void on_broken(const LinkKey& key, const std::string& why);
    void on_message(const LinkKey& key, std::string_view message);
    void on_refused(std::string_view part);
    void failed(std::uint64_t number, const std::string& why,
                SipOutcome::Kind kind = SipOutcome::Kind::failure);
    void finish(std::uint64_t number, SipOutcome outcome);
    void leave(Asked& asked, std::uint64_t number);
    void abandon(LinkKey key, std::uint64_t number);
    void arrange(std::uint64_t number);
    void arm();
    void turn();
    void turn_one(std::uint64_t number, ha::Instant now);
    void close_idle(ha::Instant now);

    boost::asio::io_context& io;
    resolve::Resolver& resolver;
    boost::asio::steady_timer timer;
    std::uint64_t last{0};
    std::unordered_map<std::uint64_t, Asked> asked;
    std::unordered_map<std::string, std::uint64_t> by_branch;
    std::set<std::pair<ha::Instant, std::uint64_t>> order;
    ha::Instant armed{ha::end_of_time};
    ha::Instant swept{};
    std::map<std::tuple<std::string, config::VerifyPeer>, std::shared_ptr<SipTlsContext>> contexts;
    std::map<LinkKey, Shared> links;
};

std::uint64_t SipClient::ask(Question question, Done done) {
    const std::uint64_t number = ++impl_->last;
    if (impl_->asked.size() >= questions_max) {
        done({SipOutcome::Kind::trouble, 0, "too many questions are on their way"});
        return number;
    }
    Impl::Asked& one = impl_->asked[number];
    const ha::Instant now = moment();
    one.question = std::move(question);
    one.done = std::move(done);
    one.end = now + one.question.timeout;
    one.mark = {std::string{branch_cookie} + random_text(16), random_text(16), random_text(8), 1,
                one.question.target->sip_method};
    impl_->by_branch[one.mark.branch] = number;
    impl_->arrange(number);
    impl_->close_idle(now);
    impl_->resolver.locate(wanted_of(one.question.target->uri, one.question.origin),
                           std::hash<std::string>{}(one.mark.branch),
                           [weak = std::weak_ptr(impl_), number](const resolve::Located& found) {
                               if (const auto self = weak.lock())
                                   self->located(number, found);
                           });
    impl_->arm();
    return number;
}

void SipClient::forget(std::uint64_t number) {
    if (const auto found = impl_->asked.find(number); found != impl_->asked.end()) {
        found->second.done = nullptr;
        impl_->finish(number, {});
    }
}

void SipClient::Impl::located(std::uint64_t number, const resolve::Located& located) {
    const auto found = asked.find(number);
    if (found == asked.end())
        return;
    found->second.servers = located.servers;
    found->second.remark = located.detail;
    if (located.servers.empty())
        finish(number, {located.knowledge == resolve::Knowledge::none ? SipOutcome::Kind::trouble
                                                                      : SipOutcome::Kind::failure,
                        0, located.detail.empty() ? "has no address that can be used" : located.detail});
    else
        go(number);
}

/// To the next server, over a link that there is or that is opened now.
void SipClient::Impl::go(std::uint64_t number) {
    Asked& one = asked.at(number);
    const resolve::Server& server = one.servers[one.server];
    const LinkKey key = key_of(one.question, server);
    std::string why;
    if (!links.contains(key) && !open(key, server, one, why)) {
        failed(number, why, SipOutcome::Kind::trouble);
        return;
    }
    Shared& shared = links.at(key);
    shared.users.insert(number);
    shared.used = moment();
    one.link = key;
    if (shared.link->is_open())
        send(number);
}

bool SipClient::Impl::open(const LinkKey& key, const resolve::Server& server, const Asked& one,
                           std::string& why) {
    const auto weak = weak_from_this();
    SipLink::Ears ears;
    ears.heard = [weak, key](std::string_view message) {
        if (const auto self = weak.lock())
            self->on_message(key, message);
    };
    if (key.transport == resolve::Transport::udp) {
        ears.refused = [weak](std::string_view part) {
            if (const auto self = weak.lock())
                self->on_refused(part);
        };
        auto link = open_datagrams(io, server.address.family, key.origin, std::move(ears));
        if (!link) {
            why = link.error();
            return false;
        }
        links[key].link = std::move(*link);
        return true;
    }
    ears.opened = [weak, key] {
        if (const auto self = weak.lock())
            self->on_opened(key);
    };
    ears.broken = [weak, key](const std::string& reason) {
        if (const auto self = weak.lock())
            self->on_broken(key, reason);
    };
    std::shared_ptr<SipTlsContext> context;
    if (key.transport == resolve::Transport::tls) {
        auto made = tls_context(one.question.target->tls);
        if (!made) {
            why = made.error();
            return false;
        }
        context = *made;
    }
    links[key].link = open_stream(io, server, key.origin, std::move(context), key.domain, std::move(ears));
    return true;
}

std::expected<std::shared_ptr<SipTlsContext>, std::string>
SipClient::Impl::tls_context(const config::SipTls& tls) {
    auto& context = contexts[{tls.ca_file, tls.verify}];
    if (!context) {
        auto made = make_tls_context(tls);
        if (!made)
            return std::unexpected(made.error());
        context = std::move(*made);
    }
    return context;
}

void SipClient::Impl::send(std::uint64_t number) {
    Asked& one = asked.at(number);
    const resolve::Server& server = one.servers[one.server];
    const std::shared_ptr<SipLink> link = links.at(*one.link).link;
    const std::string local = link->local_for(server);
    if (local.empty()) {
        failed(number, "there is no way to it", SipOutcome::Kind::trouble);
        return;
    }
    const config::SipTarget& target = *one.question.target;
    SipRequest request;
    request.method = target.sip_method;
    request.uri = target.uri.text();
    request.via_transport = via_name(server.transport);
    request.sent_by = local;
    request.branch = one.mark.branch;
    request.from = target.from.empty() ? "sip:tandem@" + local.substr(0, local.rfind(':')) : target.from;
    request.from_tag = one.mark.from_tag;
    request.to = request.uri;
    request.call_id = one.mark.call_id;
    request.max_forwards = target.max_forwards;
    request.contact = "sip:tandem@" + local +
                      (server.transport == resolve::Transport::udp   ? ""
                       : server.transport == resolve::Transport::tcp ? ";transport=tcp"
                                                                     : ";transport=tls");
    request.user_agent = target.user_agent;
    request.more = {{"Accept", "application/sdp"}};
    auto written = write_request(request);
    if (!written) {
        finish(number, {SipOutcome::Kind::trouble, 0, "the settings make no valid request"});
        return;
    }
    one.message = std::move(*written);
    const ha::Instant now = moment();
    SipTimers timers;
    timers.end = std::max(one.end - now, ha::Duration{0});
    one.transaction.emplace(now, SipTransactionKind::non_invite, link->reliability(), timers);
    if (const std::string why = link->send(server, one.message); !why.empty()) {
        failed(number, why, SipOutcome::Kind::trouble);
        return;
    }
    arrange(number);
    arm();
}

void SipClient::Impl::on_opened(const LinkKey& key) {
    const auto found = links.find(key);
    if (found == links.end())
        return;
    const std::set<std::uint64_t> users = found->second.users;
    for (const std::uint64_t number : users)
        if (asked.contains(number) && links.contains(key))
            send(number);
}

void SipClient::Impl::on_broken(const LinkKey& key, const std::string& why) {
    const auto found = links.find(key);
    if (found == links.end())
        return;
    const Shared gone = std::move(found->second);
    links.erase(found);
    for (const std::uint64_t number : gone.users) {
        const auto user = asked.find(number);
        if (user == asked.end())
            continue;
        user->second.link.reset();
        user->second.transaction.reset();
        // The other side may close what was idle just when a question leaves: that says nothing about it.
        if (gone.proven && !std::exchange(user->second.again, true))
            go(number);
        else
            failed(number, why);
    }
}

void SipClient::Impl::on_message(const LinkKey& key, std::string_view message) {
    if (const auto link = links.find(key); link != links.end())
        link->second.proven = true;
    const auto branch = branch_of_response(message);
    const auto found = branch ? by_branch.find(std::string{*branch}) : by_branch.end();
    if (found == by_branch.end())
        return; // of an earlier question, a request, or anybody's
    const std::uint64_t number = found->second;
    Asked& one = asked.at(number);
    const auto status = status_for(message, one.mark);
    if (!status || !one.transaction || one.link != key)
        return;
    const auto heard = one.transaction->on_response(moment(), *status);
    if (heard == SipTransaction::Heard::final) {
        finish(number, {SipOutcome::Kind::response, *status,
                        "answers " + std::to_string(*status) + " (" + std::string{class_of(*status)} +
                            ") at " + place_text(one.servers[one.server])});
        return;
    }
    arrange(number);
    arm();
}

void SipClient::Impl::on_refused(std::string_view part) {
    const auto branch = branch_of_quoted(part);
    const auto found = branch ? by_branch.find(std::string{*branch}) : by_branch.end();
    if (found != by_branch.end())
        failed(found->second, "nobody has the port");
}

/// RFC 3263 section 4.3: the next server, if there is one.
void SipClient::Impl::failed(std::uint64_t number, const std::string& why, SipOutcome::Kind kind) {
    Asked& one = asked.at(number);
    leave(one, number);
    one.transaction.reset();
    const std::string place = place_text(one.servers[one.server]);
    if (++one.server < one.servers.size()) {
        go(number);
        return;
    }
    finish(number, {kind, 0, why + ": " + place});
}

void SipClient::Impl::leave(Asked& one, std::uint64_t number) {
    if (!one.link)
        return;
    if (const auto link = links.find(*one.link); link != links.end())
        link->second.users.erase(number);
    one.link.reset();
}

void SipClient::Impl::finish(std::uint64_t number, SipOutcome outcome) {
    const auto found = asked.find(number);
    Asked one = std::move(found->second);
    asked.erase(found);
    by_branch.erase(one.mark.branch);
    order.erase({one.due, number});
    leave(one, number);
    if (!one.remark.empty() && !one.servers.empty())
        outcome.detail += "; " + one.remark;
    if (one.done)
        one.done(outcome);
}

void SipClient::Impl::arrange(std::uint64_t number) {
    Asked& one = asked.at(number);
    order.erase({one.due, number});
    one.due = one.transaction ? one.transaction->due() : one.end;
    order.insert({one.due, number});
}

void SipClient::Impl::arm() {
    const ha::Instant first = order.empty() ? ha::end_of_time : order.begin()->first;
    if (first == armed)
        return;
    armed = first;
    if (first == ha::end_of_time) {
        timer.cancel();
        return;
    }
    timer.expires_at(std::chrono::steady_clock::time_point{first.time_since_epoch()});
    timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (error || !self)
            return;
        self->armed = ha::end_of_time;
        self->turn();
        self->arm();
    });
}

void SipClient::Impl::turn() {
    const ha::Instant now = moment();
    while (!order.empty() && order.begin()->first <= now)
        turn_one(order.begin()->second, now);
}

void SipClient::Impl::turn_one(std::uint64_t number, ha::Instant now) {
    Asked& one = asked.at(number);
    const auto turn = one.transaction ? one.transaction->turn(now) : SipTransaction::Turn::silent;
    if (turn == SipTransaction::Turn::send) {
        // What the kernel refuses now it may take the next time.
        static_cast<void>(links.at(*one.link).link->send(one.servers[one.server], one.message));
        arrange(number);
        return;
    }
    if (turn == SipTransaction::Turn::nothing) {
        arrange(number);
        return;
    }
    std::string detail = "its name was not found in time";
    if (!one.servers.empty())
        detail = (one.transaction ? "no response from " : "no connection to ") +
                 place_text(one.servers[one.server]);
    // A stream over which nothing comes may be dead: the next question opens another.
    if (one.link && one.link->transport != resolve::Transport::udp)
        abandon(*one.link, number);
    finish(number, {SipOutcome::Kind::silence, 0, detail});
}

/// Ends a link; whoever else used it begins anew over another one.
void SipClient::Impl::abandon(LinkKey key, std::uint64_t number) {
    const auto link = links.find(key);
    if (link == links.end())
        return;
    std::set<std::uint64_t> others = std::move(link->second.users);
    links.erase(link);
    others.erase(number);
    asked.at(number).link.reset();
    for (const std::uint64_t other : others) {
        const auto found = asked.find(other);
        if (found == asked.end())
            continue;
        found->second.link.reset();
        found->second.transaction.reset();
        go(other);
    }
}

void SipClient::Impl::close_idle(ha::Instant now) {
    if (now - swept < idle_max / 4)
        return;
    swept = now;
    std::erase_if(links, [&](const auto& link) {
        return link.second.users.empty() && now - link.second.used > idle_max;
    });
}

SipClient::SipClient(boost::asio::io_context& io, resolve::Resolver& resolver)
    : impl_(std::make_shared<Impl>(io, resolver)) {}

SipClient::~SipClient() {
    for (auto& [number, one] : impl_->asked)
        one.done = nullptr;
    impl_->timer.cancel();
    impl_->links.clear();
}

} // namespace tandem::probe
