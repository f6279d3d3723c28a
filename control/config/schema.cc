// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/schema.hh"

#include "control/config/action_schema.hh"
#include "control/config/api_schema.hh"
#include "control/config/email_schema.hh"
#include "control/config/engine_schema.hh"
#include "control/config/group_schema.hh"
#include "control/config/ledger_schema.hh"
#include "control/config/snmp_schema.hh"
#include "control/config/values.hh"

#include <cmath>

namespace tandem::config {
namespace {

void read_node(Section section, Node& node, Places& places) {
    take_integer(section, "id", {1, 2}, node.id, nullptr, Presence::required);
    take_name(section, "name", Presence::optional, node.name);
    take_file_name(section, "run_dir", run_dir_length_max, node.run_dir);
    take_file_name(section, "state_dir", file_name_length_max, node.state_dir);
    take_interface(section, "shadow_interface", Presence::optional, node.shadow_interface,
                   places.shadow_interface);
    Place table;
    take_integer(section, "route_table", {1, 0xffffffffLL}, node.route_table, &table);
    if (node.route_table >= 253 && node.route_table <= 255)
        section.complain(table, "\"route_table\" is one of the kernel's own tables (253 to 255)",
                         "use a table that nothing else uses, for example 7100");
    // The kernel's own rules stand at 0, 32766 and 32767.
    take_integer(section, "rule_priority", {1, 32765}, node.rule_priority);
    note_keys(section, {"shadow_interface", "route_table", "rule_priority"},
              "an appliance has no SIP server of its own and so no shadow interface", places.nfqueue_keys);
    section.finish();
}

void read_pair(Section section, Pair& pair, Places& places) {
    take_name(section, "id", Presence::required, pair.id);
    take_file_name(section, "key_file", file_name_length_max, pair.key_file, &places.key_file);
    places.interval = section.place();
    if (const auto found = section.number("interval_ms", {1, 1000}, Presence::optional)) {
        pair.interval = std::chrono::microseconds{std::llround(found->value * 1000)};
        places.interval = found->place;
    }
    take_integer(section, "multiplier", {3, 50}, pair.multiplier);
    take_integer(section, "stream_port", port_range, pair.stream_port, &places.stream_port);
    take_integer(section, "heartbeat_port", port_range, pair.heartbeat_port, &places.heartbeat_port);
    take_integer(section, "mirror_port", port_range, pair.mirror_port, &places.mirror_port);
    section.finish();
}

void read_path(Section section, Draft& draft) {
    Path path;
    Places::PathPlaces places;
    take_name(section, "name", Presence::required, path.name, &places.name);
    path.local = take_address(section, "local", places.local);
    path.peer = take_address(section, "peer", places.peer);
    section.finish();
    draft.config.paths.push_back(std::move(path));
    draft.places.paths.push_back(places);
}

void read_capture(Section section, Capture& capture) {
    if (const auto enabled = section.boolean("enabled", Presence::optional))
        capture.enabled = enabled->value ? Capturing::on : Capturing::off;
    std::int64_t seconds = capture.seconds.count();
    take_integer(section, "seconds", {1, 3600}, seconds);
    capture.seconds = std::chrono::seconds{seconds};
    take_integer(section, "bytes", {1 << 20, 1 << 30}, capture.octets);
    section.finish();
}

void read_log(Section section, Log& log) {
    if (const auto target = section.word("target", {"stderr", "syslog"}, Presence::optional))
        log.target = target->value == 1 ? LogTarget::syslog : LogTarget::standard_error;
    section.finish();
}

} // namespace

void note_keys(const Section& section, std::initializer_list<std::string_view> keys, std::string_view why,
               std::vector<Places::BackendKey>& out) {
    for (const std::string_view key : keys)
        if (const auto place = section.place_of(key))
            out.push_back({std::string{key}, *place, std::string{why}});
}

Draft read_schema(const Table& root, Complaints& complaints) {
    Draft draft;
    Config& config = draft.config;
    Section file{"the file", Place{}, root, complaints};
    if (const auto node = file.table("node", Presence::required))
        read_node({"[node]", node->place, *node->value, complaints}, config.node, draft.places);
    if (const auto pair = file.table("pair", Presence::required))
        read_pair({"[pair]", pair->place, *pair->value, complaints}, config.pair, draft.places);
    // Ahead of the groups, whose actions name receivers.
    if (const auto snmp = file.table("snmp", Presence::optional))
        config.snmp = read_snmp({"[snmp]", snmp->place, *snmp->value, complaints}, complaints);
    for (const auto& path : file.tables("path", contract::paths_max, Presence::required))
        read_path({"[[path]]", path.place, *path.value, complaints}, draft);
    for (const auto& group : file.tables("group", contract::groups_max, Presence::required))
        read_group({"[[group]]", group.place, *group.value, complaints}, draft, complaints);
    if (const auto engine = file.table("engine", Presence::optional))
        read_engine({"[engine]", engine->place, *engine->value, complaints}, config.engine, draft.places,
                    complaints);
    if (const auto capture = file.table("capture", Presence::optional))
        read_capture({"[capture]", capture->place, *capture->value, complaints}, config.capture);
    if (const auto email = file.table("email", Presence::optional))
        config.email = read_email({"[email]", email->place, *email->value, complaints});
    if (const auto log = file.table("log", Presence::optional))
        read_log({"[log]", log->place, *log->value, complaints}, config.log);
    if (const auto actions = file.table("actions", Presence::optional))
        read_actions({"[actions]", actions->place, *actions->value, complaints}, draft);
    if (const auto api = file.table("api", Presence::optional))
        config.api = read_api({"[api]", api->place, *api->value, complaints}, complaints);
    if (const auto journal = file.table("journal", Presence::optional))
        read_journal({"[journal]", journal->place, *journal->value, complaints}, config.ledger.journal);
    if (const auto alarm = file.table("alarm", Presence::optional))
        read_alarm({"[alarm]", alarm->place, *alarm->value, complaints}, config.ledger.alarm, complaints);
    file.finish();
    return draft;
}

} // namespace tandem::config
