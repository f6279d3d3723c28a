// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/status/layout.hh"
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
    return list(options, *file, listing);
}

} // namespace

Exit run_table_verb(const Options& options) {
    if (options.verb == Verb::registrations)
        return list_records<Registrations::Binding>(
            options, TableKind::registrations,
            {"registrations", registration_columns, registration_counts, nullptr}, registration_row);
    return list_records<Dialogs::Dialog>(options, TableKind::dialogs,
                                         {"dialogs", dialog_columns, dialog_counts, nullptr}, dialog_row);
}

} // namespace tandem::ctl
