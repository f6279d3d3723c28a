// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/dialogs.hh"

#include <algorithm>
#include <array>
#include <cstring>

namespace tandem::state {
namespace {

using wire::SipKind;
using wire::SipMessage;
using wire::SipMethod;

std::int64_t to_ns(Instant at) {
    return at.time_since_epoch().count();
}

template <class Word>
void copy_word(char* to, const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    std::memcpy(to, &word, sizeof word);
}

/// For texts of a few dozen octets. Where a compiler knows that a text is not long, it takes an instruction
/// for a copy that begins slowly.
void copy_short(char* to, std::string_view text) {
    __extension__ using Wide = unsigned __int128;
    const std::size_t size = text.size();
    if (size >= sizeof(Wide)) {
        for (std::size_t at = 0; at + sizeof(Wide) <= size; at += sizeof(Wide))
            copy_word<Wide>(to + at, text.data() + at);
        copy_word<Wide>(to + size - sizeof(Wide), text.data() + size - sizeof(Wide));
    } else if (size >= 8) {
        copy_word<std::uint64_t>(to, text.data());
        copy_word<std::uint64_t>(to + size - 8, text.data() + size - 8);
    } else if (size >= 4) {
        copy_word<std::uint32_t>(to, text.data());
        copy_word<std::uint32_t>(to + size - 4, text.data() + size - 4);
    } else {
        for (std::size_t at = 0; at < size; ++at)
            to[at] = text[at];
    }
}

/// Fields with their lengths in front: a field may contain any octet.
class TextWriter {
public:
    /// Adds a field; what does not fit is cut off, and so are fields beyond 65,535 octets.
    void add(std::string_view field) {
        const std::size_t room = text_.size() - size_;
        if (room < 2)
            return;
        field = field.substr(0, std::min(room - 2, field_max));
        text_[size_] = static_cast<char>(field.size() >> 8U);
        text_[size_ + 1] = static_cast<char>(field.size() & 0xffU);
        copy_short(text_.data() + size_ + 2, field);
        size_ += 2 + field.size();
    }
    std::string_view text() const { return {text_.data(), size_}; }

private:
    static constexpr std::size_t field_max = 1024;
    std::array<char, 4096> text_; ///< what is not written is not read
    std::size_t size_{0};
};

bool take_field(std::string_view& text, std::string_view& field) {
    if (text.size() < 2)
        return false;
    const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(text[0])) << 8U |
                               static_cast<unsigned char>(text[1]);
    if (length > text.size() - 2)
        return false;
    field = text.substr(2, length);
    text.remove_prefix(2 + length);
    return true;
}

} // namespace

std::optional<DialogText> read_dialog_text(std::string_view text) noexcept {
    DialogText read;
    for (std::string_view* field : {&read.call_id, &read.caller, &read.callee, &read.caller_tag,
                                    &read.callee_tag, &read.target, &read.route_set})
        if (!take_field(text, *field))
            return std::nullopt;
    return text.empty() ? std::optional{read} : std::nullopt;
}

struct Dialogs::Seen {
    Instant now;
    std::uint8_t group;
    const wire::IpAddress& source;
    std::uint16_t port;
    const SipMessage& message;
    const Asked& asked;
};

Dialogs::Dialogs(std::span<std::byte> memory, const Limits& limits, std::uint64_t seed)
    : seed_(seed)
    , records_(memory, limits.dialogs, limits.chunks)
    , index_(limits.dialogs) {}

std::uint64_t Dialogs::hash(std::string_view text) const {
    return table::SeededHash{seed_}.add(text).value();
}

Dialogs::Asked Dialogs::ask(std::uint8_t group, const SipMessage& message) const {
    return {table::SeededHash{seed_}.add(group).add(message.call_id).value(), hash(message.from.tag),
            message.to.tag.empty() ? 0 : hash(message.to.tag)};
}

void Dialogs::fetch_buckets(const Asked& asked) const {
    index_.fetch_bucket(place(trying_key(asked)));
    index_.fetch_bucket(place(full_key(asked)));
}

Dialogs::Places Dialogs::fetch_entries(const Asked& asked) const {
    return {index_.fetch_entry(place(trying_key(asked))),
            asked.to != 0 ? index_.fetch_entry(place(full_key(asked))) : none};
}

void Dialogs::fetch_records(const Places& places) const {
    for (const Index index : {places.trying, places.known})
        if (index != none)
            records_.fetch(index);
}

void Dialogs::fetch_texts(Instant now, const Places& places, const SipMessage& message) const {
    const bool ends = message.method == SipMethod::bye || message.method == SipMethod::ack;
    for (const Index index : {places.trying, places.known})
        if (index != none) {
            if (ends || !index_.is_recent(now, index, age_slack))
                index_.fetch_neighbours(index);
            records_.fetch_text(index);
        }
}

Dialogs::Index Dialogs::find(const Key& key) const {
    return index_.find(key, place(key));
}

void Dialogs::see(Instant now, std::uint8_t group, const wire::IpAddress& source, std::uint16_t port,
                  const SipMessage& message, const Asked& asked) {
    if (message.from.tag.empty())
        return; // RFC 2543; nothing of it can be told apart
    const Seen seen{now, group, source, port, message, asked};
    if (message.kind == SipKind::response)
        return message.method == SipMethod::invite ? on_answer(seen) : void();
    switch (message.method) {
    case SipMethod::invite:
        return on_invite(seen);
    case SipMethod::ack:
        return on_ack(seen);
    case SipMethod::bye:
        return on_bye(seen);
    case SipMethod::cancel:
        return; // the final answer, or the ACK to it, tells how it ended
    default:
        return on_other(seen);
    }
}

void Dialogs::on_invite(const Seen& seen) {
    const bool within = !seen.message.to.tag.empty();
    const Key key = within ? full_key(seen.asked) : trying_key(seen.asked);
    const Index known = find(key);
    if (known != Table::none)
        return count_request(seen, known);
    ++counts_.begun;
    // One that is heard of in its middle is confirmed: its beginning was before this node's time.
    enter(seen, key, within ? DialogState::confirmed : DialogState::trying, nullptr);
}

/// An answer to an INVITE: From is the caller.
void Dialogs::on_answer(const Seen& seen) {
    const Index trying = find(trying_key(seen.asked));
    const bool tagged = !seen.message.to.tag.empty();
    const Key key = full_key(seen.asked);
    const Index known = tagged ? find(key) : Table::none;
    if (seen.message.status >= 300) {
        // A failure of a re-INVITE leaves the dialog as it was (RFC 3261 section 14.1).
        Dialog dialog;
        const bool up =
            known != Table::none && records_.own(known, dialog) && dialog.state == DialogState::confirmed;
        if (known != Table::none && !up)
            remove(known);
        if (trying != Table::none)
            remove(trying);
        counts_.failed += (known != Table::none && !up) || trying != Table::none ? 1U : 0U;
        return;
    }
    if (!tagged || seen.message.status == 100)
        return;
    Dialog begun;
    const bool has_begun = (trying != Table::none && records_.own(trying, begun)) ||
                           (known != Table::none && records_.own(known, begun));
    const DialogState state = seen.message.status >= 200 ? DialogState::confirmed : DialogState::early;
    if (known != Table::none && begun.state == DialogState::confirmed && trying == Table::none)
        return; // of a re-INVITE
    if (state == DialogState::confirmed && trying != Table::none)
        remove(trying);
    if (!has_begun)
        ++counts_.begun;
    enter(seen, key, state, has_begun ? &begun : nullptr);
}

void Dialogs::on_ack(const Seen& seen) {
    const Index trying = find(trying_key(seen.asked));
    Dialog begun;
    if (trying == Table::none || seen.message.to.tag.empty() || !records_.own(trying, begun))
        return;
    const bool failed = begun.branch == hash(seen.message.via.branch);
    remove(trying);
    if (failed) {
        ++counts_.failed;
        return;
    }
    enter(seen, full_key(seen.asked), DialogState::confirmed, &begun);
}

void Dialogs::on_bye(const Seen& seen) {
    if (seen.message.to.tag.empty())
        return;
    const Index known = find(full_key(seen.asked));
    if (known == Table::none)
        return;
    remove(known);
    ++counts_.ended;
}

/// Another request within a dialog.
void Dialogs::on_other(const Seen& seen) {
    if (seen.message.to.tag.empty())
        return;
    const Index known = find(full_key(seen.asked));
    if (known != Table::none)
        count_request(seen, known);
}

/// Makes a record, or brings one into another state. `from`: what is known of it.
void Dialogs::enter(const Seen& seen, const Key& key, DialogState state, const Dialog* from) {
    Dialog dialog = from != nullptr ? *from : Dialog{};
    if (from == nullptr) {
        dialog.caller = seen.asked.from;
        dialog.branch = hash(seen.message.via.branch);
        dialog.caller_cseq = seen.message.cseq;
        dialog.source = seen.source;
        dialog.port = seen.port;
        dialog.group = seen.group;
    }
    if (state == DialogState::confirmed && dialog.state != state)
        ++counts_.confirmed;
    dialog.state = state;
    dialog.since_ns = dialog.seen_ns = to_ns(seen.now);
    const std::size_t list = state == DialogState::confirmed ? confirmed : unconfirmed;
    Index index = find(key);
    if (index != Table::none) {
        index_.touch(seen.now, index, list, age_slack);
    } else {
        if (index_.full()) { // calls that are up outlive attempts
            const Index least = index_.oldest(unconfirmed);
            remove(least != Table::none ? least : index_.oldest(confirmed));
            ++counts_.evicted;
        }
        index = index_.add(seen.now, key, place(key), list);
        reach_ = std::max<std::size_t>(reach_, index + 1U);
    }
    if (!write(index, dialog, seen.message)) {
        remove(index);
        ++counts_.evicted;
    }
}

bool Dialogs::write(Index index, const Dialog& dialog, const SipMessage& message) {
    TextWriter text;
    text.add(message.call_id);
    text.add(message.from.uri);
    text.add(message.to.uri);
    text.add(message.from.tag);
    text.add(message.to.tag);
    text.add(message.contacts.values().empty() ? std::string_view{} : message.contacts.kept[0].uri);
    std::array<char, 1024> routes;
    std::size_t size = 0;
    for (const std::string_view value : message.record_routes.values()) {
        if (size + value.size() + 1 > routes.size())
            break;
        copy_short(routes.data() + size, value);
        size += value.size();
        routes[size++] = '\n';
    }
    text.add({routes.data(), size});
    while (!records_.has_room(index, text.text().size())) {
        const Index least =
            index_.oldest(unconfirmed) != Table::none ? index_.oldest(unconfirmed) : index_.oldest(confirmed);
        if (least == index)
            return false;
        remove(least);
        ++counts_.evicted;
    }
    return records_.write(index, dialog, text.text());
}

/// A request within a dialog: CSeq numbers count apart for each side (RFC 3261 section 12.2.1.1).
void Dialogs::count_request(const Seen& seen, Index index) {
    Dialog dialog;
    if (!records_.own(index, dialog))
        return;
    std::uint32_t& cseq = dialog.caller == seen.asked.from ? dialog.caller_cseq : dialog.callee_cseq;
    cseq = std::max(cseq, seen.message.cseq);
    dialog.seen_ns = to_ns(seen.now);
    records_.write_head(index, dialog);
    index_.touch(seen.now, index, index_.list(index), age_slack);
}

void Dialogs::remove(Index index) {
    records_.erase(index);
    index_.erase(index);
}

void Dialogs::sweep(Instant now) {
    constexpr int bound = 64;
    const auto old = [&](std::size_t list, auto patience) {
        const Index oldest = index_.oldest(list);
        return oldest != Table::none && now - index_.since(oldest) >= patience;
    };
    for (int i = 0; i < bound && (old(unconfirmed, trying_max) || old(confirmed, silent_max)); ++i) {
        remove(index_.oldest(old(unconfirmed, trying_max) ? unconfirmed : confirmed));
        ++counts_.expired;
    }
}

} // namespace tandem::state
