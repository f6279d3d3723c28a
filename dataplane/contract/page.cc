// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/page.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

namespace tandem::contract {
namespace {

std::string describe(const std::string& path, const char* what, int error) {
    return path + ": " + what + ": " + std::strerror(error);
}

/// Closing alone would not unlock: the mapping keeps the open file, and with it the lock.
struct LockedFile {
    int fd;
    ~LockedFile() {
        if (fd < 0)
            return;
        ::flock(fd, LOCK_UN);
        ::close(fd);
    }
};

} // namespace

RecordSetup record_setup(const Page& page) {
    RecordSetup setup;
    if (page.records.sequence() != 0)
        page.records.read(setup);
    return setup;
}

std::uint64_t Page::count(Counter counter) const noexcept {
    std::uint64_t sum = counters.get(counter);
    for (const WorkerShare& worker : workers)
        sum += worker.counters.get(counter);
    return sum;
}

std::uint64_t Page::arrived(std::size_t group) const noexcept {
    std::uint64_t sum = traffic[group].arrived.load(std::memory_order_relaxed);
    for (const WorkerShare& worker : workers)
        sum += worker.arrived[group].load(std::memory_order_relaxed);
    return sum;
}

Beats beats_of(const Page& page) noexcept {
    Beats beats{page.engine.beats.load()};
    const std::size_t count = std::min<std::size_t>(page.engine.workers.load(), workers_max);
    for (std::size_t i = 1; i < count; ++i)
        beats[i] = page.workers[i - 1].beats.load();
    return beats;
}

std::expected<PageMapping, std::string> PageMapping::open(const std::string& run_dir) {
    std::error_code error;
    if (std::filesystem::create_directories(run_dir, error))
        ::chmod(run_dir.c_str(), 0700);
    if (error)
        return std::unexpected(run_dir + ": cannot create the run directory: " + error.message());

    const std::string path = run_dir + "/page";
    const LockedFile file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (file.fd < 0)
        return std::unexpected(describe(path, "cannot open", errno));
    // Held while the page is made, so that two processes that start together see one page.
    if (::flock(file.fd, LOCK_EX) != 0)
        return std::unexpected(describe(path, "cannot lock", errno));
    struct stat status {};
    if (::fstat(file.fd, &status) != 0)
        return std::unexpected(describe(path, "cannot read the size", errno));
    const bool fresh = status.st_size == 0;
    if (fresh && ::ftruncate(file.fd, sizeof(Page)) != 0)
        return std::unexpected(describe(path, "cannot size", errno));
    if (!fresh && static_cast<std::size_t>(status.st_size) != sizeof(Page))
        return std::unexpected(path +
                               ": was made by another version; stop tandemd and tandem-fast, remove the "
                               "file, start both again");

    void* memory =
        ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.fd, 0);
    if (memory == MAP_FAILED)
        return std::unexpected(describe(path, "cannot map", errno));
    auto* page = static_cast<Page*>(memory);
    if (page->magic == 0) { // fresh, or its maker died before the last line
        page = new (memory) Page;
        page->size = sizeof(Page);
        page->version = page_version;
        page->magic = page_magic;
    }
    PageMapping mapping{page};
    if (page->magic != page_magic || page->version != page_version || page->size != sizeof(Page))
        return std::unexpected(path +
                               ": was made by another version; stop tandemd and tandem-fast, remove the "
                               "file, start both again");
    return mapping;
}

PageMapping::PageMapping(PageMapping&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)) {}

PageMapping& PageMapping::operator=(PageMapping&& other) noexcept {
    std::swap(page_, other.page_);
    return *this;
}

PageMapping::~PageMapping() {
    if (page_ != nullptr)
        ::munmap(page_, sizeof(Page));
}

} // namespace tandem::contract
