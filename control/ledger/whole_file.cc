// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/ledger/whole_file.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace tandem::ledger {
namespace {

std::unexpected<std::string> failed(const std::string& path, const char* what) {
    return std::unexpected(path + ": " + what + ": " + std::strerror(errno));
}

struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0)
            ::close(fd);
    }
};

std::expected<void, std::string> write_beside(const std::string& path, std::string_view content) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (file.fd < 0)
        return failed(path, "cannot open");
    const ssize_t written = ::write(file.fd, content.data(), content.size());
    if (written >= 0 && written != static_cast<ssize_t>(content.size()))
        errno = ENOSPC; // what a short write to a file means
    if (written != static_cast<ssize_t>(content.size()))
        return failed(path, "cannot write");
    if (::fsync(file.fd) != 0)
        return failed(path, "cannot sync");
    return {};
}

} // namespace

std::expected<void, std::string> replace_file(const std::string& path, std::string_view content) {
    const std::string folder = std::filesystem::path{path}.parent_path().string();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return std::unexpected(folder + ": cannot create: " + error.message());
    const std::string beside = path + ".new";
    if (auto written = write_beside(beside, content); !written) {
        ::unlink(beside.c_str()); // what is half written takes room on a disk that may be full
        return written;
    }
    if (::rename(beside.c_str(), path.c_str()) != 0)
        return failed(path, "cannot replace");
    const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.fd < 0 || ::fsync(directory.fd) != 0)
        return failed(folder, "cannot sync");
    return {};
}

std::string read_file(const std::string& path, std::size_t most) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > most)
        return {};
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace tandem::ledger
