// SPDX-License-Identifier: GPL-3.0-or-later

// tandemd: the guard, and the brain that it starts from the same executable.

#include "control/app/brain.hh"
#include "control/app/guard.hh"
#include "control/app/policy.hh"
#include "control/app/version.hh"
#include "control/config/load.hh"
#include "netlink/kernel.hh"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <variant>

namespace {

using namespace tandem;

void print(const config::Problems& problems) {
    for (const config::Problem& problem : problems)
        std::fprintf(stderr, "%s\n", problem.to_string().c_str());
}

/// Whether what is permitted but deserves a second look is printed as well; tandemd that runs tells it
/// itself.
enum class Advice : std::uint8_t { silent, shown };

/// The configuration, checked against this machine; every problem has been printed when there is none.
std::optional<config::Config> load(const std::string& file, Advice show) {
    auto config = config::load(file);
    if (!config) {
        print(config.error());
        return std::nullopt;
    }
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces) {
        std::fprintf(stderr, "tandemd: %s\n", interfaces.error().what.c_str());
        return std::nullopt;
    }
    std::vector<config::HostInterface> host;
    for (const netlink::Interface& interface : *interfaces)
        host.push_back({interface.name, interface.addresses});
    const auto text = config::read_text(file); // again, for the lines of the problems
    if (!text) {
        print({text.error()});
        return std::nullopt;
    }
    const auto problems = config::check_against_host(*config, *text, file, host, config::host_cores());
    print(problems);
    if (!problems.empty())
        return std::nullopt;
    if (show == Advice::shown)
        for (const std::string& sentence : config::advice(*config, host))
            std::fprintf(stderr, "%s: warning: %s\n", file.c_str(), sentence.c_str());
    return std::move(*config);
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
    options.add_option("--config", file, "the configuration file")->capture_default_str();
    options.add_flag("--check", check, "check the configuration against this machine, change nothing");
    options.add_flag("--clean", clean_only,
                     "remove everything that tandemd left in the kernel (it must not run)");
    options.add_option("--brain", lifeline, "")->group(""); // the guard's way to start the brain
    options.set_version_flag("--version", app::version);
    try {
        options.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return options.exit(error) == 0 ? 0 : 2;
    }

    const auto config = load(file, check ? Advice::shown : Advice::silent);
    if (!config)
        return 1;
    if (check) {
        std::printf("%s: no problems found\n", file.c_str());
        return 0;
    }
    if (clean_only)
        return clean(*config);
    if (lifeline >= 0)
        return app::run_brain(*config, lifeline);
    return app::run_guard({config->node.run_dir, {"tandemd", "--config", file, "--brain"}});
}
