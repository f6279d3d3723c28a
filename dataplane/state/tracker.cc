// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/state/tracker.hh"

#include "dataplane/table/bring.hh"

#include <algorithm>

namespace tandem::state {
namespace {

/// A REGISTER of 840 octets with its credentials has 7 chunks; what a dialog keeps of an INVITE, 5.
constexpr std::size_t chunks_per_registration = 7;
constexpr std::size_t chunks_per_dialog = 5;

constexpr std::size_t text_part = 1024; ///< so much of a text is brought ahead: most are shorter

} // namespace

Tracker::Limits Tracker::limits_for(std::size_t registrations, std::size_t dialogs) {
    Limits limits;
    limits.registrations = {registrations, registrations * chunks_per_registration};
    limits.dialogs = {dialogs, dialogs * chunks_per_dialog};
    return limits;
}

Tracker::Tracker(const Memory& memory, const Limits& limits, std::uint64_t seed)
    : registrations_(memory.registrations, limits.registrations, seed)
    , dialogs_(memory.dialogs, limits.dialogs, seed)
    , calls_(limits.calls, seed)
    , scanner_(wire::best_sip_scanner()) {}

void Tracker::see(Instant now, std::span<const TrackedMessage> messages, table::Soon* soon) {
    const bool far = registrations_.size() + dialogs_.size() > near_records;
    if (far && messages.size() > 1)
        see_overlapped(now, messages, soon);
    else
        see_in_turn(now, messages, soon);
}

/// One after the other, so that what was read of a message stays where it is needed.
void Tracker::see_in_turn(Instant now, std::span<const TrackedMessage> messages, table::Soon* soon) {
    Read& only = reads_.front();
    for (const TrackedMessage& message : messages) {
        if (soon != nullptr)
            soon->ask();
        read(message, only);
        apply(now, message, only);
    }
}

/// Each step of a message asks for what its next one needs; that comes while the messages behind it are read.
void Tracker::see_overlapped(Instant now, std::span<const TrackedMessage> messages, table::Soon* soon) {
    const std::size_t count = messages.size();
    const auto bring_text = [&](std::size_t i) {
        if (i < count)
            table::bring(messages[i].text.data(), std::min(messages[i].text.size(), text_part));
    };
    const auto read_of = [&](std::size_t i) -> Read& { return reads_[i % reads_.size()]; };
    std::size_t fresh = 0; // octets of new registrations that have not been applied yet
    for (std::size_t i = 0; i < texts_ahead; ++i)
        bring_text(i);
    for (std::size_t i = 0; i < count + apply_behind; ++i) {
        if (i < count) {
            if (soon != nullptr)
                soon->ask();
            bring_text(i + texts_ahead);
            read(messages[i], read_of(i));
            fetch_buckets(messages[i], read_of(i));
        }
        // In the first rounds these wrap round, and are very large.
        if (i - records_behind < count)
            fetch_records(read_of(i - records_behind));
        if (const std::size_t k = i - texts_behind; k < count)
            fresh += fetch_texts(now, messages[k], read_of(k), fresh);
        if (const std::size_t k = i - apply_behind; k < count) {
            apply(now, messages[k], read_of(k));
            fresh -= read_of(k).fresh;
        }
    }
}

void Tracker::read(const TrackedMessage& message, Read& into) {
    into.kind = Read::Kind::nothing;
    if (wire::extract_sip(message.text, scanner_, marks_, into.message)) {
        ++unread_;
        return;
    }
    const std::uint8_t group = message.origin.group;
    if (into.message.method == wire::SipMethod::register_) {
        // A server that registers elsewhere is not registered here.
        if (message.way == Way::from_server || into.message.kind != wire::SipKind::request)
            return;
        into.kind = Read::Kind::registration;
        into.registration = registrations_.ask(group, into.message);
        return;
    }
    into.kind = Read::Kind::call;
    into.dialog = dialogs_.ask(group, into.message);
    into.call = Calls::asked(into.dialog.call); // both tables have the seed of this tracker
}

void Tracker::fetch_buckets(const TrackedMessage& message, const Read& read) const {
    if (read.kind == Read::Kind::registration) {
        registrations_.fetch_buckets(read.registration);
    } else if (read.kind == Read::Kind::call) {
        dialogs_.fetch_buckets(read.dialog);
        if (message.way == Way::served)
            calls_.fetch(read.call);
    }
}

void Tracker::fetch_records(Read& read) const {
    if (read.kind == Read::Kind::registration) {
        read.binding = registrations_.fetch_entry(read.registration);
        registrations_.fetch_record(read.binding);
    } else if (read.kind == Read::Kind::call) {
        read.dialogs = dialogs_.fetch_entries(read.dialog);
        dialogs_.fetch_records(read.dialogs);
    }
}

/// Gives the octets of a text that will go to memory never used before, behind `fresh` others.
std::size_t Tracker::fetch_texts(Instant now, const TrackedMessage& message, Read& read,
                                 std::size_t fresh) const {
    read.fresh = 0;
    if (read.kind == Read::Kind::registration && read.binding != Dialogs::none) {
        registrations_.fetch_text(now, read.binding, read.registration, read.message.cseq);
    } else if (read.kind == Read::Kind::registration) {
        registrations_.fetch_fresh(fresh, message.text.size());
        read.fresh = message.text.size();
    } else if (read.kind == Read::Kind::call) {
        dialogs_.fetch_texts(now, read.dialogs, read.message);
    }
    return read.fresh;
}

void Tracker::apply(Instant now, const TrackedMessage& message, const Read& read) {
    const Origin& origin = message.origin;
    switch (read.kind) {
    case Read::Kind::nothing:
        break;
    case Read::Kind::registration:
        registrations_.see(now, origin, read.message, message.text, read.registration);
        break;
    case Read::Kind::call:
        dialogs_.see(now, origin.group, origin.source, origin.port, read.message, read.dialog);
        if (message.way == Way::served)
            calls_.see(now, origin.group, read.message, read.call);
        break;
    }
}

void Tracker::sweep(Instant now) {
    registrations_.sweep(now);
    dialogs_.sweep(now);
    calls_.sweep(now);
}

} // namespace tandem::state
