// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"
#include "dataplane/state/shared_flows.hh"
#include "dataplane/state/shared_tracker.hh"
#include "tools/tandemctl/escape.hh"
#include "tools/tandemctl/listing.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>

#include <array>
#include <cmath>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
using contract::TableKind;
using contract::TableReader;
using state::Dialogs;
using state::Registrations;

constexpr std::array<std::string_view, 7> registration_columns{
    "ADDRESS-OF-RECORD", "CONTACT", "EXPIRES", "SOURCE", "CALL-ID", "CSEQ", "GROUP"};
// In the order of state::RegistrationCount and state::DialogCount.
constexpr std::array<std::string_view, 7> registration_counts{"added",   "refreshed", "removed", "expired",
                                                              "evicted", "outdated",  "unread"};
constexpr std::array<std::string_view, 8> dialog_columns{"STATE",  "SINCE", "CALLER",  "CALLEE",
                                                         "SOURCE", "CSEQ",  "CALL-ID", "GROUP"};
constexpr std::array<std::string_view, 9> flow_columns{"KIND",  "REMOTE", "VIP",         "PACKETS", "OCTETS",
                                                       "SINCE", "SILENT", "ESTABLISHED", "GROUP"};
// In the order of state::FlowCount.
constexpr std::array<std::string_view, 4> flow_counts{"begun", "expired", "evicted", "refused"};
constexpr std::array<std::string_view, 6> dialog_counts{"begun", "confirmed", "failed",
                                                        "ended", "expired",   "evicted"};

Exit refuse_table(const Options& options, std::string reason) {
    return refuse(options.form, {api::Code::refused, std::move(reason), nullptr});
}

std::string whole_seconds(double seconds) {
    return status::duration_text(std::floor(std::abs(seconds)) * 1000);
}

json::array texts(std::span<const std::string_view> values) {
    json::array list;
    for (const auto value : values)
        list.emplace_back(json_text(value));
    return list;
}

/// Everything but times and origin is read out of the REGISTER again.
std::optional<Row> registration_row(const Registrations::Binding& binding, std::string text) {
    const auto message = wire::parse_sip(text);
    if (!message || binding.contact >= message->contacts.values().size())
        return std::nullopt;
    const auto contacts = message->contacts.values();
    const double expires = seconds_from_now(binding.expires_ns);
    Row row;
    row.group = binding.group;
    row.cells = {std::string{message->to.uri},
                 std::string{contacts[binding.contact].uri},
                 expires > 0 ? whole_seconds(expires) : "expired",
                 endpoint_text(binding.source, binding.port),
                 std::string{message->call_id},
                 std::to_string(binding.cseq)};
    json::array all;
    for (const auto& contact : contacts)
        all.emplace_back(json_text(contact.uri));
    row.object = {{"aor", json_text(message->to.uri)},
                  {"contact", json_text(contacts[binding.contact].uri)},
                  {"contacts", std::move(all)},
                  {"expires", expires},
                  {"seen", -seconds_from_now(binding.seen_ns)},
                  {"source", binding.source.to_string()},
                  {"port", binding.port},
                  {"call_id", json_text(message->call_id)},
                  {"cseq", binding.cseq},
                  {"path", texts(message->paths.values())}};
    row.raw = std::move(text);
    return row;
}

std::string_view state_name(state::DialogState state) {
    switch (state) {
    case state::DialogState::trying:
        return "trying";
    case state::DialogState::early:
        return "early";
    case state::DialogState::confirmed:
        return "confirmed";
    }
    return "?";
}

std::optional<Row> dialog_row(const Dialogs::Dialog& dialog, std::string text) {
    const auto fields = state::read_dialog_text(text);
    if (!fields)
        return std::nullopt;
    Row row;
    row.group = dialog.group;
    row.cells = {std::string{state_name(dialog.state)},
                 whole_seconds(seconds_from_now(dialog.since_ns)),
                 std::string{fields->caller},
                 std::string{fields->callee},
                 endpoint_text(dialog.source, dialog.port),
                 std::to_string(dialog.caller_cseq) + "/" + std::to_string(dialog.callee_cseq),
                 std::string{fields->call_id}};
    json::array routes;
    for (auto left = fields->route_set; !left.empty();) {
        const auto end = left.find('\n');
        routes.emplace_back(json_text(left.substr(0, end)));
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    }
    row.object = {
        {"state", state_name(dialog.state)},           {"since", -seconds_from_now(dialog.since_ns)},
        {"seen", -seconds_from_now(dialog.seen_ns)},   {"call_id", json_text(fields->call_id)},
        {"caller", json_text(fields->caller)},         {"callee", json_text(fields->callee)},
        {"caller_tag", json_text(fields->caller_tag)}, {"callee_tag", json_text(fields->callee_tag)},
        {"caller_cseq", dialog.caller_cseq},           {"callee_cseq", dialog.callee_cseq},
        {"target", json_text(fields->target)},         {"route_set", std::move(routes)},
        {"source", dialog.source.to_string()},         {"port", dialog.port}};
    return row;
}

/// Opens the table of a kind and lists its records by `to_row`.
template <typename Head, typename ToRow>
Exit list_records(const Options& options, TableKind kind, Listing listing, ToRow to_row) {
    using Records = table::TextRecords<Head>;
    const auto file = TableReader::open(run_dir_of(options), kind, sizeof(Head));
    if (!file)
        return refuse_table(options, file.error());
    const contract::TableHeader& header = file->header();
    // Nothing in the file is believed before the memory has been seen to be as large as it says.
    if (header.records >= Records::none || header.chunks >= Records::none ||
        Records::octets(header.records, header.chunks) != file->records().size())
        return refuse_table(options, std::string{to_string(kind)} + ": the file is damaged");
    const auto records = Records::reader(file->records(), header.records, header.chunks);
    listing.read = [&](std::uint32_t index) -> std::optional<Row> {
        Head head;
        std::string text;
        return records.read(index, head, text) ? to_row(head, std::move(text)) : std::nullopt;
    };
    return list(options, {&*file, 1}, listing);
}

std::string_view kind_name(state::FlowKind kind) {
    switch (kind) {
    case state::FlowKind::other:
        return "other";
    case state::FlowKind::sip:
        return "sip";
    case state::FlowKind::rtp:
        return "rtp";
    case state::FlowKind::tcp:
        return "tcp";
    }
    return "?";
}

Row flow_row(const state::Flow& flow) {
    constexpr auto remote = static_cast<std::size_t>(state::FlowSide::remote);
    constexpr auto local = static_cast<std::size_t>(state::FlowSide::local);
    Row row;
    row.group = flow.group;
    row.cells = {std::string{kind_name(flow.kind)},
                 endpoint_text(flow.remote, flow.remote_port),
                 endpoint_text(flow.local, flow.local_port),
                 std::to_string(flow.packets[remote]) + "/" + std::to_string(flow.packets[local]),
                 std::to_string(flow.octets[remote]) + "/" + std::to_string(flow.octets[local]),
                 whole_seconds(seconds_from_now(flow.first_ns)),
                 whole_seconds(seconds_from_now(flow.last_ns)),
                 flow.established ? "yes" : "no"};
    row.object = {{"kind", kind_name(flow.kind)},
                  {"protocol", flow.protocol},
                  {"remote", flow.remote.to_string()},
                  {"remote_port", flow.remote_port},
                  {"vip", flow.local.to_string()},
                  {"vip_port", flow.local_port},
                  {"packets_in", flow.packets[remote]},
                  {"packets_out", flow.packets[local]},
                  {"octets_in", flow.octets[remote]},
                  {"octets_out", flow.octets[local]},
                  {"begun", -seconds_from_now(flow.first_ns)},
                  {"seen", -seconds_from_now(flow.last_ns)},
                  {"established", flow.established}};
    return row;
}

/// Each worker of the engine has a table of its own.
Exit list_flows(const Options& options) {
    const auto parts = TableReader::open_all(run_dir_of(options), TableKind::flows, sizeof(state::Flow));
    if (!parts)
        return refuse_table(options, parts.error() + " (only an appliance keeps flows)");
    std::vector<state::Flows::Reader> readers;
    std::uint64_t places = 0;
    for (const TableReader& part : *parts) {
        const std::uint64_t flows = part.header().records;
        if (flows == 0 || flows > UINT32_MAX / 2 || state::Flows::octets(flows) != part.records().size())
            return refuse_table(options, "flows: the file is damaged");
        readers.push_back(state::Flows::reader(part.records(), flows));
        places += readers.back().places();
    }
    if (places > UINT32_MAX)
        return refuse_table(options, "flows: the files are damaged");
    Listing listing{"flows", flow_columns, flow_counts, nullptr, places};
    listing.read = [&](std::uint32_t place) -> std::optional<Row> {
        std::size_t at = place;
        auto reader = readers.begin();
        for (; at >= reader->places(); ++reader)
            at -= reader->places();
        state::Flow flow;
        return reader->read(at, flow) ? std::optional{flow_row(flow)} : std::nullopt;
    };
    return list(options, *parts, listing);
}

} // namespace

Exit run_table_verb(const Options& options) {
    if (options.verb == Verb::flows)
        return list_flows(options);
    if (options.verb == Verb::registrations)
        return list_records<Registrations::Binding>(
            options, TableKind::registrations,
            {"registrations", registration_columns, registration_counts, nullptr, {}}, registration_row);
    return list_records<Dialogs::Dialog>(options, TableKind::dialogs,
                                         {"dialogs", dialog_columns, dialog_counts, nullptr, {}}, dialog_row);
}

} // namespace tandem::ctl
