// SPDX-License-Identifier: GPL-3.0-or-later

// tandemd: the guard, and the brain that it starts from the same executable.

#include "control/app/brain.hh"
#include "control/app/guard.hh"
#include "control/app/policy.hh"
#include "control/app/version.hh"
#include "control/config/email_schema.hh"
#include "control/config/load.hh"
#include "control/config/snmp_schema.hh"
#include "netlink/kernel.hh"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <expected>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace tandem;

using Sentences = std::vector<std::string>;

Sentences sentences_of(const config::Problems& problems) {
    Sentences out;
    for (const config::Problem& problem : problems)
        out.push_back(problem.to_string());
    return out;
}

/// The configuration in `path`, checked against this machine; or every problem of it. `shown`: the file's
/// name in problems.
std::expected<app::Loaded, Sentences> load(const std::string& path, const std::string& shown) {
    auto text = config::read_text(path);
    if (!text)
        return std::unexpected(Sentences{text.error().to_string()});
    auto config = config::load_text(*text, shown);
    if (!config)
        return std::unexpected(sentences_of(config.error()));
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces)
        return std::unexpected(Sentences{"tandemd: " + interfaces.error().what});
    std::vector<config::HostInterface> host;
    for (const netlink::Interface& interface : *interfaces)
        host.push_back({interface.name, interface.addresses});
    const auto problems = config::check_against_host(*config, *text, shown, host, config::host_cores());
    if (!problems.empty())
        return std::unexpected(sentences_of(problems));
    return app::Loaded{std::move(*config), std::move(*text)};
}

int print(const Sentences& sentences) {
    for (const std::string& sentence : sentences)
        std::fprintf(stderr, "%s\n", sentence.c_str());
    return 1;
}

/// The brain begins with the configuration that is in force, `running`, where there is one: only a start of
/// tandemd and a reload look at the file, which somebody may be editing.
int run_brain(const std::string& file, const std::string& running, int lifeline) {
    const auto keep = [running](const std::string& text) { return config::save_text(running, text); };
    const bool anew = ::access(running.c_str(), F_OK) == 0;
    const auto loaded = load(anew ? running : file, file);
    if (!loaded)
        return print(loaded.error());
    if (const auto kept = keep(loaded->text); !kept)
        std::fprintf(stderr, "tandemd: %s\n", kept.error().c_str());
    return app::run_brain(loaded->config, lifeline, {[file] { return load(file, file); }, keep});
}

int clean(const config::Config& config) {
    const auto done =
        std::visit([](const auto& setup) { return netlink::clean_up(setup); }, app::kernel_setup(config));
    if (!done) {
        std::fprintf(stderr, "tandemd: %s\n", done.error().what.c_str());
        return 1;
    }
    for (const std::string& sentence : *done)
        std::printf("%s\n", sentence.c_str());
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App options{"tandemd: keeps a SIP service reachable when a machine, a link or a server dies"};
    std::string file = "/etc/tandem/tandem.toml";
    bool check = false;
    bool clean_only = false;
    int lifeline = -1;
    std::string running;
    options.add_option("--config", file, "the configuration file")->capture_default_str();
    options.add_flag("--check", check, "check the configuration against this machine, change nothing");
    options.add_flag("--clean", clean_only,
                     "remove everything that tandemd left in the kernel (it must not run)");
    options.add_option("--running", running, "")->group("");
    options.add_option("--brain", lifeline, "")->group(""); // the guard's way to start the brain
    options.set_version_flag("--version", app::version);
    try {
        options.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return options.exit(error) == 0 ? 0 : 2;
    }

    if (lifeline >= 0)
        return run_brain(file, running, lifeline);
    const auto loaded = load(file, file);
    if (!loaded)
        return print(loaded.error());
    const config::Config& config = loaded->config;
    if (check) {
        const auto warn = [&](const std::vector<std::string>& sentences) {
            for (const std::string& sentence : sentences)
                std::fprintf(stderr, "%s: warning: %s\n", file.c_str(), sentence.c_str());
        };
        if (config.email)
            warn(config::mail_advice(*config.email));
        if (config.snmp)
            warn(config::snmp_advice(*config.snmp));
        std::printf("%s: no problems found\n", file.c_str());
        return 0;
    }
    if (clean_only)
        return clean(config);
    running = config.node.run_dir + "/running.toml";
    ::unlink(running.c_str());
    return app::run_guard(
        {config.node.run_dir, {"tandemd", "--config", file, "--running", running, "--brain"}});
}
