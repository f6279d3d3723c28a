// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/store.hh"

#include "control/mail/letter.hh"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

namespace tandem::mail {
namespace json = boost::json;
namespace fs = std::filesystem;
namespace {

constexpr std::string_view first_line = "tandem-letter-1\n";
constexpr std::string_view ending = ".letter";
constexpr std::string_view beside = ".new";
constexpr std::string_view aside = ".unreadable";
/// A body of control characters is six times as long in the file.
constexpr std::size_t file_max = 8 * body_max;
constexpr std::size_t files_max = 20'000;
constexpr std::size_t aside_max = 100; ///< of unreadable files, so many are left for a look

struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0)
            ::close(fd);
    }
};

std::unexpected<std::string> failed(const std::string& path, const char* what) {
    return std::unexpected(path + ": " + what + ": " + std::strerror(errno));
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::expected<std::string, std::string> content(const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    struct stat status {};
    if (file.fd < 0 || ::fstat(file.fd, &status) != 0)
        return std::unexpected(std::string{"cannot be opened: "} + std::strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size < 0 || static_cast<std::size_t>(status.st_size) > file_max)
        return std::unexpected(std::string{"is no file of a letter's size"});
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const ssize_t got = ::read(file.fd, text.data() + have, text.size() - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return std::unexpected(std::string{"cannot be read"});
        have += static_cast<std::size_t>(got);
    }
    return text;
}

std::optional<std::string> text_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string())
        return std::nullopt;
    return std::string{value->get_string()};
}

} // namespace

bool is_id(std::string_view text) {
    return text.size() == 16 &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string to_text(const Kept& letter) {
    json::array to;
    for (const std::string& address : letter.to)
        to.emplace_back(address);
    const json::object object{{"id", letter.id},           {"created_ms", letter.created_ms},
                              {"from", letter.from},       {"to", std::move(to)},
                              {"subject", letter.subject}, {"body", letter.body},
                              {"digest", letter.digest}};
    return std::string{first_line} + json::serialize(object) + "\n";
}

std::expected<Kept, std::string> from_text(std::string_view text) {
    const auto wrong = [](const char* what) { return std::unexpected(std::string{what}); };
    if (!text.starts_with(first_line) || !text.ends_with('\n'))
        return wrong("is no letter, or only a part of one");
    text.remove_prefix(first_line.size());
    json::error_code error;
    const json::value value = json::parse(text, error);
    if (error || !value.is_object())
        return wrong("is damaged");
    const json::object& object = value.get_object();
    const auto id = text_of(object, "id");
    const auto from = text_of(object, "from");
    const auto subject = text_of(object, "subject");
    const auto body = text_of(object, "body");
    const json::value* to = object.if_contains("to");
    const json::value* created = object.if_contains("created_ms");
    const json::value* digest = object.if_contains("digest");
    if (!id || !is_id(*id) || !from || !subject || !body || to == nullptr || !to->is_array() ||
        created == nullptr || !created->is_int64() || digest == nullptr || !digest->is_bool())
        return wrong("lacks a field");
    // A file is no reason to trust what stands in it.
    Kept letter{*id,
                *from,
                {},
                one_line(*subject, subject_max),
                clean_text(*body, body_max),
                created->get_int64(),
                digest->get_bool()};
    bool good = check_address(*from).has_value() && !to->get_array().empty() &&
                to->get_array().size() <= recipients_max;
    for (const json::value& address : to->get_array()) {
        good = good && address.is_string() && check_address(address.get_string()).has_value();
        if (good)
            letter.to.emplace_back(address.get_string());
    }
    if (!good)
        return wrong("has an address that is none");
    return letter;
}

Found read_folder(const std::string& folder, std::size_t letters_max) {
    Found found;
    std::vector<std::string> names;
    std::size_t put_aside = 0;
    std::error_code error;
    for (fs::directory_iterator entry{folder, error}, end; !error && entry != end && names.size() < files_max;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.ends_with(beside))
            ::unlink((folder + "/" + name).c_str()); // the crash came before it was whole
        else if (name.ends_with(aside))
            ++put_aside;
        else if (name.ends_with(ending))
            names.push_back(name);
    }
    if (error && error != std::errc::no_such_file_or_directory)
        found.trouble = folder + ": cannot be read: " + error.message();
    for (const std::string& name : names) {
        const std::string path = folder + "/" + name;
        const auto text = content(path);
        auto letter = text ? from_text(*text) : std::unexpected(text.error());
        if (letter && name != letter->id + std::string{ending})
            letter = std::unexpected(std::string{"has the name of another letter"});
        if (letter) {
            found.letters.push_back(std::move(*letter));
            continue;
        }
        if (put_aside++ < aside_max)
            ::rename(path.c_str(), (path + std::string{aside}).c_str());
        else
            ::unlink(path.c_str());
        found.unreadable.push_back(path + " " + letter.error());
    }
    std::ranges::sort(found.letters, {}, [](const Kept& letter) {
        return std::pair{letter.created_ms, letter.id};
    });
    if (found.letters.size() > letters_max) // the newest are more likely to matter
        found.letters.erase(found.letters.begin(),
                            found.letters.end() - static_cast<std::ptrdiff_t>(letters_max));
    return found;
}

std::expected<void, std::string> keep(const std::string& folder, const Kept& letter) {
    std::error_code error;
    if (fs::create_directories(folder, error))
        ::chmod(folder.c_str(), 0700);
    if (error)
        return std::unexpected(folder + ": cannot be made: " + error.message());
    const std::string path = folder + "/" + letter.id + std::string{ending};
    const std::string fresh = path + std::string{beside};
    {
        const Descriptor file{
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (file.fd < 0)
            return failed(fresh, "cannot be opened");
        if (!write_all(file.fd, to_text(letter)) || ::fsync(file.fd) != 0) {
            auto trouble = failed(fresh, "cannot be written");
            ::unlink(fresh.c_str()); // what is half written takes room on a disk that may be full
            return trouble;
        }
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) {
        auto trouble = failed(path, "cannot be made");
        ::unlink(fresh.c_str());
        return trouble;
    }
    const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.fd < 0 || ::fsync(directory.fd) != 0)
        return failed(folder, "cannot be synced");
    return {};
}

void remove(const std::string& folder, std::string_view id) {
    ::unlink((folder + "/" + std::string{id} + std::string{ending}).c_str());
}

} // namespace tandem::mail
