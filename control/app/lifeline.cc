// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/lifeline.hh"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace tandem::app {
namespace {

std::expected<void*, std::string> map(int fd) {
    void* memory =
        ::mmap(nullptr, sizeof(Lifeline), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (memory == MAP_FAILED)
        return std::unexpected(std::string{"cannot map the memory shared with the guard: "} +
                               std::strerror(errno));
    return memory;
}

} // namespace

std::expected<LifelineMapping, std::string> LifelineMapping::create() {
    // Without MFD_CLOEXEC: the brain inherits the descriptor across exec.
    const int fd = ::memfd_create("tandem-lifeline", 0);
    if (fd < 0 || ::ftruncate(fd, sizeof(Lifeline)) != 0)
        return std::unexpected(std::string{"cannot make the memory shared with the brain: "} +
                               std::strerror(errno));
    const auto memory = map(fd);
    if (!memory)
        return std::unexpected(memory.error());
    auto* lifeline = new (*memory) Lifeline;
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&lifeline->alive, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    return LifelineMapping{fd, lifeline};
}

std::expected<LifelineMapping, std::string> LifelineMapping::inherit(int fd) {
    const auto memory = map(fd);
    if (!memory)
        return std::unexpected(memory.error());
    return LifelineMapping{fd, static_cast<Lifeline*>(*memory)};
}

LifelineMapping::LifelineMapping(LifelineMapping&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , lifeline_(std::exchange(other.lifeline_, nullptr)) {}

LifelineMapping::~LifelineMapping() {
    if (lifeline_ != nullptr)
        ::munmap(lifeline_, sizeof(Lifeline));
    if (fd_ >= 0)
        ::close(fd_);
}

} // namespace tandem::app
