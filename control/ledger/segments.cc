// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/segments.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace tandem::ledger {
namespace {

constexpr std::string_view ending = ".jsonl";
/// So much of the end of a file is enough to find its last line.
constexpr std::uint64_t tail_octets = 4 * line_max;
/// At most so much is written at once.
constexpr std::size_t write_max = 256 * 1024;

std::unexpected<std::string> failed(const std::string& path, const char* what) {
    return std::unexpected(path + ": " + what + ": " + std::strerror(errno));
}

/// `000000000042.jsonl`: 42.
std::optional<std::uint64_t> number_of(const std::string& name) {
    if (name.size() != 12 + ending.size() || !name.ends_with(ending))
        return std::nullopt;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + 12, number);
    return error == std::errc{} && end == name.data() + 12 ? std::optional{number} : std::nullopt;
}

/// The octets of a file from `begin` to its end.
std::expected<std::string, std::string> content(const std::string& path, std::uint64_t begin) {
    std::ifstream file{path, std::ios::binary};
    if (!file || !file.seekg(static_cast<std::streamoff>(begin)))
        return failed(path, "cannot read");
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (file.bad())
        return failed(path, "cannot read");
    return text;
}

} // namespace

Segments::Segments(Segments&& other) noexcept
    : settings_(std::move(other.settings_))
    , files_(std::move(other.files_))
    , next_(other.next_)
    , newest_(std::exchange(other.newest_, -1))
    , spoilt_(other.spoilt_) {}

Segments::~Segments() {
    close();
}

void Segments::close() {
    if (newest_ >= 0)
        ::close(std::exchange(newest_, -1));
}

std::string Segments::path_of(const File& file) const {
    std::string digits = std::to_string(file.number);
    digits.insert(0, 12 - std::min<std::size_t>(digits.size(), 12), '0');
    return settings_.folder + "/" + digits + std::string{ending};
}

std::expected<void, std::string> Segments::list_files() {
    std::error_code error;
    std::filesystem::create_directories(settings_.folder, error);
    if (error)
        return std::unexpected(settings_.folder + ": cannot create: " + error.message());
    ::chmod(settings_.folder.c_str(), 0700);
    files_.clear();
    for (std::filesystem::directory_iterator place{settings_.folder, error}, end; !error && place != end;
         place.increment(error)) {
        std::error_code odd;
        const auto number = number_of(place->path().filename().string());
        if (number && place->is_regular_file(odd))
            files_.push_back({*number, place->file_size(odd), std::nullopt});
    }
    if (error)
        return std::unexpected(settings_.folder + ": cannot list: " + error.message());
    std::ranges::sort(files_, {}, &File::number);
    return {};
}

/// Takes half a line away from the end of the newest file. How many octets it has then.
std::expected<std::size_t, std::string> Segments::mend_newest(Found& found) {
    File& file = files_.back();
    const std::string path = path_of(file);
    std::uint64_t begin = file.octets > tail_octets ? file.octets - tail_octets : 0;
    auto text = content(path, begin);
    if (!text)
        return std::unexpected(text.error());
    if (begin > 0 && text->find('\n') == std::string::npos) { // a half line that is longer than any
        begin = 0;
        text = content(path, 0);
        if (!text)
            return std::unexpected(text.error());
    }
    if (begin > 0) { // from the beginning of a line on
        const std::size_t skipped = text->find('\n') + 1;
        text->erase(0, skipped);
        begin += skipped;
    }
    const Reading reading = read_lines(*text);
    const std::uint64_t whole = begin + reading.whole;
    found.torn = found.torn || reading.whole != text->size();
    found.damaged += reading.damaged;
    found.boot = reading.boot;
    found.ended = reading.ended;
    if (!reading.entries.empty())
        found.last = reading.entries.back();
    if (whole != file.octets && ::truncate(path.c_str(), static_cast<off_t>(whole)) != 0)
        return failed(path, "cannot mend");
    file.octets = whole;
    return whole;
}

std::expected<Segments::Found, std::string> Segments::open() {
    close();
    spoilt_ = false;
    if (auto listed = list_files(); !listed)
        return std::unexpected(listed.error());
    Found found;
    if (files_.empty())
        return found;
    if (auto mended = mend_newest(found); !mended)
        return std::unexpected(mended.error());
    // The run's beginning and the last event may stand further up, or in a file before.
    for (std::size_t i = files_.size(); i-- > 0 && (!found.last || found.boot.empty());) {
        const Reading reading = read(i);
        if (!found.last && !reading.entries.empty())
            found.last = reading.entries.back();
        if (found.boot.empty())
            found.boot = reading.boot;
    }
    return found;
}

std::expected<void, std::string> Segments::begin_file() {
    close();
    const File file{next_, 0, std::nullopt};
    const std::string path = path_of(file);
    newest_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (newest_ < 0)
        return failed(path, "cannot open");
    files_.push_back(file);
    ++next_;
    const int directory = ::open(settings_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        ::fsync(directory);
        ::close(directory);
    }
    return {};
}

/// At least `kept` files stay.
void Segments::make_room(std::uint64_t octets, std::size_t kept) {
    std::uint64_t sum = octets;
    for (const File& file : files_)
        sum += file.octets;
    while (sum > settings_.size_max && files_.size() > kept) {
        if (::unlink(path_of(files_.front()).c_str()) != 0 && errno != ENOENT)
            return;
        sum -= files_.front().octets;
        files_.pop_front();
    }
}

std::expected<void, std::string> Segments::append(std::string_view lines) {
    while (!lines.empty()) {
        std::size_t size = std::min(lines.size(), std::min<std::size_t>(write_max, file_max()));
        if (size < lines.size())
            size = lines.rfind('\n', size - 1) + 1; // a line is shorter than that
        if (size == 0)
            return std::unexpected(settings_.folder + ": a line is too long");
        if (auto written = write(lines.substr(0, size)); !written)
            return written;
        lines.remove_prefix(size);
    }
    return {};
}

std::expected<void, std::string> Segments::write(std::string_view lines) {
    if (spoilt_ || files_.empty())
        if (auto opened = open(); !opened)
            return std::unexpected(opened.error());
    const bool full = files_.empty() || files_.back().octets + lines.size() > file_max();
    next_ = std::max(next_, files_.empty() ? 1 : files_.back().number + 1);
    make_room(lines.size(), full ? 0 : 1);
    if (full)
        if (auto begun = begin_file(); !begun)
            return begun;
    if (newest_ < 0) {
        const std::string path = path_of(files_.back());
        newest_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        if (newest_ < 0)
            return failed(path, "cannot open");
    }
    struct statvfs room {};
    if (settings_.room_left > 0 && ::fstatvfs(newest_, &room) == 0 &&
        room.f_bavail * room.f_frsize < settings_.room_left + lines.size())
        return std::unexpected(settings_.folder + ": the last " + std::to_string(settings_.room_left >> 10U) +
                               " KiB of the file system are left to the records");
    const ssize_t written = ::write(newest_, lines.data(), lines.size());
    if (written == static_cast<ssize_t>(lines.size())) {
        files_.back().octets += lines.size();
        return {};
    }
    if (written >= 0)
        errno = ENOSPC; // what a short write to a file means
    auto error = failed(path_of(files_.back()), "cannot write");
    spoilt_ = ::ftruncate(newest_, static_cast<off_t>(files_.back().octets)) != 0;
    return error;
}

std::expected<void, std::string> Segments::sync() {
    if (newest_ >= 0 && ::fdatasync(newest_) != 0)
        return failed(path_of(files_.back()), "cannot sync");
    close();
    return {};
}

bool Segments::may_hold(std::size_t index, const Position& position) const {
    const auto& known = files_[index].known;
    if (!known)
        return true;
    const auto life = known->numbers.find(position.life);
    return life != known->numbers.end() && life->second.first <= position.sequence &&
           position.sequence <= life->second.second;
}

bool Segments::may_be_above(std::size_t index, std::uint64_t sequence) const {
    const auto& known = files_[index].known;
    return !known || std::ranges::any_of(known->numbers,
                                         [&](const auto& life) { return life.second.second > sequence; });
}

bool Segments::may_be_after(std::size_t index, std::int64_t since_us) const {
    const auto& known = files_[index].known;
    return !known || known->latest_us >= since_us;
}

Reading Segments::read(std::size_t index) {
    const auto text = content(path_of(files_[index]), 0);
    if (!text)
        return {};
    Reading reading = read_lines(*text);
    if (index + 1 < files_.size() && !reading.entries.empty()) {
        Known known;
        known.latest_us = reading.entries.front()->order_us();
        for (const EntryPtr& entry : reading.entries) {
            auto& range =
                known.numbers.try_emplace(entry->life, entry->sequence, entry->sequence).first->second;
            range = {std::min(range.first, entry->sequence), std::max(range.second, entry->sequence)};
            known.latest_us = std::max(known.latest_us, entry->order_us());
        }
        files_[index].known = std::move(known);
    }
    return reading;
}

} // namespace tandem::ledger
