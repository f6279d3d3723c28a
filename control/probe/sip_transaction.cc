// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_transaction.hh"

#include <algorithm>
#include <chrono>

namespace tandem::probe {
namespace {

/// RFC 3261 section 17.1.1.2: timer D, over datagrams.
constexpr ha::Duration timer_d = std::chrono::seconds{32};

} // namespace

SipTransaction::SipTransaction(ha::Instant now, SipTransactionKind kind, SipReliability reliability,
                               const SipTimers& timers)
    : timers_(timers)
    , kind_(kind)
    , reliability_(reliability)
    , step_(timers.t1)
    , again_(reliability == SipReliability::datagram ? now + timers.t1 : ha::end_of_time)
    , end_(now + timers.end) {}

ha::Instant SipTransaction::due() const {
    switch (state_) {
    case State::trying:
        return std::min(again_, end_);
    case State::proceeding:
        // An INVITE that rings is answered when somebody answers it; here that has the same bound.
        return kind_ == SipTransactionKind::invite ? end_ : std::min(again_, end_);
    case State::completed:
        return over_;
    case State::terminated:
        break;
    }
    return ha::end_of_time;
}

SipTransaction::Turn SipTransaction::turn(ha::Instant now) {
    if (now < due())
        return Turn::nothing;
    switch (state_) {
    case State::trying:
    case State::proceeding:
        if (end_ <= now) {
            state_ = State::terminated;
            return Turn::silent;
        }
        // Figure 6: T1, 2*T1, 4*T1, ... up to T2, and T2 once a provisional response came; figure 5 knows no
        // T2.
        step_ = state_ == State::proceeding           ? timers_.t2
                : kind_ == SipTransactionKind::invite ? step_ * 2
                                                      : std::min(step_ * 2, timers_.t2);
        again_ = std::max(again_ + step_, now + timers_.t1 / 2); // after a pause of our own not in a burst
        return Turn::send;
    case State::completed:
        state_ = State::terminated;
        return Turn::over;
    case State::terminated:
        break;
    }
    return Turn::nothing;
}

SipTransaction::Heard SipTransaction::on_response(ha::Instant now, std::uint16_t status) {
    switch (state_) {
    case State::trying:
    case State::proceeding:
        if (status < 200) {
            state_ = State::proceeding; // timer E goes on as it was set
            return Heard::provisional;
        }
        if (kind_ == SipTransactionKind::invite && status < 300) {
            state_ = State::terminated; // RFC 3261 section 17.1.1.2: a 2xx ends it at once
            return Heard::final;
        }
        state_ = State::completed;
        over_ = reliability_ == SipReliability::stream ? now
                : kind_ == SipTransactionKind::invite  ? now + timer_d
                                                       : now + timers_.t4;
        return Heard::final;
    case State::completed:
        return status < 200 ? Heard::nothing : Heard::repeated;
    case State::terminated:
        break;
    }
    return Heard::nothing;
}

} // namespace tandem::probe
