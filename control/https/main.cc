// SPDX-License-Identifier: GPL-3.0-or-later

// tandem-api: the HTTPS face of a node. It has no rights but to speak to the brain's socket.

#include "control/config/load.hh"
#include "control/https/server.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace {

using namespace tandem;

void say(const std::string& line) {
    std::fprintf(stderr, "tandem-api: %s\n", line.c_str());
}

/// Every problem has been printed when there is none.
std::optional<config::Config> load(const std::string& file) {
    const auto text = config::read_text(file);
    if (!text) {
        say(text.error().to_string());
        return std::nullopt;
    }
    auto config = config::parse(*text, file);
    if (config)
        return std::move(*config);
    for (const config::Problem& problem : config.error())
        say(problem.to_string());
    return std::nullopt;
}

int run(const std::string& file) {
    const auto config = load(file);
    if (!config)
        return 1;
    if (!config->api) {
        say(file + " has no [api] section: nobody may ask from afar, and nothing listens");
        return 0;
    }
    boost::asio::io_context io{1};
    auto server = https::Server::start(io, std::make_shared<const config::Api>(*config->api),
                                       {config->node.run_dir + "/tandemd.sock", say, {}});
    if (!server) {
        say(server.error());
        return 1;
    }
    if (config->api->clients.empty() && config->api->tokens.empty())
        say("there is no [[api.client]] and no [[api.token]]: nobody may ask for anything");
    for (const config::ApiEndpoint& endpoint : config->api->listen)
        say("listening at " + endpoint.address.to_string() + " port " + std::to_string(endpoint.port));

    boost::asio::signal_set signals{io, SIGHUP, SIGTERM, SIGINT};
    std::function<void()> wait = [&] {
        signals.async_wait([&](const boost::system::error_code& error, int number) {
            if (error || number != SIGHUP)
                return io.stop();
            wait();
            const auto next = load(file);
            if (!next)
                return say("the settings stay as they were");
            if (!next->api) {
                say(file + " has no [api] section any more: the end");
                return io.stop();
            }
            if (const auto taken = (*server)->reconfigure(std::make_shared<const config::Api>(*next->api));
                !taken)
                return say(taken.error() + "; the settings stay as they were");
            say("new settings");
        });
    };
    wait();
    io.run();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App options{"tandem-api: answers HTTPS requests for this node, and passes them to tandemd"};
    std::string file = "/etc/tandem/tandem.toml";
    options.add_option("--config", file, "the configuration file")->capture_default_str();
    try {
        options.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return options.exit(error) == 0 ? 0 : 2;
    }
    if (geteuid() == 0) {
        say("this must not run as root: it needs no rights; see [api] user");
        return 1;
    }
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(file);
    } catch (const std::exception& failure) {
        say(failure.what());
        return 1;
    }
}
