// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_request.hh"

#include "control/probe/sip_reply.hh"

#include "dataplane/wire/sip.hh"

#include <algorithm>

namespace tandem::probe {
namespace {

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
}

/// Writes header fields and remembers whether one must not be sent.
class Writer {
public:
    void line(std::string_view text) {
        plain_ = plain_ && is_plain(text);
        text_.append(text).append("\r\n");
    }
    void field(std::string_view name, std::string_view value) {
        plain_ = plain_ && is_plain(value) && is_plain(name);
        text_.append(name).append(": ").append(value).append("\r\n");
    }
    std::optional<std::string> end(std::string_view content_type, std::string_view body) {
        if (!body.empty())
            field("Content-Type", content_type);
        field("Content-Length", std::to_string(body.size()));
        if (!plain_)
            return std::nullopt;
        return std::move(text_.append("\r\n").append(body));
    }

private:
    std::string text_;
    bool plain_{true};
};

std::string party(std::string_view uri, std::string_view tag) {
    std::string result = "<" + std::string{uri} + ">";
    if (!tag.empty())
        result.append(";tag=").append(tag);
    return result;
}

} // namespace

std::optional<std::string> write_request(const SipRequest& request) {
    Writer to;
    to.line(request.method + " " + request.uri + " SIP/2.0");
    // RFC 3581 section 3: the answer comes to where the question came from.
    to.field("Via",
             "SIP/2.0/" + request.via_transport + " " + request.sent_by + ";rport;branch=" + request.branch);
    to.field("Max-Forwards", std::to_string(request.max_forwards));
    for (const std::string& route : request.routes)
        to.field("Route", route);
    to.field("From", party(request.from, request.from_tag));
    to.field("To", party(request.to, request.to_tag));
    to.field("Call-ID", request.call_id);
    to.field("CSeq", std::to_string(request.cseq) + " " + request.method);
    if (!request.contact.empty())
        to.field("Contact", "<" + request.contact + ">");
    for (const auto& [name, value] : request.more)
        to.field(name, value);
    if (!request.user_agent.empty())
        to.field("User-Agent", request.user_agent);
    return to.end(request.content_type, request.body);
}

std::optional<std::string> write_response(std::string_view request, const SipResponse& response) {
    const auto message = wire::parse_sip(request);
    if (!message || message->kind != wire::SipKind::request)
        return std::nullopt;
    Writer to;
    to.line("SIP/2.0 " + std::to_string(response.status) + " " + std::string{response.phrase});
    for (const auto& [name, compact] : {std::pair{"Via", "v"}, std::pair{"Record-Route", ""}})
        for (const std::string& value : header_values(request, name, compact))
            to.field(name, value);
    for (const auto& [name, compact] :
         {std::pair{"From", "f"}, std::pair{"To", "t"}, std::pair{"Call-ID", "i"}, std::pair{"CSeq", ""}}) {
        const auto values = header_values(request, name, compact);
        if (values.size() != 1)
            return std::nullopt;
        const bool tagged = std::string_view{name} == "To" && message->to.tag.empty();
        to.field(name,
                 tagged && !response.to_tag.empty() ? values[0] + ";tag=" + response.to_tag : values[0]);
    }
    if (!response.contact.empty())
        to.field("Contact", "<" + response.contact + ">");
    return to.end(response.content_type, response.body);
}

} // namespace tandem::probe
