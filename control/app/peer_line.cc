// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/peer_line.hh"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace tandem::app {
namespace json = boost::json;

PeerLine::PeerLine(boost::asio::io_context& io, const config::Config& config, const std::string& pair_key,
                   contract::Page& page, PulseDoor& pulse, Handlers handlers)
    : io_(io)
    , page_(page)
    , pulse_(pulse)
    , handlers_(std::move(handlers))
    , mirror_links_(config.paths.size()) {
    for (std::size_t i = 0; i < contract::paths_max; ++i)
        page_.mirror_links[i].write({}); // keys of an earlier life are no longer anybody's
    for (std::size_t i = 0; i < config.paths.size(); ++i) {
        link::StreamSettings settings{.local = config.paths[i].local,
                                      .peer = config.paths[i].peer,
                                      .port = config.pair.stream_port,
                                      .pair_id = config.pair.id,
                                      .node_id = config.node.id,
                                      .pair_key = pair_key};
        streams_.push_back(link::Stream::start(
            io, std::move(settings),
            {.established = [this, i](const link::Association& a) { on_established(i, a); },
             .ended =
                 [this, i](link::StreamEnd end, const std::string& detail) {
                     if (end == link::StreamEnd::process_gone)
                         pulse_.tell(PathGone{i});
                     handlers_.ended(i, end, detail);
                 },
             .message = [this](const std::string& text) { on_message(text); }}));
    }
}

bool PeerLine::connected() const {
    for (const auto& stream : streams_)
        if (stream->established())
            return true;
    return false;
}

void PeerLine::on_established(std::size_t path, const link::Association& association) {
    contract::MirrorLink& link = mirror_links_[path];
    link.previous = link.current;
    link.current = {association.id, association.mirror_transmit, association.mirror_receive};
    page_.mirror_links[path].write(link);
    pulse_.tell(Rekey{path, association.id, association.heartbeat_transmit, association.heartbeat_receive});
    handlers_.established(path);
}

bool PeerLine::send(const json::object& message) {
    for (const auto& stream : streams_)
        if (stream->established() && stream->send(json::serialize(message)))
            return true;
    return false;
}

void PeerLine::send_status(const json::object& status) {
    send({{"type", "status"}, {"status", status}});
}

void PeerLine::ask(const std::string& method, json::object params, Respond respond) {
    const std::uint64_t id = next_id_++;
    if (asked_.size() >= asked_max ||
        !send({{"type", "request"}, {"id", id}, {"method", method}, {"params", std::move(params)}}))
        return respond(Outcome::refused("the peer cannot be reached over any HA path"));
    auto timer = std::make_unique<boost::asio::steady_timer>(io_, patience);
    timer->async_wait([this, id](boost::system::error_code error) {
        const auto found = asked_.find(id);
        if (error || found == asked_.end())
            return;
        const Respond late = std::move(found->second.respond);
        asked_.erase(found);
        late(Outcome::refused("the peer did not answer in time"));
    });
    asked_[id] = {std::move(respond), std::move(timer)};
}

void PeerLine::goodbye() {
    for (const auto& stream : streams_)
        stream->goodbye();
}

/// A peer is authenticated, but may be of another version or broken: what is not understood is left alone.
void PeerLine::on_message(const std::string& text) {
    json::error_code error;
    const json::value value = json::parse(text, error);
    if (error || !value.is_object())
        return;
    const json::object& message = value.get_object();
    const json::value* type = message.if_contains("type");
    if (type == nullptr || !type->is_string())
        return;
    if (type->get_string() == "status") {
        if (const json::value* status = message.if_contains("status");
            status != nullptr && status->is_object())
            handlers_.status(status->get_object());
    } else if (type->get_string() == "request") {
        on_request(message);
    } else if (type->get_string() == "reply") {
        on_reply(message);
    }
}

void PeerLine::on_request(const json::object& message) {
    const json::value* id = message.if_contains("id");
    const json::value* method = message.if_contains("method");
    const json::value* params = message.if_contains("params");
    if (id == nullptr || method == nullptr || !method->is_string())
        return;
    handlers_.request(std::string{method->get_string()},
                      params != nullptr && params->is_object() ? params->get_object() : json::object{},
                      [this, id = *id](const Outcome& outcome) {
                          send({{"type", "reply"},
                                {"id", id},
                                {"code", outcome.code},
                                {"message", outcome.message},
                                {"result", outcome.result}});
                      });
}

void PeerLine::on_reply(const json::object& message) {
    const json::value* id = message.if_contains("id");
    if (id == nullptr || !id->is_number())
        return;
    json::error_code error;
    const auto number = id->to_number<std::uint64_t>(error);
    const auto found = asked_.find(number);
    if (error || found == asked_.end())
        return;
    Outcome outcome;
    const json::value* code = message.if_contains("code");
    outcome.code = code != nullptr && code->is_int64() ? static_cast<int>(code->get_int64()) : 1;
    if (const json::value* text = message.if_contains("message"); text != nullptr && text->is_string())
        outcome.message = std::string{text->get_string()};
    if (const json::value* result = message.if_contains("result"); result != nullptr && result->is_object())
        outcome.result = result->get_object();
    const Respond respond = std::move(found->second.respond);
    asked_.erase(found);
    respond(std::move(outcome));
}

} // namespace tandem::app
