// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/document.hh"
#include "control/config/load.hh"
#include "control/config/private_file.hh"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tandem::config {
namespace {

constexpr std::string_view word = "tandem-pair-key-1 ";
constexpr std::size_t key_octets = 32;
constexpr std::string_view digits = "0123456789abcdef";

class Descriptor {
public:
    explicit Descriptor(int fd)
        : fd_{fd} {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0)
            close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

/// Removes the temporary file, however the function ends.
class Temporary {
public:
    explicit Temporary(std::string name)
        : name_{std::move(name)} {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() { unlink(name_.c_str()); }

private:
    std::string name_;
};

std::string octal(unsigned mode) {
    std::string text;
    for (int shift = 9; shift >= 0; shift -= 3)
        text += static_cast<char>('0' + ((mode >> shift) & 7U));
    return text;
}

int hex_value(char c) {
    if (c >= 'A' && c <= 'F')
        c = static_cast<char>(c - 'A' + 'a');
    const auto position = digits.find(c);
    return position == std::string_view::npos ? -1 : static_cast<int>(position);
}

std::expected<std::string, Problem> decode(std::string_view text, const std::string& key_file) {
    const Problem content{
        key_file, 1, 1, "does not contain a pair key",
        "one line is expected: \"tandem-pair-key-1\" and 64 hexadecimal digits; make one with "
        "tandemctl keygen and copy it to both nodes"};
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    if (!text.starts_with(word) || text.size() != word.size() + 2 * key_octets)
        return std::unexpected(content);
    text.remove_prefix(word.size());
    std::string bytes;
    unsigned sum = 0;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return std::unexpected(content);
        const auto octet = static_cast<unsigned>(high * 16 + low);
        sum |= octet;
        bytes += static_cast<char>(octet);
    }
    if (sum == 0)
        return std::unexpected(Problem{key_file, 1, word.size() + 1, "the pair key is all zeros",
                                       "make one with tandemctl keygen and copy it to both nodes"});
    return bytes;
}

std::expected<void, Problem> check_file(int fd, const std::string& key_file, const std::string& how_to_make) {
    struct stat status {};
    if (fstat(fd, &status) != 0)
        return std::unexpected(
            Problem{key_file, 0, 0, std::string{"cannot be examined: "} + std::strerror(errno), ""});
    if (!S_ISREG(status.st_mode))
        return std::unexpected(Problem{key_file, 0, 0, "is not a regular file", how_to_make});
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return std::unexpected(Problem{key_file, 0, 0,
                                       "belongs to user " + std::to_string(status.st_uid) +
                                           ", not to root or the user that runs tandem",
                                       "chown root " + key_file});
    // 0600 or stricter: whoever can read it can become the other node.
    if ((status.st_mode & 0177U) != 0)
        return std::unexpected(
            Problem{key_file, 0, 0,
                    "has mode " + octal(status.st_mode & 07777U) + ": others than its owner can get at it",
                    "chmod 600 " + key_file});
    return {};
}

} // namespace

std::expected<std::string, Problem> read_private_file(const std::string& name, std::size_t octets_max,
                                                      const std::string& how_to_make) {
    // Not blocking, in case that somebody put a FIFO there.
    const Descriptor file{open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (file.get() < 0) {
        const int error = errno;
        if (error == ENOENT)
            return std::unexpected(Problem{name, 0, 0, "does not exist", how_to_make});
        return std::unexpected(Problem{name, 0, 0, std::string{"cannot be opened: "} + std::strerror(error),
                                       "it must be readable by the user that runs tandem"});
    }
    if (const auto good = check_file(file.get(), name, how_to_make); !good)
        return std::unexpected(good.error());
    std::string text(octets_max, '\0');
    const ssize_t count = read(file.get(), text.data(), text.size());
    if (count < 0)
        return std::unexpected(
            Problem{name, 0, 0, std::string{"cannot be read: "} + std::strerror(errno), ""});
    text.resize(static_cast<std::size_t>(count));
    return text;
}

std::expected<PairKey, Problem> load_key(const std::string& key_file) {
    auto text = read_private_file(
        key_file, 256, "make it with: tandemctl keygen " + key_file + ", and copy it to the other node");
    if (!text)
        return std::unexpected(text.error());
    auto bytes = decode(*text, key_file);
    explicit_bzero(text->data(), text->size());
    if (!bytes)
        return std::unexpected(bytes.error());
    return PairKey{std::move(*bytes)};
}

std::expected<void, std::string> generate_key(const std::string& key_file) {
    const auto failed = [&](const char* what) {
        return std::unexpected(key_file + ": " + what + ": " + std::strerror(errno));
    };
    if (key_file.empty())
        return std::unexpected("the name of the key file is empty");
    std::array<unsigned char, key_octets> key{};
    if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
        return failed("no random numbers");
    std::string line{word};
    for (const unsigned char octet : key) {
        line += digits[octet >> 4U];
        line += digits[octet & 15U];
    }
    line += '\n';

    // Written beside its final name and then linked to it: there is never half a key, and link() does not
    // overwrite.
    const std::string temporary_name = key_file + "." + std::to_string(getpid()) + ".new";
    const Descriptor file{
        open(temporary_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (file.get() < 0)
        return failed("cannot be written");
    const Temporary temporary{temporary_name};
    const ssize_t written = write(file.get(), line.data(), line.size());
    if (written >= 0 && written != static_cast<ssize_t>(line.size()))
        errno = ENOSPC;
    explicit_bzero(line.data(), line.size());
    explicit_bzero(key.data(), key.size());
    if (written != static_cast<ssize_t>(word.size() + 2 * key_octets + 1) || fchmod(file.get(), 0600) != 0 ||
        fsync(file.get()) != 0)
        return failed("cannot be written");
    if (link(temporary_name.c_str(), key_file.c_str()) != 0)
        return errno == EEXIST ? std::unexpected(key_file + ": exists already; a key is never overwritten")
                               : failed("cannot be made");
    const std::string folder =
        key_file.find('/') == std::string::npos ? "." : key_file.substr(0, key_file.find_last_of('/') + 1);
    const Descriptor directory{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.get() >= 0)
        fsync(directory.get());
    return {};
}

} // namespace tandem::config
