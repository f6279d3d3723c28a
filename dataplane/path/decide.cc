// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/path/decide.hh"

#include <array>

namespace tandem::path {
namespace {

using contract::Counter;

constexpr Decision forward(Counter c) {
    return {Action::forward, Copy::none, c};
}
constexpr Decision drop(Counter c) {
    return {Action::drop, Copy::none, c};
}
constexpr Decision deliver(Counter c) {
    return {Action::deliver, Copy::none, c};
}

constexpr Decision pass_and_copy{Action::forward, Copy::mirror, Counter::sip_forwarded};
constexpr Decision take_and_copy{Action::deliver, Copy::mirror, Counter::redirected_received};
constexpr Decision take = deliver(Counter::redirected_received);
constexpr Decision refuse = drop(Counter::redirected_refused);
constexpr Decision hold{Action::hold, Copy::none, Counter::held};
constexpr Decision pass_over{Action::redirect, Copy::none, Counter::redirected_sent};
constexpr Decision defer{Action::defer, Copy::none, Counter::mirror_deferred};
constexpr Decision silent = drop(Counter::drop_standby);
constexpr Decision unmirrored = drop(Counter::mirror_not_standby);
constexpr Decision shadowed = deliver(Counter::mirror_delivered);
constexpr Decision garbled = drop(Counter::link_malformed);
constexpr Decision stray = drop(Counter::mirror_not_vip);
constexpr Decision stale = drop(Counter::mirror_old_epoch);
// The phone has its answer from the other node already; a second one does no harm, a lost binding would.
constexpr Decision late = deliver(Counter::mirror_late);
constexpr Decision withhold{Action::hold_back, Copy::none, Counter::shadow_held_back};
constexpr Decision outward = forward(Counter::inside_forwarded);
constexpr Decision retain{Action::hold_back, Copy::none, Counter::inside_held_back};
constexpr Decision ignore{Action::hold_back, Copy::none, Counter::shadow_other};

constexpr Decision sip = forward(Counter::sip_forwarded);
constexpr Decision bad = forward(Counter::sip_malformed);
constexpr Decision alive = forward(Counter::sip_keepalive);
constexpr Decision other = forward(Counter::not_sip);
constexpr Decision piece = forward(Counter::packet_fragment);
constexpr Decision stump = forward(Counter::packet_truncated);

struct Row {
    Ingress ingress;
    Kind kind;
    std::array<Decision, stance_count> by_stance;
};

using enum Kind;
constexpr Ingress from_outside = Ingress::outside;
constexpr Ingress from_mirror = Ingress::mirror;
constexpr Ingress from_redirect = Ingress::redirect;
constexpr Ingress from_shadow = Ingress::shadow;
constexpr Ingress from_inside = Ingress::inside;

// clang-format off
// A packet that the peer could not read either is not redirected: the local server still answers while this
// node yields.
constexpr std::array<Row, ingress_count * kind_count> table{{
    //                              none        standby     yielding    active         lapsed
    {from_outside,  sip_matching,  {silent,     silent,     pass_over,  pass_and_copy, hold}},
    {from_outside,  sip_other,     {silent,     silent,     pass_over,  sip,           hold}},
    {from_outside,  sip_malformed, {silent,     silent,     pass_over,  bad,           hold}},
    {from_outside,  keepalive,     {silent,     silent,     pass_over,  alive,         hold}},
    {from_outside,  other_port,    {silent,     silent,     other,      other,         hold}},
    {from_outside,  fragment,      {silent,     silent,     piece,      piece,         hold}},
    {from_outside,  truncated,     {silent,     silent,     stump,      stump,         hold}},
    {from_outside,  unreadable,    {stump,      stump,      stump,      stump,         stump}},
    {from_outside,  not_vip,       {other,      other,      other,      other,         other}},
    {from_outside,  late_binding,  {silent,     silent,     silent,     silent,        silent}},
    {from_outside,  outdated,      {silent,     silent,     silent,     silent,        silent}},

    {from_mirror,   sip_matching,  {unmirrored, shadowed,   defer,      unmirrored,    defer}},
    {from_mirror,   sip_other,     {unmirrored, shadowed,   defer,      unmirrored,    defer}},
    {from_mirror,   sip_malformed, {unmirrored, shadowed,   defer,      unmirrored,    defer}},
    {from_mirror,   keepalive,     {unmirrored, shadowed,   defer,      unmirrored,    defer}},
    {from_mirror,   other_port,    {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_mirror,   fragment,      {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_mirror,   truncated,     {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_mirror,   unreadable,    {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_mirror,   not_vip,       {stray,      stray,      stray,      stray,         stray}},
    {from_mirror,   late_binding,  {unmirrored, shadowed,   defer,      late,          defer}},
    {from_mirror,   outdated,      {stale,      stale,      stale,      stale,         stale}},

    {from_redirect, sip_matching,  {refuse,     refuse,     refuse,     take_and_copy, hold}},
    {from_redirect, sip_other,     {refuse,     refuse,     refuse,     take,          hold}},
    {from_redirect, sip_malformed, {refuse,     refuse,     refuse,     take,          hold}},
    {from_redirect, keepalive,     {refuse,     refuse,     refuse,     take,          hold}},
    {from_redirect, other_port,    {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_redirect, fragment,      {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_redirect, truncated,     {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_redirect, unreadable,    {garbled,    garbled,    garbled,    garbled,       garbled}},
    {from_redirect, not_vip,       {stray,      stray,      stray,      stray,         stray}},
    {from_redirect, late_binding,  {stale,      stale,      stale,      stale,         stale}},
    {from_redirect, outdated,      {stale,      stale,      stale,      stale,         stale}},

    // Here the VIP is the source. Everything but not_vip and unreadable has one.
    {from_shadow,   sip_matching,  {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   sip_other,     {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   sip_malformed, {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   keepalive,     {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   other_port,    {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   fragment,      {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   truncated,     {withhold,   withhold,   withhold,   withhold,      withhold}},
    {from_shadow,   unreadable,    {ignore,     ignore,     ignore,     ignore,        ignore}},
    {from_shadow,   not_vip,       {ignore,     ignore,     ignore,     ignore,        ignore}},
    {from_shadow,   late_binding,  {ignore,     ignore,     ignore,     ignore,        ignore}},
    {from_shadow,   outdated,      {ignore,     ignore,     ignore,     ignore,        ignore}},

    // Here the VIP is the source, too. A node that yields lets its server finish what it has begun.
    {from_inside,   sip_matching,  {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   sip_other,     {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   sip_malformed, {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   keepalive,     {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   other_port,    {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   fragment,      {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   truncated,     {retain,     retain,     outward,    outward,       hold}},
    {from_inside,   unreadable,    {ignore,     ignore,     ignore,     ignore,        ignore}},
    {from_inside,   not_vip,       {ignore,     ignore,     ignore,     ignore,        ignore}},
    {from_inside,   late_binding,  {ignore,     ignore,     ignore,     ignore,        ignore}},
    {from_inside,   outdated,      {ignore,     ignore,     ignore,     ignore,        ignore}},
}};
// clang-format on

constexpr std::size_t index_of(Ingress ingress, Kind kind) {
    return static_cast<std::size_t>(ingress) * kind_count + static_cast<std::size_t>(kind);
}

constexpr bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i)
        if (index_of(table[i].ingress, table[i].kind) != i)
            return false;
    return true;
}
static_assert(in_order(), "each row stands where decide() looks for it");

} // namespace

Decision decide(Ingress ingress, Kind kind, Stance stance) noexcept {
    return table[index_of(ingress, kind)].by_stance[static_cast<std::size_t>(stance)];
}

std::string_view to_string(Action action) {
    switch (action) {
    case Action::forward:
        return "forward";
    case Action::drop:
        return "drop";
    case Action::hold:
        return "hold";
    case Action::redirect:
        return "redirect";
    case Action::deliver:
        return "deliver";
    case Action::defer:
        return "defer";
    case Action::hold_back:
        return "hold_back";
    }
    return "?";
}

std::string_view to_string(Ingress ingress) {
    switch (ingress) {
    case Ingress::outside:
        return "outside";
    case Ingress::mirror:
        return "mirror";
    case Ingress::redirect:
        return "redirect";
    case Ingress::shadow:
        return "shadow";
    case Ingress::inside:
        return "inside";
    case Ingress::count_:
        break;
    }
    return "?";
}

std::string_view to_string(Stance stance) {
    switch (stance) {
    case Stance::none:
        return "none";
    case Stance::standby:
        return "standby";
    case Stance::yielding:
        return "yielding";
    case Stance::active:
        return "active";
    case Stance::lapsed:
        return "lapsed";
    case Stance::count_:
        break;
    }
    return "?";
}

} // namespace tandem::path
