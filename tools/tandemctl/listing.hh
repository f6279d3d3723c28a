// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A list of records out of a table of tandem-fast: filtered, bounded, as columns or as JSON.

#include "dataplane/contract/table_file.hh"
#include "dataplane/wire/address.hh"
#include "tools/tandemctl/options.hh"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::ctl {

/// One record. Texts are as they came over the network; the listing makes them fit to be seen.
struct Row {
    std::uint8_t group{0};
    std::vector<std::string> cells;
    boost::json::object object;
    std::string raw; ///< of --raw
};

struct Listing {
    std::string_view name; ///< of the records, in the plural
    std::span<const std::string_view> columns;
    std::span<const std::string_view> counts; ///< names of TableHeader::counts
    /// Record number so-and-so, if there is one.
    std::function<std::optional<Row>(std::uint32_t)> read;
    /// How many numbers there are; nothing: as far as the table's reach.
    std::optional<std::uint64_t> places;
};

/// Writes it. `parts`: of the table, at least the first; what their headers count is added up. Refused when
/// the group that was asked for is not there.
Exit list(const Options& options, std::span<const contract::TableReader> parts, const Listing& listing);

/// A time of CLOCK_MONOTONIC in seconds from now; negative: in the past.
double seconds_from_now(std::int64_t monotonic_ns);

/// `192.0.2.1:5060`, `[2001:db8::1]:5060`
std::string endpoint_text(const wire::IpAddress& address, std::uint16_t port);

/// Where tandem-fast keeps its files: as asked for, or beside the socket of tandemd.
std::string run_dir_of(const Options& options);

} // namespace tandem::ctl
