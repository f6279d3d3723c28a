// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/sip_streams.hh"

#include "dataplane/wire/sip.hh"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem::path {
namespace {

/// What the next octets of a stream are.
struct Frame {
    enum class Is : std::uint8_t { whole, more, large, foreign } is{Is::more};
    std::uint64_t octets{0}; ///< of the message
};

Frame frame_of(std::string_view text) {
    const auto framing = wire::frame_sip(text);
    if (!framing)
        return {Frame::Is::foreign, 0};
    if (framing->head == 0)
        return {text.size() < SipStreams::buffer_octets ? Frame::Is::more : Frame::Is::foreign, 0};
    const std::uint64_t octets = std::uint64_t{framing->head} + framing->body;
    if (octets <= text.size())
        return {Frame::Is::whole, octets};
    return {octets <= SipStreams::buffer_octets ? Frame::Is::more : Frame::Is::large, octets};
}

std::string_view text_of(const wire::TcpSegment& segment) {
    return {reinterpret_cast<const char*>(segment.payload.data()), segment.payload.size()};
}

} // namespace

SipStreams::SipStreams(std::uint64_t seed, const StreamLimits& limits)
    : limits_(limits)
    , seed_(seed)
    , streams_(limits.streams)
    , buffers_(limits.buffers)
    , octets_(std::make_unique_for_overwrite<char[]>(limits.buffers * buffer_octets)) {}

std::uint64_t SipStreams::hash_of(const StreamKey& key) const {
    return table::SeededHash{seed_}
        .add(std::uint64_t{key.source_port} << 16U | key.destination_port)
        .add(key.source)
        .add(key.destination)
        .value();
}

SipStreams::Index SipStreams::open(Instant now, const StreamKey& key, std::uint64_t hash) {
    if (streams_.full()) {
        const Index least = streams_.oldest(unproven);
        forget(least != Streams::none ? least : streams_.oldest(proven));
        ++counts_.evicted;
    }
    return streams_.add(now, key, hash, unproven);
}

void SipStreams::forget(Index index) {
    drop_buffer(index);
    streams_.erase(index);
    if (current_ == index) {
        current_ = Streams::none;
        direct_ = {};
    }
}

void SipStreams::drop_buffer(Index index) {
    Stream& stream = streams_[index];
    if (stream.buffer != Buffers::none)
        buffers_.erase(stream.buffer);
    stream.buffer = Buffers::none;
}

/// The stream cannot be followed: nothing of it is kept until a segment begins with a start line.
void SipStreams::lose(Index index) {
    drop_buffer(index);
    streams_[index].state = State::lost;
    streams_[index].skip = 0;
    ++counts_.lost;
    if (current_ == index)
        direct_ = {};
}

void SipStreams::take(Instant now, const StreamKey& key, const wire::TcpSegment& segment) {
    now_ = now;
    direct_ = {};
    const std::uint64_t hash = hash_of(key);
    current_ = streams_.find(key, hash);
    ends_ = segment.fin || segment.rst;
    if (current_ == Streams::none) {
        if (ends_ || (!segment.syn && segment.payload.empty()))
            return;
        current_ = open(now, key, hash);
    } else if (segment.rst) {
        forget(current_);
        return;
    } else {
        streams_.touch(now, current_, streams_.list(current_));
    }
    Stream& stream = streams_[current_];
    if (segment.syn) {
        drop_buffer(current_);
        stream = Stream{};
        stream.state = State::follow;
        stream.expected = segment.sequence + 1;
        return;
    }
    std::string_view text = text_of(segment);
    if (!text.empty() && stream.state != State::opaque && place(segment, text))
        take_in_turn(text);
}

/// Cuts off what has been seen before. True: the rest is in its turn; what comes ahead of a gap is kept here.
bool SipStreams::place(const wire::TcpSegment& segment, std::string_view& text) {
    Stream& stream = streams_[current_];
    if (stream.state == State::lost) {
        const auto content = wire::classify_datagram(text);
        if (content != wire::SipContent::request && content != wire::SipContent::response)
            return false;
        stream.state = State::follow;
        stream.expected = segment.sequence;
    }
    const std::uint32_t distance = segment.sequence - stream.expected; // RFC 9293 section 3.4: modulo 2^32
    if (distance == 0)
        return true;
    if (distance < 0x80000000U) {
        take_ahead(distance, text);
        return false;
    }
    const std::uint32_t seen = stream.expected - segment.sequence;
    if (seen >= text.size())
        return false;
    text.remove_prefix(seen);
    return true;
}

void SipStreams::take_in_turn(std::string_view text) {
    Stream& stream = streams_[current_];
    stream.expected += static_cast<std::uint32_t>(text.size());
    if (stream.buffer == Buffers::none) {
        const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(stream.skip, text.size()));
        stream.skip -= skipped;
        direct_ = text.substr(skipped);
        return;
    }
    if (!keep(text))
        return lose(current_);
    close_gaps();
}

/// Keeps octets that come before their turn.
void SipStreams::take_ahead(std::uint32_t distance, std::string_view text) {
    Stream& stream = streams_[current_];
    if (distance > buffer_octets || stream.skip > 0)
        return lose(current_);
    if (stream.buffer == Buffers::none)
        give_buffer();
    Buffer& buffer = buffers_[stream.buffer];
    const std::size_t begin = buffer.end + distance;
    if (begin + text.size() > buffer_octets || buffer.ahead_count == ahead_max)
        return lose(current_);
    std::memcpy(octets(stream.buffer) + begin, text.data(), text.size());
    buffer.ahead[buffer.ahead_count++] = {static_cast<std::uint32_t>(begin),
                                          static_cast<std::uint32_t>(begin + text.size())};
}

/// A buffer for the current stream. Those without a message have half of them at most.
void SipStreams::give_buffer() {
    const std::size_t list = streams_.list(current_);
    const bool too_many =
        list == unproven && buffers_.size(unproven) >= std::max<std::size_t>(limits_.buffers / 2, 1);
    if (too_many || buffers_.full()) {
        const auto least = buffers_.oldest(unproven);
        lose(buffers_.key(least != Buffers::none ? least : buffers_.oldest(proven)));
        ++counts_.evicted;
    }
    streams_[current_].buffer = buffers_.add(now_, current_, current_, list);
}

/// Appends octets to the buffer of the current stream. False: they do not fit.
bool SipStreams::keep(std::string_view text) {
    const Buffers::Index index = streams_[current_].buffer;
    Buffer& buffer = buffers_[index];
    if (buffer.begin > 0 && buffer.end + text.size() > buffer_octets) {
        std::uint32_t high = buffer.end;
        for (std::size_t i = 0; i < buffer.ahead_count; ++i) {
            high = std::max(high, buffer.ahead[i].end);
            buffer.ahead[i].begin -= buffer.begin;
            buffer.ahead[i].end -= buffer.begin;
        }
        std::memmove(octets(index), octets(index) + buffer.begin, high - buffer.begin);
        buffer.end -= buffer.begin;
        buffer.begin = 0;
    }
    if (buffer.end + text.size() > buffer_octets)
        return false;
    std::memcpy(octets(index) + buffer.end, text.data(), text.size());
    buffer.end += static_cast<std::uint32_t>(text.size());
    return true;
}

/// What came ahead of its turn may be in its turn now.
void SipStreams::close_gaps() {
    Stream& stream = streams_[current_];
    Buffer& buffer = buffers_[stream.buffer];
    for (std::size_t i = 0; i < buffer.ahead_count;) {
        const Ahead ahead = buffer.ahead[i];
        if (ahead.begin > buffer.end) {
            ++i;
            continue;
        }
        if (ahead.end > buffer.end) {
            stream.expected += ahead.end - buffer.end;
            buffer.end = ahead.end;
        }
        buffer.ahead[i] = buffer.ahead[--buffer.ahead_count];
        i = 0;
    }
}

std::string_view SipStreams::pending() const {
    const Stream& stream = streams_[current_];
    if (stream.buffer == Buffers::none)
        return direct_;
    const Buffer& buffer = buffers_[stream.buffer];
    return {octets(stream.buffer) + buffer.begin, buffer.end - buffer.begin};
}

void SipStreams::consume(std::size_t count) {
    const Stream& stream = streams_[current_];
    if (stream.buffer == Buffers::none) {
        direct_.remove_prefix(count);
        return;
    }
    Buffer& buffer = buffers_[stream.buffer];
    buffer.begin += static_cast<std::uint32_t>(count);
    if (buffer.begin == buffer.end && buffer.ahead_count == 0)
        drop_buffer(current_); // its octets stay until it is given to somebody
}

/// The current stream has shown a message.
void SipStreams::prove() {
    ++counts_.messages;
    streams_.touch(now_, current_, proven);
    if (streams_[current_].buffer != Buffers::none)
        buffers_.touch(now_, streams_[current_].buffer, proven);
}

/// What is left of the segment waits in a buffer.
void SipStreams::wait_for_more() {
    if (direct_.empty())
        return;
    give_buffer();
    if (!keep(direct_))
        lose(current_);
    direct_ = {};
}

/// The rest of a message of that size is not looked at.
void SipStreams::pass_over(std::uint64_t count) {
    ++counts_.too_large;
    Stream& stream = streams_[current_];
    if (stream.buffer != Buffers::none && buffers_[stream.buffer].ahead_count > 0)
        return lose(current_);
    stream.skip = count - pending().size();
    drop_buffer(current_);
    direct_ = {};
}

void SipStreams::give_up_on_foreign() {
    if (streams_.list(current_) == proven)
        return lose(current_);
    drop_buffer(current_);
    direct_ = {};
    streams_[current_].state = State::opaque;
    ++counts_.opaque;
}

std::optional<std::string_view> SipStreams::next() {
    while (current_ != Streams::none && streams_[current_].state == State::follow) {
        const std::string_view text = pending();
        if (text.empty())
            break;
        if (text.front() == '\r' ||
            text.front() == '\n') { // RFC 5626 section 3.5.1, and RFC 3261 section 7.5
            consume(std::min(text.find_first_not_of("\r\n"), text.size()));
            continue;
        }
        const Frame frame = frame_of(text);
        switch (frame.is) {
        case Frame::Is::whole:
            consume(static_cast<std::size_t>(frame.octets));
            prove();
            return text.substr(0, static_cast<std::size_t>(frame.octets));
        case Frame::Is::more:
            wait_for_more();
            break;
        case Frame::Is::large:
            pass_over(frame.octets);
            break;
        case Frame::Is::foreign:
            give_up_on_foreign();
            break;
        }
        break;
    }
    if (ends_ && current_ != Streams::none)
        forget(current_);
    current_ = Streams::none;
    return std::nullopt;
}

void SipStreams::expire(Instant now) {
    constexpr int bound = 64;
    for (const auto& [list, patience] :
         {std::pair{unproven, limits_.unproven}, std::pair{proven, limits_.proven}})
        for (int i = 0; i < bound && streams_.oldest(list) != Streams::none &&
                        now - streams_.since(streams_.oldest(list)) >= patience;
             ++i)
            forget(streams_.oldest(list));
}

} // namespace tandem::path
