// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The messages of the local API: JSON-RPC 2.0, one message a line.
//
// A client writes requests, each one JSON object and a newline: {"jsonrpc":"2.0","id":1,"method":"status"}
// with optional "params", an object, and "caller", a name, which only a gateway gives (server.hh). Every
// request needs an "id" (a string or an integer); it is answered with one line,
// {"jsonrpc":"2.0","id":1,"result":...} or {"jsonrpc":"2.0","id":1,"error":{"code":...,"message":"..."}}.
// Answers may come in another order than the requests. After `events.follow` lines
// {"jsonrpc":"2.0","method":"event", "params":{...}} come until the client leaves. Deliberately absent:
// batches, requests without an id, and sockets (server.hh, client.hh).

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace tandem::api {

/// The codes of JSON-RPC 2.0 section 5.1, and ours.
enum class Code : int {
    refused = 1, ///< understood, and not done; the message says why
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    internal_error = -32603,
    not_permitted = -32000, ///< the caller may only read
    too_slow = -32001,      ///< a follower that does not read; the connection ends
    too_many = -32002,      ///< too many clients; the connection ends
};

struct Error {
    Code code{Code::internal_error};
    std::string message;
    boost::json::value data; ///< null: none
};

/// What a request is answered with.
using Outcome = std::expected<boost::json::value, Error>;

struct Request {
    boost::json::value id;
    std::string method;
    boost::json::object params;
    std::string caller{}; ///< of a gateway: for whom it asks, by name; otherwise empty
};

/// A line that is not a request; `id` is null when it could not be read.
struct BadRequest {
    boost::json::value id;
    Error error;
};

/// Longest line that is read, newline not counted.
inline constexpr std::size_t request_size_max = 64 * 1024;
/// Deepest nesting of arrays and objects in a request.
inline constexpr std::size_t request_depth_max = 16;

/// What a gateway may call those for whom it asks: 1 to 32 letters, digits, "-", "_", ".".
bool is_caller_name(std::string_view text);

/// Reads one line. Hostile input is a value.
std::expected<Request, BadRequest> read_request(std::string_view line);

/// Each is one line and ends in a newline.
std::string write_request(const Request& request);
std::string write_answer(const boost::json::value& id, const Outcome& outcome);
std::string write_event(const boost::json::value& params);

} // namespace tandem::api
