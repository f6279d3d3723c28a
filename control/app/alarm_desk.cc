// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/alarm_desk.hh"

#include "control/app/alarm_history.hh"
#include "control/app/clock.hh"
#include "control/ledger/whole_file.hh"
#include "control/status/reader.hh"
#include "control/status/status.hh"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
using ledger::AlarmEvent;
namespace {

constexpr ha::Duration save_interval = std::chrono::milliseconds{200};
constexpr ha::Duration tell_interval = std::chrono::milliseconds{200};
constexpr ha::Duration ask_again = std::chrono::seconds{5};
constexpr std::size_t note_max = 256;
constexpr std::size_t name_max = 96;
constexpr std::size_t sentence_max = 512;

std::string text_at(const json::object& object, std::string_view key, std::size_t most) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string())
        return {};
    return status::printable(std::string_view{value->get_string()}.substr(0, most));
}

std::string iso(std::int64_t wall) {
    return status::iso8601(status::WallClock::time_point{std::chrono::microseconds{wall}});
}

/// For people, beside the numbers.
json::object shown(json::object alarm) {
    for (const auto& [number, name] :
         {std::pair{"first_us", "first"}, {"raised_us", "raised"}, {"ended_us", "ended"}}) {
        const json::value* value = alarm.if_contains(number);
        alarm[name] = value != nullptr && value->is_int64() && value->get_int64() != 0
                          ? json::value(iso(value->get_int64()))
                          : json::value(nullptr);
    }
    return alarm;
}

} // namespace

AlarmDesk::AlarmDesk(const config::Node& node, config::AlarmSettings settings, Journal& journal,
                     LedgerDesk& ledger, LedgerDesk::Ask ask, const ledger::Moment& now,
                     const json::object& saved)
    : node_id_(node.id)
    , node_(node.name)
    , file_(alarm_file(node.state_dir))
    , journal_(journal)
    , ledger_(ledger)
    , ask_(std::move(ask))
    , table_(std::move(settings))
    , now_(now) {
    if (const json::value* own = saved.if_contains("own"); own != nullptr && own->is_object())
        table_.restore(now, own->get_object());
    saved_ = table_.version();
    const json::value* peer = saved.if_contains("peer");
    if (peer == nullptr || !peer->is_object())
        return;
    peer_ = status::array_of(status::look(*peer, {"alarms"}));
    peer_name_ = text_at(peer->get_object(), "node", name_max);
    peer_heard_us_ =
        static_cast<std::int64_t>(status::count_of(status::look(*peer, {"heard_us"})).value_or(0));
}

bool AlarmDesk::update(const ledger::Moment& now, std::vector<ledger::Condition> present) {
    now_ = now;
    for (ledger::Condition& condition : present)
        if (condition.sentence.size() > sentence_max)
            condition.sentence = condition.sentence.substr(0, sentence_max) + "...";
    const auto changes = table_.update(now, std::move(present));
    // What is over is told before what begins.
    for (const bool raised : {false, true})
        for (const ledger::AlarmChange& change : changes)
            if ((change.event == AlarmEvent::raised) == raised)
                tell(change);
    return !changes.empty();
}

void AlarmDesk::tell(const ledger::AlarmChange& change) {
    const ledger::Alarm& alarm = change.alarm;
    json::object data{{"code", alarm.condition.code},
                      {"id", std::to_string(node_id_) + "." + std::to_string(alarm.number)},
                      {"severity", to_string(alarm.severity)}};
    if (!alarm.condition.subject.empty())
        data["subject"] = alarm.condition.subject;
    if (alarm.count > 1)
        data["count"] = alarm.count;
    if (alarm.flapping)
        data["flapping"] = true;
    if (!change.by.empty())
        data["by"] = change.by;
    const auto& sentence = alarm.condition.sentence;
    if (change.event == AlarmEvent::raised) {
        const bool grave = alarm.severity >= ledger::Gravity::major;
        journal_.add(grave ? Severity::error : Severity::warning, "alarm.raised", alarm.condition.group,
                     sentence, std::move(data));
    } else {
        data["lasted_ms"] =
            std::chrono::duration_cast<std::chrono::milliseconds>(now_.at - alarm.since).count();
        const bool cleared = change.event == AlarmEvent::cleared;
        if (cleared)
            add_history(data, alarm);
        journal_.add(Severity::info, cleared ? "alarm.cleared" : "alarm.ended", alarm.condition.group,
                     (cleared ? words_of_clearing(change.by) : "over, not cleared: ") + sentence,
                     std::move(data));
    }
    if (listener_)
        listener_(change);
}

// ---- the disk and the peer ----

std::string AlarmDesk::file_text() const {
    return json::serialize(
        json::object{{"own", table_.save(node_id_, node_)},
                     {"peer", {{"alarms", peer_}, {"node", peer_name_}, {"heard_us", peer_heard_us_}}}});
}

void AlarmDesk::tick(const ledger::Moment& now, bool connected) {
    now_ = now;
    if (connected && peer_current_)
        peer_heard_us_ = now.wall_us;
    if (!connected)
        peer_current_ = false;
    connected_ = connected;
    if (table_.version() != saved_ && !saving_ && now.at >= save_due_) {
        saving_ = true;
        save_due_ = now.at + save_interval;
        ledger_.on_disk(
            [this, version = table_.version(), text = file_text(), file = file_]() -> std::function<void()> {
                const bool done = ledger::replace_file(file, text).has_value();
                return [this, version, done] { // a disk that refuses is the journal's alarm
                    saving_ = false;
                    if (done)
                        saved_ = version;
                    else
                        save_due_ = now_.at + ask_again;
                };
            });
    }
    if (!connected || telling_ || told_ == table_.version() || now.at < tell_due_)
        return;
    telling_ = true;
    tell_due_ = now.at + tell_interval;
    json::object table = table_.save(node_id_, node_);
    table["node"] = node_;
    ask_("alarms.table", std::move(table),
         [this, alive = std::weak_ptr<int>{alive_}, version = table_.version()](const Outcome& outcome) {
             if (alive.expired())
                 return;
             telling_ = false;
             if (outcome.code == 0)
                 told_ = version;
             else
                 tell_due_ = now_.at + ask_again; // an older node does not know it
         });
}

void AlarmDesk::finish() {
    (void)ledger::replace_file(file_, file_text());
}

// ---- operators ----

json::object AlarmDesk::list() const {
    json::array alarms;
    for (const ledger::Alarm& alarm : table_.alarms())
        alarms.emplace_back(shown(to_json(alarm, node_id_, node_)));
    for (const json::value& alarm : peer_)
        if (alarm.is_object()) {
            json::object theirs = shown(alarm.get_object());
            theirs["last_known"] = !peer_current_;
            alarms.emplace_back(std::move(theirs));
        }
    json::value age = nullptr;
    if (!peer_name_.empty())
        age = peer_current_ ? 0 : std::max<std::int64_t>(now_.wall_us - peer_heard_us_, 0) / 1000;
    return {{"alarms", std::move(alarms)},
            {"dropped", table_.dropped()},
            {"peer", {{"node", peer_name_}, {"current", peer_current_}, {"age_ms", std::move(age)}}}};
}

Outcome AlarmDesk::treat_own(const std::string& method, std::uint32_t number, const std::string& by,
                             const std::string& note) {
    const auto alarm = std::ranges::find(table_.alarms(), number, &ledger::Alarm::number);
    if (alarm == table_.alarms().end())
        return Outcome::refused("there is no such alarm; see tandemctl alarms");
    const ledger::Condition condition = alarm->condition;
    save_due_ = {}; // what somebody has decided is kept at once
    const std::string id = std::to_string(node_id_) + "." + std::to_string(number);
    if (method == "alarms.clear") {
        const auto change = table_.clear(number, by);
        if (!change)
            return Outcome::refused("alarm " + id + ": " + change.error());
        tell(*change);
        return Outcome::success({{"detail", "alarm " + id + " is cleared"}});
    }
    if (auto done = table_.acknowledge(number, {by, now_.wall_us, note}); !done)
        return Outcome::refused(done.error());
    json::object data{{"code", condition.code}, {"id", id}, {"by", by}};
    if (!condition.subject.empty())
        data["subject"] = condition.subject;
    if (!note.empty())
        data["note"] = note;
    journal_.add(Severity::info, "alarm.acknowledged", condition.group, by + " knows: " + condition.sentence,
                 std::move(data));
    return Outcome::success({{"detail", "alarm " + id + " is acknowledged"}});
}

void AlarmDesk::acknowledge_all(const std::string& by, const std::string& note, const Respond& respond) {
    std::vector<std::uint32_t> numbers;
    for (const ledger::Alarm& alarm : table_.alarms())
        if (!alarm.acknowledged)
            numbers.push_back(alarm.number);
    for (const std::uint32_t number : numbers)
        treat_own("alarms.ack", number, by, note);
    respond(Outcome::success(
        {{"detail", std::to_string(numbers.size()) + " alarms of node " + node_ + " are acknowledged"},
         {"count", numbers.size()}}));
}

void AlarmDesk::treat(const std::string& method, const json::object& params, const std::string& by,
                      Respond respond) {
    const std::string id = text_at(params, "id", name_max);
    const std::string note = text_at(params, "note", note_max);
    const json::object passed_on{{"id", id}, {"note", note}, {"by", by.substr(0, name_max)}};
    if (id == "all" && method == "alarms.ack") {
        return acknowledge_all(by, note, [this, passed_on, respond](Outcome own) {
            if (!connected_)
                return respond(std::move(own));
            ask_("alarms.ack", passed_on, [own, respond](const Outcome& peer) {
                Outcome both = own;
                const std::string words =
                    peer.code == 0 ? status::text_of(status::look(json::value(peer.result), {"detail"}))
                                   : "the other node: " + peer.message;
                both.result["detail"] = std::string{own.result.at("detail").get_string()} + "; " + words;
                respond(std::move(both));
            });
        });
    }
    const auto known = ledger::alarm_id_of(id);
    if (!known)
        return respond(Outcome::refused("an alarm is named like 1.17; see tandemctl alarms"));
    if (known->node == node_id_)
        return respond(treat_own(method, known->number, by, note));
    if (!connected_)
        return respond(Outcome::refused("that alarm is the other node's, which cannot be reached now"));
    ask_(method, passed_on, std::move(respond));
}

void AlarmDesk::on_peer(const std::string& method, const json::object& params, const Respond& respond) {
    if (method == "alarms.table") {
        const json::value* list = params.if_contains("alarms");
        if (list == nullptr || !list->is_array() || list->get_array().size() > ledger::AlarmTable::alarms_max)
            return respond(Outcome::refused("these are no alarms"));
        peer_.clear();
        for (const json::value& value : list->get_array())
            if (const auto alarm = ledger::alarm_of(value)) {
                peer_name_ = text_at(value.get_object(), "node", name_max);
                const auto id = ledger::alarm_id_of(text_at(value.get_object(), "id", name_max));
                if (id && id->node != node_id_)
                    peer_.emplace_back(to_json(*alarm, id->node, peer_name_));
            }
        if (const std::string name = text_at(params, "node", name_max); !name.empty())
            peer_name_ = name;
        peer_current_ = true;
        peer_heard_us_ = now_.wall_us;
        return respond(Outcome::success({}));
    }
    const std::string by = text_at(params, "by", name_max);
    const std::string note = text_at(params, "note", note_max);
    if (by.empty())
        return respond(Outcome::refused("who asks?"));
    const std::string id = text_at(params, "id", name_max);
    if (method == "alarms.ack" && id == "all")
        return acknowledge_all(by, note, respond);
    const auto known = ledger::alarm_id_of(id);
    if (!known || known->node != node_id_)
        return respond(Outcome::refused("there is no such alarm; see tandemctl alarms"));
    respond(treat_own(method, known->number, by, note));
}

} // namespace tandem::app
