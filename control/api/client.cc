// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/client.hh"

#include <boost/json/parse.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace tandem::api {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

/// More than any answer needs; what is longer is not from tandemd.
constexpr std::size_t answer_size_max = 16 * 1024 * 1024;
constexpr std::size_t events_kept_max = 10000;

Error broken(std::string message) {
    return {Code::internal_error, std::move(message), nullptr};
}

Error error_of(const json::value& value) {
    Error error{Code::internal_error, "an error without a message", nullptr};
    const auto* object = value.if_object();
    if (object == nullptr)
        return error;
    if (const auto* code = object->if_contains("code"); code != nullptr && code->is_int64())
        error.code = static_cast<Code>(std::clamp<std::int64_t>(code->get_int64(), INT_MIN, INT_MAX));
    if (const auto* message = object->if_contains("message"); message != nullptr && message->is_string())
        error.message.assign(message->get_string().data(), message->get_string().size());
    if (const auto* data = object->if_contains("data"))
        error.data = *data;
    return error;
}

bool is_event(const json::object& message) {
    const auto* method = message.if_contains("method");
    return method != nullptr && method->is_string() && method->get_string() == "event";
}

/// The message's `error` without an id: the last word before the connection ends.
const json::value* last_word(const json::object& message) {
    const auto* id = message.if_contains("id");
    return id != nullptr && id->is_null() ? message.if_contains("error") : nullptr;
}

} // namespace

std::expected<Client, int> Client::connect(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.empty() || socket_path.size() >= sizeof address.sun_path)
        return std::unexpected(ENAMETOOLONG);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0)
        return std::unexpected(errno);
    Client client{socket};
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::unexpected(errno);
    return client;
}

Client::Client(Client&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)}
    , last_id_{other.last_id_}
    , input_{std::move(other.input_)}
    , events_{std::move(other.events_)} {}

Client::~Client() {
    if (socket_ >= 0)
        close(socket_);
}

std::expected<json::object, Error> Client::receive(const Deadline* deadline) {
    std::size_t searched = 0;
    for (;;) {
        if (const auto end = input_.find('\n', searched); end != std::string::npos) {
            json::error_code failure;
            json::value message = json::parse(json::string_view{input_.data(), end}, failure);
            input_.erase(0, end + 1);
            if (failure || !message.is_object())
                return std::unexpected(broken("the answer is not understood"));
            return std::move(message.get_object());
        }
        searched = input_.size();
        if (input_.size() > answer_size_max)
            return std::unexpected(broken("the answer is too long"));
        int wait_ms = -1;
        if (deadline != nullptr) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(*deadline - steady_clock::now()).count();
            wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
        }
        pollfd waiting{socket_, POLLIN, 0};
        const int ready = poll(&waiting, 1, wait_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return std::unexpected(broken("tandemd does not answer"));
        std::array<char, 16384> buffer{};
        const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return std::unexpected(broken("tandemd has closed the connection"));
        input_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

Outcome Client::call(const std::string& method, json::object params, std::chrono::milliseconds patience) {
    const Deadline deadline = steady_clock::now() + patience;
    const std::int64_t id = ++last_id_;
    const std::string line = write_request({id, method, std::move(params)});
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t size = send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        // What the server said before it closed is still to be read.
        if (size < 0)
            break;
        sent += static_cast<std::size_t>(size);
    }
    for (;;) {
        auto message = receive(&deadline);
        if (!message)
            return std::unexpected(message.error());
        if (is_event(*message)) {
            if (events_.size() < events_kept_max)
                events_.push_back((*message)["params"]);
            continue;
        }
        if (const auto* error = last_word(*message))
            return std::unexpected(error_of(*error));
        const auto* answered = message->if_contains("id");
        if (answered == nullptr || *answered != id)
            continue;
        if (const auto* error = message->if_contains("error"))
            return std::unexpected(error_of(*error));
        if (auto* result = message->if_contains("result"))
            return std::move(*result);
        return std::unexpected(broken("the answer is not understood"));
    }
}

std::expected<json::value, Error> Client::next_event() {
    while (events_.empty()) {
        auto message = receive(nullptr);
        if (!message)
            return std::unexpected(message.error());
        if (const auto* error = last_word(*message))
            return std::unexpected(error_of(*error));
        if (is_event(*message))
            events_.push_back((*message)["params"]);
    }
    json::value event = std::move(events_.front());
    events_.pop_front();
    return event;
}

} // namespace tandem::api
