// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Tables in shared memory: what the fast path keeps, for others to read.
//
// Problem: an operator lists a million registrations while the worker that keeps them goes on, and either
// process may die. Idea: one file for each table in the run directory (a tmpfs, mode 0600), which the engine
// makes anew at every start and everybody else maps read-only. It gets its name only when its header is
// written; the file of an earlier engine loses its name and lives on for those who still read it, so nobody's
// mapping ever shrinks. A file is a hole until something is written into it. The engine holds a lock on it as
// long as it lives. Deliberately absent: what a table means, and more than one writer.

#include "dataplane/contract/records.hh"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::contract {

enum class TableKind : std::uint8_t { registrations = 1, dialogs, flows, capture };
/// The name of its file.
std::string_view to_string(TableKind kind);

/// Of a table with several writers each has a file of its own, a part of the table: the first has the table's
/// name, the others have their number behind it. The first says how many there are, and is published before
/// the others.
struct TablePart {
    std::uint16_t number{0};
    std::uint16_t of{1};
};

/// A port or interface that packets of a capture name by its index.
struct TableInterface {
    std::uint16_t link_type{0}; ///< as in capture files
    std::array<char, interface_name_max> name{};
};

/// What stands ahead of the records, in an area of its own.
struct TableHeader {
    static constexpr std::uint32_t magic_value = 0x7462'6c65U;
    static constexpr std::uint32_t version_value = 2;
    static constexpr std::size_t interfaces_max = 12;
    static constexpr std::size_t counts_max = 12;

    std::uint32_t magic{magic_value};
    std::uint32_t version{version_value};
    TableKind kind{};
    std::uint8_t interface_count{0};
    TablePart part;
    std::uint16_t seconds{0};     ///< of a capture: older packets are not shown
    std::uint32_t head_octets{0}; ///< of a record without its text: tells one version from another
    std::uint64_t octets{0};      ///< of the records
    std::uint64_t records{0};     ///< there is room for
    std::uint64_t chunks{0};      ///< of text
    std::int64_t monotonic_ns{0}; ///< CLOCK_MONOTONIC when the file was made
    std::int64_t realtime_ns{0};  ///< CLOCK_REALTIME at the same moment
    GroupNames group_names{};
    std::array<TableInterface, interfaces_max> interfaces{};
    // Written all the time:
    std::atomic<std::uint64_t> reach{0}; ///< records from here on were never used
    std::atomic<std::uint64_t> used{0};
    std::array<std::atomic<std::uint64_t>, counts_max> counts{}; ///< what they mean is the owner's
};

/// What a table is to be.
struct TableShape {
    TableKind kind{};
    std::uint32_t head_octets{0};
    std::uint64_t octets{0};
    std::uint64_t records{0};
    std::uint64_t chunks{0};
    TablePart part{};
};

/// Memory that is unmapped at the end, and perhaps the file behind it.
class TableMapping {
public:
    static constexpr std::size_t header_octets = 8192;
    static_assert(sizeof(TableHeader) <= header_octets);

    TableMapping() = default;
    TableMapping(TableMapping&& other) noexcept;
    TableMapping& operator=(TableMapping&& other) noexcept;
    TableMapping(const TableMapping&) = delete;
    TableMapping& operator=(const TableMapping&) = delete;
    ~TableMapping();

protected:
    TableMapping(void* memory, std::size_t size, int descriptor)
        : memory_(static_cast<std::byte*>(memory))
        , size_(size)
        , descriptor_(descriptor) {}
    std::byte* memory_{nullptr};
    std::size_t size_{0};
    int descriptor_{-1};
};

/// The engine's side.
class TableWriter : public TableMapping {
public:
    /// Makes the file, not yet under its name: fill in the header, then publish(). Refused when the file
    /// system has no room for all of it. The error is a sentence.
    static std::expected<TableWriter, std::string> create(const std::string& run_dir,
                                                          const TableShape& shape);
    /// The same without a file: for an engine that goes on although nobody can read along.
    static TableWriter unshared(const TableShape& shape);

    std::expected<void, std::string> publish();

    TableHeader& header() const { return *reinterpret_cast<TableHeader*>(memory_); }
    /// All zero at first.
    std::span<std::byte> records() const { return {memory_ + header_octets, size_ - header_octets}; }

private:
    using TableMapping::TableMapping;
    void fill(const TableShape& shape) const;
    std::string temporary_;
    std::string path_;
};

/// Anybody else's.
class TableReader : public TableMapping {
public:
    /// Maps the file of that kind. `head_octets`: what this program knows the records as. The error is a
    /// sentence for an operator.
    static std::expected<TableReader, std::string> open(const std::string& run_dir, TableKind kind,
                                                        std::uint32_t head_octets, std::uint16_t part = 0);
    /// Maps all parts, the first ahead; those behind it that are not there or do not belong to it are left
    /// out. Never empty.
    static std::expected<std::vector<TableReader>, std::string>
    open_all(const std::string& run_dir, TableKind kind, std::uint32_t head_octets);

    const TableHeader& header() const { return *reinterpret_cast<const TableHeader*>(memory_); }
    std::span<const std::byte> records() const { return {memory_ + header_octets, size_ - header_octets}; }
    /// Does the engine that made it still run?
    bool is_alive() const;

private:
    using TableMapping::TableMapping;
};

} // namespace tandem::contract
