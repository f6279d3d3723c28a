// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip_method.hh"

#include "dataplane/wire/sip_text.hh"

#include <cstddef>

namespace tandem::wire {
SipMethod sip_method(std::string_view token) {
    if (token.empty() || token.size() > sip_method_length_max)
        return SipMethod::other;
    const std::size_t index = sip_method_places[sip_method_place(token.size(), token.front())];
    // A place is of one length.
    return index < sip_method_names.size() &&
                   sip_text::same_octets(sip_method_names[index].data(), token.data(), token.size())
               ? static_cast<SipMethod>(index)
               : SipMethod::other;
}

std::string_view to_string(SipMethod method) {
    const auto index = static_cast<std::size_t>(method);
    return index < sip_method_names.size() ? sip_method_names[index] : "other";
}

} // namespace tandem::wire
