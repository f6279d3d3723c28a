// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/table_file.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

namespace tandem::contract {
namespace {

/// More than any table has: what a header says is not believed beyond it.
constexpr std::uint64_t octets_max = 1ULL << 40U;

std::unexpected<std::string> failed(const std::string& path, const char* what, int error) {
    return std::unexpected(path + ": " + what + ": " + std::strerror(error));
}

template <typename Clock>
std::int64_t nanoseconds_of() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

/// A descriptor that is closed unless it was taken.
struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0)
            ::close(number);
    }
    int take() { return std::exchange(number, -1); }
};

std::string path_of(const std::string& run_dir, TableKind kind, std::uint16_t part) {
    const std::string path = run_dir + "/" + std::string{to_string(kind)};
    return part == 0 ? path : path + "." + std::to_string(part);
}

} // namespace

std::string_view to_string(TableKind kind) {
    switch (kind) {
    case TableKind::registrations:
        return "registrations";
    case TableKind::dialogs:
        return "dialogs";
    case TableKind::flows:
        return "flows";
    case TableKind::capture:
        return "capture";
    }
    return "?";
}

TableMapping::TableMapping(TableMapping&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr))
    , size_(std::exchange(other.size_, 0))
    , descriptor_(std::exchange(other.descriptor_, -1)) {}

TableMapping& TableMapping::operator=(TableMapping&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

TableMapping::~TableMapping() {
    if (memory_ != nullptr)
        ::munmap(memory_, size_);
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

void TableWriter::fill(const TableShape& shape) const {
    auto* header = new (memory_) TableHeader;
    header->kind = shape.kind;
    header->head_octets = shape.head_octets;
    header->octets = shape.octets;
    header->records = shape.records;
    header->chunks = shape.chunks;
    header->part = shape.part;
    header->monotonic_ns = nanoseconds_of<std::chrono::steady_clock>();
    header->realtime_ns = nanoseconds_of<std::chrono::system_clock>();
}

std::expected<TableWriter, std::string> TableWriter::create(const std::string& run_dir,
                                                            const TableShape& shape) {
    const std::string path = path_of(run_dir, shape.kind, shape.part.number);
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str()); // of an engine that died in between; there is one engine per run directory
    Descriptor file{::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (file.number < 0)
        return failed(temporary, "cannot make", errno);
    const std::size_t size = header_octets + shape.octets;
    // The file is a hole: a file system that is full later would end the engine at a write into it.
    std::error_code error;
    const auto space = std::filesystem::space(run_dir, error);
    const bool enough = !error && space.available >= size;
    if (!enough || ::ftruncate(file.number, static_cast<off_t>(size)) != 0 ||
        ::flock(file.number, LOCK_EX | LOCK_NB) != 0) {
        const int reason = enough ? errno : ENOSPC;
        ::unlink(temporary.c_str());
        return failed(path, ("cannot have " + std::to_string(size) + " octets").c_str(), reason);
    }
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0);
    if (memory == MAP_FAILED) {
        const int reason = errno;
        ::unlink(temporary.c_str());
        return failed(path, "cannot map", reason);
    }
    TableWriter writer{memory, size, file.take()};
    writer.temporary_ = temporary;
    writer.path_ = path;
    writer.fill(shape);
    return writer;
}

TableWriter TableWriter::unshared(const TableShape& shape) {
    const std::size_t size = header_octets + shape.octets;
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        std::abort(); // address space: there is more of it than any configuration may ask for
    TableWriter writer{memory, size, -1};
    writer.fill(shape);
    return writer;
}

std::expected<void, std::string> TableWriter::publish() {
    if (path_.empty())
        return {};
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
        return failed(path_, "cannot be named", errno);
    // Parts that an earlier engine has left behind: this one's are published after the first.
    for (std::size_t part = 1; header().part.number == 0 && part < workers_max; ++part)
        ::unlink((path_ + "." + std::to_string(part)).c_str());
    return {};
}

std::expected<TableReader, std::string> TableReader::open(const std::string& run_dir, TableKind kind,
                                                          std::uint32_t head_octets, std::uint16_t part) {
    const std::string path = path_of(run_dir, kind, part);
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (file.number < 0)
        return errno == ENOENT ? std::unexpected(path + ": is not there: has tandem-fast been started?")
                               : failed(path, "cannot be opened", errno);
    struct stat status {};
    if (::fstat(file.number, &status) != 0)
        return failed(path, "cannot be examined", errno);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (!S_ISREG(status.st_mode) || size < header_octets || size > octets_max)
        return std::unexpected(path + ": is no table of tandem-fast");
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number, 0);
    if (memory == MAP_FAILED)
        return failed(path, "cannot be mapped", errno);
    TableReader reader{memory, static_cast<std::size_t>(size), file.take()};
    const TableHeader& header = reader.header();
    if (header.magic != TableHeader::magic_value || header.kind != kind)
        return std::unexpected(path + ": is no table of tandem-fast");
    if (header.version != TableHeader::version_value || header.head_octets != head_octets ||
        header.octets != size - header_octets || header.interface_count > header.interfaces.size())
        return std::unexpected(path +
                               ": was made by another version: use the tandemctl that came with tandem-fast");
    return reader;
}

std::expected<std::vector<TableReader>, std::string>
TableReader::open_all(const std::string& run_dir, TableKind kind, std::uint32_t head_octets) {
    auto first = open(run_dir, kind, head_octets);
    if (!first)
        return std::unexpected(first.error());
    const std::uint16_t of = first->header().part.of;
    std::vector<TableReader> parts;
    parts.push_back(std::move(*first));
    for (std::uint16_t i = 1; i < std::min<std::size_t>(of, workers_max); ++i)
        if (auto part = open(run_dir, kind, head_octets, i))
            if (part->header().part.number == i && part->header().part.of == of)
                parts.push_back(std::move(*part));
    return parts;
}

bool TableReader::is_alive() const {
    if (::flock(descriptor_, LOCK_SH | LOCK_NB) != 0)
        return true;
    ::flock(descriptor_, LOCK_UN);
    return false;
}

} // namespace tandem::contract
