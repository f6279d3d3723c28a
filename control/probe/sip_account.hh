// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A synthetic account: registers, calls itself through its registrar, hangs up, unregisters.
//
// Problem: a server that answers OPTIONS may still have lost its registrar, its routing or its database.
// Idea: one run of what a phone does, caller and called party in one. A part of the Contact is unpredictable,
// so nobody else's request is taken for the call. The first step that fails or takes too long is the result;
// what the run has left behind is then taken back: the call is cancelled or ended, the contact removed. Pure:
// messages and time in, messages out. Deliberately absent: media, more than one call, transports.

#include "control/probe/sip_digest.hh"
#include "control/probe/sip_reply.hh"
#include "control/probe/sip_request.hh"
#include "control/probe/sip_transaction.hh"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::probe {

class SipAccount {
public:
    struct Settings {
        std::string aor;           ///< `sip:probe@example.org`
        std::string registrar;     ///< `sip:example.org`
        std::string local;         ///< host:port
        std::string via_transport; ///< `UDP`, `TCP`, `TLS`
        SipReliability reliability{SipReliability::datagram};
        SipCredentials credentials;
        ha::Duration step{std::chrono::seconds{5}};
        SipTimers timers; ///< but for their end, which is `step`
        unsigned max_forwards{70};
        std::string user_agent;
    };
    /// `random`: so many unpredictable octets in hexadecimal.
    SipAccount(Settings settings, std::function<std::string(std::size_t)> random);

    void begin(ha::Instant now);
    void on_message(ha::Instant now, std::string_view message);
    /// The transport is gone: nothing can be taken back.
    void on_failure(const std::string& why);
    /// Takes back what there is, without a result.
    void abandon(ha::Instant now);
    void on_time(ha::Instant now);
    ha::Instant due() const;

    /// What is to be sent, in order; it is forgotten here.
    std::vector<std::string> take_output();
    struct Result {
        bool well{false};
        std::string detail; ///< which step failed, and how
    };
    /// Once.
    std::optional<Result> take_result();
    /// Nothing is left to do.
    bool over() const { return step_ == Step::over; }

private:
    enum class Step : std::uint8_t {
        registering,
        calling,
        confirming, ///< the ACK is on its way to the called party
        ending,
        unregistering,
        cancelling, ///< after a failure
        over,
    };
    static std::string_view words(Step step);
    /// A request of ours that waits for its answer.
    struct Sent {
        SipRequest request;
        std::string text;
        SipTransaction transaction;
        unsigned challenges{0};
    };

    SipRequest request_of(std::string_view method) const;
    void send(ha::Instant now, SipRequest request, unsigned challenges);
    void send_register(ha::Instant now, unsigned expires);
    void send_invite(ha::Instant now);
    void send_bye(ha::Instant now);
    void send_cancel(ha::Instant now);
    void go(ha::Instant now, Step step);
    void fail(ha::Instant now, const std::string& how);
    void take_back(ha::Instant now);
    void on_response(ha::Instant now, std::string_view message);
    void on_final(ha::Instant now, std::string_view message, std::uint16_t status);
    /// Sends the request once more, with credentials. False: there is nothing to say.
    bool answer_challenge_of(ha::Instant now, const Sent& old, std::string_view message,
                             std::uint16_t status);
    void on_invite_final(ha::Instant now, std::string_view message, std::uint16_t status);
    void acknowledge(std::string_view message, const SipRequest& invite, std::uint16_t status);
    void on_request(ha::Instant now, std::string_view message);
    void out(std::optional<std::string> text);
    void time_called(ha::Instant now);

    Settings settings_;
    std::function<std::string(std::size_t)> random_;
    std::string contact_; ///< a URI
    std::string token_;   ///< its user
    std::string register_call_id_;
    std::uint32_t register_cseq_{0};
    Step step_{Step::over};
    bool failed_{false};
    bool registered_{false}; ///< perhaps: a REGISTER has left
    ha::Instant step_end_{ha::end_of_time};
    std::optional<Sent> sent_;
    std::optional<Sent> invite_; ///< once it has been sent
    // The caller's side of the call.
    bool established_{false};
    bool ended_{false};
    std::string call_id_;
    std::string call_tag_;
    std::string remote_tag_;
    std::string remote_target_;
    std::vector<std::string> route_;
    std::uint32_t call_cseq_{1};
    std::string ack_;
    // The called party's side.
    std::string called_id_;  ///< Call-ID of the request that came
    std::string called_tag_; ///< our tag there
    std::string accepted_;   ///< the response
    ha::Instant accept_again_{ha::end_of_time};
    ha::Duration accept_step_{};
    bool confirmed_{false};
    std::vector<std::string> output_;
    std::optional<Result> result_;
};

} // namespace tandem::probe
