// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/conversation.hh"

#include "control/https/chunks.hh"
#include "control/https/head.hh"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <utility>

namespace tandem::https {

namespace http = boost::beast::http;

namespace {

/// So much more than twice the largest body may the framing of chunks take.
constexpr std::size_t framing_max = 4096;
constexpr std::string_view go_ahead = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

struct Conversation::Message {
    http::request_parser<http::empty_body> parser; ///< of the head alone
    std::optional<Admission> admission;            ///< once the head was found good
    std::size_t length{0};                         ///< of the body, unless it comes in chunks
    std::optional<ChunkReader> chunks;
    std::size_t wire_octets{0}; ///< of the body with its framing, so far
    std::string body;
    Persistence persistence{Persistence::keep};
};

Conversation::Conversation(Gate& gate, Peer peer)
    : gate_{gate}
    , peer_{std::move(peer)} {}

Conversation::~Conversation() = default;

void Conversation::reply(Answer answer, Step& step) {
    if (message_ && message_->persistence == Persistence::close)
        answer.persistence = Persistence::close;
    step.send += write(answer);
    message_.reset();
    wants_ = answer.persistence == Persistence::close ? Wants::end : Wants::request;
}

void Conversation::refuse(Refusal refusal, ha::Instant now, unsigned status, std::string_view detail,
                          Step& step) {
    gate_.refused(peer_.address, refusal, now);
    reply(last_word(status, detail), step);
}

bool Conversation::take_head(ha::Instant now, Step& step) {
    // RFC 9112 section 2.2: an empty line ahead of a request is nothing; more of them are a way to sit here.
    if (!skipped_ && input_.starts_with("\r\n")) {
        input_.erase(0, 2);
        skipped_ = true;
    }
    const std::size_t head_max = gate_.settings().header_max;
    const auto end = input_.substr(0, head_max).find("\r\n\r\n");
    if (end == std::string::npos) {
        wants_ = input_.empty() ? Wants::request : Wants::head;
        if (input_.size() >= head_max)
            refuse(Refusal::too_large, now, 431, "the header is too large", step);
        return false;
    }
    const std::string octets = input_.substr(0, end + 4);
    input_.erase(0, end + 4);
    skipped_ = false;
    if (const auto checked = check_head(octets); !checked) {
        refuse(Refusal::malformed, now, checked.error().status, checked.error().detail, step);
        return false;
    }
    message_ = std::make_unique<Message>();
    auto& parser = message_->parser;
    parser.header_limit(static_cast<std::uint32_t>(octets.size() + 1));
    parser.body_limit(boost::none); // looked at below
    boost::system::error_code failure;
    const std::size_t read = parser.put(boost::asio::buffer(octets), failure);
    if (failure || read != octets.size() || !parser.is_header_done()) {
        refuse(Refusal::malformed, now, 400, "the header is malformed", step);
        return false;
    }
    const auto& fields = parser.get();
    const auto field = [&fields](http::field name) -> std::optional<std::string> {
        const auto found = fields.find(name);
        if (found == fields.end())
            return std::nullopt;
        return std::string{found->value().data(), found->value().size()};
    };
    Head head;
    head.verb = std::string{fields.method_string().data(), fields.method_string().size()};
    head.target = std::string{fields.target().data(), fields.target().size()};
    head.authorization = field(http::field::authorization);
    head.content_type = field(http::field::content_type);
    message_->length = static_cast<std::size_t>(parser.content_length().value_or(0));
    if (parser.chunked())
        message_->chunks.emplace();
    head.body = message_->chunks || message_->length > 0 ? Head::Body::follows : Head::Body::none;
    if (!fields.keep_alive() || ++requests_ >= requests_max)
        message_->persistence = Persistence::close;
    auto admission = gate_.admit(head, peer_, now);
    if (!admission) {
        // Its body is not read, so the next request cannot be found.
        if (head.body == Head::Body::follows)
            message_->persistence = Persistence::close;
        reply(std::move(admission.error()), step);
        return wants_ != Wants::end;
    }
    message_->admission = std::move(*admission);
    if (message_->length > gate_.settings().body_max) {
        refuse(Refusal::too_large, now, 413, "the body is too large", step);
        return false;
    }
    if (head.body == Head::Body::follows && field(http::field::expect) && input_.empty())
        step.send += go_ahead;
    wants_ = Wants::body;
    return true;
}

bool Conversation::take_body(ha::Instant now, Step& step) {
    Message& message = *message_;
    const std::size_t body_max = gate_.settings().body_max;
    if (message.chunks) {
        const std::size_t before = input_.size();
        const auto state = message.chunks->take(input_, message.body);
        message.wire_octets += before - input_.size();
        if (message.body.size() > body_max || message.wire_octets > 2 * body_max + framing_max) {
            refuse(Refusal::too_large, now, 413, "the body is too large", step);
            return false;
        }
        if (state == ChunkReader::State::malformed) {
            refuse(Refusal::malformed, now, 400, "a chunk of the body is malformed", step);
            return false;
        }
        if (state == ChunkReader::State::more)
            return false;
    } else {
        const std::size_t size = std::min(message.length - message.body.size(), input_.size());
        message.body.append(input_, 0, size);
        input_.erase(0, size);
        if (message.body.size() < message.length)
            return false;
    }
    dispatch(now, step);
    return wants_ == Wants::request;
}

void Conversation::dispatch(ha::Instant now, Step& step) {
    const Admission& admission = *message_->admission;
    if (admission.route->method.empty())
        return reply(gate_.own(*admission.route), step);
    auto call = gate_.ask(admission, message_->body, peer_, now);
    if (!call)
        return reply(std::move(call.error()), step);
    step.call = std::move(*call);
    wants_ = Wants::brain;
}

Conversation::Step Conversation::go_on(ha::Instant now) {
    Step step;
    bool more = true;
    while (more) {
        if (wants_ == Wants::body)
            more = take_body(now, step);
        else if (wants_ == Wants::request || wants_ == Wants::head)
            more = take_head(now, step);
        else
            more = false;
    }
    if (wants_ == Wants::end)
        input_.clear();
    step.wants = wants_;
    return step;
}

Conversation::Step Conversation::on_octets(std::string_view octets, ha::Instant now) {
    if (wants_ == Wants::end || wants_ == Wants::brain)
        return {wants_, {}, std::nullopt};
    input_.append(octets);
    return go_on(now);
}

Conversation::Step Conversation::on_outcome(Outcome outcome, ha::Instant now) {
    if (wants_ != Wants::brain)
        return {wants_, {}, std::nullopt};
    Step answered;
    reply(gate_.answer(std::move(outcome), peer_, now), answered);
    Step next = go_on(now);
    next.send.insert(0, answered.send);
    return next;
}

Conversation::Step Conversation::on_deadline(ha::Instant now) {
    Step step;
    if (wants_ == Wants::head || wants_ == Wants::body)
        refuse(Refusal::too_slow, now, 408, "the request came too slowly", step);
    else
        wants_ = Wants::end;
    step.wants = wants_;
    return step;
}

} // namespace tandem::https
