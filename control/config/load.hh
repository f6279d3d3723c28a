// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// From the file to the values, strictly: an unknown key, a wrong type, a value out of range, a duplicate is
// an error with file, line, column and a hint. Every error of the file is reported, not only the first.

#include "control/config/config.hh"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::config {

struct Problem {
    std::string file;
    std::size_t line{0}; ///< 1 is the first; 0: concerns the whole file
    std::size_t column{0};
    std::string what; ///< what is wrong
    std::string hint; ///< how to mend it
    /// `file:line:column: what (hint)`
    std::string to_string() const;
};
using Problems = std::vector<Problem>;

/// Parses and checks the text of a file; pure. An absent `node.name` stays empty (`load` takes the host's).
std::expected<Config, Problems> parse(std::string_view text, const std::string& file);

/// One interface of this machine, as `check_against_host` needs it.
struct HostInterface {
    std::string name;
    std::vector<wire::Prefix> networks; ///< its addresses with their prefix lengths
};

/// The text of a file, at most one octet more than `parse` accepts.
std::expected<std::string, Problem> read_text(const std::string& file);

/// What only this machine can answer: do the interfaces exist, is each VIP inside one of its interface's
/// networks (VIPs themselves on the interface do not count as its networks), is each path's local address on
/// this machine, are the cores there. Pure: the machine is an argument. Line numbers come from the text
/// again.
Problems check_against_host(const Config& config, std::string_view text, const std::string& file,
                            const std::vector<HostInterface>& interfaces, std::size_t cores);
/// How many cores this machine has, those included that are switched off at the moment.
std::size_t host_cores();

/// What is permitted but deserves a second look on this machine, in sentences: a witness that is not in a
/// network of its group's outside interface. Pure.
std::vector<std::string> advice(const Config& config, const std::vector<HostInterface>& interfaces);

/// The key file's problem, if there is one, at the place in the text that names the key file.
Problems check_key(const Config& config, std::string_view text, const std::string& file);

/// Reads the file, parses it, checks the key file (exists, a regular file owned by root or this user, mode
/// 0600 or stricter, content valid). Does not look at interfaces.
std::expected<Config, Problems> load(const std::string& file);

/// The same with the text of a file that has been read; `file` names it in problems.
std::expected<Config, Problems> load_text(std::string_view text, const std::string& file);

/// Writes the text of a file with mode 0600, whole or not at all; a sentence on failure.
std::expected<void, std::string> save_text(const std::string& file, std::string_view text);

/// The pair secret.
struct PairKey {
    std::string bytes; ///< 32 octets
};
std::expected<PairKey, Problem> load_key(const std::string& key_file);

/// Writes a new random key with mode 0600, atomically; refuses to overwrite.
std::expected<void, std::string> generate_key(const std::string& key_file);

} // namespace tandem::config
