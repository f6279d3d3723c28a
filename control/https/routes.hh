// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Everything that can be asked over HTTPS, as one table: what is served, what is checked and what the OpenAPI
// document says come from it.

#include "control/config/api_settings.hh"
#include "control/https/target.hh"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::https {

enum class Verb : std::uint8_t { get, post };
std::string_view to_string(Verb verb);

enum class Kind : std::uint8_t { text, count, flag, texts, table };
enum class Need : std::uint8_t { optional, required };

/// A key of a query or of a body.
struct Parameter {
    std::string_view name;
    Kind kind{Kind::text};
    Need need{Need::optional};
    std::string_view says;
};

/// What is answered here; everything else is the brain's.
enum class Own : std::uint8_t { none, openapi, counters };

struct Route {
    Verb verb{Verb::get};
    std::string_view path; ///< `{name}` stands for one segment, which becomes a parameter of that name
    config::ApiScope scope{config::ApiScope::read};
    std::string_view method; ///< of the brain; empty: `own`
    std::string_view summary;
    std::vector<Parameter> query;
    std::vector<Parameter> body;
    std::string_view type; ///< of an action: the parameter `type`
    Own own{Own::none};
};

std::span<const Route> routes();

struct Found {
    const Route* route{nullptr};
    std::map<std::string, std::string> segments; ///< what stands for each `{name}`
};
/// Nothing, and `allowed` is empty: there is no such path. Otherwise `allowed` has the verbs of the path.
std::optional<Found> find_route(std::string_view verb, const Target& target, std::string& allowed);

/// Every status that the route can be answered with.
std::vector<unsigned> statuses_of(const Route& route);

} // namespace tandem::https
