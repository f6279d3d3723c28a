// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/mirror.hh"

#include <algorithm>
#include <array>
#include <cstring>

namespace tandem::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

path::Instant at(Instant local) {
    return path::Instant{local.time_since_epoch()};
}

path::SenderLimits sender_limits(std::size_t history) {
    path::SenderLimits limits;
    limits.packets = history;
    limits.octets = history * (path::PacketFrame::header_size + sizeof(std::uint64_t));
    limits.resend_max = 8;
    limits.mark_interval = seconds{3};
    return limits;
}

/// Reports that nobody needs would be most of the events of a slow world.
path::ReceiverLimits receiver_limits() {
    path::ReceiverLimits limits;
    limits.packets = 16;
    limits.octets = 16 * sizeof(std::uint64_t);
    limits.request_packets_max = 8;
    limits.report_interval = milliseconds{500};
    limits.report_interval_idle = seconds{5};
    return limits;
}

std::uint64_t number_in(std::span<const std::uint8_t> packet) {
    std::uint64_t number = 0;
    std::memcpy(&number, packet.data(), std::min(packet.size(), sizeof(number)));
    return number;
}

} // namespace

Mirror::Mirror(std::uint64_t stream, std::uint64_t incarnation, std::size_t history, Mutation mutation)
    : sender_(stream | 1U, sender_limits(history))
    , receiver_(incarnation | 1U, receiver_limits())
    , mutation_(mutation) {}

void Mirror::copy(std::uint64_t request, std::uint64_t epoch, Instant local) {
    std::array<std::uint8_t, sizeof(request)> packet{};
    std::memcpy(packet.data(), &request, sizeof(request));
    sender_.append(packet, epoch, at(local));
}

void Mirror::take_in(const MirrorBytes& bytes, Instant local) {
    const auto frame = path::read_frame(std::span(bytes.octets).first(bytes.length));
    if (!frame)
        return;
    if (const auto* packet = std::get_if<path::PacketFrame>(&*frame))
        take_packet(*packet, at(local));
    else if (const auto* mark = std::get_if<path::MarkFrame>(&*frame))
        take_mark(*mark, at(local));
    else if (const auto* request = std::get_if<path::RequestFrame>(&*frame))
        sender_.on_request(*request);
    else if (const auto* report = std::get_if<path::ReportFrame>(&*frame))
        sender_.on_report(*report);
}

void Mirror::take_packet(const path::PacketFrame& frame, path::Instant at) {
    if (receiver_.on_packet(frame, at) == path::Received::duplicate &&
        mutation_ == Mutation::mirror_duplicates)
        again_ = number_in(frame.packet);
    count_lost();
}

void Mirror::take_mark(const path::MarkFrame& frame, path::Instant at) {
    const std::uint64_t stream = receiver_.stream();
    const std::uint64_t owed = receiver_.announced() - receiver_.handled();
    const std::uint64_t through = receiver_.handled();
    receiver_.on_mark(frame, at);
    if (receiver_.stream() == stream)
        return count_lost();
    const std::uint64_t lost = mutation_ == Mutation::uncounted_loss ? 0 : receiver_.take_lost();
    if (stream != 0 && books_.delivered + books_.lost + lost != through - books_.base + owed)
        ++books_.unbalanced;
    books_.delivered = books_.lost = 0;
    books_.base = receiver_.handled();
}

void Mirror::count_lost() {
    const std::uint64_t lost = receiver_.take_lost();
    if (mutation_ != Mutation::uncounted_loss)
        books_.lost += lost;
}

std::optional<MirrorBytes> Mirror::next(Instant local) {
    std::span<const std::uint8_t> frame;
    if (const auto transmit = sender_.next(at(local))) {
        frame = transmit->frame;
    } else if (const auto control = receiver_.next_control(at(local))) {
        frame = *control;
        count_lost(); // gaps are given up on this occasion
    } else {
        count_lost();
        return std::nullopt;
    }
    MirrorBytes bytes;
    bytes.length = frame.size();
    std::copy(frame.begin(), frame.end(), bytes.octets.begin());
    return bytes;
}

std::optional<std::uint64_t> Mirror::deliver() {
    std::optional<std::uint64_t> number = again_;
    again_.reset();
    if (!number) {
        const auto ready = receiver_.next();
        if (!ready)
            return std::nullopt;
        ++books_.delivered;
        number = number_in(ready->packet);
    }
    if (*number / 64 >= delivered_.size())
        delivered_.resize(*number / 64 + 64);
    std::uint64_t& word = delivered_[*number / 64];
    const std::uint64_t bit = std::uint64_t{1} << (*number % 64);
    books_.delivered_twice += (word & bit) != 0 ? 1U : 0U;
    word |= bit;
    return number;
}

Instant Mirror::deadline() const {
    return Instant{std::min(sender_.deadline(), receiver_.deadline()).time_since_epoch()};
}

bool Mirror::balanced() const {
    return books_.unbalanced == 0 &&
           (receiver_.stream() == 0 || books_.delivered + books_.lost == receiver_.handled() - books_.base);
}

} // namespace tandem::sim
