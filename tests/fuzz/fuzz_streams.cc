// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as segments of a few TCP streams. Once more as one stream that arrives cut into pieces: then the
// messages must be those that come out of it in one piece.
#include "dataplane/path/sip_streams.hh"
#include "dataplane/wire/sip.hh"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tandem;

void require(bool holds) {
    if (!holds)
        std::abort();
}

path::StreamKey key(std::uint16_t port) {
    return {wire::IpAddress::v4({10, 0, 0, 7}), wire::IpAddress::v4({10, 0, 0, 10}), port, 5060};
}

wire::TcpSegment segment(std::uint32_t sequence, const std::string& octets) {
    wire::TcpSegment made;
    made.sequence = sequence;
    made.payload = {reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()};
    return made;
}

std::vector<std::string> drain(path::SipStreams& streams) {
    std::vector<std::string> messages;
    while (const auto text = streams.next()) {
        require(!text->empty() && text->size() <= 65'535 + path::SipStreams::buffer_octets);
        messages.emplace_back(*text);
    }
    return messages;
}

void many_streams(const std::uint8_t* data, std::size_t size) {
    path::SipStreams streams{1, {.streams = 4, .buffers = 2}};
    path::Instant now{};
    while (size >= 6) {
        const std::size_t length = std::min<std::size_t>(data[4], size - 6);
        const std::string octets{reinterpret_cast<const char*>(data + 6), length};
        auto made = segment(static_cast<std::uint32_t>(data[2] << 8U | data[3]) * (data[5] % 3), octets);
        made.syn = (data[1] & 3U) == 3;
        made.fin = (data[1] & 12U) == 12;
        made.rst = (data[1] & 48U) == 48;
        now += std::chrono::seconds{data[5]};
        streams.take(now, key(data[0] % 8), made);
        drain(streams);
        streams.expire(now);
        require(streams.streams() <= 4 && streams.buffers_used() <= 2);
        data += 6 + length;
        size -= 6 + length;
    }
}

void one_stream(const std::uint8_t* data, std::size_t size) {
    if (size < 8)
        return;
    const std::string all{reinterpret_cast<const char*>(data + 8), size - 8};
    path::SipStreams whole{1, {.streams = 2, .buffers = 4}};
    path::SipStreams pieces{1, {.streams = 2, .buffers = 4}};
    wire::TcpSegment opening;
    opening.syn = true;
    for (auto* streams : {&whole, &pieces}) {
        streams->take({}, key(1), opening);
        drain(*streams);
    }
    whole.take({}, key(1), segment(1, all));
    const auto expected = drain(whole);
    std::vector<std::string> got;
    std::size_t at = 0;
    for (std::size_t i = 0; at < all.size(); ++i) {
        const std::string part = all.substr(at, data[i % 8] + 1U);
        pieces.take({}, key(1), segment(1 + static_cast<std::uint32_t>(at), part));
        for (auto& message : drain(pieces))
            got.push_back(std::move(message));
        at += part.size();
    }
    // What begins like no message is judged by what is there: a cut may fall before it can be told. So only
    // what both show is compared.
    for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i)
        require(got[i] == expected[i]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    many_streams(data, size);
    one_stream(data, size);
    return 0;
}
