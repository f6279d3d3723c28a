// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/client.hh"
#include "control/status/layout.hh"
#include "control/status/reader.hh"
#include "control/status/render.hh"
#include "dataplane/contract/counters.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cerrno>
#include <cstring>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using api::Client;
using api::Error;
using status::look;
using status::text_of;

constexpr auto patience = 5000ms;
/// A planned switchover waits for the mirror to be in sync.
constexpr auto patience_to_act = 60000ms;

Error not_there(const Options& options, int error) {
    if (error == EACCES || error == EPERM)
        return {api::Code::refused,
                "tandemd at " + options.socket_path +
                    ": permission denied; run as root or as a member of its group",
                nullptr};
    return {api::Code::refused,
            "tandemd is not running: nothing answers at " + options.socket_path + " (" +
                std::strerror(error) + "); start it with: systemctl start tandemd, or tandemd --config FILE",
            nullptr};
}

std::string_view sentence_of(std::string_view name) {
    for (const auto& counter : contract::counter_texts)
        if (counter.name == name)
            return counter.sentence;
    return {};
}

Exit show_status(Client& client, const Options& options) {
    const auto answer = client.call("status", {}, patience);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json)
        print_json(*answer);
    else
        print(status::render(*answer));
    return Exit::done;
}

json::array counter_list(const json::value& counters, const std::string& prefix) {
    json::array list;
    for (const auto& [key, value] : status::object_of(counters)) {
        const std::string_view name{key.data(), key.size()};
        list.push_back(json::object{
            {"name", prefix + std::string{name}}, {"value", value}, {"sentence", sentence_of(name)}});
    }
    return list;
}

Exit show_counters(Client& client, const Options& options) {
    const auto answer = client.call("status", {}, patience);
    if (!answer)
        return refuse(options.form, answer.error());
    const auto& self = look(*answer, {"self"});
    if (options.form == Form::text) {
        print(status::render_counters(self, sentence_of));
        return Exit::done;
    }
    json::array list = counter_list(look(self, {"counters"}), "");
    for (const auto& path : status::array_of(look(self, {"paths"})))
        for (auto& counter :
             counter_list(look(path, {"counters"}), "path." + text_of(look(path, {"name"})) + "."))
            list.push_back(std::move(counter));
    print_json(json::object{{"counters", std::move(list)}});
    return Exit::done;
}

/// The group that was named, or the only one there is.
std::expected<std::string, Exit> choose_group(Client& client, const Options& options) {
    if (options.group)
        return *options.group;
    const auto answer = client.call("status", {}, patience);
    if (!answer)
        return std::unexpected(refuse(options.form, answer.error()));
    const auto& groups = status::array_of(look(*answer, {"self", "groups"}));
    if (groups.size() == 1) {
        const auto* name = look(groups[0], {"name"}).if_string();
        if (name != nullptr)
            return std::string{name->data(), name->size()};
    }
    std::string names;
    for (const auto& group : groups)
        names += (names.empty() ? "" : ", ") + text_of(look(group, {"name"}));
    return std::unexpected(misuse(options.form, "name the group, one of: " + names));
}

Exit act(Client& client, const Options& options) {
    const auto group = choose_group(client, options);
    if (!group)
        return group.error();
    const std::string verb = to_string(options.verb);
    auto answer = client.call(method_of(options.verb),
                              {{"group", *group}, {"force", options.force == Force::yes}}, patience_to_act);
    if (!answer) {
        Error error = std::move(answer.error());
        if (options.form == Form::text)
            error.message = verb + " of group " + *group + " refused: " + error.message;
        return refuse(options.form, error);
    }
    if (options.form == Form::json) {
        print_json(*answer);
        return Exit::done;
    }
    std::string text = verb + " of group " + *group + ": accepted";
    if (const auto detail = text_of(look(*answer, {"detail"})); !detail.empty())
        text += ": " + detail;
    if (const auto epoch = status::count_of(look(*answer, {"epoch"})))
        text += "; epoch " + std::to_string(*epoch);
    if (const auto duration = status::number_of(look(*answer, {"duration_ms"})))
        text += "; " + status::decimal_text(*duration, 3) + " ms";
    print(text + "\n");
    return Exit::done;
}

Exit reload(Client& client, const Options& options) {
    const auto answer = client.call("reload", {}, patience_to_act);
    if (!answer) {
        const Exit refused = refuse(options.form, answer.error());
        for (const auto& problem : status::array_of(look(answer.error().data, {"problems"})))
            if (options.form == Form::text)
                complain(text_of(problem));
        return refused;
    }
    if (options.form == Form::json)
        print_json(*answer);
    else
        print(text_of(look(*answer, {"detail"})) + "\n");
    return Exit::done;
}

} // namespace

Exit ask(Client& client, const Options& options, json::object params, std::chrono::milliseconds wait) {
    const auto answer = client.call(method_of(options.verb), std::move(params), wait);
    if (!answer)
        return refuse(options.form, answer.error());
    if (options.form == Form::json)
        print_json(*answer);
    else
        print(text_of(look(*answer, {"detail"})) + "\n");
    return Exit::done;
}

Exit run_daemon_verb(const Options& options) {
    auto client = Client::connect(options.socket_path);
    if (!client)
        return refuse(options.form, not_there(options, client.error()));
    switch (options.verb) {
    case Verb::status:
        return show_status(*client, options);
    case Verb::counters:
        return show_counters(*client, options);
    case Verb::events:
        return show_events(*client, options);
    case Verb::alarms:
        return options.history ? show_alarm_history(*client, options) : show_alarms(*client, options);
    case Verb::alarms_ack:
    case Verb::alarms_clear:
        return treat_alarm(*client, options);
    case Verb::checks:
        return show_checks(*client, options);
    case Verb::checks_start:
    case Verb::checks_stop:
        return set_check(*client, options);
    case Verb::mail:
        return show_mail(*client, options);
    case Verb::mail_test:
    case Verb::mail_retry:
    case Verb::mail_drop:
        return change_mail(*client, options);
    case Verb::actions:
        return show_actions(*client, options);
    case Verb::actions_run:
        return run_actions(*client, options);
    case Verb::actions_cancel:
        return cancel_actions(*client, options);
    case Verb::reload:
        return reload(*client, options);
    case Verb::failover:
    case Verb::failback:
    case Verb::enable:
    case Verb::disable:
    case Verb::role_follow:
        return act(*client, options);
    case Verb::registrations:
    case Verb::dialogs:
    case Verb::flows:
    case Verb::capture:
    case Verb::keygen:
    case Verb::check:
    case Verb::api_token:
    case Verb::api_certificates:
        break;
    }
    return misuse(options.form, to_string(options.verb) + " does not ask tandemd");
}

} // namespace tandem::ctl
