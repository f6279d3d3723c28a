// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/epochs.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace tandem::app {
namespace {

constexpr const char* first_line = "tandem-groups-1";

std::string path_of(const std::string& state_dir) {
    return state_dir + "/groups";
}

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

} // namespace

std::expected<Records, std::string> load_records(const std::string& state_dir) {
    const std::string path = path_of(state_dir);
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        return Records{};
    std::ifstream file{path};
    std::string line;
    if (!std::getline(file, line) || line != first_line)
        return std::unexpected(path +
                               ": is not a file of group records; move it away and start again (the peer "
                               "knows the epochs)");
    Records records;
    while (std::getline(file, line)) {
        std::istringstream words{line};
        std::string name;
        std::string state;
        GroupRecord record;
        if (!(words >> name >> record.epoch >> state) || (state != "enabled" && state != "disabled"))
            return std::unexpected(
                path + ": line '" + line.substr(0, 80) +
                "' is damaged; move the file away and start again (the peer knows the epochs)");
        record.disabled = state == "disabled";
        records[name] = record;
    }
    return records;
}

std::expected<void, std::string> save_records(const std::string& state_dir, const Records& records) {
    std::error_code error;
    if (std::filesystem::create_directories(state_dir, error))
        ::chmod(state_dir.c_str(), 0700);
    if (error)
        return std::unexpected(state_dir + ": cannot create: " + error.message());
    std::string text = std::string{first_line} + "\n";
    for (const auto& [name, record] : records)
        text += name + " " + std::to_string(record.epoch) + (record.disabled ? " disabled\n" : " enabled\n");

    const std::string path = path_of(state_dir);
    const std::string beside = path + ".new";
    {
        const Descriptor file{
            ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (file.fd < 0)
            return failed(beside, "cannot open");
        if (::write(file.fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            return failed(beside, "cannot write");
        if (::fsync(file.fd) != 0)
            return failed(beside, "cannot sync");
    }
    if (::rename(beside.c_str(), path.c_str()) != 0)
        return failed(path, "cannot replace");
    const Descriptor directory{::open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.fd >= 0)
        ::fsync(directory.fd);
    return {};
}

} // namespace tandem::app
