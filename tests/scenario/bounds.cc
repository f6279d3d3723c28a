// SPDX-License-Identifier: GPL-3.0-or-later
// bounds FILE   reads the table of bounds in docs/ha.md and compares: each name with the formula of
//               tests/sim/bounds.hh, the written formula with the code, the written numbers with both.
//               Exit status 1 if one differs or is missing.
// A row: | `name` | `formula` | number at 5 ms x 3 | number at 1 ms x 4 | ... |
// In a formula, in milliseconds: + - * ( ), drift(x), max(x, y), min(x, y), the settings, and other rows.
#include "tests/sim/bounds.hh"

#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

using tandem::ha::AnnounceSchedule;
using tandem::ha::Duration;
using tandem::ha::Policy;
namespace bounds = tandem::sim::bounds;
using Table = std::map<std::string, double>; ///< milliseconds

/// Of `listener` and `process`: alternate_s (docs/configuration.md).
constexpr Duration patience = std::chrono::seconds{10};

double ms(Duration duration) {
    return static_cast<double>(duration.count()) / 1e6;
}

Policy rhythm(int interval_ms, unsigned multiplier) {
    Policy policy;
    policy.interval = std::chrono::milliseconds{interval_ms};
    policy.multiplier = multiplier;
    return policy;
}

/// What the simulation checks. Every function of bounds.hh stands here.
Table checked(const Policy& policy) {
    using bounds::Way;
    return {{"lateness", ms(bounds::lateness(policy))},
            {"heartbeat", ms(bounds::heartbeat(policy, Way::clean))},
            {"heartbeat_lossy", ms(bounds::heartbeat(policy, Way::lossy))},
            {"conflict", ms(bounds::conflict(policy, Way::clean, false))},
            {"conflict_lossy", ms(bounds::conflict(policy, Way::lossy, false))},
            {"conflict_planned", ms(bounds::conflict(policy, Way::clean, true))},
            {"conflict_on_lan", ms(bounds::conflict_on_lan(policy))},
            {"lease", ms(bounds::lease(policy))},
            {"release", ms(bounds::release(policy))},
            {"kernel_lease", ms(bounds::kernel_lease())},
            {"takeover", ms(bounds::takeover(policy))},
            {"vacancy", ms(bounds::vacancy(policy))},
            {"after_rival", ms(bounds::after_rival())},
            {"out_of_reach", ms(bounds::out_of_reach(policy, Way::clean))},
            {"out_of_reach_lossy", ms(bounds::out_of_reach(policy, Way::lossy))},
            {"hand_over", ms(bounds::hand_over(policy, patience))},
            {"caches_known", ms(bounds::caches_known(policy))},
            {"caches_unknown", ms(bounds::caches_unknown(policy))},
            {"calm", ms(bounds::calm(policy, patience))}};
}

Table settings(const Policy& policy) {
    return {{"I", ms(policy.interval)},
            {"M", policy.multiplier},
            {"D", ms(policy.detection())},
            {"L", ms(policy.lease())},
            {"probe_wait", ms(policy.probe_wait)},
            {"look_wait", ms(policy.look_wait)},
            {"look_again", ms(policy.look_again)},
            {"lone_wait", ms(policy.lone_wait)},
            {"fault_wait", ms(policy.fault_wait)},
            {"resign_wait", ms(policy.resign_wait)},
            {"better_wait", ms(policy.better_wait)},
            {"yield_max", ms(policy.yield_max)},
            {"damper", ms(policy.damper_base)},
            {"hold", ms(policy.failback_hold)},
            {"alternate", ms(patience)},
            {"refresh", ms(AnnounceSchedule::refresh)}};
}

/// A formula, read from left to right.
class Formula {
public:
    Formula(const std::string& text, const Table& names)
        : text_(text)
        , names_(names) {}

    std::optional<double> value() {
        const double sum = read_sum();
        skip();
        return good_ && at_ == text_.size() ? std::optional{sum} : std::nullopt;
    }

private:
    void skip() {
        while (at_ < text_.size() && text_[at_] == ' ')
            ++at_;
    }
    bool take(char sign) {
        skip();
        if (at_ == text_.size() || text_[at_] != sign)
            return false;
        ++at_;
        return true;
    }
    void need(char sign) { good_ = take(sign) && good_; }

    double read_sum() {
        double sum = read_product();
        for (;;) {
            if (take('+'))
                sum += read_product();
            else if (take('-'))
                sum -= read_product();
            else
                return sum;
        }
    }
    double read_product() {
        double product = read_term();
        while (take('*'))
            product *= read_term();
        return product;
    }
    double read_term() {
        skip();
        if (take('(')) {
            const double sum = read_sum();
            need(')');
            return sum;
        }
        std::string word;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
            word += text_[at_++];
        if (word == "drift" || word == "max" || word == "min")
            return read_call(word);
        if (const auto known = names_.find(word); known != names_.end())
            return known->second;
        good_ = good_ && !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
        return std::strtod(word.c_str(), nullptr);
    }
    double read_call(const std::string& function) {
        need('(');
        double first = read_sum();
        if (function == "drift") {
            first += first / 64;
        } else {
            need(',');
            const double second = read_sum();
            first = function == "max" ? std::max(first, second) : std::min(first, second);
        }
        need(')');
        return first;
    }

    const std::string& text_;
    const Table& names_;
    std::size_t at_{0};
    bool good_{true};
};

/// "17.3 ms" or "6.250 s".
std::string written(double milliseconds) {
    char text[32];
    if (milliseconds < 1000)
        std::snprintf(text, sizeof text, "%.1f ms", milliseconds);
    else
        std::snprintf(text, sizeof text, "%.2f s", milliseconds / 1000);
    return text;
}

std::vector<std::string> cells(const std::string& row) {
    std::vector<std::string> all;
    for (std::size_t at = row.find('|'); at != std::string::npos;) {
        const std::size_t end = row.find('|', at + 1);
        if (end == std::string::npos)
            break;
        std::string cell = row.substr(at + 1, end - at - 1);
        cell.erase(0, cell.find_first_not_of(" `"));
        cell.erase(cell.find_last_not_of(" `") + 1);
        all.push_back(cell);
        at = end;
    }
    return all;
}

struct Column {
    Table checked;
    Table names;
    std::size_t cell;
};

/// The number of differences in one row.
unsigned compare(const std::vector<std::string>& row, const std::vector<Column>& columns) {
    unsigned wrong = 0;
    for (const Column& column : columns) {
        const double code = column.checked.at(row[0]);
        const std::optional<double> formula = Formula{row[1], column.names}.value();
        if (!formula || std::abs(*formula - code) > 0.001) {
            std::printf("%s: the formula gives %s, the code %s\n", row[0].c_str(),
                        formula ? written(*formula).c_str() : "nothing", written(code).c_str());
            ++wrong;
        }
        if (row[column.cell] != written(code)) {
            std::printf("%s: written %s, the code gives %s\n", row[0].c_str(), row[column.cell].c_str(),
                        written(code).c_str());
            ++wrong;
        }
    }
    return wrong;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: bounds FILE\n", stderr);
        return 2;
    }
    std::vector<Column> columns;
    for (const auto& [policy, cell] : {std::pair{rhythm(5, 3), std::size_t{2}}, {rhythm(1, 4), 3}}) {
        columns.push_back({checked(policy), settings(policy), cell});
        columns.back().names.insert(columns.back().checked.begin(), columns.back().checked.end());
    }
    Table missing = columns[0].checked;
    unsigned wrong = 0;
    std::ifstream file{argv[1]};
    for (std::string line; std::getline(file, line);) {
        const std::vector<std::string> row = cells(line);
        if (row.size() < 4 || !columns[0].checked.contains(row[0]))
            continue;
        missing.erase(row[0]);
        wrong += compare(row, columns);
    }
    for (const auto& [name, bound] : missing)
        std::printf("%s: not in the table (%s)\n", name.c_str(), written(bound).c_str());
    std::printf("%zu bounds, %zu missing, %u differences\n", columns[0].checked.size(), missing.size(),
                wrong);
    return wrong == 0 && missing.empty() ? 0 : 1;
}
