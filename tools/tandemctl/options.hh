// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the operator asked for.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace tandem::ctl {

enum class Verb : std::uint8_t {
    status,
    failover,
    failback,
    enable,
    disable,
    role_follow,
    events,
    alarms,
    alarms_ack,
    alarms_clear,
    counters,
    checks,
    checks_start,
    checks_stop,
    mail,
    mail_test,
    mail_retry,
    mail_drop,
    actions,
    actions_run,
    actions_cancel,
    reload,
    registrations,
    dialogs,
    flows,
    capture,
    keygen,
    check,
    api_token,
    api_certificates
};
enum class Form : std::uint8_t { text, json };
enum class Force : std::uint8_t { no, yes };
enum class Follow : std::uint8_t { no, yes };
enum class Raw : std::uint8_t { no, yes };

/// Of api_token and api_certificates.
struct RemoteOptions {
    std::string name;
    std::string scope{"read"};
    std::string directory;
    std::vector<std::string> servers;
    std::vector<std::string> clients;
    std::vector<std::string> addresses; ///< of the servers
    int days{3650};
};

struct Options {
    Verb verb{Verb::status};
    Form form{Form::text};
    std::string socket_path{"/run/tandem/tandemd.sock"};
    std::optional<std::string> group;
    Force force{Force::no};
    Follow follow{Follow::no};
    std::string since;    ///< of events: a number, or a time; of history: a time; empty: from the beginning
    std::string node;     ///< of events: only this node's; empty: both
    std::string severity; ///< of events and history: at least; empty: all
    bool history{false};  ///< of alarms: those that are over
    std::string alarm;    ///< of alarms_ack and alarms_clear: its id, or "all"
    std::string note;     ///< of alarms_ack
    std::string check;    ///< of checks_start and checks_stop: its name
    std::string letter;   ///< of mail_retry and mail_drop: its id, or all
    std::string address;  ///< of mail_test; empty: as configured
    std::string list;     ///< of actions: its name; empty: all
    std::string on;       ///< of actions_run: "local" or "peer"
    bool dry_run{false};  ///< of actions_run
    std::string file;     ///< of keygen, check and capture
    std::string filter;   ///< of capture; empty: none
    std::optional<std::int64_t> seconds; ///< of capture: how far back
    // Of capture, registrations, dialogs, flows, events and history:
    std::string run_dir;       ///< empty: the folder of the socket
    std::string match;         ///< empty: all
    std::uint64_t limit{1000}; ///< 0: none
    Raw raw{Raw::no};
    RemoteOptions remote;
};

/// The exit status of the program.
enum class Exit : int { done = 0, refused = 1, usage = 2 };

/// Reads the command line. Otherwise help or a complaint has been printed, and the program ends with this.
std::expected<Options, Exit> read_options(int argc, const char* const* argv);

/// The verb as it is typed.
std::string to_string(Verb verb);

/// The method of tandemd that a verb calls.
std::string method_of(Verb verb);

} // namespace tandem::ctl
