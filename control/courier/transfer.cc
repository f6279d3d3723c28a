// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/courier/transfer.hh"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tandem::courier {
namespace {

constexpr std::size_t headers_max = 64UL * 1024; ///< octets of a web server's headers
constexpr std::size_t line_max = 200;            ///< of a server's words that are kept
/// A mail server that does not answer is not waited for longer, nor at the end of a connection.
constexpr long answer_s = 30;
/// Past its deadline by so much, a transfer is ended where libcurl does not look at the deadline.
constexpr auto grace = std::chrono::milliseconds{500};

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    });
}

/// CR, LF and NUL would begin another header or command.
bool is_line(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

/// As part of a URL an IPv6 address stands in brackets.
std::string host_text(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

long milliseconds_until(Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<long>(std::max<std::chrono::milliseconds::rep>(1, left.count())); // 0 means "never"
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, line_max))
        out += c >= ' ' && c <= '~' ? c : '?';
    while (out.ends_with('?') || out.ends_with(' ')) // the end of the line it was
        out.pop_back();
    return out;
}

Transfer::Transfer(TransferId id, HttpRequest request)
    : id_(id)
    , deadline_(begun_ + request.timeout) {
    request_ = std::move(request);
}

Transfer::Transfer(TransferId id, MailRequest request)
    : id_(id)
    , deadline_(begun_ + request.timeout) {
    at_pop_ = request.pop.has_value();
    request_ = std::move(request);
}

Transfer::~Transfer() {
    if (easy_ != nullptr)
        curl_easy_cleanup(easy_);
    curl_slist_free_all(list_);
}

std::string Transfer::prepare() {
    if (easy_ == nullptr)
        easy_ = curl_easy_init();
    if (easy_ == nullptr)
        return "no memory";
    curl_easy_reset(easy_);
    curl_slist_free_all(std::exchange(list_, nullptr));
    error_[0] = '\0';
    refusal_.clear();
    header_octets_ = 0;
    sent_ = 0;
    return std::holds_alternative<HttpRequest>(request_) ? prepare_http() : prepare_mail();
}

void Transfer::common(std::string_view protocols, const Tls& tls) {
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    // The end does not wait for a name server: the thread that asks it ends by itself.
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, std::string{protocols}.c_str());
    curl_easy_setopt(easy_, CURLOPT_REDIR_PROTOCOLS_STR, std::string{protocols}.c_str());
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy_, CURLOPT_PROXY, ""); // whatever the environment says
    curl_easy_setopt(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, milliseconds_until(deadline_));
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds_until(deadline_));
    curl_easy_setopt(easy_, CURLOPT_SERVER_RESPONSE_TIMEOUT, answer_s);
    curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, tls.verify == Verify::on ? 1L : 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, tls.verify == Verify::on ? 2L : 0L);
    if (!tls.ca_file.empty()) {
        curl_easy_setopt(easy_, CURLOPT_CAINFO, tls.ca_file.c_str());
        curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr); // these and no others
    }
    if (!tls.certificate_file.empty()) {
        curl_easy_setopt(easy_, CURLOPT_SSLCERT, tls.certificate_file.c_str());
        curl_easy_setopt(easy_, CURLOPT_SSLKEY,
                         (tls.key_file.empty() ? tls.certificate_file : tls.key_file).c_str());
    }
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, this);
}

void Transfer::append(std::string_view line) {
    if (curl_slist* longer = curl_slist_append(list_, std::string{line}.c_str()); longer != nullptr)
        list_ = longer;
}

std::string Transfer::prepare_http() {
    const auto& request = std::get<HttpRequest>(request_);
    if (!is_token(request.method) || request.method.size() > 32)
        return "the method is not one of HTTP";
    if (!is_line(request.url) || !is_line(request.bearer) || !std::ranges::all_of(request.headers, is_line))
        return "the URL, a header or the token has a control character in it";
    common("http,https", request.tls);
    curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, "tandem");
    for (const std::string& header : request.headers)
        append(header);
    if (!request.bearer.empty())
        append("Authorization: Bearer " + request.bearer);
    append("Expect:"); // the body goes along at once
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, list_);
    if (request.method == "HEAD") {
        curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    } else if (request.method == "GET" && request.body.empty()) {
        curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.data()); // the request outlives the handle
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    return {};
}

void Transfer::prepare_server(const MailServer& server, std::string_view scheme, std::string_view path) {
    const bool tls = server.encryption == Encryption::tls;
    common(std::string{scheme} + "," + std::string{scheme} + "s", server.tls);
    const std::string url = std::string{scheme} + (tls ? "s://" : "://") + host_text(server.host) + ":" +
                            std::to_string(server.port) + "/" + std::string{path};
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    // A server that does not offer it gets nothing at all.
    curl_easy_setopt(
        easy_, CURLOPT_USE_SSL,
        static_cast<long>(server.encryption == Encryption::starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (!server.user.empty()) {
        curl_easy_setopt(easy_, CURLOPT_USERNAME, server.user.c_str());
        curl_easy_setopt(easy_, CURLOPT_PASSWORD, server.password.c_str());
    }
}

std::string Transfer::prepare_mail() {
    const auto& request = std::get<MailRequest>(request_);
    const auto fit = [](const MailServer& server) {
        return is_line(server.host) && is_line(server.user) && is_line(server.password);
    };
    if (!fit(request.server) || (request.pop && !fit(*request.pop)) || !is_line(request.hello) ||
        !is_line(request.from) || !std::ranges::all_of(request.to, is_line))
        return "an address, a name or the password has a control character in it";
    if (at_pop_) {
        prepare_server(*request.pop, "pop3", "");
        // Logging in is all.
        curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, "NOOP");
        return {};
    }
    prepare_server(request.server, "smtp", request.hello);
    curl_easy_setopt(easy_, CURLOPT_MAIL_FROM, ("<" + request.from + ">").c_str());
    for (const std::string& address : request.to)
        append("<" + address + ">");
    curl_easy_setopt(easy_, CURLOPT_MAIL_RCPT, list_);
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Transfer::on_read);
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
    curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.message.size()));
    return {};
}

// ---- what libcurl calls ----

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t octets = size * count;
    const auto* http = std::get_if<HttpRequest>(&transfer.request_);
    if (http == nullptr)
        return octets; // of a mail server's, nothing is wanted
    const std::size_t room = http->reply_max - std::min(http->reply_max, transfer.body_.size());
    transfer.body_.append(data, std::min(room, octets));
    transfer.too_long_ = transfer.too_long_ || octets > room;
    return transfer.too_long_ ? 0 : octets;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t octets = size * count;
    transfer.header_octets_ += octets;
    if (transfer.header_octets_ > headers_max) {
        transfer.too_long_ = true;
        return 0;
    }
    const std::string_view line{data, octets};
    const bool refusal = line.starts_with('4') || line.starts_with('5') || line.starts_with("-ERR");
    if (refusal && std::holds_alternative<MailRequest>(transfer.request_))
        transfer.refusal_ = printable(line);
    return octets;
}

std::size_t Transfer::on_read(char* buffer, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string& message = std::get<MailRequest>(transfer.request_).message;
    const std::size_t octets = std::min(size * count, message.size() - transfer.sent_);
    std::memcpy(buffer, message.data() + transfer.sent_, octets);
    transfer.sent_ += octets;
    return octets;
}

int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string& message = std::get<MailRequest>(transfer.request_).message;
    if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > message.size())
        return CURL_SEEKFUNC_FAIL;
    transfer.sent_ = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& transfer = *static_cast<Transfer*>(self);
    return transfer.abandoned() || Clock::now() > transfer.deadline_ + grace ? 1 : 0;
}

// ---- the outcome ----

std::chrono::microseconds Transfer::took() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun_);
}

std::string Transfer::words_of(CURLcode code) const {
    const bool late = code == CURLE_OPERATION_TIMEDOUT || code == CURLE_ABORTED_BY_CALLBACK;
    if (late && lookup_abandoned_)
        return "the name was not resolved in time";
    const std::string detail = printable(error_[0] != '\0' ? error_ : curl_easy_strerror(code));
    if (!refusal_.empty())
        return "the server said: " + refusal_;
    return late ? "not done in time: " + detail : detail;
}

Transfer::Next Transfer::ended(CURLcode code) {
    curl_off_t lookup = 0;
    curl_easy_getinfo(easy_, CURLINFO_NAMELOOKUP_TIME_T, &lookup);
    lookup_abandoned_ = lookup == 0 && (code == CURLE_OPERATION_TIMEDOUT || abandoned());
    return std::holds_alternative<HttpRequest>(request_) ? ended_http(code) : ended_mail(code);
}

Transfer::Next Transfer::ended_http(CURLcode code) {
    HttpReply reply;
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.body = std::move(body_);
    reply.took = took();
    if (too_long_)
        reply.trouble = "the answer is longer than is read";
    else if (code != CURLE_OK)
        reply.trouble = words_of(code);
    outcome_ = std::move(reply);
    return Next::nothing;
}

Transfer::Next Transfer::ended_mail(CURLcode code) {
    const bool pop = std::exchange(at_pop_, false);
    if (code == CURLE_OK && pop && Clock::now() < deadline_)
        return Next::another;
    MailReply reply;
    reply.took = took();
    if (code == CURLE_OK && !pop) {
        reply.fate = MailFate::accepted;
    } else {
        reply.fate = code == CURLE_LOGIN_DENIED          ? MailFate::login_refused
                     : !pop && refusal_.starts_with('5') ? MailFate::letter_refused
                                                         : MailFate::failed;
        reply.trouble = (pop ? "POP3: " : "") + words_of(code == CURLE_OK ? CURLE_OPERATION_TIMEDOUT : code);
    }
    outcome_ = std::move(reply);
    return Next::nothing;
}

Outcome Transfer::failed(std::string trouble) const {
    if (std::holds_alternative<HttpRequest>(request_))
        return HttpReply{0, {}, std::move(trouble), took()};
    return MailReply{MailFate::failed, std::move(trouble), took()};
}

} // namespace tandem::courier
