// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// One request as libcurl wants it, and its outcome in our words.
//
// A letter with POP-before-SMTP is two transfers in a row under one deadline. Deliberately absent: threads.

#include "control/courier/request.hh"

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace tandem::courier {

using Clock = std::chrono::steady_clock;
using Outcome = std::variant<HttpReply, MailReply>;

/// What another machine said, for people: printable ASCII, cut.
std::string printable(std::string_view text);

class Transfer {
public:
    Transfer(TransferId id, HttpRequest request);
    Transfer(TransferId id, MailRequest request);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer();

    TransferId id() const { return id_; }
    Clock::time_point deadline() const { return deadline_; }
    CURL* handle() const { return easy_; }

    /// Prepares what comes next; a sentence when it cannot be carried at all.
    std::string prepare();
    enum class Next : std::uint8_t { another, nothing };
    /// After the end of what was prepared.
    Next ended(CURLcode code);
    /// When it has no further part.
    Outcome take() { return std::move(outcome_); }
    Outcome failed(std::string trouble) const;
    /// It ended while its name was still being looked up.
    bool lookup_abandoned() const { return lookup_abandoned_; }

    /// From any thread: it is to end as soon as libcurl looks up.
    void abandon() { abandoned_.store(true, std::memory_order_relaxed); }
    bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

private:
    void common(std::string_view protocols, const Tls& tls);
    std::string prepare_http();
    std::string prepare_mail();
    void prepare_server(const MailServer& server, std::string_view scheme, std::string_view path);
    void append(std::string_view line);
    Next ended_http(CURLcode code);
    Next ended_mail(CURLcode code);
    std::string words_of(CURLcode code) const;
    std::chrono::microseconds took() const;

    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* self);
    static int on_seek(void* self, curl_off_t offset, int origin);
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

    TransferId id_;
    std::variant<HttpRequest, MailRequest> request_;
    Clock::time_point begun_{Clock::now()};
    Clock::time_point deadline_;
    CURL* easy_{nullptr};
    curl_slist* list_{nullptr}; ///< headers, or recipients
    char error_[CURL_ERROR_SIZE]{};
    std::string body_;
    std::string refusal_; ///< the server's last line that begins with 4 or 5
    std::size_t header_octets_{0};
    std::size_t sent_{0}; ///< octets of the message
    bool too_long_{false};
    bool at_pop_{false};
    bool lookup_abandoned_{false};
    std::atomic<bool> abandoned_{false};
    Outcome outcome_;
};

} // namespace tandem::courier
