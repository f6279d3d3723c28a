// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/probe.hh"

#include "control/probe/echo_socket.hh"
#include "control/watch/readable.hh"

#include <boost/asio/steady_timer.hpp>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace tandem::probe {
namespace {

Instant moment() {
    return Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

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

} // namespace

CheckPolicy policy_of(const config::CheckSettings& settings) {
    return {.interval = settings.interval,
            .timeout = settings.timeout,
            .retry = settings.retry,
            .recover = settings.recover};
}

struct Checks::Impl {
    /// From where a target is asked.
    using Origin = std::tuple<wire::Family, wire::IpAddress, std::string>;
    struct Socket {
        EchoSocket echo;
        std::optional<watch::Readable> readable; ///< ends before the socket
    };
    struct Entry {
        const config::CheckSettings* settings;
        Check check;
        Instant due{ha::end_of_time}; ///< as it stands in the order
        std::string trouble;          ///< why the last question did not leave; empty: it did
    };

    Impl(boost::asio::io_context& io, std::vector<const config::CheckSettings*> checks, Told to)
        : io_(io)
        , timer_(io)
        , told_(std::move(to))
        , token_(random_token()) {
        for (const config::CheckSettings* settings : checks)
            entries_.push_back({settings, Check{policy_of(*settings)}, ha::end_of_time, {}});
    }

    void arrange(std::size_t index);
    void arm();
    void turn();
    void receive(EchoSocket& echo);
    void ask(std::size_t index, std::uint64_t number);
    Socket* socket_for(const config::CheckSettings& settings, std::string& trouble);
    void tell(std::size_t index, std::optional<CheckVerdict> verdict) {
        if (verdict && life_)
            told_(index, *verdict);
    }
    static Origin origin_of(const config::CheckSettings& settings) {
        return {settings.address.family, settings.source, settings.interface};
    }

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    Told told_;
    std::uint64_t token_;
    std::shared_ptr<int> life_; ///< ends with stop(): what the timer still brings then is nothing
    std::vector<Entry> entries_;
    std::set<std::pair<Instant, std::size_t>> order_; ///< by the time of the next turn
    Instant armed_{ha::end_of_time};
    std::map<Origin, std::unique_ptr<Socket>> sockets_;
};

/// Puts a check where its next turn belongs.
void Checks::Impl::arrange(std::size_t index) {
    Entry& entry = entries_[index];
    if (entry.due != ha::end_of_time)
        order_.erase({entry.due, index});
    entry.due = entry.check.due();
    if (entry.due != ha::end_of_time)
        order_.insert({entry.due, index});
}

void Checks::Impl::arm() {
    const Instant first = order_.empty() ? ha::end_of_time : order_.begin()->first;
    if (first == armed_ || !life_)
        return;
    armed_ = first;
    if (first == ha::end_of_time) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point{first.time_since_epoch()});
    timer_.async_wait([this, life = std::weak_ptr<int>(life_)](boost::system::error_code error) {
        if (error || life.expired())
            return;
        armed_ = ha::end_of_time;
        turn();
        if (!life.expired())
            arm();
    });
}

void Checks::Impl::turn() {
    for (auto& [origin, socket] : sockets_)
        if (socket)
            receive(socket->echo);
    const std::weak_ptr<int> life = life_;
    // Those that are due now; what becomes due meanwhile has the next turn.
    const Instant now = moment();
    while (!life.expired() && !order_.empty() && order_.begin()->first <= now) {
        const std::size_t index = order_.begin()->second;
        const Check::Turn done = entries_[index].check.turn(now);
        if (done.ask)
            ask(index, *done.ask);
        arrange(index);
        tell(index, done.verdict);
    }
}

void Checks::Impl::receive(EchoSocket& echo) {
    constexpr int bound = 4096; // whoever floods us must not keep the loop
    for (int i = 0; i < bound && life_; ++i) {
        const auto answer = echo.receive();
        if (!answer)
            return;
        if (answer->check >= entries_.size() || entries_[answer->check].settings->address != answer->from)
            continue;
        // The turn of a check that answered is later than where it stands; it finds that out by itself.
        tell(answer->check, entries_[answer->check].check.answered(moment(), answer->number));
    }
}

Checks::Impl::Socket* Checks::Impl::socket_for(const config::CheckSettings& settings, std::string& trouble) {
    auto& socket = sockets_[origin_of(settings)];
    if (socket)
        return socket.get();
    auto echo = EchoSocket::open({settings.address.family, settings.source, settings.interface, token_});
    if (!echo) {
        trouble = std::move(echo.error());
        return nullptr;
    }
    socket.reset(new Socket{std::move(*echo), {}});
    EchoSocket* const opened = &socket->echo;
    socket->readable.emplace(io_, opened->descriptor(), [this, opened] { receive(*opened); });
    return socket.get();
}

void Checks::Impl::ask(std::size_t index, std::uint64_t number) {
    Entry& entry = entries_[index];
    entry.trouble.clear();
    Socket* const socket = socket_for(*entry.settings, entry.trouble);
    if (socket == nullptr)
        return;
    const int error = socket->echo.ask(entry.settings->address, static_cast<std::uint32_t>(index), number);
    if (error == 0)
        return;
    entry.trouble = std::string{"the kernel does not send the question: "} + std::strerror(error);
    if (is_stale(error))
        sockets_[origin_of(*entry.settings)].reset();
}

Checks::Checks(boost::asio::io_context& io, std::vector<const config::CheckSettings*> checks, Told told)
    : impl_(std::make_unique<Impl>(io, std::move(checks), std::move(told))) {}

Checks::~Checks() {
    stop();
}

void Checks::start() {
    impl_->life_ = std::make_shared<int>();
    const Instant now = moment();
    const auto count = static_cast<std::int64_t>(impl_->entries_.size());
    for (std::size_t i = 0; i < impl_->entries_.size(); ++i) {
        Impl::Entry& entry = impl_->entries_[i];
        if (entry.settings->auto_start == config::AutoStart::no)
            continue;
        const Duration spread = std::min<Duration>(entry.settings->interval, std::chrono::seconds{1});
        entry.check.start(now, now + spread * static_cast<std::int64_t>(i) / count);
        impl_->arrange(i);
    }
    impl_->arm();
}

void Checks::stop() {
    impl_->life_.reset();
    impl_->timer_.cancel();
    impl_->sockets_.clear();
}

bool Checks::start_one(std::size_t check) {
    Impl::Entry& entry = impl_->entries_[check];
    if (entry.check.state() != CheckState::stopped)
        return false;
    const Instant now = moment();
    entry.check.start(now, now);
    impl_->arrange(check);
    impl_->arm();
    return true;
}

bool Checks::stop_one(std::size_t check) {
    Impl::Entry& entry = impl_->entries_[check];
    if (entry.check.state() == CheckState::stopped)
        return false;
    entry.check.stop(moment());
    entry.trouble.clear();
    impl_->arrange(check);
    impl_->arm();
    return true;
}

CheckState Checks::state(std::size_t check) const {
    return impl_->entries_[check].check.state();
}

CheckLine Checks::line(std::size_t check) const {
    const Impl::Entry& entry = impl_->entries_[check];
    const Check& of = entry.check;
    return {of.state(),    entry.trouble,         of.since(), of.asked(), of.answers(),
            of.failures(), of.latency().summary()};
}

} // namespace tandem::probe
