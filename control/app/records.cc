// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/records.hh"

#include "control/ledger/whole_file.hh"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace tandem::app {
namespace {

using config::ConfiguredRole;

constexpr std::string_view former_first_line = "tandem-groups-1";
constexpr std::string_view format = "tandem-groups-2";

std::string path_of(const std::string& state_dir) {
    return state_dir + "/groups";
}

std::string_view word_of(ConfiguredRole role) {
    return role == ConfiguredRole::primary ? "primary" : "secondary";
}

std::optional<ConfiguredRole> role_of(std::string_view word) {
    if (word == "primary")
        return ConfiguredRole::primary;
    if (word == "secondary")
        return ConfiguredRole::secondary;
    return std::nullopt;
}

/// NAME EPOCH enabled|disabled [ROLE ROLE-OF-THE-FILE SERIAL]
bool read_line(const std::string& line, Records& records) {
    std::istringstream words{line};
    std::string name;
    std::string state;
    GroupRecord record;
    if (!(words >> name >> record.epoch >> state) || (state != "enabled" && state != "disabled"))
        return false;
    record.disabled = state == "disabled";
    std::string role;
    if (words >> role) {
        std::string file;
        unsigned serial = 0;
        if (!(words >> file >> serial) || !role_of(role) || !role_of(file) || serial > 255)
            return false;
        record.role = KeptRole{*role_of(role), *role_of(file), static_cast<std::uint8_t>(serial)};
    }
    if (std::string more; words >> more)
        return false;
    records[name] = record;
    return true;
}

std::string text_of(const Store& store) {
    std::string text =
        std::string{format} + (store.ending == Ending::orderly ? " ended in order\n" : " open\n");
    for (const auto& [name, record] : store.records) {
        text += name + " " + std::to_string(record.epoch) + (record.disabled ? " disabled" : " enabled");
        if (record.role)
            text += " " + std::string{word_of(record.role->role)} + " " +
                    std::string{word_of(record.role->file)} + " " + std::to_string(record.role->serial);
        text += "\n";
    }
    return text;
}

} // namespace

std::expected<Store, std::string> load_records(const std::string& state_dir) {
    const std::string path = path_of(state_dir);
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        return Store{};
    std::ifstream file{path};
    std::string line;
    const bool any = static_cast<bool>(std::getline(file, line));
    const bool orderly = line == std::string{format} + " ended in order";
    if (!any || (!orderly && line != std::string{format} + " open" && line != former_first_line))
        return std::unexpected(path +
                               ": is not a file of group records; move it away and start again (the peer "
                               "knows the epochs)");
    Store store;
    store.ending = orderly ? Ending::orderly : Ending::open;
    while (std::getline(file, line))
        if (!read_line(line, store.records))
            return std::unexpected(
                path + ": line '" + line.substr(0, 80) +
                "' is damaged; move the file away and start again (the peer knows the epochs)");
    return store;
}

std::expected<void, std::string> save_records(const std::string& state_dir, const Store& store) {
    std::error_code error;
    if (std::filesystem::create_directories(state_dir, error))
        ::chmod(state_dir.c_str(), 0700);
    if (error)
        return std::unexpected(state_dir + ": cannot create: " + error.message());
    return ledger::replace_file(path_of(state_dir), text_of(store));
}

std::uint64_t known_epoch(const GroupRecord& record, Ending ending) {
    // A group that never served stays so: nobody has a claim on it.
    return record.epoch == 0 || ending == Ending::orderly ? record.epoch : record.epoch + 1;
}

std::optional<KeptRole> settle_role(ConfiguredRole file, const std::optional<KeptRole>& kept) {
    if (!kept || kept->file == file)
        return kept;
    return KeptRole{file, file, static_cast<std::uint8_t>(kept->serial + 1)};
}

} // namespace tandem::app
