// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/load.hh"

#include "control/config/action_schema.hh"
#include "control/config/checks.hh"
#include "control/config/email_schema.hh"
#include "control/config/snmp_schema.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tandem::config {
namespace {

struct Read {
    Draft draft;
    Problems problems;
};

Read read_draft(std::string_view text, const std::string& file) {
    auto document = read_document(text, file);
    if (!document)
        return {{}, {std::move(document.error())}};
    Complaints complaints{file};
    Draft draft = read_schema(*document, complaints);
    check(draft, complaints);
    return {std::move(draft), complaints.take()};
}

/// The host's name up to the first dot, as far as it is a name for us.
std::string host_name() {
    std::array<char, 256> buffer{};
    if (gethostname(buffer.data(), buffer.size() - 1) != 0)
        return "node";
    std::string name;
    for (const char* c = buffer.data(); *c != '\0' && *c != '.' && name.size() < 32; ++c)
        name += *c > ' ' && *c <= '~' ? *c : '-';
    return name.empty() ? "node" : name;
}

} // namespace

std::string Problem::to_string() const {
    std::string text = file;
    if (line > 0)
        text += ":" + std::to_string(line) + ":" + std::to_string(column);
    text += ": " + what;
    if (!hint.empty())
        text += " (" + hint + ")";
    return text;
}

std::expected<Config, Problems> parse(std::string_view text, const std::string& file) {
    Read read = read_draft(text, file);
    if (!read.problems.empty())
        return std::unexpected(std::move(read.problems));
    read.draft.config.digest = digest_of(read.draft.config);
    return std::move(read.draft.config);
}

std::size_t host_cores() {
    return static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_CONF)));
}

Problems check_against_host(const Config& config, std::string_view text, const std::string& file,
                            const std::vector<HostInterface>& interfaces, std::size_t cores) {
    // The text is the one that gave the configuration, so the places are as many as the values.
    const Places places = read_draft(text, file).draft.places;
    Complaints complaints{file};
    const auto is_vip = [&](const wire::IpAddress& address) {
        for (const auto& group : config.groups)
            for (const auto& vip : group.vips)
                if (vip.address == address)
                    return true;
        return false;
    };
    const auto place_or_none = [](const auto& list, std::size_t i) {
        return i < list.size() ? list[i] : typename std::decay_t<decltype(list)>::value_type{};
    };
    for (std::size_t i = 0; i < config.groups.size(); ++i) {
        const Group& group = config.groups[i];
        const auto where = place_or_none(places.groups, i);
        const HostInterface* found = nullptr;
        std::string names;
        for (const auto& interface : interfaces) {
            names += (names.empty() ? "" : ", ") + interface.name;
            if (interface.name == group.interface)
                found = &interface;
        }
        if (found == nullptr) {
            // Of an appliance the port's own line says it.
            if (!config.engine.is_appliance())
                complaints.add(where.interface, "this machine has no interface " + quoted(group.interface),
                               "it has: " + (names.empty() ? "none" : names));
            continue;
        }
        std::string networks;
        for (const auto& network : found->networks)
            if (!is_vip(network.address))
                networks += (networks.empty() ? "" : ", ") + network.to_string();
        for (std::size_t j = 0; j < group.vips.size(); ++j) {
            bool inside = false;
            for (const auto& network : found->networks)
                inside = inside || (!is_vip(network.address) && network.contains(group.vips[j].address));
            if (!inside)
                complaints.add(place_or_none(where.vips, j),
                               "VIP " + group.vips[j].address.to_string() +
                                   " is outside the networks of interface " + quoted(group.interface),
                               "they are: " + (networks.empty() ? "none" : networks));
        }
    }
    for (std::size_t i = 0; i < config.groups.size(); ++i) {
        const std::string& management = config.groups[i].watch.management_interface;
        const auto same = [&](const HostInterface& interface) { return interface.name == management; };
        if (!management.empty() && std::none_of(interfaces.begin(), interfaces.end(), same))
            complaints.add(place_or_none(places.groups, i).watch.management.value_or(Place{}),
                           "this machine has no interface " + quoted(management), "see ip link");
    }
    for (std::size_t i = 0; i < config.paths.size(); ++i) {
        bool here = false;
        for (const auto& interface : interfaces)
            for (const auto& network : interface.networks)
                here = here || network.address == config.paths[i].local;
        if (!here)
            complaints.add(place_or_none(places.paths, i).local,
                           config.paths[i].local.to_string() + " is not an address of this machine",
                           "\"local\" is this node's end of the path, \"peer\" the other's; see ip address");
    }
    check_appliance_against_host(config, places, interfaces, cores, complaints);
    check_actions_against_host(config, places, complaints);
    return complaints.take();
}

std::vector<std::string> advice(const Config& config, const std::vector<HostInterface>& interfaces) {
    std::vector<std::string> sentences;
    for (const EngineHaPort& ha : config.engine.ha)
        if (ha.mirror == contract::MirrorSeal::clear)
            sentences.push_back("path " + ha.path +
                                ": mirrored SIP leaves this node in clear and is believed when it comes in "
                                "clear: nothing but the two nodes may be on that network, and the other "
                                "node's file must say mirror = \"clear\" for it too");
    if (config.email)
        for (std::string& sentence : mail_advice(*config.email))
            sentences.push_back(std::move(sentence));
    if (config.snmp)
        for (std::string& sentence : snmp_advice(*config.snmp))
            sentences.push_back(std::move(sentence));
    for (const Group& group : config.groups) {
        const auto outside =
            std::find_if(interfaces.begin(), interfaces.end(),
                         [&](const HostInterface& interface) { return interface.name == group.interface; });
        for (const wire::IpAddress& witness : group.watch.witnesses) {
            const bool inside = outside != interfaces.end() &&
                                std::any_of(outside->networks.begin(), outside->networks.end(),
                                            [&](const auto& network) { return network.contains(witness); });
            if (!inside)
                sentences.push_back("group " + group.name + ": witness " + witness.to_string() +
                                    " is in no network of interface " + group.interface +
                                    ": it is reached through a router, whose death would isolate this node");
        }
    }
    return sentences;
}

std::expected<std::string, Problem> read_text(const std::string& file) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream{std::fopen(file.c_str(), "rbe"),
                                                                 std::fclose};
    if (!stream)
        return std::unexpected(Problem{file, 0, 0, std::string{"cannot be opened: "} + std::strerror(errno),
                                       "an example is in docs/examples/host-pair.toml"});
    std::string text;
    std::array<char, 4096> buffer{};
    // One octet more than is allowed shows that there is too much.
    while (text.size() <= text_size_max) {
        const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), stream.get());
        if (count == 0)
            break;
        text.append(buffer.data(), count);
    }
    if (std::ferror(stream.get()) != 0)
        return std::unexpected(Problem{file, 0, 0, std::string{"cannot be read: "} + std::strerror(errno),
                                       "is it a regular file?"});
    return text;
}

Problems check_key(const Config& config, std::string_view text, const std::string& file) {
    const auto key = load_key(config.pair.key_file);
    if (key)
        return {};
    const Place place = read_draft(text, file).draft.places.key_file;
    const Problem& cause = key.error();
    return {
        {file, place.line, place.column, "key file " + quoted(cause.file) + ": " + cause.what, cause.hint}};
}

std::expected<Config, Problems> load(const std::string& file) {
    const auto text = read_text(file);
    if (!text)
        return std::unexpected(Problems{text.error()});
    return load_text(*text, file);
}

std::expected<Config, Problems> load_text(std::string_view text, const std::string& file) {
    auto config = parse(text, file);
    if (!config)
        return config;
    if (Problems problems = check_key(*config, text, file); !problems.empty())
        return std::unexpected(std::move(problems));
    if (config->node.name.empty())
        config->node.name = host_name();
    return config;
}

std::expected<void, std::string> save_text(const std::string& file, std::string_view text) {
    const std::string beside = file + ".new";
    const auto failed = [&](const char* what) {
        const std::string why = beside + ": " + what + ": " + std::strerror(errno);
        ::unlink(beside.c_str());
        return std::unexpected(why);
    };
    ::unlink(beside.c_str()); // its mode may be another
    const int descriptor = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return failed("cannot be made");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream{::fdopen(descriptor, "w"), std::fclose};
    if (!stream || std::fwrite(text.data(), 1, text.size(), stream.get()) != text.size() ||
        std::fflush(stream.get()) != 0)
        return failed("cannot be written");
    if (std::rename(beside.c_str(), file.c_str()) != 0)
        return failed("cannot be renamed");
    return {};
}

} // namespace tandem::config
