// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/engine.hh"

#include "dataplane/path/mirror_frame.hh"
#include "dataplane/wire/pcapng.hh"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace tandem::nfqueue {
namespace {

using contract::Counter;
using halink::Purpose;
using halink::Transmitted;
using path::Action;
using path::Duration;
using path::Instant;
using Direction = state::CapturedOn::Direction;

constexpr int worker_priority = 10; ///< below the pulse thread of the brain
constexpr Duration wait_max = std::chrono::milliseconds{10};
constexpr Duration tun_retry = std::chrono::milliseconds{200};
constexpr std::size_t bursts_max = 4; ///< of one source in one turn, so that none starves the others

Instant clock_now() {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

std::uint64_t random_number() {
    std::uint64_t value = 0;
    while (value == 0)
        if (::getrandom(&value, sizeof(value), 0) != sizeof(value))
            value = static_cast<std::uint64_t>(clock_now().time_since_epoch().count());
    return value;
}

/// In the order of Engine::Side.
std::vector<state::SharedCapture::Interface> captured_interfaces(const contract::Page& page) {
    contract::Policy policy;
    page.policy.read(policy);
    const auto text = [](const auto& name) {
        return std::string{name.begin(), std::find(name.begin(), name.end(), '\0')};
    };
    std::string outside = text(policy.groups[0].outside_interface);
    for (std::size_t i = 1; i < std::min<std::size_t>(policy.group_count, contract::groups_max); ++i)
        if (text(policy.groups[i].outside_interface) != outside)
            outside = "outside"; // the queue does not say which
    return {{outside, wire::pcapng::link_raw_ip}, {text(policy.shadow_interface), wire::pcapng::link_raw_ip}};
}

std::string shadow_name(const contract::Policy& policy) {
    const auto& name = policy.shadow_interface;
    return {name.begin(), std::find(name.begin(), name.end(), '\0')};
}

} // namespace

std::expected<std::unique_ptr<Engine>, std::string> Engine::open(contract::Page& page,
                                                                 const std::string& run_dir) {
    contract::Policy policy;
    if (!page.policy.read(policy) || policy.vip_count == 0)
        return std::unexpected("no policy yet");
    auto queue = KernelQueue::open(policy.queue);
    if (!queue)
        return std::unexpected(queue.error());
    const path::PathSeeds seeds{random_number(), random_number()};
    return std::unique_ptr<Engine>(new Engine(page, run_dir, policy.queue, std::move(*queue), seeds));
}

Engine::Engine(contract::Page& page, const std::string& run_dir, std::uint16_t number, KernelQueue queue,
               const path::PathSeeds& seeds)
    : page_(page)
    , queue_number_(number)
    , queue_(std::move(queue))
    , links_(page)
    , path_(page, seeds, {}, &matcher_)
    , tracker_(run_dir, contract::record_setup(page), seeds.incarnation ^ seeds.stream)
    , capture_(run_dir, contract::record_setup(page), captured_interfaces(page)) {}

std::vector<std::string> Engine::complaints() const {
    std::vector<std::string> all = tracker_.complaints();
    if (!capture_.complaint().empty())
        all.push_back(capture_.complaint());
    return all;
}

void Engine::run() {
    sched_param priority{};
    priority.sched_priority = worker_priority;
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority); // better, but not needed
    page_.engine.started_ns = path::to_page(clock_now());
    page_.engine.workers = 1;
    page_.engine.pid = ::getpid();
    while (!stopping_.load(std::memory_order_relaxed)) {
        const Instant now = clock_now();
        turn(now);
        page_.engine.beats.fetch_add(1, std::memory_order_relaxed);
        turns_.fetch_add(1, std::memory_order_relaxed);
        wait(now);
    }
    page_.engine.attached = 0;
    page_.engine.pid = 0;
}

void Engine::turn(Instant now) {
    now_ = now;
    realtime_ns_ =
        std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()).time_since_epoch().count();
    path_.begin(now);
    attend_devices(now);
    take_released();
    take_outside();
    take_links();
    take_shadow();
    transmit();
    deliver();
    show_calls();
    report();
    path_.finish();
}

/// Sockets, keys and the shadow interface come and go with the brain's work.
void Engine::attend_devices(Instant now) {
    links_.refresh(path_.policy(), now);
    const std::string name = shadow_name(path_.policy()); // short enough to live in the string itself
    if (name != shadow_name_) {
        shadow_name_ = name;
        tun_.close();
        tun_retry_at_ = now;
    }
    if (!tun_.is_open() && now >= tun_retry_at_) {
        tun_retry_at_ = now + tun_retry;
        tun_.open(shadow_name_);
    }
    const bool attached = tun_.is_open() && rules_in_place_.load(std::memory_order_relaxed);
    page_.engine.attached.store(attached ? 1 : 0, std::memory_order_relaxed);
}

void Engine::take_released() {
    while (const auto released = path_.next_released())
        settle(released->token, released->action, released->packet);
    transmit();
    queue_.flush(Older::kept);
}

void Engine::take_outside() {
    for (std::size_t i = 0; i < bursts_max; ++i) {
        const auto burst = queue_.receive();
        // What comes because this node has announced itself must not be judged by what was read before.
        if (!burst.empty()) {
            now_ = clock_now();
            path_.begin(now_);
        }
        for (const Queued& queued : burst) {
            const Action action = path_.on_outside(queued.packet, queued.id);
            capture(Side::outside, Direction::in, action, path_.judgement().reason, queued.packet);
            settle(queued.id, action, queued.packet);
        }
        while (const auto released = path_.next_released()) // those that had to make room
            settle(released->token, released->action, released->packet);
        transmit();
        queue_.flush(path_.held() > 0 ? Older::kept : Older::none);
        page_.engine.received.fetch_add(burst.size(), std::memory_order_relaxed);
        if (burst.size() < KernelQueue::burst_max)
            break;
    }
    if (const std::uint64_t overruns = queue_.take_overruns(); overruns > 0)
        page_.counters.add(Counter::queue_overrun, overruns);
}

/// Carries out what the path decided about a packet of the queue.
void Engine::settle(std::uint32_t id, Action action, std::span<const std::uint8_t> packet) {
    switch (action) {
    case Action::forward:
        track(packet, state::Way::served);
        queue_.accept(id);
        break;
    case Action::redirect:
        redirect(id, packet);
        break;
    case Action::hold:
        break;
    case Action::drop:
    case Action::deliver:
    case Action::defer:
    case Action::hold_back:
        queue_.drop(id);
        break;
    }
}

/// What the server gets tells who is registered and which calls are up.
void Engine::track(std::span<const std::uint8_t> packet, state::Way way) {
    if (const auto sip = path::sip_text(packet, path_.policy()))
        tracker_->see(now_, {{sip->source, sip->port, sip->group}, way, sip->text});
}

void Engine::capture(Side side, Direction direction, Action verdict, Counter reason,
                     std::span<const std::uint8_t> packet) {
    capture_.put(realtime_ns_, {static_cast<std::uint16_t>(side), direction},
                 static_cast<std::uint8_t>(verdict), reason, packet);
}

void Engine::show_calls() {
    tracker_.turn(now_);
    for (std::size_t group = 0;
         group < std::min<std::size_t>(path_.policy().group_count, contract::groups_max); ++group) {
        contract::Role role;
        if (tracker_->calls(group) != 0 && page_.grants[group].role.read(role) &&
            role.standing != contract::Standing::active)
            tracker_->clear_calls(group);
        page_.traffic[group].calls.store(static_cast<std::uint32_t>(tracker_->calls(group)),
                                         std::memory_order_relaxed);
    }
}

void Engine::redirect(std::uint32_t id, std::span<const std::uint8_t> packet) {
    if (links_.full())
        flush_links();
    std::array<std::uint8_t, path::RedirectedFrame::header_size> head{};
    path::write_redirected_header(head);
    links_.add(Purpose::redirected, id, head, packet);
}

/// Sends everything that waits for the HA link. Redirected packets get their verdict here: gone over the
/// link, or passed to the local server, which still answers while this node yields.
void Engine::transmit() {
    while (const auto frame = path_.next_transmit()) {
        if (links_.full())
            flush_links();
        const Purpose purpose = frame->kind == path::TransmitKind::fresh   ? Purpose::fresh
                                : frame->kind == path::TransmitKind::again ? Purpose::again
                                                                           : Purpose::control;
        links_.add(purpose, 0, frame->frame);
    }
    flush_links();
}

void Engine::flush_links() {
    for (const Transmitted& item : links_.flush()) {
        switch (item.purpose) {
        case Purpose::redirected:
            path_.redirected(item.sent);
            if (item.sent == path::Sent::yes)
                queue_.drop(item.token);
            else
                queue_.accept(item.token);
            break;
        case Purpose::fresh:
            path_.transmitted(path::TransmitKind::fresh, item.sent);
            break;
        case Purpose::again:
            path_.transmitted(path::TransmitKind::again, item.sent);
            break;
        case Purpose::control:
            break;
        }
    }
}

void Engine::take_links() {
    for (std::size_t i = 0; i < contract::paths_max; ++i) {
        if (links_.descriptor(i) < 0)
            continue;
        links_.receive(i);
        while (const auto content = links_.opened()) {
            path_.on_frame(*content);
            deliver();
        }
    }
}

void Engine::deliver() {
    while (const auto delivery = path_.next_delivery()) {
        const bool written = tun_.write(delivery->packet);
        path_.delivered(*delivery, written ? path::Delivered::yes : path::Delivered::failed);
        capture(Side::shadow, Direction::out, Action::deliver,
                written ? delivery->counter : Counter::mirror_deliver_failed, delivery->packet);
        if (written)
            track(delivery->packet,
                  delivery->counter == Counter::mirror_delivered ? state::Way::mirrored : state::Way::served);
    }
}

void Engine::take_shadow() {
    for (std::size_t i = 0; i < bursts_max * KernelQueue::burst_max; ++i) {
        const auto packet = tun_.read();
        if (!packet)
            break;
        path_.on_shadow(*packet);
        capture(Side::shadow, Direction::in, Action::hold_back, Counter::shadow_held_back, *packet);
    }
}

void Engine::report() {
    const std::int64_t missed = missed_.load(std::memory_order_relaxed);
    if (missed < 0)
        return;
    missed_.store(-1, std::memory_order_relaxed);
    const auto packets = static_cast<std::uint64_t>(missed);
    page_.counters.add(Counter::mirror_missed, packets);
    page_.notices.push({path::to_page(clock_now()), packets, contract::NoticeKind::engine_started, 0, {}});
}

void Engine::wait(Instant now) {
    std::array<pollfd, contract::paths_max + 2> sources{};
    std::size_t count = 0;
    const auto watch = [&](int descriptor) {
        if (descriptor >= 0)
            sources[count++] = {descriptor, POLLIN, 0};
    };
    watch(queue_.descriptor());
    watch(tun_.descriptor());
    for (std::size_t i = 0; i < contract::paths_max; ++i)
        watch(links_.descriptor(i));
    const Duration left = std::clamp(path_.deadline() - now, Duration::zero(), wait_max);
    timespec timeout{};
    timeout.tv_nsec = static_cast<long>(left.count());
    ::ppoll(sources.data(), static_cast<nfds_t>(count), &timeout, nullptr);
}

} // namespace tandem::nfqueue
