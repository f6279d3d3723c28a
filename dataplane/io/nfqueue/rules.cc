// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/rules.hh"

#include <algorithm>
#include <charconv>

namespace tandem::nfqueue {
namespace {

constexpr std::string_view chain = "TANDEM";

std::string interface_name(const contract::GroupPolicy& group) {
    const auto end = std::find(group.outside_interface.begin(), group.outside_interface.end(), '\0');
    return {group.outside_interface.begin(), end};
}

bool is_plain(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-' || c == '@';
    });
}

/// Takes the line at the front off.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::uint64_t number_at(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

std::vector<QueueRule> wanted_rules(const contract::Policy& policy) {
    std::vector<QueueRule> rules;
    for (std::size_t v = 0; v < std::min<std::size_t>(policy.vip_count, policy.vips.size()); ++v) {
        const contract::Vip& vip = policy.vips[v];
        if (vip.group >= policy.groups.size() || vip.address.family == wire::Family::none)
            continue;
        const contract::GroupPolicy& group = policy.groups[vip.group];
        const std::string interface = interface_name(group);
        if (!is_plain(interface))
            continue;
        for (std::size_t p = 0; p < std::min<std::size_t>(group.sip_port_count, group.sip_ports.size()); ++p)
            rules.push_back({interface, vip.address, group.sip_ports[p]});
    }
    return rules;
}

std::uint64_t digest(const std::vector<QueueRule>& rules, std::uint16_t queue) {
    std::uint64_t hash = 14695981039346656037U; // FNV-1a, 64 bit
    for (const char c : nft_replace_text(rules, queue))
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
    return hash == 0 ? 1 : hash;
}

std::string nft_replace_text(const std::vector<QueueRule>& rules, std::uint16_t queue) {
    // Adding it first makes the removal valid whether or not the table is there.
    std::string text = "add table inet tandem\ndelete table inet tandem\n"
                       "table inet tandem {\n"
                       "  chain input {\n"
                       "    type filter hook input priority mangle; policy accept;\n";
    for (const QueueRule& rule : rules)
        text += "    iifname \"" + rule.interface + "\" " + (rule.vip.is_v4() ? "ip" : "ip6") + " daddr " +
                rule.vip.to_string() + " udp dport " + std::to_string(rule.port) + " counter queue num " +
                std::to_string(queue) + " bypass\n";
    return text + "  }\n}\n";
}

std::string nft_remove_text() {
    return "add table inet tandem\ndelete table inet tandem\n";
}

std::string iptables_replace_text(const std::vector<QueueRule>& rules, std::uint16_t queue,
                                  wire::Family family, const Listing& present) {
    // Declaring the chain empties it; other chains are left alone (--noflush).
    std::string text = "*mangle\n:" + std::string(chain) + " - [0:0]\n";
    for (const QueueRule& rule : rules)
        if (rule.vip.family == family)
            text += "-A " + std::string(chain) + " -d " + rule.vip.to_string() + "/" +
                    std::to_string(rule.vip.bits()) + " -i " + rule.interface + " -p udp -m udp --dport " +
                    std::to_string(rule.port) + " -j NFQUEUE --queue-num " + std::to_string(queue) +
                    " --queue-bypass\n";
    if (!present.jump)
        text += "-I INPUT -j " + std::string(chain) + "\n";
    return text + "COMMIT\n";
}

std::string iptables_remove_text(const Listing& present) {
    if (!present.chain)
        return {};
    const std::string name{chain};
    return "*mangle\n" + (present.jump ? "-D INPUT -j " + name + "\n" : std::string{}) + "-F " + name +
           "\n-X " + name + "\nCOMMIT\n";
}

Listing read_iptables_listing(std::string_view text) {
    Listing listing;
    bool mangle = false;
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (line.starts_with("*"))
            mangle = line == "*mangle";
        if (!mangle)
            continue;
        std::uint64_t packets = 0;
        if (line.starts_with("[")) {
            packets = number_at(line.substr(1));
            const std::size_t end = line.find("] ");
            line.remove_prefix(end == std::string_view::npos ? line.size() : end + 2);
        }
        if (line.starts_with(":TANDEM "))
            listing.chain = true;
        else if (line == "-A INPUT -j TANDEM")
            listing.jump = true;
        else if (line.starts_with("-A TANDEM "))
            listing.packets += packets;
    }
    return listing;
}

Listing read_nft_listing(std::string_view text) {
    constexpr std::string_view counter = "counter packets ";
    Listing listing;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (line.starts_with("table inet tandem"))
            listing.chain = true;
        if (line.find("hook input") != std::string_view::npos)
            listing.jump = true;
        if (const std::size_t at = line.find(counter); at != std::string_view::npos)
            listing.packets += number_at(line.substr(at + counter.size()));
    }
    return listing;
}

} // namespace tandem::nfqueue
