// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/fragments.hh"

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/octets.hh"

#include <algorithm>
#include <utility>

namespace tandem::path {
namespace {

constexpr std::size_t packet_max = 65'535 + wire::IpPacket::ipv6_header;
constexpr std::uint8_t next_fragment = 44;
constexpr std::size_t fragment_header = 8;

/// The headers of the whole packet: those of the first fragment, whose length is set and whose marks of
/// fragmentation are taken out. Gives their length; 0: the packet would be longer than a packet can be.
std::size_t mend_ipv4(std::span<std::uint8_t> out, std::size_t header, std::size_t payload) {
    if (header + payload > 65'535)
        return 0;
    wire::store_be(out, 2, static_cast<std::uint16_t>(header + payload));
    wire::store_be<std::uint16_t>(out, 6, 0);
    wire::store_be<std::uint16_t>(out, 10, 0);
    wire::store_be(out, 10, wire::checksum(out.first(header)));
    return header;
}

/// The fragment header is the last one in `header`; the one before it has to name what follows (RFC 8200
/// section 4.5).
std::size_t mend_ipv6(std::span<std::uint8_t> out, std::size_t header, std::size_t payload) {
    std::size_t names = 6;
    std::size_t at = wire::IpPacket::ipv6_header;
    while (out[names] != next_fragment) {
        names = at;
        at += (static_cast<std::size_t>(out[at + 1]) + 1) * 8;
    }
    out[names] = out[at];
    const std::size_t kept = header - fragment_header;
    const std::size_t length = kept - wire::IpPacket::ipv6_header + payload;
    if (length > 65'535)
        return 0;
    wire::store_be(out, 4, static_cast<std::uint16_t>(length));
    return kept;
}

} // namespace

Fragments::Fragments(std::uint64_t seed, const FragmentLimits& limits)
    : limits_(limits)
    , seed_(seed)
    , store_(limits.fragments, limits.octets)
    , partials_(limits.packets)
    , packet_(std::make_unique_for_overwrite<std::uint8_t[]>(packet_max)) {
    given_up_.reserve(limits.fragments);
}

Fragments::Key Fragments::key_of(const wire::IpPacket& fragment) {
    // RFC 791 section 3.2: also the protocol. RFC 8200 section 4.5: not; a later fragment does not know it.
    return {fragment.source, fragment.destination, fragment.identification,
            fragment.source.is_v4() ? fragment.protocol : std::uint8_t{0}};
}

std::uint64_t Fragments::hash_of(const Key& key) const {
    return table::SeededHash{seed_}
        .add(std::uint64_t{key.identification} << 8U | key.protocol)
        .add(key.source)
        .add(key.destination)
        .value();
}

/// Forgets a packet. Its pieces, if it still has any, are given up.
void Fragments::close(Index index) {
    give_up_pieces(partials_[index]);
    partials_.erase(index);
}

/// From the latest piece to the first one.
template <typename Visit>
void Fragments::each_piece(const Partial& partial, Visit visit) {
    std::uint64_t number = partial.last_piece;
    for (std::size_t i = 0; i < partial.pieces; ++i) {
        auto& entry = store_.numbered(number);
        number = entry.tag.before;
        visit(entry);
    }
}

void Fragments::give_up_pieces(Partial& partial) {
    each_piece(partial, [this](auto& entry) {
        given_up_.push_back(entry.tag.token);
        entry.tag.partial = Partials::none;
    });
    partial.pieces = 0;
    pop_done();
}

void Fragments::pop_done() {
    while (!store_.empty() && store_.entry(0).tag.partial == Partials::none)
        store_.pop_front();
}

/// Gives up the oldest packets until so many octets find room. False: `keep` itself would have to go.
bool Fragments::make_room(std::size_t octets, Index keep) {
    while (!store_.has_room(octets)) {
        if (store_.empty() || store_.entry(0).tag.partial == keep)
            return false;
        close(store_.entry(0).tag.partial);
    }
    return true;
}

/// Does the fragment fit among those that are there?
Fragmented Fragments::fit(const Partial& partial, const wire::IpPacket& fragment) {
    if (partial.refused)
        return Fragmented::overlap;
    const std::size_t begin = fragment.fragment_offset;
    const std::size_t end = begin + fragment.piece.size();
    Fragmented found = Fragmented::kept;
    if (partial.total != 0 && (end > partial.total || (!fragment.more_fragments && end != partial.total)))
        found = Fragmented::overlap;
    each_piece(partial, [&](const auto& entry) {
        const std::size_t there = entry.tag.offset;
        const std::size_t until = there + entry.tag.length;
        if (begin == there && end == until)
            found = Fragmented::duplicate;
        else if ((begin < until && there < end) || (!fragment.more_fragments && until > end))
            found = found == Fragmented::duplicate ? found : Fragmented::overlap;
    });
    if (found == Fragmented::kept && partial.pieces == pieces_max)
        return Fragmented::too_many;
    return found;
}

/// The packet is not to be had any more; it stays known, so that its later fragments are refused as well.
Fragmented Fragments::refuse(Partial& partial) {
    give_up_pieces(partial);
    partial.refused = true;
    return Fragmented::overlap;
}

Fragmented Fragments::take(Instant now, const wire::IpPacket& fragment, std::uint32_t token) {
    packet_size_ = token_count_ = 0;
    const Key key = key_of(fragment);
    const std::uint64_t hash = hash_of(key);
    Index index = partials_.find(key, hash);
    if (index == Partials::none) {
        if (partials_.full())
            close(partials_.oldest());
        index = partials_.add(now, key, hash);
    } else if (const Fragmented found = fit(partials_[index], fragment); found != Fragmented::kept) {
        if (found == Fragmented::duplicate)
            return found;
        refuse(partials_[index]);
        return found;
    }
    // Of the first fragment the headers are kept as well.
    const auto header = fragment.fragment == wire::Fragment::first
                            ? static_cast<std::size_t>(fragment.piece.data() - fragment.bytes.data())
                            : std::size_t{0};
    const auto content = fragment.fragment == wire::Fragment::first ? fragment.bytes : fragment.piece;
    if (!make_room(content.size(), index))
        return refuse(partials_[index]);
    Partial& partial = partials_[index];
    const Piece piece{index,
                      token,
                      partial.last_piece,
                      fragment.fragment_offset,
                      static_cast<std::uint16_t>(fragment.piece.size()),
                      static_cast<std::uint16_t>(header)};
    const std::uint64_t number = store_.next_number();
    std::ranges::copy(content, store_.reserve(content.size(), piece).begin());
    partial.last_piece = number;
    ++partial.pieces;
    partial.octets += fragment.piece.size();
    if (!fragment.more_fragments)
        partial.total = fragment.fragment_offset + fragment.piece.size();
    if (partial.total == 0 || partial.octets != partial.total)
        return Fragmented::kept;
    if (!assemble(partial, key.source.family)) {
        store_.numbered(number).tag.partial = Partials::none; // this one is the caller's to drop
        partial.last_piece = piece.before;
        --partial.pieces;
        return refuse(partial);
    }
    each_piece(partial, [](auto& entry) { entry.tag.partial = Partials::none; });
    partial.pieces = 0;
    pop_done();
    close(index);
    return Fragmented::whole;
}

/// Copies the pieces to their places behind the headers. False: no packet can be so long.
bool Fragments::assemble(const Partial& partial, wire::Family family) {
    std::size_t header = 0;
    std::size_t length = 0;
    const std::span<std::uint8_t> out{packet_.get(), packet_max};
    each_piece(partial, [&](const auto& entry) {
        if (entry.tag.offset != 0)
            return;
        length = entry.tag.header;
        std::ranges::copy(std::as_const(store_).bytes(entry).first(length), out.begin());
        header = family == wire::Family::ipv4 ? mend_ipv4(out, length, partial.total)
                                              : mend_ipv6(out, length, partial.total);
    });
    if (header == 0)
        return false;
    token_count_ = partial.pieces;
    std::size_t place = partial.pieces;
    each_piece(partial, [&](const auto& entry) {
        tokens_[--place] = entry.tag.token;
        std::ranges::copy(std::as_const(store_).bytes(entry).subspan(entry.tag.header),
                          out.subspan(header + entry.tag.offset).begin());
    });
    packet_size_ = header + partial.total;
    return true;
}

std::optional<std::uint32_t> Fragments::next_given_up() {
    if (given_up_.empty())
        return std::nullopt;
    const std::uint32_t token = given_up_.back();
    given_up_.pop_back();
    return token;
}

void Fragments::expire(Instant now) {
    while (deadline() <= now)
        close(partials_.oldest());
}

Instant Fragments::deadline() const {
    const Index oldest = partials_.oldest();
    return oldest == Partials::none ? Instant::max() : partials_.since(oldest) + limits_.patience;
}

} // namespace tandem::path
