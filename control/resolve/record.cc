// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/record.hh"

#include "dataplane/wire/octets.hh"

#include <algorithm>

namespace tandem::resolve {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t name_max = 253;
constexpr std::size_t jumps_max = 32;
constexpr std::size_t looked_at_max = 256; ///< records of an answer, of whatever type
constexpr std::uint16_t class_internet = 1;
constexpr std::uint16_t type_cname = 5;

bool is_name_char(std::uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// A place in the message that can only go on within it.
class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> message)
        : message_(message) {}

    bool ok() const { return ok_; }
    std::size_t place() const { return place_; }
    void go(std::size_t place) {
        ok_ = ok_ && place <= message_.size();
        place_ = place;
    }
    std::uint16_t u16() {
        if (!has(2))
            return 0;
        place_ += 2;
        return wire::load_be<std::uint16_t>(message_, place_ - 2);
    }
    std::uint32_t u32() {
        if (!has(4))
            return 0;
        place_ += 4;
        return wire::load_be<std::uint32_t>(message_, place_ - 4);
    }
    std::span<const std::uint8_t> octets(std::size_t count) {
        if (!has(count))
            return {};
        place_ += count;
        return message_.subspan(place_ - count, count);
    }
    /// RFC 1035 section 3.3: a length and so many octets.
    std::string text() {
        const auto length = octets(1);
        const auto text = octets(length.empty() ? 0 : length[0]);
        return {text.begin(), text.end()};
    }
    /// RFC 1035 section 4.1.4; `.` for the root. A name with strange octets ends the reading.
    std::string name();

private:
    bool has(std::size_t count) {
        ok_ = ok_ && message_.size() - place_ >= count;
        return ok_;
    }
    std::span<const std::uint8_t> message_;
    std::size_t place_{0};
    bool ok_{true};
};

std::string Reader::name() {
    std::string result;
    std::size_t behind = 0; // the name, where it was left by the first jump
    for (std::size_t jumps = 0; ok_;) {
        const auto length = octets(1);
        if (!ok_ || length[0] == 0)
            break;
        if (length[0] >= 0xc0) {
            const auto low = octets(1);
            if (!ok_ || ++jumps > jumps_max) {
                ok_ = false;
                break;
            }
            if (behind == 0)
                behind = place_;
            go((static_cast<std::size_t>(length[0] & 0x3fU) << 8U) | low[0]);
            continue;
        }
        const auto label = octets(length[0]);
        if (!result.empty())
            result += '.';
        for (const std::uint8_t c : label) {
            const std::uint8_t small = c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c - 'A' + 'a') : c;
            ok_ = ok_ && is_name_char(small);
            result += static_cast<char>(small);
        }
        ok_ = ok_ && length[0] < 64 && result.size() <= name_max;
    }
    if (behind != 0)
        place_ = behind;
    return result.empty() ? "." : result;
}

void read_data(Reader reader, RecordType type, std::size_t length, Records& to, bool& ok) {
    switch (type) {
    case RecordType::a:
    case RecordType::aaaa: {
        const std::size_t wanted = type == RecordType::a ? 4 : 16;
        const auto octets = reader.octets(length);
        if (octets.size() != wanted) {
            ok = false;
            return;
        }
        wire::IpAddress address;
        address.family = type == RecordType::a ? wire::Family::ipv4 : wire::Family::ipv6;
        std::copy(octets.begin(), octets.end(), address.octets.begin());
        to.addresses.push_back(address);
        break;
    }
    case RecordType::srv: {
        Srv srv;
        srv.priority = reader.u16();
        srv.weight = reader.u16();
        srv.port = reader.u16();
        srv.target = reader.name();
        to.services.push_back(std::move(srv));
        break;
    }
    case RecordType::naptr: {
        Naptr naptr;
        naptr.order = reader.u16();
        naptr.preference = reader.u16();
        naptr.flags = reader.text();
        naptr.service = reader.text();
        reader.text(); // the expression: SIP uses the replacement (RFC 3263 section 4.1)
        naptr.replacement = reader.name();
        to.pointers.push_back(std::move(naptr));
        break;
    }
    }
    ok = ok && reader.ok();
}

} // namespace

std::optional<Records> read_records(std::span<const std::uint8_t> message, RecordType type) {
    if (message.size() < header_size || (message[2] & 0x80U) == 0)
        return std::nullopt;
    Reader reader(message);
    reader.go(4);
    const std::uint16_t questions = reader.u16();
    const std::uint16_t answers = reader.u16();
    reader.go(header_size);
    if (questions > 1)
        return std::nullopt;
    if (questions == 1) {
        reader.name();
        reader.u32();
    }
    Records records;
    records.ttl = 0xffff'ffff;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(answers, looked_at_max) && kept < records_max; ++i) {
        reader.name();
        const std::uint16_t kind = reader.u16();
        const std::uint16_t of_class = reader.u16();
        const std::uint32_t ttl = reader.u32();
        const std::uint16_t length = reader.u16();
        const std::size_t data = reader.place();
        reader.octets(length);
        if (!reader.ok())
            return std::nullopt;
        if (of_class != class_internet || (kind != static_cast<std::uint16_t>(type) && kind != type_cname))
            continue;
        // RFC 2181 section 8: a time to live with the highest bit set is none.
        records.ttl = std::min(records.ttl, ttl > 0x7fff'ffffU ? 0 : ttl);
        if (kind == type_cname)
            continue;
        bool ok = true;
        Reader inner(message);
        inner.go(data);
        read_data(inner, type, length, records, ok);
        if (!ok)
            return std::nullopt;
        ++kept;
    }
    if (records.empty())
        records.ttl = 0;
    return records;
}

std::string plain_name(std::string_view name) {
    if (name.ends_with('.'))
        name.remove_suffix(1);
    std::string result{name};
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
        if (c != '.' && !is_name_char(static_cast<std::uint8_t>(c)))
            return {};
    }
    return result.size() <= name_max ? result : std::string{};
}

} // namespace tandem::resolve
