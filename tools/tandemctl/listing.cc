// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/listing.hh"

#include "control/status/layout.hh"
#include "tools/tandemctl/escape.hh"
#include "tools/tandemctl/output.hh"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace tandem::ctl {
namespace {

namespace json = boost::json;

constexpr std::size_t cell_max = 64;
constexpr std::size_t line_max = 1000;

std::string group_name(const contract::TableHeader& header, std::uint8_t group) {
    if (group < header.group_names.size()) {
        const auto& name = header.group_names[group];
        if (const auto end = std::find(name.begin(), name.end(), '\0'); end != name.begin())
            return {name.begin(), end};
    }
    return "#" + std::to_string(group);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains(std::string_view text, std::string_view wanted) {
    return !std::ranges::search(text, wanted, {}, lower, lower).empty() || wanted.empty();
}

bool matches(const Row& row, const std::string& wanted) {
    if (wanted.empty())
        return true;
    const auto in_value = [&](const json::value& value) {
        const auto* string = value.if_string();
        return string != nullptr && contains({string->data(), string->size()}, wanted);
    };
    for (const auto& [key, value] : row.object) {
        if (in_value(value))
            return true;
        if (const auto* array = value.if_array(); array != nullptr && std::ranges::any_of(*array, in_value))
            return true;
    }
    return std::ranges::any_of(row.cells, [&](const auto& cell) { return contains(cell, wanted); });
}

/// The message line by line, each behind the same indent.
std::string raw_text(std::string_view raw) {
    std::string text;
    while (!raw.empty()) {
        const auto end = raw.find("\r\n");
        text += "    " + shown(raw.substr(0, end), line_max) + "\n";
        raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 2);
    }
    return text;
}

struct Tally {
    std::uint64_t matched{0};
    std::uint64_t shown{0};
};

class Writer {
public:
    Writer(const Options& options, std::span<const contract::TableReader> parts, const Listing& listing)
        : options_(options)
        , parts_(parts)
        , listing_(listing) {
        std::vector<std::string> titles;
        for (const auto title : listing.columns)
            titles.emplace_back(title);
        columns_.row(std::move(titles));
        if (options.form == Form::json)
            print("{\"" + std::string{listing.name} + "\":[");
    }

    void add(Row row) {
        ++tally_.matched;
        if (options_.limit != 0 && tally_.shown == options_.limit)
            return;
        ++tally_.shown;
        const std::string group = group_name(parts_.front().header(), row.group);
        if (options_.form == Form::json) {
            row.object["group"] = group;
            if (options_.raw == Raw::yes)
                row.object["raw"] = json_text(row.raw);
            print((tally_.shown == 1 ? "\n" : ",\n") + json::serialize(row.object));
            return;
        }
        for (std::string& cell : row.cells)
            cell = shown(cell, cell_max);
        row.cells.push_back(shown(group, cell_max));
        columns_.row(std::move(row.cells));
        if (options_.raw == Raw::yes) {
            flush();
            print(raw_text(row.raw));
        }
    }

    void finish() {
        using Header = contract::TableHeader;
        const std::uint64_t used = sum([](const Header& header) { return header.used.load(); });
        const std::uint64_t most = sum([](const Header& header) { return header.records; });
        const auto count_of = [&](std::size_t i) {
            return sum([i](const Header& header) { return header.counts[i].load(); });
        };
        const bool alive = parts_.front().is_alive();
        if (options_.form == Form::json) {
            json::object summary{{"records", used},
                                 {"records_max", most},
                                 {"matched", tally_.matched},
                                 {"shown", tally_.shown},
                                 {"engine_running", alive}};
            for (std::size_t i = 0; i < listing_.counts.size(); ++i)
                summary[listing_.counts[i]] = count_of(i);
            print("\n],\"summary\":" + json::serialize(summary) + "}\n");
            return;
        }
        flush();
        std::string text =
            std::string{listing_.name} + ": " + std::to_string(used) + " of " + std::to_string(most);
        if (tally_.matched != used)
            text += ", " + std::to_string(tally_.matched) + " match";
        if (tally_.shown != tally_.matched)
            text += ", " + std::to_string(tally_.shown) + " shown (--limit 0 for all)";
        std::string counts;
        for (std::size_t i = 0; i < listing_.counts.size(); ++i)
            if (const auto count = count_of(i); count != 0)
                counts += (counts.empty() ? "; " : ", ") + std::string{listing_.counts[i]} + " " +
                          std::to_string(count);
        print(text + counts + "\n");
        if (!alive)
            std::fprintf(stderr, "tandemctl: tandem-fast is not running: this is what it knew at its end\n");
    }

private:
    template <class Field>
    std::uint64_t sum(Field field) const {
        std::uint64_t total = 0;
        for (const contract::TableReader& part : parts_)
            total += field(part.header());
        return total;
    }
    void flush() {
        if (tally_.shown != 0)
            print(columns_.text());
        columns_ = status::Columns{""};
    }

    const Options& options_;
    std::span<const contract::TableReader> parts_;
    const Listing& listing_;
    status::Columns columns_{""};
    Tally tally_;
};

} // namespace

Exit list(const Options& options, std::span<const contract::TableReader> parts, const Listing& listing) {
    const contract::TableHeader& header = parts.front().header();
    std::optional<std::uint8_t> wanted;
    if (options.group) {
        std::string names;
        for (std::uint8_t i = 0; i < header.group_names.size(); ++i) {
            const std::string name = group_name(header, i);
            if (name == *options.group)
                wanted = i;
            if (header.group_names[i][0] != '\0')
                names += (names.empty() ? "" : ", ") + name;
        }
        if (!wanted)
            return misuse(options.form, "there is no group \"" + *options.group + "\"; there are: " + names);
    }
    Writer writer{options, parts, listing};
    const std::uint64_t reach = listing.places.value_or(std::min(header.reach.load(), header.records));
    for (std::uint64_t i = 0; i < reach; ++i) {
        auto row = listing.read(static_cast<std::uint32_t>(i));
        if (row && (!wanted || row->group == *wanted) && matches(*row, options.match))
            writer.add(std::move(*row));
    }
    writer.finish();
    return Exit::done;
}

double seconds_from_now(std::int64_t monotonic_ns) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto left = std::chrono::nanoseconds{monotonic_ns} - now;
    return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count()) / 1000.0;
}

std::string endpoint_text(const wire::IpAddress& address, std::uint16_t port) {
    const std::string text = address.to_string();
    return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

std::string run_dir_of(const Options& options) {
    if (!options.run_dir.empty())
        return options.run_dir;
    const auto slash = options.socket_path.find_last_of('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : options.socket_path.substr(0, slash);
}

} // namespace tandem::ctl
