// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/courier/courier.hh"

#include "control/courier/lane.hh"

#include <boost/asio/post.hpp>

#include <exception>
#include <map>
#include <utility>
#include <variant>

namespace tandem::courier {
namespace asio = boost::asio;

/// What a lane may still call when the courier is gone: it finds nobody then.
struct Courier::State : std::enable_shared_from_this<Courier::State> {
    explicit State(asio::io_context& context)
        : io(context) {}

    asio::io_context& io;
    TransferId last{0};
    std::map<TransferId, std::variant<OnHttp, OnMail>> waiting; ///< the loop's
    std::unique_ptr<Lane> http;
    std::unique_ptr<Lane> mail;

    std::function<void(TransferId, Outcome)> deliver() {
        return [weak = weak_from_this(), &loop = io](TransferId id, Outcome outcome) {
            asio::post(loop, [weak, id, outcome = std::move(outcome)]() mutable {
                if (const auto state = weak.lock())
                    state->on_done(id, std::move(outcome));
            });
        };
    }

    void on_done(TransferId id, Outcome outcome) {
        auto entry = waiting.extract(id);
        if (entry.empty())
            return; // cancelled meanwhile
        if (auto* reply = std::get_if<HttpReply>(&outcome))
            std::get<OnHttp>(entry.mapped())(std::move(*reply));
        else
            std::get<OnMail>(entry.mapped())(std::move(std::get<MailReply>(outcome)));
    }
};

Courier::Courier(std::shared_ptr<State> state)
    : state_(std::move(state)) {}

std::expected<std::unique_ptr<Courier>, std::string> Courier::start(asio::io_context& io, Bounds bounds) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready != CURLE_OK)
        return std::unexpected(std::string{"libcurl does not start: "} + curl_easy_strerror(ready));
    auto state = std::make_shared<State>(io);
    try {
        state->http = std::make_unique<Lane>(
            "courier-http", Lane::Limits{bounds.http_running, bounds.http_waiting}, state->deliver());
        state->mail =
            std::make_unique<Lane>("courier-mail", Lane::Limits{1, bounds.mail_waiting}, state->deliver());
    } catch (const std::exception& error) {
        return std::unexpected(std::string{"no thread for mail and web requests: "} + error.what());
    }
    return std::unique_ptr<Courier>{new Courier{std::move(state)}};
}

Courier::~Courier() {
    state_->waiting.clear();
    state_->http.reset();
    state_->mail.reset();
}

TransferId Courier::http(HttpRequest request, OnHttp on_reply) {
    const TransferId id = ++state_->last;
    state_->waiting.emplace(id, std::move(on_reply));
    state_->http->add(std::make_shared<Transfer>(id, std::move(request)));
    return id;
}

TransferId Courier::mail(MailRequest request, OnMail on_reply) {
    const TransferId id = ++state_->last;
    state_->waiting.emplace(id, std::move(on_reply));
    state_->mail->add(std::make_shared<Transfer>(id, std::move(request)));
    return id;
}

void Courier::cancel(TransferId id) {
    if (state_->waiting.erase(id) != 0 && !state_->http->cancel(id))
        state_->mail->cancel(id);
}

} // namespace tandem::courier
