// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/options.hh"

#include "control/ledger/query.hh"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace tandem::ctl {

std::string to_string(Verb verb) {
    switch (verb) {
    case Verb::status:
        return "status";
    case Verb::failover:
        return "failover";
    case Verb::failback:
        return "failback";
    case Verb::enable:
        return "enable";
    case Verb::disable:
        return "disable";
    case Verb::role_follow:
        return "role follow";
    case Verb::events:
        return "events";
    case Verb::alarms:
        return "alarms";
    case Verb::alarms_ack:
        return "alarms ack";
    case Verb::alarms_clear:
        return "alarms clear";
    case Verb::counters:
        return "counters";
    case Verb::checks:
        return "checks";
    case Verb::checks_start:
        return "checks start";
    case Verb::checks_stop:
        return "checks stop";
    case Verb::mail:
        return "mail";
    case Verb::mail_test:
        return "mail test";
    case Verb::mail_retry:
        return "mail retry";
    case Verb::mail_drop:
        return "mail drop";
    case Verb::actions:
        return "actions";
    case Verb::actions_run:
        return "actions run";
    case Verb::actions_cancel:
        return "actions cancel";
    case Verb::reload:
        return "reload";
    case Verb::registrations:
        return "registrations";
    case Verb::dialogs:
        return "dialogs";
    case Verb::flows:
        return "flows";
    case Verb::capture:
        return "capture";
    case Verb::keygen:
        return "keygen";
    case Verb::check:
        return "check";
    case Verb::api_token:
        return "api token";
    case Verb::api_certificates:
        return "api certificates";
    }
    return "?";
}

std::string method_of(Verb verb) {
    std::string name = to_string(verb);
    std::ranges::replace(name, ' ', '.');
    return name;
}

namespace {

/// What is wrong with it; empty: nothing.
std::string check_moment(const std::string& text) {
    const auto moment = ledger::moment_of(text, 0);
    return moment ? std::string{} : moment.error();
}

std::string check_since(const std::string& text) {
    if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
        return {};
    return check_moment(text);
}

/// Switches of the command line.
struct Flags {
    bool json{false};
    bool force{false};
    bool follow{false};
    bool raw{false};
};

void add_check_verbs(CLI::App& app, Options& options, std::string& group) {
    const char* help = "Only those of this group";
    CLI::App* checks = app.add_subcommand("checks", "Show what the checks have found");
    checks->add_option("--group", group, help)->option_text("NAME");
    checks->require_subcommand(0, 1);
    checks->callback([&options, checks] {
        if (checks->get_subcommands().empty())
            options.verb = Verb::checks;
    });
    const auto one = [&](const char* name, Verb which, const char* what) {
        CLI::App* sub = checks->add_subcommand(name, what);
        sub->add_option("CHECK", options.check, "Its name")->required();
        sub->add_option("--group", group, "Where several groups have one of that name")->option_text("NAME");
        sub->callback([&options, which] { options.verb = which; });
    };
    one("start", Verb::checks_start, "Let a check run");
    one("stop", Verb::checks_stop, "Stop a check until it is started, or tandemd begins anew");
}

void add_mail_verbs(CLI::App& app, Options& options) {
    CLI::App* mail = app.add_subcommand("mail", "Show the letters that wait");
    mail->require_subcommand(0, 1);
    mail->callback([&options, mail] {
        if (mail->get_subcommands().empty())
            options.verb = Verb::mail;
    });
    const auto one = [&](const char* name, Verb which, const char* what) {
        CLI::App* sub = mail->add_subcommand(name, what);
        sub->callback([&options, which] { options.verb = which; });
        return sub;
    };
    one("test", Verb::mail_test, "Send a letter that says that mail works")
        ->add_option("ADDRESS", options.address, "To whom; default: \"to\" of [email]");
    const char* which = "Its id, or all";
    one("retry", Verb::mail_retry, "Try a letter now")->add_option("ID", options.letter, which)->required();
    one("drop", Verb::mail_drop, "Throw a letter away")->add_option("ID", options.letter, which)->required();
}

void add_action_verbs(CLI::App& app, Options& options) {
    CLI::App* actions =
        app.add_subcommand("actions", "Show the lists of actions, and what came of them last");
    actions->require_subcommand(0, 1);
    CLI::App* run = actions->add_subcommand("run", "Run a list now, and wait for its end");
    run->add_option("LIST", options.list, "Its name")->required();
    run->add_flag("--dry-run", options.dry_run, "Only say what would be done");
    run->add_option("--on", options.on, "local or peer")->check(CLI::IsMember({"local", "peer"}));
    run->callback([&options] { options.verb = Verb::actions_run; });
    CLI::App* cancel = actions->add_subcommand("cancel", "End what runs, and forget what waits");
    cancel->add_option("LIST", options.list, "Only this list");
    cancel->callback([&options] { options.verb = Verb::actions_cancel; });
    actions->add_option("--list", options.list, "Only this one")->option_text("NAME");
    actions->callback([&options, actions] {
        if (actions->get_subcommands().empty())
            options.verb = Verb::actions;
    });
}

void add_remote_verbs(CLI::App& app, RemoteOptions& remote, Verb& chosen) {
    CLI::App* api = app.add_subcommand("api", "Prepare who may ask from afar")->require_subcommand(1);
    CLI::App* token = api->add_subcommand("token", "Make a bearer token and its table for the configuration");
    token->add_option("NAME", remote.name, "The caller's name, which events tell")->required();
    token->add_option("--scope", remote.scope, "What the caller may do")
        ->check(CLI::IsMember({"read", "act"}))
        ->capture_default_str();
    token->callback([&chosen] { chosen = Verb::api_token; });
    CLI::App* certificates =
        api->add_subcommand("certificates", "Make an authority, and certificates for servers and callers");
    certificates->add_option("DIRECTORY", remote.directory, "The authority's folder; is made if need be")
        ->required();
    certificates->add_option("--server", remote.servers, "Name of a server, as its callers know it")
        ->option_text("NAME");
    certificates->add_option("--address", remote.addresses, "An IP address of the servers")
        ->option_text("ADDRESS");
    certificates->add_option("--client", remote.clients, "Name of a caller")->option_text("NAME");
    certificates->add_option("--days", remote.days, "How long they are good")
        ->check(CLI::Range(1, 36'500))
        ->capture_default_str();
    certificates->callback([&chosen] { chosen = Verb::api_certificates; });
}

void add_event_verbs(CLI::App& app, Options& options, Flags& flags, std::string& group) {
    CLI::App* events = app.add_subcommand("events", "Show what happened, on both nodes");
    events->add_flag("--follow", flags.follow, "Go on with what happens from now");
    events
        ->add_option("--since", options.since,
                     "After this node's event SEQ, or since TIME: 10m, 2h, 2026-11-22T16:00")
        ->check(&check_since)
        ->option_text("SEQ|TIME");
    events->add_option("--group", group, "Only those of this group")->option_text("NAME");
    events->add_option("--node", options.node, "Only those of this node")->option_text("NAME");
    events->add_option("--name", options.match, "Only those of this name; * stands for anything")
        ->option_text("PATTERN");
    events->add_option("--severity", options.severity, "At least: info, warning or error")
        ->check(CLI::IsMember({"info", "warning", "error"}));
    events
        ->add_option("--limit", options.limit, "At most so many, the newest unless --since is given; 0: all")
        ->capture_default_str();
    events->callback([&options] { options.verb = Verb::events; });
}

void add_alarm_verbs(CLI::App& app, Options& options, std::string& group) {
    CLI::App* alarms = app.add_subcommand("alarms", "Show what is wrong, on both nodes");
    alarms->require_subcommand(0, 1);
    alarms->callback([&options, alarms] {
        if (alarms->get_subcommands().empty())
            options.verb = Verb::alarms;
    });
    CLI::Option* history = alarms->add_flag("--history", options.history, "Those that are over, newest last");
    alarms->add_option("--since", options.since, "Of these: cleared since TIME: 10m, 2h, 2026-11-22T16:00")
        ->check(&check_moment)
        ->option_text("TIME")
        ->needs(history);
    alarms->add_option("--group", group, "Of these: only those of this group")
        ->option_text("NAME")
        ->needs(history);
    alarms->add_option("--severity", options.severity, "Of these: at least warning, minor, major or critical")
        ->check(CLI::IsMember({"warning", "minor", "major", "critical"}))
        ->needs(history);
    alarms->add_option("--limit", options.limit, "Of these: at most so many, the newest; 1 to 1000")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str()
        ->needs(history);
    CLI::App* ack = alarms->add_subcommand("ack", "Say that somebody takes care of an alarm");
    ack->add_option("ID", options.alarm, "As \"tandemctl alarms\" shows it, or all")->required();
    ack->add_option("--note", options.note, "What others should know about it")->option_text("TEXT");
    ack->callback([&options] { options.verb = Verb::alarms_ack; });
    CLI::App* clear = alarms->add_subcommand("clear", "Take an alarm away whose condition has ended");
    clear->add_option("ID", options.alarm, "As \"tandemctl alarms\" shows it")->required();
    clear->callback([&options] { options.verb = Verb::alarms_clear; });
}

/// The verbs that read files of tandem-fast. `verb` makes one.
template <typename MakeVerb>
void add_table_verbs(const MakeVerb& verb, Options& options, Flags& flags, std::string& group) {
    const auto table_verb = [&](Verb which, const char* help) {
        CLI::App* sub = verb(which, help);
        sub->add_option("--match", options.match, "Only those that have TEXT in a field, in either case")
            ->option_text("TEXT");
        sub->add_option("--group", group, "Only those of this group")->option_text("NAME");
        sub->add_option("--limit", options.limit, "At most so many; 0: all")->capture_default_str();
        sub->add_option("--run-dir", options.run_dir, "Folder of tandem-fast's files; default: the socket's");
        return sub;
    };
    table_verb(Verb::registrations, "Show who is registered, as the packet path has seen it")
        ->add_flag("--raw", flags.raw, "With the REGISTER of each");
    table_verb(Verb::dialogs, "Show the calls that the packet path has seen begin");
    table_verb(Verb::flows, "Show who talks with the VIPs, and how much (an appliance)");
    CLI::App* capture = verb(Verb::capture, "Write the last packets as a file for Wireshark (pcapng)");
    capture->add_option("FILE", options.file, "The file; - is standard output")->required();
    capture->add_option("--filter", options.filter, "Only these packets, as in tcpdump")
        ->option_text("FILTER");
    capture->add_flag("--follow", flags.follow, "Go on until a signal ends it");
    capture->add_option("--seconds", options.seconds, "So far back; default: [capture] seconds")
        ->check(CLI::Range(0, 86'400));
    capture->add_option("--run-dir", options.run_dir, "Folder of tandem-fast's files; default: the socket's");
}

} // namespace

std::expected<Options, Exit> read_options(int argc, const char* const* argv) {
    Options options;
    Flags flags;
    std::string group;

    CLI::App app{"Shows and controls a tandem pair.\nExit status: 0 done, 1 refused, 2 wrong usage.",
                 "tandemctl"};
    app.require_subcommand(1);
    // Options of the program may stand behind the verb too.
    app.fallthrough();
    app.add_flag("--json", flags.json, "Write JSON");
    app.add_option("--socket", options.socket_path, "The socket of tandemd")->capture_default_str();

    const auto verb = [&](Verb which, const char* help) {
        CLI::App* sub = app.add_subcommand(to_string(which), help);
        sub->callback([&options, which] { options.verb = which; });
        return sub;
    };
    const auto with_group = [&](CLI::App* sub) {
        const char* help = "The group; may be left out when there is only one";
        CLI::Option* named = sub->add_option("--group", group, help);
        sub->add_option("GROUP", group, "The same without \"--group\"")->excludes(named);
        return sub;
    };
    const auto group_verb = [&](Verb which, const char* help) { return with_group(verb(which, help)); };
    const char* force_help = "Do it even if calls or registrations may be lost";
    verb(Verb::status, "Show both nodes' view of the pair");
    group_verb(Verb::failover, "Hand the group over to the standby")
        ->add_flag("--force", flags.force, force_help);
    group_verb(Verb::failback, "Hand the group back to its primary")
        ->add_flag("--force", flags.force, force_help);
    group_verb(Verb::enable, "Let this node take part in the group again");
    group_verb(Verb::disable, "Take this node out of the group, for maintenance")
        ->add_flag("--force", flags.force, force_help);
    CLI::App* role = app.add_subcommand("role", "Change the configured roles")->require_subcommand(1);
    with_group(role->add_subcommand("follow", "Make the present roles the configured ones, on both nodes"))
        ->callback([&options] { options.verb = Verb::role_follow; });
    add_event_verbs(app, options, flags, group);
    add_alarm_verbs(app, options, group);
    verb(Verb::reload, "Read the configuration again and take over what can change while tandemd runs");
    verb(Verb::counters, "Show every counter and what it counts");
    add_check_verbs(app, options, group);
    add_mail_verbs(app, options);
    add_action_verbs(app, options);
    add_table_verbs(verb, options, flags, group);
    add_remote_verbs(app, options.remote, options.verb);
    verb(Verb::keygen, "Make a new pair key")
        ->add_option("FILE", options.file, "A file that is not there yet")
        ->required();
    verb(Verb::check, "Check a configuration on this machine, without tandemd")
        ->add_option("FILE", options.file, "The configuration")
        ->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) {
        // The library has an exit status for each kind of mistake; here each is "usage".
        return std::unexpected(app.exit(end, std::cout, std::cerr) == 0 ? Exit::done : Exit::usage);
    }
    options.form = flags.json ? Form::json : Form::text;
    options.force = flags.force ? Force::yes : Force::no;
    options.raw = flags.raw ? Raw::yes : Raw::no;
    options.follow = flags.follow ? Follow::yes : Follow::no;
    if (!group.empty())
        options.group = group;
    return options;
}

} // namespace tandem::ctl
