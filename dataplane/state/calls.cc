// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/calls.hh"

#include "dataplane/table/aged_table.hh"

#include <algorithm>
#include <cstdlib>

namespace tandem::state {
namespace {

/// A call is at most this many places away from its home: the work per message is bounded.
constexpr std::size_t reach = 32;
constexpr std::size_t sweep_step = 64;

} // namespace

Calls::Calls(std::size_t capacity, std::uint64_t seed)
    : calls_(capacity)
    , seed_(seed) {
    if (capacity < 64 || (capacity & (capacity - 1)) != 0)
        std::abort();
}

void Calls::see(Instant now, std::size_t group, const wire::SipMessage& sip, std::uint64_t key) noexcept {
    const auto branch = [&] { return hash(sip.via.branch, group); };
    const auto confirm = [&](Call* call) {
        if (call == nullptr)
            return;
        call->confirmed = true;
        call->forget = now + silent_max;
    };

    if (sip.kind == wire::SipKind::response) {
        if (sip.method == wire::SipMethod::invite && sip.status >= 200 && sip.status < 300)
            confirm(find_or_add(key, group)); // a phone that the server has called answers
        else if ((sip.method == wire::SipMethod::invite && sip.status >= 300) ||
                 (sip.method == wire::SipMethod::bye && sip.status >= 200 && sip.status < 300)) {
            Call* call = find(key);
            // A failed re-INVITE does not end the call that is up (RFC 3261 section 14.1).
            if (call != nullptr && (sip.method == wire::SipMethod::bye || !call->confirmed))
                remove(call);
        }
        return;
    }
    switch (sip.method) {
    case wire::SipMethod::invite:
        if (!sip.to.tag.empty())
            return confirm(find_or_add(key, group)); // in a dialog: the call is up
        if (Call* call = find_or_add(key, group); call != nullptr && !call->confirmed) {
            call->branch = branch(); // again after a challenge: a new transaction of the same call
            call->forget = now + ringing_max;
        }
        return;
    case wire::SipMethod::ack: {
        Call* call = find(key);
        if (call == nullptr)
            return;
        if (!call->confirmed && call->branch == branch())
            return remove(call);
        return confirm(call);
    }
    case wire::SipMethod::bye:
        return remove(find(key));
    case wire::SipMethod::cancel:
        if (Call* call = find(key); call != nullptr && !call->confirmed)
            remove(call);
        return;
    case wire::SipMethod::update: // a sign of life
    case wire::SipMethod::info:
    case wire::SipMethod::prack:
        if (Call* call = find(key); call != nullptr)
            call->forget = std::max(call->forget, now + (call->confirmed ? silent_max : ringing_max));
        return;
    default:
        return;
    }
}

void Calls::sweep(Instant now) noexcept {
    for (std::size_t i = 0; i < sweep_step; ++i) {
        Call& call = calls_[swept_];
        if (call.key != 0 && now >= call.forget)
            remove(&call); // another call may have moved here: it is looked at in the next round
        swept_ = (swept_ + 1) & (calls_.size() - 1);
    }
}

void Calls::clear(std::size_t group) noexcept {
    // Removing may move another call of the group to an earlier place: again until none is left.
    while (counts_[group] != 0)
        for (Call& call : calls_)
            while (call.key != 0 && call.group == group)
                remove(&call);
}

std::uint64_t Calls::hash(std::string_view text, std::size_t group) const noexcept {
    return asked(table::SeededHash{seed_}.add(group).add(text).value());
}

Calls::Call* Calls::find(std::uint64_t key) noexcept {
    for (std::size_t i = 0; i < reach; ++i) {
        Call& call = calls_[(home(key) + i) & (calls_.size() - 1)];
        if (call.key == key)
            return &call;
        if (call.key == 0)
            return nullptr;
    }
    return nullptr;
}

Calls::Call* Calls::find_or_add(std::uint64_t key, std::size_t group) noexcept {
    if (Call* known = find(key))
        return known;
    for (std::size_t i = 0; i < reach; ++i) {
        Call& call = calls_[(home(key) + i) & (calls_.size() - 1)];
        if (call.key != 0)
            continue;
        call = {.key = key, .group = static_cast<std::uint8_t>(group)};
        ++counts_[group];
        return &call;
    }
    ++overflowed_;
    return nullptr;
}

/// Closes the gap behind a removed call, so that a search may stop at a free place.
void Calls::remove(Call* call) noexcept {
    if (call == nullptr)
        return;
    --counts_[call->group];
    const std::size_t mask = calls_.size() - 1;
    std::size_t gap = static_cast<std::size_t>(call - calls_.data());
    for (std::size_t next = (gap + 1) & mask; calls_[next].key != 0; next = (next + 1) & mask) {
        const std::size_t distance = (next - home(calls_[next].key)) & mask;
        if (distance >= ((next - gap) & mask)) {
            calls_[gap] = calls_[next];
            gap = next;
        }
        if (((next + 1) & mask) == gap)
            break; // the table is full: once around is enough
    }
    calls_[gap] = {};
}

} // namespace tandem::state
