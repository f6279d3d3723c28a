// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/sender.hh"

#include "control/config/snmp_schema.hh"
#include "control/snmp/delivery.hh"
#include "control/snmp/engine.hh"

#include <boost/asio/post.hpp>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tandem::snmp {
namespace asio = boost::asio;
namespace {

using Clock = std::chrono::steady_clock;
/// While somebody is awaited, the library is asked so often whether it wants to send again.
constexpr int look_every_ms = 20;

struct Running {
    OrderId id{0};
    Clock::time_point deadline;
    std::unique_ptr<Delivery> delivery;
};

void become_ordinary() {
    sched_param parameters{};
    ::sched_setscheduler(0, SCHED_OTHER, &parameters);
    ::pthread_setname_np(::pthread_self(), "snmp");
}

} // namespace

/// What the thread may still call when the sender is gone: it finds nobody then.
struct Sender::State : std::enable_shared_from_this<Sender::State> {
    State(asio::io_context& context, Identity who)
        : io(context)
        , identity(std::move(who)) {}

    asio::io_context& io;
    const Identity identity;
    OrderId last{0};
    std::map<OrderId, OnEnd> waiting; ///< the loop's

    std::mutex mutex; ///< of what follows
    std::deque<std::tuple<OrderId, Order, Clock::time_point>> arrived;
    std::set<OrderId> cancelled;
    bool stopping{false};

    // the thread's own
    int wake{-1};
    const Clock::time_point started{Clock::now()};
    Clock::time_point booted{};
    std::optional<Boots> boots;
    std::vector<Running> running;
    std::thread thread;

    void notify() const {
        const std::uint64_t one = 1;
        (void)!::write(wake, &one, sizeof one);
    }

    void done(OrderId id, bool good, std::string detail) {
        asio::post(io, [weak = weak_from_this(), id, good, detail = std::move(detail)] {
            const auto state = weak.lock();
            auto entry = state ? state->waiting.extract(id) : decltype(state->waiting.extract(id)){};
            if (!entry.empty())
                entry.mapped()(good, detail);
        });
    }

    void run();
    bool take_orders();
    void begin(OrderId id, const Order& order, Clock::time_point deadline);
    Self self();
    void look();
};

/// The number of this beginning is on disk before it is first used.
Self Sender::State::self() {
    Self out;
    out.engine_id = identity.engine_id;
    const auto now = Clock::now();
    const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(now - started).count();
    out.up_time = static_cast<std::uint32_t>(up / 10);
    if (!boots) {
        boots = snmp::begin(identity.boots_file);
        booted = Clock::now();
    }
    out.boots = boots->number;
    out.time = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - booted).count());
    return out;
}

void Sender::State::begin(OrderId id, const Order& order, Clock::time_point deadline) {
    const auto words = config::read_words(order.receiver);
    if (!words)
        return done(id, false, words.error().to_string());
    auto delivery =
        std::make_unique<Delivery>(order.receiver, *words, order.notification, self(), order.timeout);
    running.push_back({id, deadline, std::move(delivery)});
}

/// False: it is over.
bool Sender::State::take_orders() {
    std::deque<std::tuple<OrderId, Order, Clock::time_point>> orders;
    std::set<OrderId> dropped;
    {
        const std::lock_guard lock{mutex};
        if (stopping)
            return false;
        orders.swap(arrived);
        dropped.swap(cancelled);
    }
    std::erase_if(running, [&](const Running& each) { return dropped.contains(each.id); });
    for (const auto& [id, order, deadline] : orders)
        if (!dropped.contains(id))
            begin(id, order, deadline);
    return true;
}

/// Takes out what has ended.
void Sender::State::look() {
    std::erase_if(running, [&](const Running& each) {
        if (const auto& ended = each.delivery->ended()) {
            std::string detail = ended->detail;
            if (boots && !boots->trouble.empty())
                detail += "; the number of starts for SNMPv3 is not kept: " + boots->trouble;
            done(each.id, ended->good, std::move(detail));
            return true;
        }
        if (Clock::now() < each.deadline)
            return false;
        done(each.id, false, "the receiver does not answer");
        return true;
    });
}

void Sender::State::run() {
    become_ordinary();
    begin_library();
    while (take_orders()) {
        look();
        std::vector<pollfd> polled{{wake, POLLIN, 0}};
        for (const Running& each : running)
            polled.push_back({each.delivery->descriptor(), POLLIN, 0});
        ::poll(polled.data(), polled.size(), running.empty() ? -1 : look_every_ms);
        if (polled.front().revents != 0) {
            std::uint64_t count = 0;
            (void)!::read(wake, &count, sizeof count);
        }
        for (std::size_t i = 0; i < running.size(); ++i) {
            if (polled[i + 1].revents != 0)
                running[i].delivery->on_readable();
            running[i].delivery->on_time();
        }
        look();
    }
    running.clear();
}

Sender::Sender(std::shared_ptr<State> state)
    : state_(std::move(state)) {}

std::expected<std::unique_ptr<Sender>, std::string> Sender::start(asio::io_context& io, Identity identity) {
    auto state = std::make_shared<State>(io, std::move(identity));
    state->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (state->wake < 0)
        return std::unexpected("no descriptor for notifications");
    // Whatever thread this is, signals are not for the new one.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::string trouble;
    try {
        state->thread = std::thread{[raw = state.get()] { raw->run(); }};
    } catch (const std::system_error& error) {
        trouble = std::string{"no thread for notifications: "} + error.what();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!trouble.empty()) {
        ::close(state->wake);
        return std::unexpected(trouble);
    }
    return std::unique_ptr<Sender>{new Sender{std::move(state)}};
}

Sender::~Sender() {
    state_->waiting.clear();
    {
        const std::lock_guard lock{state_->mutex};
        state_->stopping = true;
    }
    state_->notify();
    state_->thread.join();
    ::close(state_->wake);
}

OrderId Sender::send(Order order, OnEnd on_end) {
    const OrderId id = ++state_->last;
    const bool full = state_->waiting.size() >= orders_max;
    state_->waiting.emplace(id, std::move(on_end));
    if (full) {
        state_->done(id, false, "too many notifications are under way already");
        return id;
    }
    const auto deadline = Clock::now() + order.timeout;
    {
        const std::lock_guard lock{state_->mutex};
        state_->arrived.emplace_back(id, std::move(order), deadline);
    }
    state_->notify();
    return id;
}

void Sender::cancel(OrderId id) {
    if (state_->waiting.erase(id) == 0)
        return;
    {
        const std::lock_guard lock{state_->mutex};
        state_->cancelled.insert(id);
    }
    state_->notify();
}

} // namespace tandem::snmp
