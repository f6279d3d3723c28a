// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A folder of files of lines that only grow, within a bound.
//
// Problem: whoever is killed at any moment must leave nothing that confuses its successor; a disk may be full
// or gone; what is kept must not grow for ever. Idea: lines are appended to the newest file by single writes;
// a file that is large enough is left, and the oldest make room. A line that was cut off by a crash is taken
// away when the folder is opened, or before the next line is written. The last of a file system is left to
// the records of the epochs, which matter more. Deliberately absent: threads; everything here may take as
// long as the disk likes.

#include "control/ledger/entry.hh"

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::ledger {

class Segments {
public:
    struct Settings {
        std::string folder;
        std::uint64_t size_max{16U << 20U}; ///< octets, of all files
        std::uint64_t room_left{1U << 20U}; ///< octets of the file system that are not touched
    };
    /// How the folder was found.
    struct Found {
        EntryPtr last;          ///< null: no event is kept
        std::string boot;       ///< of the last run
        bool ended{false};      ///< it did so in order
        bool torn{false};       ///< a line had been cut off
        std::size_t damaged{0}; ///< lines that could not be read, at the end of the newest file
    };

    explicit Segments(Settings settings)
        : settings_(std::move(settings)) {}
    Segments(Segments&& other) noexcept;
    Segments& operator=(Segments&&) = delete;
    ~Segments();

    /// Makes the folder, or looks at what is in it. A sentence when the disk refuses; it may be called again.
    std::expected<Found, std::string> open();
    /// Appends whole lines. On failure none of them is there.
    std::expected<void, std::string> append(std::string_view lines);
    /// Also closes the file, until there is something to append: who is quiet keeps no file system busy.
    std::expected<void, std::string> sync();
    void resize(std::uint64_t size_max) { settings_.size_max = size_max; }

    /// The files, oldest first.
    std::size_t count() const { return files_.size(); }
    /// Whether an entry that fulfils this may be in the file: true unless it is known.
    bool may_hold(std::size_t index, const Position& position) const;
    bool may_be_above(std::size_t index, std::uint64_t sequence) const;
    bool may_be_after(std::size_t index, std::int64_t since_us) const;
    /// What is in a file; one that cannot be read is empty.
    Reading read(std::size_t index);

private:
    /// What is known of a file that is not written any more.
    struct Known {
        std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> numbers; ///< by life: least and most
        std::int64_t latest_us{0};
    };
    struct File {
        std::uint64_t number{0};
        std::uint64_t octets{0};
        std::optional<Known> known;
    };
    std::string path_of(const File& file) const;
    std::uint64_t file_max() const { return std::max<std::uint64_t>(settings_.size_max / 8, 2 * line_max); }
    std::expected<void, std::string> list_files();
    std::expected<std::size_t, std::string> mend_newest(Found& found);
    std::expected<void, std::string> begin_file();
    std::expected<void, std::string> write(std::string_view lines);
    void make_room(std::uint64_t octets, std::size_t kept);
    void close();

    Settings settings_;
    std::deque<File> files_;
    std::uint64_t next_{1}; ///< number of the next file
    int newest_{-1};        ///< open for appending
    bool spoilt_{false};    ///< the newest may end in half a line
};

} // namespace tandem::ledger
