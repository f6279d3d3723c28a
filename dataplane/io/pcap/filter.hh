// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A filter in the language of libpcap (pcap-filter(7)), for packets that are in memory.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

namespace tandem::pcap {

class Filter {
public:
    /// Compiles for packets of a link type, as it stands in capture files. The error is libpcap's sentence.
    static std::expected<Filter, std::string> compile(std::uint16_t link_type, const std::string& text);

    Filter(Filter&&) noexcept;
    Filter& operator=(Filter&&) noexcept;
    ~Filter();

    /// `length`: of the whole packet, of which `octets` are there.
    bool matches(std::span<const std::uint8_t> octets, std::size_t length) const;

private:
    struct Impl;
    explicit Filter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem::pcap
