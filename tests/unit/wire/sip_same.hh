// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "dataplane/wire/sip.hh"

#include <string_view>

namespace tandem::wire::test {

/// Which member of two messages differs, views compared by place and length; empty: none.
inline std::string_view difference_of(const SipMessage& a, const SipMessage& b) {
    const auto same = [](std::string_view x, std::string_view y) {
        return x.size() == y.size() && (x.empty() || x.data() == y.data());
    };
    const auto same_values = [&same](const SipValues& x, const SipValues& y) {
        bool all = x.count == y.count;
        for (std::size_t i = 0; all && i < x.values().size(); ++i)
            all = same(x.values()[i], y.values()[i]);
        return all;
    };
    const auto same_contacts = [&same](const SipContacts& x, const SipContacts& y) {
        bool all = x.count == y.count && x.wildcard == y.wildcard;
        for (std::size_t i = 0; all && i < x.values().size(); ++i)
            all =
                same(x.values()[i].uri, y.values()[i].uri) && x.values()[i].expires == y.values()[i].expires;
        return all;
    };
    struct {
        std::string_view name;
        bool same;
    } const members[]{
        {"kind", a.kind == b.kind},
        {"method", a.method == b.method && same(a.method_name, b.method_name)},
        {"request_uri", same(a.request_uri, b.request_uri)},
        {"status", a.status == b.status && same(a.reason, b.reason)},
        {"via.transport", same(a.via.transport, b.via.transport)},
        {"via.host", same(a.via.host, b.via.host) && a.via.port == b.via.port},
        {"via.branch", same(a.via.branch, b.via.branch)},
        {"via.received", same(a.via.received, b.via.received)},
        {"via.rport", a.via.rport == b.via.rport && a.via.rport_value == b.via.rport_value},
        {"from", same(a.from.uri, b.from.uri) && same(a.from.tag, b.from.tag)},
        {"to", same(a.to.uri, b.to.uri) && same(a.to.tag, b.to.tag)},
        {"call_id", same(a.call_id, b.call_id)},
        {"cseq", a.cseq == b.cseq},
        {"contacts", same_contacts(a.contacts, b.contacts)},
        {"expires", a.expires == b.expires},
        {"max_forwards", a.max_forwards == b.max_forwards},
        {"content_length", a.content_length == b.content_length},
        {"routes", same_values(a.routes, b.routes)},
        {"record_routes", same_values(a.record_routes, b.record_routes)},
        {"paths", same_values(a.paths, b.paths)},
        {"body", same(a.body, b.body)},
    };
    for (const auto& member : members)
        if (!member.same)
            return member.name;
    return {};
}

} // namespace tandem::wire::test
