// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// SIP over TCP: messages out of segments that pass by.
//
// Problem: a stream has no message boundaries that the network shows (RFC 3261 section 18.3: Content-Length
// draws them); segments come late, twice or in another order; anybody can open streams and never end a
// message. Idea: the common case, whole messages in a segment in its turn, is read where it lies. Only what
// waits for more is copied, into one of a fixed number of buffers. What cannot be followed any more (a gap
// that stays, a header section larger than a buffer) is passed over until a segment begins with a start line
// again. Streams that have never shown a message go first when room is needed, and have half of the buffers
// at most, so that a flood of them leaves the calls of the others alone. Deliberately absent:
// acknowledgements and windows (this end of the stream is not ours), TLS and WebSocket (told apart and
// counted).

#include "dataplane/path/instant.hh"
#include "dataplane/table/aged_table.hh"
#include "dataplane/wire/address.hh"
#include "dataplane/wire/tcp.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace tandem::path {

struct StreamLimits {
    std::size_t streams{65'536}; ///< directions of connections
    std::size_t buffers{512};
    Duration unproven{
        std::chrono::seconds{30}};          ///< silence after which a stream without a message is forgotten
    Duration proven{std::chrono::hours{2}}; ///< the same for one with messages
};

/// One direction of a connection.
struct StreamKey {
    wire::IpAddress source;
    wire::IpAddress destination;
    std::uint16_t source_port{0};
    std::uint16_t destination_port{0};
    bool operator==(const StreamKey&) const = default;
};

struct StreamCounts {
    std::uint64_t messages{0};
    std::uint64_t opaque{0};    ///< streams of TLS, WebSocket or another protocol: not inspected
    std::uint64_t lost{0};      ///< times that a stream could not be followed
    std::uint64_t too_large{0}; ///< messages larger than a buffer: not inspected
    std::uint64_t evicted{0};   ///< streams or buffers given up for want of room
};

class SipStreams {
public:
    static constexpr std::size_t buffer_octets = 16'384;

    /// `seed`: random, so that nobody can choose colliding streams.
    explicit SipStreams(std::uint64_t seed, const StreamLimits& limits = {});

    /// Takes a segment; drain next() before its octets go away. `now` never goes back.
    void take(Instant now, const StreamKey& key, const wire::TcpSegment& segment);
    /// The next whole message, from the start line to the end of the body. Valid until the next call.
    std::optional<std::string_view> next();

    /// Forgets silent streams, a bounded number at a time.
    void expire(Instant now);

    const StreamCounts& counts() const { return counts_; }
    std::size_t streams() const { return streams_.size(); }
    std::size_t buffers_used() const { return buffers_.size(); }

private:
    enum class State : std::uint8_t {
        lost,   ///< waits for a segment that begins with a start line
        follow, ///< the position is known
        opaque,
    };
    /// Octets that came ahead of a gap.
    struct Ahead {
        std::uint32_t begin{0};
        std::uint32_t end{0};
    };
    static constexpr std::size_t ahead_max = 4;
    struct Buffer {
        std::uint32_t begin{0}; ///< what lies before has been shown
        std::uint32_t end{0};   ///< from here on there is a gap
        std::array<Ahead, ahead_max> ahead{};
        std::uint8_t ahead_count{0};
    };
    using Buffers = table::AgedTable<std::uint32_t, Buffer, 2>;
    struct Stream {
        State state{State::lost};
        std::uint32_t expected{0}; ///< sequence number of the next octet
        std::uint64_t skip{0};     ///< octets of a message that is too large
        Buffers::Index buffer{Buffers::none};
    };
    using Streams = table::AgedTable<StreamKey, Stream, 2>;
    using Index = Streams::Index;
    static constexpr std::size_t unproven = 0;
    static constexpr std::size_t proven = 1;

    std::uint64_t hash_of(const StreamKey& key) const;
    Index open(Instant now, const StreamKey& key, std::uint64_t hash);
    void forget(Index index);
    void lose(Index index);
    bool place(const wire::TcpSegment& segment, std::string_view& text);
    void take_in_turn(std::string_view text);
    void take_ahead(std::uint32_t distance, std::string_view text);
    void give_buffer();
    void drop_buffer(Index index);
    bool keep(std::string_view text);
    void close_gaps();
    std::string_view pending() const;
    void consume(std::size_t count);
    void prove();
    void wait_for_more();
    void pass_over(std::uint64_t count);
    void give_up_on_foreign();
    char* octets(Buffers::Index buffer) { return octets_.get() + buffer * buffer_octets; }
    const char* octets(Buffers::Index buffer) const { return octets_.get() + buffer * buffer_octets; }

    StreamLimits limits_;
    std::uint64_t seed_;
    Streams streams_;
    Buffers buffers_;
    std::unique_ptr<char[]> octets_;
    StreamCounts counts_;
    Instant now_{};
    Index current_{Streams::none};
    std::string_view direct_; ///< what is left of the segment that is read where it lies
    bool ends_{false};        ///< the segment ends its stream
};

} // namespace tandem::path
