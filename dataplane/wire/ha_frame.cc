// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/ha_frame.hh"

#include "dataplane/wire/octets.hh"

#include <cstdlib>

namespace tandem::wire {
namespace {

// The header of every HA datagram, 16 octets. What is reserved is sent as zero and not looked at.
//
//    0  version      1
//    1  type         1   HaType
//    2  reserved     2
//    4  association  4   which keys: the TLS session that they were exported from
//    8  sequence     8   unique under these keys; nonce and replay window
namespace header_at {
constexpr std::size_t version = 0;
constexpr std::size_t type = 1;
constexpr std::size_t reserved = 2;
constexpr std::size_t association = 4;
constexpr std::size_t sequence = 8;
static_assert(sequence + 8 == HaHeader::size);
} // namespace header_at

// The payload of a heartbeat: 56 octets, then 20 for each group.
//
//    0  pair_hash       4
//    4  node_id         1
//    5  group_count     1   0 to 8
//    6  reserved        2
//    8  incarnation     4
//   12  config_digest   8
//   20  sent_ns         8
//   28  echo_ns         8
//   36  echo_age_us     4
//   40  mirror_sent     8
//   48  mirror_handled  8
//   56  groups
namespace beat_at {
constexpr std::size_t pair_hash = 0;
constexpr std::size_t node_id = 4;
constexpr std::size_t group_count = 5;
constexpr std::size_t reserved = 6;
constexpr std::size_t incarnation = 8;
constexpr std::size_t config_digest = 12;
constexpr std::size_t sent_ns = 20;
constexpr std::size_t echo_ns = 28;
constexpr std::size_t echo_age_us = 36;
constexpr std::size_t mirror_sent = 40;
constexpr std::size_t mirror_handled = 48;
constexpr std::size_t groups = 56;
} // namespace beat_at

// One group of a heartbeat, 20 octets, counted from its own start.
//
//    0  name_hash  4
//    4  epoch      8
//   12  role       1
//   13  priority   1
//   14  score      2   0 to 1000
//   16  flags      2   BeatFlag; unknown flags are kept as they come
//   18  lacks      1   BeatLack; unknown bits are kept as they come
//   19  serial     1   of the configured role
namespace group_at {
constexpr std::size_t name_hash = 0;
constexpr std::size_t epoch = 4;
constexpr std::size_t role = 12;
constexpr std::size_t priority = 13;
constexpr std::size_t score = 14;
constexpr std::size_t flags = 16;
constexpr std::size_t lacks = 18;
constexpr std::size_t serial = 19;
constexpr std::size_t size = 20;
} // namespace group_at
static_assert(beat_at::groups + Beat::groups_max * group_at::size == Beat::size_max);

} // namespace

void write(const HaHeader& header, std::span<std::uint8_t> out) noexcept {
    if (out.size() < HaHeader::size)
        std::abort();
    out[header_at::version] = header.version;
    out[header_at::type] = static_cast<std::uint8_t>(header.type);
    store_be<std::uint16_t>(out, header_at::reserved, 0);
    store_be(out, header_at::association, header.association);
    store_be(out, header_at::sequence, header.sequence);
}

std::expected<HaHeader, HaError> read_ha_header(std::span<const std::uint8_t> datagram) noexcept {
    if (datagram.size() < HaHeader::size)
        return std::unexpected(HaError::truncated);
    if (datagram[header_at::version] != ha_version)
        return std::unexpected(HaError::version);
    const auto type = static_cast<HaType>(datagram[header_at::type]);
    if (type != HaType::heartbeat && type != HaType::mirror && type != HaType::mirror_clear)
        return std::unexpected(HaError::type);
    HaHeader header;
    header.version = datagram[header_at::version];
    header.type = type;
    header.association = load_be<std::uint32_t>(datagram, header_at::association);
    header.sequence = load_be<std::uint64_t>(datagram, header_at::sequence);
    return header;
}

std::size_t write(const Beat& beat, std::span<std::uint8_t> out) noexcept {
    if (beat.group_count > Beat::groups_max)
        std::abort();
    const std::size_t length = beat_at::groups + beat.group_count * group_at::size;
    if (out.size() < length)
        return 0;
    store_be(out, beat_at::pair_hash, beat.pair_hash);
    out[beat_at::node_id] = beat.node_id;
    out[beat_at::group_count] = beat.group_count;
    store_be<std::uint16_t>(out, beat_at::reserved, 0);
    store_be(out, beat_at::incarnation, beat.incarnation);
    store_be(out, beat_at::config_digest, beat.config_digest);
    store_be(out, beat_at::sent_ns, beat.sent_ns);
    store_be(out, beat_at::echo_ns, beat.echo_ns);
    store_be(out, beat_at::echo_age_us, beat.echo_age_us);
    store_be(out, beat_at::mirror_sent, beat.mirror_sent);
    store_be(out, beat_at::mirror_handled, beat.mirror_handled);
    for (std::size_t i = 0; i < beat.group_count; ++i) {
        const BeatGroup& group = beat.groups[i];
        const auto part = out.subspan(beat_at::groups + i * group_at::size, group_at::size);
        store_be(part, group_at::name_hash, group.name_hash);
        store_be(part, group_at::epoch, group.epoch);
        part[group_at::role] = group.role;
        part[group_at::priority] = group.priority;
        store_be(part, group_at::score, group.score);
        store_be(part, group_at::flags, group.flags);
        part[group_at::lacks] = group.lacks;
        part[group_at::serial] = group.role_serial;
    }
    return length;
}

std::expected<Beat, HaError> read_beat(std::span<const std::uint8_t> payload) noexcept {
    if (payload.size() < beat_at::groups)
        return std::unexpected(HaError::truncated);
    const std::uint8_t group_count = payload[beat_at::group_count];
    if (group_count > Beat::groups_max)
        return std::unexpected(HaError::malformed);
    const std::size_t length = beat_at::groups + group_count * group_at::size;
    if (payload.size() < length)
        return std::unexpected(HaError::truncated);
    if (payload.size() > length)
        return std::unexpected(HaError::malformed);
    Beat beat;
    beat.pair_hash = load_be<std::uint32_t>(payload, beat_at::pair_hash);
    beat.node_id = payload[beat_at::node_id];
    beat.group_count = group_count;
    beat.incarnation = load_be<std::uint32_t>(payload, beat_at::incarnation);
    beat.config_digest = load_be<std::uint64_t>(payload, beat_at::config_digest);
    beat.sent_ns = load_be<std::uint64_t>(payload, beat_at::sent_ns);
    beat.echo_ns = load_be<std::uint64_t>(payload, beat_at::echo_ns);
    beat.echo_age_us = load_be<std::uint32_t>(payload, beat_at::echo_age_us);
    beat.mirror_sent = load_be<std::uint64_t>(payload, beat_at::mirror_sent);
    beat.mirror_handled = load_be<std::uint64_t>(payload, beat_at::mirror_handled);
    for (std::size_t i = 0; i < group_count; ++i) {
        const auto part = payload.subspan(beat_at::groups + i * group_at::size, group_at::size);
        BeatGroup& group = beat.groups[i];
        group.name_hash = load_be<std::uint32_t>(part, group_at::name_hash);
        group.epoch = load_be<std::uint64_t>(part, group_at::epoch);
        group.role = part[group_at::role];
        group.priority = part[group_at::priority];
        group.score = load_be<std::uint16_t>(part, group_at::score);
        group.flags = load_be<std::uint16_t>(part, group_at::flags);
        group.lacks = part[group_at::lacks];
        group.role_serial = part[group_at::serial];
        if (group.score > 1000)
            return std::unexpected(HaError::malformed);
    }
    return beat;
}

} // namespace tandem::wire
