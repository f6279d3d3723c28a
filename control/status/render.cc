// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/render.hh"

#include "control/status/disagreement.hh"
#include "control/status/layout.hh"
#include "control/status/reader.hh"

#include <algorithm>
#include <functional>
#include <vector>

namespace tandem::status {
namespace {

namespace json = boost::json;

using Cell = std::function<std::string(const json::value&)>;

std::string or_dash(std::string text) {
    return text.empty() ? "-" : std::move(text);
}

std::string count_text(const json::value& value) {
    const auto count = count_of(value);
    return count ? std::to_string(*count) : "-";
}

std::string yes_no(const json::value& value) {
    return is_true(value) ? "yes" : is_false(value) ? "no" : "-";
}

/// Ready to take over is a question to a node that is not active.
std::string ready_text(const json::value& group) {
    return text_of(look(group, {"role"})) == "active" ? "serving" : yes_no(look(group, {"ready"}));
}

std::string node_name(const json::value& node) {
    return or_dash(text_of(look(node, {"node", "name"})));
}

/// The two nodes, this one first; the peer is null when it did not answer.
struct Both {
    const json::value& self;
    const json::value& peer;

    bool with_peer() const { return peer.is_object(); }
    void row(Columns& columns, std::string title, const json::value& a, const json::value& b,
             const Cell& cell) const {
        std::vector<std::string> cells{std::move(title), cell(a)};
        if (with_peer())
            cells.push_back(b.is_null() ? "-" : cell(b));
        columns.row(std::move(cells));
    }
};

std::string engine_text(const json::value& node) {
    const auto& engine = look(node, {"engine"});
    if (!is_true(look(engine, {"running"})))
        return is_false(look(engine, {"running"})) ? "not running" : "-";
    std::string text = or_dash(text_of(look(engine, {"backend"})));
    text += is_true(look(engine, {"attached"})) ? ", attached" : ", not attached";
    if (const auto pid = count_of(look(engine, {"pid"})); pid && *pid > 0)
        text += ", pid " + std::to_string(*pid);
    return text;
}

std::string peer_text(const json::value& node) {
    std::string text = or_dash(text_of(look(node, {"peer", "name"})));
    return text + " is " + or_dash(text_of(look(node, {"peer", "state"})));
}

std::string mirror_text(const json::value& node) {
    const auto& mirror = look(node, {"mirror"});
    return count_text(look(mirror, {"sent"})) + " sent, " + count_text(look(mirror, {"confirmed"})) +
           " confirmed";
}

std::string shadow_text(const json::value& node) {
    const auto& mirror = look(node, {"mirror"});
    return count_text(look(mirror, {"received"})) + " received, " + count_text(look(mirror, {"lost"})) +
           " lost";
}

std::string sync_text(const json::value& node) {
    const auto& sync = look(node, {"mirror", "in_sync"});
    return is_true(sync) ? "in sync" : is_false(sync) ? "behind" : "unknown";
}

std::string detection_text(const json::value& node) {
    const auto& detection = look(node, {"detection"});
    const auto worst = number_of(look(detection, {"worst_case_ms"}));
    const auto interval = number_of(look(detection, {"interval_ms"}));
    if (!worst || !interval)
        return "-";
    return "at most " + decimal_text(*worst, 3) + " ms (" + decimal_text(*interval, 3) + " ms x " +
           count_text(look(detection, {"multiplier"})) + ")";
}

/// Of the last minute.
std::string beats_text(const json::value& node) {
    const auto& beats = look(node, {"beats"});
    const auto worst = number_of(look(beats, {"late_minute_us"}));
    if (!worst)
        return "-";
    return "late by at most " + decimal_text(*worst / 1000, 3) + " ms";
}

std::string nodes_text(const Both& both) {
    Columns columns{""};
    const auto& a = both.self;
    const auto& b = both.peer;
    both.row(columns, "NODE", a, b, node_name);
    both.row(columns, "  id", a, b, [&](const json::value& node) {
        return count_text(look(node, {"node", "id"})) + (&node == &a ? " (this node)" : " (peer)");
    });
    both.row(columns, "  version", a, b,
             [](const json::value& n) { return or_dash(text_of(look(n, {"version"}))); });
    both.row(columns, "  running for", a, b, [](const json::value& node) {
        const auto uptime = number_of(look(node, {"uptime_ms"}));
        return uptime ? duration_text(*uptime) : "-";
    });
    both.row(columns, "  sees peer", a, b, peer_text);
    both.row(columns, "  engine", a, b, engine_text);
    both.row(columns, "  mirror out", a, b, mirror_text);
    both.row(columns, "  mirror in", a, b, shadow_text);
    both.row(columns, "  mirror is", a, b, sync_text);
    both.row(columns, "  detection", a, b, detection_text);
    both.row(columns, "  heartbeats", a, b, beats_text);
    return columns.text();
}

/// "Active since ...", "Standby since ...".
std::string since_text(const json::value& group) {
    std::string role = or_dash(text_of(look(group, {"role"})));
    if (role.front() >= 'a' && role.front() <= 'z')
        role.front() = static_cast<char>(role.front() - 'a' + 'A');
    return role + " since " + or_dash(text_of(look(group, {"since"})));
}

std::string role_text(const json::value& group) {
    std::string role = or_dash(text_of(look(group, {"role"})));
    // The one that serves must be seen at a glance.
    return role == "active" ? "ACTIVE" : role;
}

std::string mirroring_text(const json::value& group) {
    if (!is_true(look(group, {"mirroring"})))
        return is_false(look(group, {"mirroring"})) ? "off" : "-";
    const std::string pattern = text_of(look(group, {"pattern"}));
    return pattern.empty() ? "any SIP message" : pattern;
}

/// "primary", or what holds although the file says something else.
std::string configured_text(const json::value& group) {
    const std::string role = or_dash(text_of(look(group, {"configured_role"})));
    const std::string file = text_of(look(group, {"file_role"}));
    return file.empty() || file == role ? role : role + " (follows runtime role, file says " + file + ")";
}

/// A monitor that is well again counts as failed for a while.
bool recovering(const json::value& group) {
    const auto score = count_of(look(group, {"score"}));
    return score && *score < 1000 && text_of(look(group, {"role"})) != "fault" &&
           std::ranges::all_of(array_of(look(group, {"monitors"})), [](const json::value& monitor) {
               const std::string state = text_of(look(monitor, {"state"}));
               return state == "ok" || state == "off";
           });
}

/// The score, and what it does not say.
std::string health_text(const json::value& group) {
    std::string text = count_text(look(group, {"score"})) + " of 1000";
    const bool isolated = is_true(look(group, {"isolated"}));
    if (isolated)
        text += ", isolated";
    else if (recovering(group))
        text += ", recovering";
    const auto factor = count_of(look(group, {"damper", "factor"}));
    const auto remaining = number_of(look(group, {"damper", "remaining_ms"}));
    if (remaining)
        text += ", hand-over held back for " + duration_text(*remaining);
    if (factor && *factor > 1)
        text += ", damper x" + std::to_string(*factor);
    return text;
}

std::string lacks_text(const json::value& group) {
    std::string text;
    for (const auto& lack : array_of(look(group, {"lacks"})))
        text += (text.empty() ? "" : ", ") + text_of(lack);
    return text.empty() ? "nothing" : text;
}

/// All in one line; what is not well comes first and says what it is.
std::string monitors_text(const json::value& group) {
    std::string bad;
    std::string good;
    for (const auto& monitor : array_of(look(group, {"monitors"}))) {
        const std::string name = or_dash(text_of(look(monitor, {"name"})));
        const std::string state = or_dash(text_of(look(monitor, {"state"})));
        if (state == "off")
            continue;
        if (state == "ok")
            good += (good.empty() ? "" : ", ") + name;
        else
            bad += (bad.empty() ? "" : ", ") + name + " " + state;
    }
    if (!good.empty())
        good += " ok";
    const std::string text = bad.empty() || good.empty() ? bad + good : bad + "; " + good;
    return text.empty() ? "none" : text;
}

/// "gw down; 12 up, 1 failing": what is down by its name.
std::string checks_text(const json::value& group) {
    std::string down;
    const auto& names = array_of(look(group, {"checks", "down"}));
    for (const auto& name : names)
        down += (down.empty() ? "" : ", ") + or_dash(text_of(name));
    std::string rest;
    std::uint64_t unnamed = 0;
    for (const auto& [key, value] : object_of(look(group, {"checks", "states"}))) {
        const std::uint64_t count = count_of(value).value_or(0);
        if (key == "down")
            unnamed = count - std::min<std::uint64_t>(count, names.size());
        else
            rest += (rest.empty() ? "" : ", ") + std::to_string(count) + " " +
                    printable({key.data(), key.size()});
    }
    if (unnamed > 0)
        down += " and " + std::to_string(unnamed) + " more";
    if (!down.empty())
        down += " down";
    const std::string text = down.empty() || rest.empty() ? down + rest : down + "; " + rest;
    return text.empty() ? "none" : text;
}

std::string failback_text(const json::value& group) {
    std::string text = or_dash(text_of(look(group, {"failback", "policy"})));
    if (const auto in = number_of(look(group, {"failback", "in_ms"})))
        text += "; returns in " + duration_text(*in);
    else if (const auto opens = number_of(look(group, {"failback", "window_in_ms"})); opens)
        text += *opens > 0 ? "; the window opens in " + duration_text(*opens) : "; the window is open";
    return text;
}

std::string vip_text(const json::value& group, const std::string& address) {
    for (const auto& vip : array_of(look(group, {"vips"}))) {
        if (text_of(look(vip, {"address"})) != address)
            continue;
        if (!is_true(look(vip, {"on_outside"})))
            return is_false(look(vip, {"on_outside"})) ? "not here" : "-";
        return "on " + or_dash(text_of(look(group, {"interface"})));
    }
    return "not configured";
}

/// What stands behind an appliance: "transparent to 192.168.10.10"; nothing in host mode.
std::string server_text(const json::value& group) {
    const std::string forwarding = text_of(look(group, {"forwarding"}));
    if (forwarding.empty() || forwarding == "host")
        return "-";
    std::string servers;
    for (const auto& server : array_of(look(group, {"servers"})))
        servers += (servers.empty() ? "" : ", ") + text_of(server);
    return forwarding + " to " + or_dash(servers);
}

std::string inside_vip_text(const json::value& group, const std::string& address) {
    for (const auto& vip : array_of(look(group, {"inside_vips"})))
        if (text_of(look(vip, {"address"})) == address)
            return is_true(look(vip, {"on_inside"})) ? "on the inside interface" : "not here";
    return "not configured";
}

std::string group_text(const Both& both, const json::value& mine, const json::value& theirs) {
    Columns columns{""};
    const auto add = [&](std::string title, const Cell& cell) {
        both.row(columns, std::move(title), mine, theirs, cell);
    };
    const auto field = [](std::string_view key) {
        return [key](const json::value& group) { return or_dash(text_of(look(group, {key}))); };
    };
    const auto number = [](std::string_view key) {
        return [key](const json::value& group) { return count_text(look(group, {key})); };
    };
    const json::value& known = mine.is_null() ? theirs : mine;
    std::vector<std::string> title{"GROUP " + or_dash(text_of(look(known, {"name"}))), node_name(both.self)};
    if (both.with_peer())
        title.push_back(node_name(both.peer));
    columns.row(std::move(title));
    add("  role", role_text);
    add("  since", since_text);
    add("  because", field("reason"));
    add("  epoch", number("epoch"));
    add("  ready", ready_text);
    for (const auto& vip : array_of(look(known, {"vips"}))) {
        const std::string address = text_of(look(vip, {"address"}));
        add("  VIP " + or_dash(address), [&](const json::value& group) { return vip_text(group, address); });
    }
    for (const auto& vip : array_of(look(known, {"inside_vips"}))) {
        const std::string address = text_of(look(vip, {"address"}));
        add("  inside VIP " + or_dash(address),
            [&](const json::value& group) { return inside_vip_text(group, address); });
    }
    if (server_text(mine) != "-" || server_text(theirs) != "-")
        add("  forwarding", server_text);
    add("  health", health_text);
    add("  monitors", monitors_text);
    if (checks_text(mine) != "none" || checks_text(theirs) != "none")
        add("  checks", checks_text);
    const auto lacking = [](const json::value& group) { return !array_of(look(group, {"lacks"})).empty(); };
    if (lacking(mine) || lacking(theirs))
        add("  lacks", lacks_text);
    add("  configured role", configured_text);
    add("  priority", number("priority"));
    add("  failback", failback_text);
    add("  mirroring", mirroring_text);
    add("  transitions", number("transitions"));
    return columns.text();
}

std::string groups_text(const Both& both) {
    std::string text;
    for (const auto& mine : array_of(look(both.self, {"groups"})))
        text +=
            "\n" + group_text(both, mine, named(look(both.peer, {"groups"}), text_of(look(mine, {"name"}))));
    for (const auto& theirs : array_of(look(both.peer, {"groups"})))
        if (named(look(both.self, {"groups"}), text_of(look(theirs, {"name"}))).is_null())
            text += "\n" + group_text(both, json::value{}, theirs);
    return text;
}

std::string micros_text(const json::value& value) {
    const auto micros = number_of(value);
    return micros ? decimal_text(*micros / 1000, 3) + " ms" : "-";
}

std::string paths_text(const Both& both) {
    Columns columns{""};
    columns.row({"PATH", "SEEN FROM", "LOCAL", "PEER", "STATE", "STREAM", "ROUND TRIP", "SHORTEST",
                 "LAST HEARD", "MIRROR", "REFUSED"});
    const auto add = [&](const json::value& node) {
        for (const auto& path : array_of(look(node, {"paths"}))) {
            const auto heard = number_of(look(path, {"last_heard_ms"}));
            std::string refused;
            for (const auto& [name, value] : object_of(look(path, {"counters"})))
                if (const auto count = count_of(value); count && *count > 0)
                    refused += (refused.empty() ? "" : ", ") + printable({name.data(), name.size()}) + " " +
                               std::to_string(*count);
            columns.row({or_dash(text_of(look(path, {"name"}))), node_name(node),
                         or_dash(text_of(look(path, {"local"}))), or_dash(text_of(look(path, {"peer"}))),
                         or_dash(text_of(look(path, {"state"}))), or_dash(text_of(look(path, {"stream"}))),
                         micros_text(look(path, {"rtt_us", "last"})),
                         micros_text(look(path, {"rtt_us", "min"})),
                         heard ? decimal_text(*heard, 1) + " ms ago" : "never",
                         or_dash(text_of(look(path, {"mirror"}))), or_dash(refused)});
        }
    };
    add(both.self);
    add(both.peer);
    return columns.text();
}

void list(std::string& text, std::string_view title, const std::vector<std::string>& sentences) {
    if (sentences.empty())
        return;
    text += "\n" + std::string{title} + "\n";
    for (const auto& sentence : sentences)
        text += "  ! " + sentence + "\n";
}

std::vector<std::string> sentences_of(const Both& both, std::string_view key) {
    std::vector<std::string> result;
    for (const json::value* node : {&both.self, &both.peer})
        for (const auto& sentence : array_of(look(*node, {key})))
            result.push_back(node_name(*node) + ": " + text_of(sentence));
    return result;
}

/// How many of the alarms somebody knows of; empty when there are none.
std::string alarm_counts(const Both& both) {
    std::size_t present = 0;
    std::size_t acknowledged = 0;
    std::uint64_t ended = 0;
    for (const json::value* node : {&both.self, &both.peer}) {
        ended += count_of(look(*node, {"alarms_ended"})).value_or(0);
        for (const auto& alarm : array_of(look(*node, {"alarm_list"}))) {
            ++present;
            acknowledged += text_of(look(alarm, {"acknowledged_by"})).empty() ? 0 : 1;
        }
    }
    if (present + ended == 0)
        return {};
    std::string text = present == 0 ? "\n" : "";
    text += "  " + std::to_string(present) + (present == 1 ? " alarm, " : " alarms, ") +
            std::to_string(acknowledged) + " acknowledged";
    if (ended > 0)
        text += "; " + std::to_string(ended) + " more ended and not cleared";
    return text + ": see tandemctl alarms\n";
}

} // namespace

std::string render(const json::value& answer) {
    const Both both{look(answer, {"self"}), look(answer, {"peer"})};
    std::string text = "PAIR " + or_dash(text_of(look(both.self, {"pair"}))) + "\n\n";
    text += nodes_text(both);
    if (!both.with_peer())
        text += "\nThe peer does not answer: only this node's view is shown.\n";
    text += groups_text(both) + "\n" + paths_text(both);
    list(text, "THE NODES DO NOT AGREE", disagreements(both.self, both.peer));
    list(text, "ALARMS", sentences_of(both, "alarms"));
    text += alarm_counts(both);
    list(text, "WARNINGS", sentences_of(both, "warnings"));
    return text;
}

std::string render_counters(const json::value& self, SentenceOf sentence_of) {
    Columns columns{""};
    const auto add = [&](const std::string& prefix, const json::value& counters) {
        for (const auto& [key, value] : object_of(counters)) {
            const std::string_view name{key.data(), key.size()};
            columns.row({prefix + printable(name), count_text(value), std::string{sentence_of(name)}});
        }
    };
    add("", look(self, {"counters"}));
    for (const auto& path : array_of(look(self, {"paths"})))
        add("path." + text_of(look(path, {"name"})) + ".", look(path, {"counters"}));
    return columns.text();
}

} // namespace tandem::status
