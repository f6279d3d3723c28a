// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/load.hh"
#include "control/status/layout.hh"
#include "netlink/kernel.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdio>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
using config::Problems;

std::expected<std::vector<config::HostInterface>, netlink::Error> host_interfaces() {
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces)
        return std::unexpected(interfaces.error());
    std::vector<config::HostInterface> result;
    for (const auto& interface : *interfaces)
        result.push_back({interface.name, interface.addresses});
    return result;
}

struct Findings {
    Problems problems;
    std::vector<std::string> advice; ///< what is permitted, but deserves a second look
};

/// Everything that is wrong with a file that could be read as a whole.
Findings host_findings(const config::Config& configuration, const std::string& text,
                       const std::string& file) {
    Problems problems = config::check_key(configuration, text, file);
    const auto interfaces = host_interfaces();
    if (!interfaces) {
        problems.push_back({file, 0, 0,
                            "the interfaces of this machine cannot be listed: " + interfaces.error().what,
                            "the rest was checked"});
        return {std::move(problems), {}};
    }
    for (auto& problem :
         config::check_against_host(configuration, text, file, *interfaces, config::host_cores()))
        problems.push_back(std::move(problem));
    return {std::move(problems), config::advice(configuration, *interfaces)};
}

json::array to_json(const Problems& problems) {
    json::array list;
    for (const auto& problem : problems)
        list.push_back(json::object{{"file", problem.file},
                                    {"line", problem.line},
                                    {"column", problem.column},
                                    {"what", problem.what},
                                    {"hint", problem.hint}});
    return list;
}

Exit report(const Options& options, const Findings& findings, const std::string& summary) {
    const bool good = findings.problems.empty();
    if (options.form == Form::json) {
        json::array advice;
        for (const std::string& sentence : findings.advice)
            advice.emplace_back(sentence);
        print_json(json::object{
            {"ok", good}, {"problems", to_json(findings.problems)}, {"warnings", std::move(advice)}});
        return good ? Exit::done : Exit::refused;
    }
    if (good)
        print(options.file + ": good: " + summary + "\n");
    for (const auto& problem : findings.problems)
        std::fprintf(stderr, "%s\n", problem.to_string().c_str());
    for (const auto& sentence : findings.advice)
        std::fprintf(stderr, "%s: warning: %s\n", options.file.c_str(), sentence.c_str());
    return good ? Exit::done : Exit::refused;
}

std::string summary_of(const config::Config& configuration) {
    const auto worst_us = static_cast<double>(configuration.detection_worst_case().count());
    return "node " + std::to_string(configuration.node.id) + " of pair " + configuration.pair.id +
           ", HA paths: " + std::to_string(configuration.paths.size()) +
           ", groups: " + std::to_string(configuration.groups.size()) +
           ", a silent crash is detected within " + status::decimal_text(worst_us / 1000, 3) + " ms";
}

} // namespace

Exit run_keygen(const Options& options) {
    if (const auto made = config::generate_key(options.file); !made)
        return refuse(options.form, {api::Code::refused, made.error(), nullptr});
    if (options.form == Form::json)
        print_json(json::object{{"key_file", options.file}});
    else
        print(options.file + ": a new pair key, mode 0600; copy it to the other node over a safe way\n");
    return Exit::done;
}

Exit run_check(const Options& options) {
    const auto text = config::read_text(options.file);
    if (!text)
        return report(options, {{text.error()}, {}}, "");
    const auto configuration = config::parse(*text, options.file);
    if (!configuration)
        return report(options, {configuration.error(), {}}, "");
    return report(options, host_findings(*configuration, *text, options.file), summary_of(*configuration));
}

} // namespace tandem::ctl
