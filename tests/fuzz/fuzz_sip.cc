// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a datagram on a SIP port: the three readers must not be harmed and must agree as sip.hh
// promises.
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_marks.hh"
#include "tests/unit/wire/sip_same.hh"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace tandem::wire;

void require(bool holds) {
    if (!holds)
        std::abort();
}

/// Reads both ends, so that the sanitizer sees a view that left the datagram.
void require_inside(std::string_view part, std::string_view whole) {
    if (part.empty())
        return;
    require(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_message(const SipMessage& message, std::string_view datagram) {
    for (const auto part :
         {message.method_name, message.request_uri, message.reason, message.via.transport, message.via.host,
          message.via.branch, message.via.received, message.from.uri, message.from.tag, message.to.uri,
          message.to.tag, message.call_id, message.contacts.kept[0].uri, message.body})
        require_inside(part, datagram);
    require(!message.method_name.empty() && !message.call_id.empty() && !message.via.host.empty());
    require(!message.from.uri.empty() && !message.to.uri.empty());
    require(message.method == sip_method(message.method_name));
    require((message.kind == SipKind::request) == !message.request_uri.empty());
    require((message.kind == SipKind::response) == (message.status >= 100 && message.status <= 999));
    require(!message.contacts.wildcard || message.contacts.count == 1);
    require(message.cseq <= 0x7fffffffU);
    require(!message.content_length || message.body.size() == *message.content_length);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view datagram{reinterpret_cast<const char*>(data), size};
    const auto content = classify_datagram(datagram);
    const auto summary = summarize(datagram);
    const auto message = parse_sip(datagram);
    const auto kind = summarize_start_line(datagram);
    if (summary) {
        require(kind && *kind == summary->kind);
        require_inside(summary->method_name, datagram);
        require(!summary->method_name.empty() && summary->method == sip_method(summary->method_name));
        require(content == (summary->kind == SipKind::request ? SipContent::request : SipContent::response));
    } else {
        require(!sentence(summary.error()).empty());
    }
    static SipMarks marks;
    static SipMessage extracted;
    for (const auto scanner : {SipScanner::scalar, SipScanner::sse42, SipScanner::avx2, SipScanner::avx512,
                               SipScanner::avx512_vbmi}) {
        if (!available(scanner))
            continue;
        const auto error = extract_sip(datagram, scanner, marks, extracted);
        require(error ? !message && message.error() == *error
                      : message && test::difference_of(*message, extracted).empty());
    }
    if (message) {
        require(summary.has_value());
        require(summary->kind == message->kind && summary->method_name == message->method_name);
        check_message(*message, datagram);
    } else {
        require(sentence(message.error()) != "unknown");
    }
    return 0;
}
