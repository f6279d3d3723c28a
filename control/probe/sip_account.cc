// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_account.hh"

#include "dataplane/wire/sip.hh"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tandem::probe {
namespace {

constexpr unsigned challenges_max = 2; ///< the second: the nonce was stale
constexpr std::size_t routes_max = 16;

/// Values of Record-Route, of which several may stand in a line, apart from each other.
std::vector<std::string> route_values(std::string_view message) {
    std::vector<std::string> routes;
    for (const std::string& line : header_values(message, "Record-Route")) {
        bool inside = false;
        std::string one;
        for (const char c : line + ",") {
            if (c == '<' || c == '>')
                inside = c == '<';
            if (c != ',' || inside) {
                one += c;
                continue;
            }
            const std::size_t start = one.find_first_not_of(" \t");
            if (start != std::string::npos && routes.size() < routes_max)
                routes.push_back(one.substr(start));
            one.clear();
        }
    }
    return routes;
}

std::string session_of(const std::string& local) {
    const std::string host = local.substr(0, local.rfind(':'));
    const bool six = host.starts_with('[');
    const std::string address = (six ? "IP6 " + host.substr(1, host.size() - 2) : "IP4 " + host);
    // Port 9 discards: nothing is sent.
    return "v=0\r\no=- 1 1 IN " + address + "\r\ns=-\r\nc=IN " + address +
           "\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=inactive\r\n";
}

std::string answered(std::uint16_t status) {
    return "the answer is " + std::to_string(status) + " (" + std::string{class_of(status)} + ")";
}

} // namespace

std::string_view SipAccount::words(Step step) {
    switch (step) {
    case Step::registering:
        return "registering";
    case Step::calling:
        return "calling itself";
    case Step::confirming:
        return "confirming the call";
    case Step::ending:
        return "ending the call";
    case Step::unregistering:
        return "unregistering";
    case Step::cancelling:
    case Step::over:
        break;
    }
    return "the end";
}

SipAccount::SipAccount(Settings settings, std::function<std::string(std::size_t)> random)
    : settings_(std::move(settings))
    , random_(std::move(random))
    , token_("t" + random_(12))
    , register_call_id_(random_(16))
    , call_id_(random_(16))
    , call_tag_(random_(8))
    , called_tag_(random_(8)) {
    contact_ = "sip:" + token_ + "@" + settings_.local;
    if (settings_.via_transport != "UDP")
        contact_ += settings_.via_transport == "TCP" ? ";transport=tcp" : ";transport=tls";
}

SipRequest SipAccount::request_of(std::string_view method) const {
    SipRequest request;
    request.method = method;
    request.via_transport = settings_.via_transport;
    request.sent_by = settings_.local;
    request.from = settings_.aor;
    request.to = settings_.aor;
    request.max_forwards = settings_.max_forwards;
    request.user_agent = settings_.user_agent;
    return request;
}

void SipAccount::out(std::optional<std::string> text) {
    if (text)
        output_.push_back(std::move(*text));
}

void SipAccount::send(ha::Instant now, SipRequest request, unsigned challenges) {
    request.branch = std::string{branch_cookie} + random_(16);
    auto text = write_request(request);
    if (!text) {
        on_failure("the settings make no valid request");
        return;
    }
    output_.push_back(*text);
    SipTimers timers = settings_.timers;
    timers.end = std::max(step_end_ - now, ha::Duration{0});
    const bool is_invite = request.method == "INVITE";
    Sent sent{std::move(request), std::move(*text),
              SipTransaction(now, is_invite ? SipTransactionKind::invite : SipTransactionKind::non_invite,
                             settings_.reliability, timers),
              challenges};
    (is_invite ? invite_ : sent_).emplace(std::move(sent));
}

void SipAccount::send_register(ha::Instant now, unsigned expires) {
    SipRequest request = request_of("REGISTER");
    request.uri = settings_.registrar;
    request.call_id = register_call_id_;
    request.from_tag = call_tag_;
    request.cseq = ++register_cseq_;
    request.contact = contact_;
    request.more = {{"Expires", std::to_string(expires)}};
    registered_ = true;
    send(now, std::move(request), 0);
}

void SipAccount::send_invite(ha::Instant now) {
    SipRequest request = request_of("INVITE");
    request.uri = settings_.aor;
    request.call_id = call_id_;
    request.from_tag = call_tag_;
    request.cseq = call_cseq_;
    request.contact = contact_;
    request.content_type = "application/sdp";
    request.body = session_of(settings_.local);
    send(now, std::move(request), 0);
}

void SipAccount::send_bye(ha::Instant now) {
    SipRequest request = request_of("BYE");
    request.uri = remote_target_;
    request.call_id = call_id_;
    request.from_tag = call_tag_;
    request.to_tag = remote_tag_;
    request.routes = route_;
    request.cseq = ++call_cseq_;
    send(now, std::move(request), 0);
}

/// RFC 3261 section 9.1: as the INVITE, with its branch.
void SipAccount::send_cancel(ha::Instant now) {
    SipRequest request = request_of("CANCEL");
    request.uri = invite_->request.uri;
    request.call_id = call_id_;
    request.from_tag = call_tag_;
    request.cseq = invite_->request.cseq;
    send(now, request, 0);
    if (!sent_ || output_.empty())
        return;
    sent_->request.branch = invite_->request.branch;
    if (auto text = write_request(sent_->request)) {
        sent_->text = *text;
        output_.back() = std::move(*text);
    }
}

void SipAccount::begin(ha::Instant now) {
    go(now, Step::registering);
}

void SipAccount::go(ha::Instant now, Step step) {
    step_ = step;
    step_end_ = now + settings_.step;
    sent_.reset();
    switch (step) {
    case Step::registering: {
        // Should nothing of ours be able to take it back, it goes by itself.
        const auto whole = std::chrono::duration_cast<std::chrono::seconds>(settings_.step * 6).count();
        send_register(now, static_cast<unsigned>(std::max<std::int64_t>(60, whole)));
        break;
    }
    case Step::calling:
        send_invite(now);
        break;
    case Step::ending:
        send_bye(now);
        break;
    case Step::unregistering:
        accept_again_ = ha::end_of_time;
        send_register(now, 0);
        break;
    case Step::cancelling:
        send_cancel(now);
        break;
    case Step::confirming:
        break;
    case Step::over:
        invite_.reset();
        step_end_ = accept_again_ = ha::end_of_time;
        break;
    }
}

void SipAccount::fail(ha::Instant now, const std::string& how) {
    if (!failed_ && !result_)
        result_ = Result{false, std::string{words(step_)} + " failed: " + how};
    const bool taking_back = failed_;
    failed_ = true;
    if (!taking_back) {
        take_back(now);
        return;
    }
    // Of what is taken back, what fails is left and the next is tried.
    if (step_ == Step::unregistering)
        go(now, Step::over);
    else
        go(now, Step::unregistering);
}

void SipAccount::take_back(ha::Instant now) {
    failed_ = true;
    if (established_ && !ended_ && step_ != Step::ending)
        go(now, Step::ending);
    else if (invite_ && invite_->transaction.state() == SipTransaction::State::proceeding)
        go(now, Step::cancelling);
    else if (registered_ && step_ != Step::unregistering)
        go(now, Step::unregistering);
    else
        go(now, Step::over);
}

void SipAccount::abandon(ha::Instant now) {
    if (over() || failed_)
        return;
    take_back(now);
    result_.reset();
}

void SipAccount::on_failure(const std::string& why) {
    if (over())
        return;
    if (!failed_)
        result_ = Result{false, std::string{words(step_)} + " failed: " + why};
    failed_ = true;
    go({}, Step::over);
}

void SipAccount::on_message(ha::Instant now, std::string_view message) {
    if (over() || message.size() > sip_message_max)
        return;
    switch (wire::classify_datagram(message)) {
    case wire::SipContent::response:
        on_response(now, message);
        break;
    case wire::SipContent::request:
        on_request(now, message);
        break;
    case wire::SipContent::keepalive:
    case wire::SipContent::not_sip:
        break;
    }
}

void SipAccount::on_response(ha::Instant now, std::string_view message) {
    for (std::optional<Sent>* const one : {&invite_, &sent_}) {
        if (!*one)
            continue;
        const SipRequest& request = (*one)->request;
        const auto status = status_for(
            message, {request.branch, request.call_id, request.from_tag, request.cseq, request.method});
        if (!status)
            continue;
        const auto heard = (*one)->transaction.on_response(now, *status);
        if (one == &invite_)
            on_invite_final(now, message, *status);
        else if (heard == SipTransaction::Heard::final)
            on_final(now, message, *status);
        return;
    }
}

bool SipAccount::answer_challenge_of(ha::Instant now, const Sent& old, std::string_view message,
                                     std::uint16_t status) {
    if ((status != 401 && status != 407) || settings_.credentials.password.empty() ||
        old.challenges >= challenges_max)
        return false;
    for (const std::string& value :
         header_values(message, status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate")) {
        const auto challenge = read_challenge(value);
        if (!challenge)
            continue;
        SipRequest request = old.request;
        const auto answer =
            answer_challenge(*challenge, settings_.credentials, request.method, request.uri, random_(8));
        if (!answer)
            continue;
        const std::string name = status == 401 ? "Authorization" : "Proxy-Authorization";
        std::erase_if(request.more, [&](const auto& field) { return field.first == name; });
        request.more.emplace_back(name, *answer);
        // RFC 3261 section 22.2: the same call, the next number.
        std::uint32_t& cseq = request.method == "REGISTER" ? register_cseq_ : call_cseq_;
        request.cseq = ++cseq;
        send(now, std::move(request), old.challenges + 1);
        return true;
    }
    return false;
}

void SipAccount::on_final(ha::Instant now, std::string_view message, std::uint16_t status) {
    if (answer_challenge_of(now, *sent_, message, status))
        return;
    if (status >= 300 && step_ != Step::cancelling) {
        const bool refused = (status == 401 || status == 407) && sent_->challenges > 0;
        fail(now, refused ? "the password is refused" : answered(status));
        return;
    }
    switch (step_) {
    case Step::registering:
        go(now, Step::calling);
        break;
    case Step::ending:
        ended_ = true;
        go(now, Step::unregistering);
        break;
    case Step::unregistering:
        registered_ = false;
        if (!failed_)
            result_ = Result{true, {}};
        go(now, Step::over);
        break;
    case Step::cancelling: // the answer to the INVITE is awaited
    case Step::calling:
    case Step::confirming:
    case Step::over:
        break;
    }
}

/// RFC 3261 sections 13.2.2.4 and 17.1.1.3.
void SipAccount::acknowledge(std::string_view message, const SipRequest& invite, std::uint16_t status) {
    const auto read = wire::parse_sip(message);
    if (!read)
        return;
    SipRequest request = request_of("ACK");
    request.call_id = call_id_;
    request.from_tag = call_tag_;
    request.to_tag = read->to.tag;
    request.cseq = invite.cseq;
    if (status >= 300) {
        request.uri = invite.uri;
        request.branch = invite.branch;
    } else {
        request.uri = remote_target_;
        request.branch = std::string{branch_cookie} + random_(16);
        request.routes = route_;
        std::copy_if(invite.more.begin(), invite.more.end(), std::back_inserter(request.more),
                     [](const auto& field) { return field.first.ends_with("uthorization"); });
    }
    out(write_request(request));
    if (status < 300 && !output_.empty())
        ack_ = output_.back();
}

void SipAccount::on_invite_final(ha::Instant now, std::string_view message, std::uint16_t status) {
    if (status < 200)
        return;
    if (established_) { // once more: so the ACK was lost
        if (status < 300)
            output_.push_back(ack_);
        return;
    }
    const SipRequest invite = invite_->request;
    if (status >= 300) {
        acknowledge(message, invite, status);
        if (step_ == Step::calling) {
            if (!answer_challenge_of(now, *invite_, message, status))
                fail(now, invite_->challenges > 0 && (status == 401 || status == 407)
                              ? "the password is refused"
                              : answered(status));
        } else if (step_ == Step::cancelling) {
            go(now, Step::unregistering);
        }
        return;
    }
    const auto read = wire::parse_sip(message);
    if (!read || read->contacts.values().empty() || read->to.tag.empty()) {
        if (step_ == Step::calling)
            fail(now, "the answer has no Contact or no tag");
        return;
    }
    remote_tag_ = read->to.tag;
    remote_target_ = read->contacts.values()[0].uri;
    route_ = route_values(message);
    std::reverse(route_.begin(), route_.end()); // section 12.1.2
    established_ = true;
    acknowledge(message, invite, status);
    if (step_ == Step::calling)
        go(now, Step::confirming);
    else if (step_ == Step::cancelling)
        go(now, Step::ending);
    if (step_ == Step::confirming && confirmed_)
        go(now, Step::ending);
}

void SipAccount::on_request(ha::Instant now, std::string_view message) {
    const auto read = wire::parse_sip(message);
    if (!read || read->kind != wire::SipKind::request)
        return;
    const bool for_us = read->request_uri.find(token_) != std::string_view::npos;
    const bool in_call = !called_id_.empty() && read->call_id == called_id_ && for_us;
    if (read->method_name == "INVITE" && in_call) {
        output_.push_back(accepted_);
    } else if (read->method_name == "INVITE" && for_us && called_id_.empty() && step_ == Step::calling) {
        SipResponse response;
        response.to_tag = called_tag_;
        response.contact = contact_;
        response.content_type = "application/sdp";
        response.body = session_of(settings_.local);
        auto text = write_response(message, response);
        if (!text)
            return;
        called_id_ = read->call_id;
        accepted_ = *text;
        output_.push_back(std::move(*text));
        // RFC 3261 section 13.3.1.4: until the ACK comes.
        accept_step_ = settings_.timers.t1;
        accept_again_ = now + accept_step_;
    } else if (read->method_name == "ACK" && in_call) {
        confirmed_ = true;
        accept_again_ = ha::end_of_time;
        if (step_ == Step::confirming)
            go(now, Step::ending);
    } else if (read->method_name == "BYE" && in_call && read->to.tag == called_tag_) {
        accept_again_ = ha::end_of_time;
        out(write_response(message, {}));
    } else if (read->method_name != "ACK" && for_us) {
        out(write_response(message, {481, "Call/Transaction Does Not Exist", called_tag_, {}, {}, {}}));
    }
}

ha::Instant SipAccount::due() const {
    ha::Instant first = std::min(step_end_, accept_again_);
    for (const std::optional<Sent>* const one : {&invite_, &sent_})
        if (*one)
            first = std::min(first, (*one)->transaction.due());
    return first;
}

void SipAccount::time_called(ha::Instant now) {
    if (accept_again_ > now)
        return;
    output_.push_back(accepted_);
    accept_step_ = std::min(accept_step_ * 2, settings_.timers.t2);
    accept_again_ = now + accept_step_;
}

void SipAccount::on_time(ha::Instant now) {
    if (over())
        return;
    time_called(now);
    if (step_end_ <= now) { // before the transactions end with it: one that rings can be cancelled
        fail(now, step_ == Step::confirming ? "the ACK did not come back in time" : "no answer in time");
        return;
    }
    for (std::optional<Sent>* const one : {&invite_, &sent_})
        if (*one && (*one)->transaction.turn(now) == SipTransaction::Turn::send)
            output_.push_back((*one)->text);
}

std::vector<std::string> SipAccount::take_output() {
    return std::exchange(output_, {});
}

std::optional<SipAccount::Result> SipAccount::take_result() {
    return std::exchange(result_, std::nullopt);
}

} // namespace tandem::probe
