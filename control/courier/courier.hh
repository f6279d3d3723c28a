// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Mail and web requests, carried by libcurl on threads of their own.
//
// Problem: a server that accepts and never answers, a name server that is silent, a web page that never ends:
// none of it may hold up the loop that asks, nor another transfer, nor the end of the process. Idea: the loop
// hands a request over and goes on; the outcome comes back to it as a call. Each transfer has a deadline for
// everything. There are two threads, since libcurl waits for a mail server's last word without looking at
// anything else: one for web requests, several at once, and one for mail, one letter after the other. Names
// are resolved by threads that libcurl makes; one whose transfer is over is left to end by itself.
//
// Deliberately absent: redirects, proxies, cookies, HTTP/2, and any retry.

#include "control/courier/request.hh"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace tandem::courier {

struct Bounds {
    std::size_t http_running{8};
    std::size_t http_waiting{256};
    std::size_t mail_waiting{16}; ///< besides the one that is on its way
};

/// One loop's; every function is called on it.
class Courier {
public:
    using OnHttp = std::function<void(HttpReply)>;
    using OnMail = std::function<void(MailReply)>;

    /// A sentence when the system gives no thread or the library does not start.
    static std::expected<std::unique_ptr<Courier>, std::string> start(boost::asio::io_context& io,
                                                                      Bounds bounds = {});
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;
    /// Ends all transfers, within about a second; no function is called any more.
    ~Courier();

    /// The function is called once on the loop, never from within this call, unless it is cancelled.
    TransferId http(HttpRequest request, OnHttp on_reply);
    TransferId mail(MailRequest request, OnMail on_reply);
    /// Its function will not be called. A letter may have been accepted all the same.
    void cancel(TransferId id);

private:
    struct State;
    explicit Courier(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

} // namespace tandem::courier
