// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/question.hh"

#include "dataplane/wire/sip.hh"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

namespace tandem::watch {

namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t number_digits = 8;

void write_hexadecimal(char* place, std::size_t count, std::uint64_t value) noexcept {
    for (std::size_t i = count; i-- > 0; value >>= 4U)
        place[i] = digits[value & 0xfU];
}

/// As it stands in a URI or a Via (RFC 3261 section 25.1, IPv6reference).
std::string host_of(const wire::IpAddress& address) {
    return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

} // namespace

void Question::add(std::string_view text) {
    if (text.size() > text_.size() - length_)
        std::abort(); // two addresses and two ports always fit
    std::copy(text.begin(), text.end(), text_.begin() + static_cast<std::ptrdiff_t>(length_));
    length_ += text.size();
}

void Question::add_number(std::size_t& place) {
    place = length_;
    add("00000000");
}

Question::Question(wire::IpAddress own, std::uint16_t own_port, wire::IpAddress server, std::uint16_t port,
                   std::uint64_t token) {
    write_hexadecimal(token_.data(), token_.size(), token);
    const std::string_view secret{token_.data(), token_.size()};
    const std::string here = host_of(own) + ":" + std::to_string(own_port);
    const std::string there = "sip:" + host_of(server) + (port == 5060 ? "" : ":" + std::to_string(port));
    // Neither the tag nor anything else but the Call-ID and the branch shows the token.
    add("OPTIONS " + there + " SIP/2.0\r\nVia: SIP/2.0/UDP " + here + ";rport;branch=z9hG4bK");
    add(secret);
    add_number(branch_place_);
    add("\r\nMax-Forwards: 70\r\nFrom: <sip:tandem@" + host_of(own) + ">;tag=tandem\r\nTo: <" + there +
        ">\r\nCall-ID: ");
    add(secret);
    add_number(call_place_);
    add("\r\nCSeq: 1 OPTIONS\r\nContact: <sip:tandem@" + here +
        ">\r\nUser-Agent: tandem\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n");
}

std::string_view Question::next() noexcept {
    ++number_;
    write_hexadecimal(text_.data() + branch_place_, number_digits, number_);
    write_hexadecimal(text_.data() + call_place_, number_digits, number_);
    return {text_.data(), length_};
}

std::optional<std::uint32_t> Question::answered_by(std::string_view datagram) const noexcept {
    if (wire::classify_datagram(datagram) != wire::SipContent::response)
        return std::nullopt;
    const auto message = wire::parse_sip(datagram);
    if (!message || message->kind != wire::SipKind::response)
        return std::nullopt;
    const std::string_view call = message->call_id;
    if (call.size() != token_.size() + number_digits ||
        !call.starts_with(std::string_view{token_.data(), token_.size()}))
        return std::nullopt;
    std::uint32_t number = 0;
    const char* end = call.data() + call.size();
    const auto [stop, error] = std::from_chars(call.data() + token_.size(), end, number, 16);
    // Not asked yet: somebody who saw one Call-ID guesses the next.
    if (error != std::errc{} || stop != end || number == 0 || number > number_)
        return std::nullopt;
    return number;
}

} // namespace tandem::watch
