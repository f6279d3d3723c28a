// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[actions]`, `[[group.action]]`, `[[group.check.action]]`: what is done when something happens, as values.
//
// Texts marked (T) are templates, see control/act/template.hh; they are checked already.

#include "dataplane/wire/address.hh"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tandem::config {

enum class Trigger : std::uint8_t { down, up, degraded, role_change, alarm_raised, alarm_cleared };
enum class OnError : std::uint8_t { proceed, stop };

/// `email`
struct EmailAction {
    std::vector<std::string> to; ///< empty: those of `[email]`
    std::string from;            ///< empty: that of `[email]`
    std::string subject;         ///< (T)
    std::string body;            ///< (T)
};
/// `become-primary`
struct BecomePrimaryAction {};
/// `add-ip`, `delete-ip`
struct AddressAction {
    enum class Verb : std::uint8_t { add, remove };
    Verb verb{Verb::add};
    std::string interface;
    wire::Prefix address;
};
/// `command`
struct CommandAction {
    std::vector<std::string> argv; ///< (T) but the first, which is an absolute path
    std::string user;              ///< empty: that of `[actions]`
};
/// `script`
struct ScriptAction {
    std::string text;                   ///< not a template: its variables are in its environment
    std::string file;                   ///< where there is no text
    std::vector<std::string> arguments; ///< (T)
    std::string user;                   ///< empty: that of `[actions]`
};
/// `management`
struct ManagementAction {
    std::string command;    ///< a method of the local API
    std::string target;     ///< a group; empty: its own
    std::string parameters; ///< a JSON object; (T) in its strings
    std::string text;       ///< (T) the parameter `text`
};
/// `announce`
struct AnnounceAction {};
/// `mirror`
struct MirrorAction {
    enum class Set : std::uint8_t { off, on };
    Set set{Set::on};
};
/// `drain`
struct DrainAction {
    std::uint32_t calls_max{0};
};
/// `webhook`
struct WebhookAction {
    std::string url;
    std::vector<std::string> headers; ///< "Name: value"
    std::string body;                 ///< (T) within JSON; empty: all variables as a JSON object
    std::string token_file;           ///< its first line is the bearer token; empty: none
    std::string ca_file;              ///< empty: the system's
};
/// `trap`
struct TrapAction {
    std::vector<std::string> receivers; ///< names of `[[snmp.receiver]]`; empty: all
};
/// `wait`
struct WaitAction {
    std::chrono::milliseconds time{0};
};

using Doing = std::variant<EmailAction, BecomePrimaryAction, AddressAction, CommandAction, ScriptAction,
                           ManagementAction, AnnounceAction, MirrorAction, DrainAction, WebhookAction,
                           TrapAction, WaitAction>;

/// Where an action is performed.
struct RunOn {
    enum class Where : std::uint8_t { local, peer, url };
    Where where{Where::local};
    std::string url; ///< of another tandem's HTTPS face, without its path
    std::string token_file;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;
};

struct ActionSettings {
    std::string type; ///< as the file says it
    Doing doing;
    std::uint16_t position{0};
    std::chrono::milliseconds timeout{10'000};
    OnError on_error{OnError::proceed};
    RunOn run_on;
    std::string check; ///< only if it is about this check; empty: any
    std::string role;  ///< only if this is the new role; empty: any
    std::string alarm; ///< only if it is about this alarm; empty: any
    /// The type and what belongs to it as a JSON object, for another node; see parse_action().
    std::string fields;
};

struct ActionList {
    std::string name;
    std::size_t group{0};
    std::string check; ///< whose list it is; empty: the group's
    Trigger trigger{};
    std::vector<ActionSettings> actions; ///< by position
};

/// `[actions]`, and all lists.
struct Actions {
    std::string user{"tandem-action"}; ///< whom programs run as
    unsigned runs_max{10};             ///< `runs_per_minute`, of one list
    std::vector<ActionList> lists;
};

std::string_view to_string(Trigger trigger);

} // namespace tandem::config
