// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as an HA datagram and as the payload of a heartbeat; what is read is written back the same.
#include "dataplane/wire/ha_frame.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace {

using namespace tandem::wire;
using Bytes = std::span<const std::uint8_t>;

void require(bool holds) {
    if (!holds)
        std::abort();
}

void check_header(Bytes bytes) {
    const auto header = read_ha_header(bytes);
    if (!header)
        return;
    require(bytes.size() >= HaHeader::size);
    std::array<std::uint8_t, HaHeader::size> out{};
    write(*header, out);
    // Octets 2 and 3 are reserved: whatever came, zero is sent.
    require(std::memcmp(out.data(), bytes.data(), 2) == 0);
    require(std::memcmp(out.data() + 4, bytes.data() + 4, HaHeader::size - 4) == 0);
}

void check_beat(Bytes bytes) {
    const auto beat = read_beat(bytes);
    if (!beat)
        return;
    require(beat->group_count <= Beat::groups_max);
    std::array<std::uint8_t, Beat::size_max> out{};
    const std::size_t length = write(*beat, out);
    require(length == bytes.size());
    // Of a group no octet is reserved: each comes back as it came.
    require(std::memcmp(out.data() + 56, bytes.data() + 56, length - 56) == 0);
    const auto again = read_beat({out.data(), length});
    require(again.has_value());
    std::array<std::uint8_t, Beat::size_max> second{};
    require(write(*again, second) == length);
    require(out == second);
    // The smallest buffer that is too small.
    require(write(*beat, std::span<std::uint8_t>{second}.first(length - 1)) == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes{data, size};
    check_header(bytes);
    check_beat(bytes);
    if (size > HaHeader::size)
        check_beat(bytes.subspan(HaHeader::size));
    return 0;
}
