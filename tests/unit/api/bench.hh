// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A server on a thread of its own and plain sockets against it.

#include "control/api/server.hh"

#include <boost/json/value.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tandem::api {

/// A folder of its own that goes away with the object.
class Folder {
public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    std::string path(std::string_view name) const { return path_ + "/" + std::string{name}; }

private:
    std::string path_;
};

/// `echo` answers with its parameters, `refuse` refuses, `later` is answered by answer_later(), `forget`
/// never answers, `throw` throws, `act` needs Access::act, `who` too and says who asks, to a gateway as well,
/// `big` answers with as many letters as asked for.
class Bench {
public:
    explicit Bench(Settings settings = {});
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench();

    /// Adds or replaces a method; before the first client.
    void on_server(const std::function<void(Server&)>& what);
    Counts counts();
    std::size_t answer_later();
    std::size_t waiting_later();
    const std::string& socket_path() const { return socket_path_; }

private:
    Methods methods();

    Folder folder_;
    std::string socket_path_;
    boost::asio::io_context io_;
    std::vector<Reply> later_;
    std::unique_ptr<Server> server_;
    std::thread thread_;
};

/// A client without manners.
class Raw {
public:
    explicit Raw(const std::string& socket_path);
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;
    ~Raw();

    /// False when the other end is gone.
    bool send(std::string_view octets);
    /// Fills the socket as far as it goes without waiting; how much that was.
    std::size_t flood(std::string_view octets);
    void finish_writing();
    /// The next line without its newline; empty at the end of the connection. Fails the test after five
    /// seconds.
    std::string line();
    boost::json::value message();
    /// The error code of the next message.
    std::int64_t error_code();

private:
    int socket_;
    std::string input_;
};

/// Waits until it holds, for at most five seconds.
bool eventually(const std::function<bool()>& condition);

} // namespace tandem::api
