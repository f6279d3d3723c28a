// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/phone/probe_log.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::phone {

namespace {

std::size_t mapped_size(std::size_t capacity) {
    return sizeof(ProbeLogHeader) + capacity * sizeof(ProbeLogEntry);
}

} // namespace

std::expected<ProbeLog, std::string> ProbeLog::create(const std::string& file, std::size_t capacity) {
    const auto refuse = [&] { return std::unexpected(file + ": " + std::strerror(errno)); };
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse();
    const std::size_t size = mapped_size(capacity);
    void* base = MAP_FAILED;
    if (::ftruncate(fd, static_cast<off_t>(size)) == 0)
        base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        const int error = errno;
        ::close(fd);
        errno = error;
        return refuse();
    }
    ProbeLog log(fd, base, capacity);
    log.header().magic = probe_log_magic;
    log.header().version = probe_log_version;
    log.header().entry_size = sizeof(ProbeLogEntry);
    return log;
}

ProbeLog::ProbeLog(ProbeLog&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , base_(std::exchange(other.base_, nullptr))
    , capacity_(other.capacity_) {}

ProbeLog::~ProbeLog() {
    if (fd_ < 0)
        return;
    const std::size_t used = mapped_size(header().sent);
    ::munmap(base_, mapped_size(capacity_));
    // A file that stays longer than needed is still a valid record.
    [[maybe_unused]] const int cut = ::ftruncate(fd_, static_cast<off_t>(used));
    ::close(fd_);
}

} // namespace tandem::phone
