// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/action_hands.hh"

#include "control/app/action_kernel.hh"
#include "control/app/clock.hh"
#include "control/app/trap_desk.hh"
#include "control/spawn/printable.hh"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fstream>
#include <utility>

namespace tandem::app {
namespace asio = boost::asio;
namespace json = boost::json;
using act::StepResult;
using act::Variables;
using namespace std::chrono_literals;
namespace {

constexpr auto look_interval = 10ms;
constexpr auto calls_interval = 200ms;
/// The role engine is asked again when the group went elsewhere meanwhile, so often.
constexpr unsigned tries_max = 3;
constexpr std::size_t output_shown = 4096;
constexpr std::size_t token_max = 4096;

std::vector<std::string> expand_all(const std::vector<std::string>& texts, const Variables& variables) {
    std::vector<std::string> out;
    for (const std::string& text : texts)
        out.push_back(act::expand(text, variables));
    return out;
}

/// Each string within, at its place: what a value holds cannot change the form.
void expand_strings(json::value& value, const Variables& variables) {
    if (value.is_string())
        value = act::expand(std::string{value.get_string()}, variables);
    else if (value.is_array())
        for (json::value& each : value.get_array())
            expand_strings(each, variables);
    else if (value.is_object())
        for (auto& [key, each] : value.get_object())
            expand_strings(each, variables);
}

std::string body_of(const config::WebhookAction& action, const Variables& variables) {
    if (!action.body.empty())
        return act::expand(action.body, variables, act::Escape::json);
    json::object all;
    for (const auto& [name, value] : variables)
        all[name] = act::clean_value(value);
    return json::serialize(all);
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words)
        out += (out.empty() ? "" : " ") + json::serialize(json::string{word});
    return out;
}

json::object parameters_of(const config::ManagementAction& action, const std::string& group,
                           const Variables& variables) {
    json::error_code error;
    json::value value = json::parse(action.parameters, error);
    json::object params = !error && value.is_object() ? value.get_object() : json::object{};
    for (auto& [key, each] : params)
        expand_strings(each, variables);
    if (!params.contains("group"))
        params["group"] = action.target.empty() ? group : action.target;
    if (!action.text.empty())
        params["text"] = act::expand(action.text, variables);
    return params;
}

/// The first line, without blanks around it.
std::expected<std::string, std::string> read_token(const std::string& file) {
    std::ifstream stream{file};
    std::string line;
    if (!stream || !std::getline(stream, line) || line.size() > token_max)
        return std::unexpected("the token file " + file + " cannot be read");
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r'))
        line.pop_back();
    return line;
}

} // namespace

/// What is under way.
struct ActionHands::Job {
    explicit Job(asio::io_context& io)
        : timer(io) {}
    Done done;
    ha::Instant began{};
    asio::steady_timer timer;
    std::function<void()> stop; ///< ends it, so that it answers; empty: it is left alone, and has no say
};

/// An action on its way through this file.
struct ActionHands::Task {
    Id id{0};
    config::ActionSettings action;
    std::size_t group{0};
    Variables variables;
};

ActionHands::ActionHands(asio::io_context& io, std::shared_ptr<const config::Config> config,
                         ActionDoors doors)
    : io_(io)
    , config_(std::move(config))
    , doors_(std::move(doors))
    , spawner_(io, {.launcher = doors_.launcher.empty() ? spawn::find_launcher() : doors_.launcher}) {}

ActionHands::~ActionHands() {
    thread_.join();
}

void ActionHands::reconfigure(std::shared_ptr<const config::Config> config) {
    config_ = std::move(config);
}

ActionHands::Id ActionHands::open(Done done) {
    const Id id = next_++;
    auto job = std::make_unique<Job>(io_);
    job->done = std::move(done);
    job->began = now();
    jobs_[id] = std::move(job);
    return id;
}

ActionHands::Id ActionHands::perform(const config::ActionSettings& action, std::size_t group,
                                     const Variables& variables, Done done) {
    const Id id = open(std::move(done));
    begin({id, action, group, variables});
    return id;
}

void ActionHands::cancel(Id id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end())
        return;
    if (found->second->stop)
        return found->second->stop();
    finish(id, StepResult::cancelled, "given up; what was asked for may still come about");
}

void ActionHands::finish(Id id, StepResult result, std::string detail) {
    ActionResult out;
    out.result = result;
    out.detail = std::move(detail);
    finish(id, std::move(out));
}

void ActionHands::finish(Id id, ActionResult result) {
    auto node = jobs_.extract(id);
    if (node.empty())
        return;
    const auto job = std::move(node.mapped());
    job->timer.cancel();
    result.took = std::chrono::duration_cast<std::chrono::microseconds>(now() - job->began);
    asio::post(io_, [done = std::move(job->done), result = std::move(result)] { done(result); });
}

/// Calls the function after a while, unless the action has ended by then.
void ActionHands::after(std::chrono::milliseconds time, Id id, std::function<void()> function) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end())
        return;
    found->second->timer.expires_after(time);
    found->second->timer.async_wait(
        [this, id, function = std::move(function)](boost::system::error_code error) {
            if (!error && jobs_.contains(id))
                function();
        });
}

void ActionHands::elsewhere(Id id, std::function<std::expected<std::string, std::string>()> function) {
    asio::post(thread_, [this, alive = std::weak_ptr{alive_}, id, function = std::move(function)] {
        asio::post(io_, [this, alive, id, said = function()] {
            if (alive.lock())
                finish(id, said ? StepResult::done : StepResult::failed, said ? *said : said.error());
        });
    });
}

void ActionHands::begin(Task task) {
    const config::Doing doing = task.action.doing;
    if (const auto* command = std::get_if<config::CommandAction>(&doing))
        return begin_program(task, command->argv, {}, command->user);
    if (const auto* script = std::get_if<config::ScriptAction>(&doing)) {
        std::vector<std::string> argv = script->arguments;
        if (script->text.empty())
            argv.insert(argv.begin(), script->file);
        return begin_program(task, argv, script->text, script->user);
    }
    if (const auto* address = std::get_if<config::AddressAction>(&doing))
        return change_address(std::move(task), *address);
    if (std::holds_alternative<config::BecomePrimaryAction>(doing))
        return take_group(std::move(task), 0);
    if (std::holds_alternative<config::AnnounceAction>(doing))
        return announce(std::move(task));
    if (const auto* management = std::get_if<config::ManagementAction>(&doing))
        return manage(std::move(task), *management);
    if (const auto* web = std::get_if<config::WebhookAction>(&doing))
        return call_web(std::move(task), *web);
    if (const auto* email = std::get_if<config::EmailAction>(&doing))
        return send_letter(std::move(task), *email);
    if (const auto* trap = std::get_if<config::TrapAction>(&doing))
        return send_trap(std::move(task), *trap);
    if (const auto* mirror = std::get_if<config::MirrorAction>(&doing)) {
        const bool on = mirror->set == config::MirrorAction::Set::on;
        doors_.set_mirroring(task.group, on ? config::Mirroring::on : config::Mirroring::off);
        return finish(task.id, StepResult::done, on ? "mirroring is on" : "mirroring is off");
    }
    const Id id = task.id;
    jobs_[id]->stop = [this, id] { finish(id, StepResult::cancelled, "ended before its time"); };
    if (const auto* wait = std::get_if<config::WaitAction>(&doing))
        return after(wait->time, id, [this, id] { finish(id, StepResult::done, "waited"); });
    drain(std::move(task), std::get<config::DrainAction>(doing).calls_max);
}

// ---- programs ----

void ActionHands::begin_program(Task& task, const std::vector<std::string>& argv, const std::string& script,
                                const std::string& user) {
    spawn::Order order;
    order.argv = expand_all(argv, task.variables);
    order.script = script;
    order.user = user.empty() ? config_->actions.user : user;
    order.environment = act::environment_of(task.variables);
    order.timeout = task.action.timeout;
    const Id id = task.id;
    const auto job =
        spawner_.start(std::move(order), [this, alive = std::weak_ptr{alive_}, id](spawn::Ended ended) {
            if (!alive.lock())
                return;
            using How = spawn::Ended::How;
            ActionResult result;
            result.result = ended.succeeded()             ? StepResult::done
                            : ended.how == How::timed_out ? StepResult::timed_out
                            : ended.how == How::cancelled ? StepResult::cancelled
                                                          : StepResult::failed;
            result.detail = ended.how == How::cancelled ? "it was ended, with all that it had started"
                                                        : spawn::to_sentence(ended);
            result.output = spawn::printable(ended.output, output_shown);
            result.output_cut = ended.output_cut || ended.output.size() > output_shown;
            finish(id, std::move(result));
        });
    jobs_[id]->stop = [this, job] { spawner_.cancel(job); };
}

// ---- the role engine ----

/// Until the group is as wanted; the time-out of the action ends it.
void ActionHands::wait_for_view(Task task, std::function<bool(const ha::View&)> good, std::string detail) {
    const auto view = doors_.view(task.group);
    if (view && good(*view))
        return finish(task.id, StepResult::done, std::move(detail));
    const Id id = task.id;
    after(look_interval, id,
          [this, task = std::move(task), good = std::move(good), detail = std::move(detail)] {
              wait_for_view(task, good, detail);
          });
}

/// As an operator would, with force: whoever configured this has decided already. The epoch is written first,
/// as in every takeover.
void ActionHands::take_group(Task task, unsigned tries) {
    const auto view = doors_.view(task.group);
    if (view && view->role == ha::Role::active)
        return follow(std::move(task));
    if (tries >= tries_max)
        return finish(task.id, StepResult::failed, "the group did not come to this node");
    const std::string name = config_->groups[task.group].name;
    doors_.order(
        "failover", {{"group", name}, {"force", true}},
        [this, alive = std::weak_ptr{alive_}, task = std::move(task), tries](const Outcome& outcome) {
            if (!alive.lock() || !jobs_.contains(task.id))
                return;
            if (outcome.code != 0)
                return finish(task.id, StepResult::failed, outcome.message);
            // The word of the peer may be sooner than its release.
            after(200ms, task.id, [this, task, tries] { take_group(task, tries + 1); });
        });
}

/// Active: the addresses are there, and for become-primary the configured roles follow.
void ActionHands::follow(Task task) {
    const auto holds = [](const ha::View& view) { return view.role == ha::Role::active && view.holds; };
    if (!std::holds_alternative<config::BecomePrimaryAction>(task.action.doing))
        return wait_for_view(std::move(task), holds, "the group is active here, its addresses are up");
    const auto primary = [holds](const ha::View& view) {
        return holds(view) && view.configured == ha::ConfiguredRole::primary;
    };
    const auto view = doors_.view(task.group);
    if (view && view->configured == ha::ConfiguredRole::primary)
        return wait_for_view(std::move(task), primary, "the group is active here, and this node its primary");
    const std::string name = config_->groups[task.group].name;
    doors_.order(
        "role.follow", {{"group", name}},
        [this, alive = std::weak_ptr{alive_}, task = std::move(task), primary](const Outcome& outcome) {
            if (!alive.lock() || !jobs_.contains(task.id))
                return;
            if (outcome.code != 0)
                return finish(task.id, StepResult::failed, outcome.message);
            wait_for_view(task, primary, "the group is active here, and this node is now its primary");
        });
}

std::optional<std::size_t> ActionHands::owner_of(const wire::IpAddress& address) const {
    for (std::size_t i = 0; i < config_->groups.size(); ++i)
        for (const auto* list : {&config_->groups[i].vips, &config_->groups[i].inside_vips})
            if (std::ranges::find(*list, address, &wire::Prefix::address) != list->end())
                return i;
    return std::nullopt;
}

void ActionHands::change_address(Task task, const config::AddressAction& action) {
    const bool add = action.verb == config::AddressAction::Verb::add;
    if (const auto owner = owner_of(action.address.address))
        return move_vip(std::move(task), *owner, action.verb);
    for (const config::Path& path : config_->paths)
        if (path.local == action.address.address)
            return finish(task.id, StepResult::failed,
                          action.address.address.to_string() + " is this node's end of the HA path " +
                              path.name);
    elsewhere(task.id, [add, interface = action.interface, address = action.address] {
        return add ? add_address(interface, address) : delete_address(interface, address);
    });
}

void ActionHands::move_vip(Task task, std::size_t owner, config::AddressAction::Verb verb) {
    task.group = owner;
    if (verb == config::AddressAction::Verb::add)
        return take_group(std::move(task), 0);
    const auto view = doors_.view(owner);
    if (!view || view->role != ha::Role::active)
        return finish(task.id, StepResult::done, "the group is not active here, and its addresses are down");
    const std::string name = config_->groups[owner].name;
    doors_.order("failover", {{"group", name}},
                 [this, alive = std::weak_ptr{alive_}, task = std::move(task), name](const Outcome& outcome) {
                     if (!alive.lock() || !jobs_.contains(task.id))
                         return;
                     if (outcome.code != 0)
                         return finish(task.id, StepResult::failed,
                                       "the address belongs to group " + name +
                                           ", which cannot be handed over: " + outcome.message);
                     wait_for_view(
                         task, [](const ha::View& now_is) { return now_is.role != ha::Role::active; },
                         "the group was handed over, its addresses are down");
                 });
}

void ActionHands::announce(Task task) {
    const auto view = doors_.view(task.group);
    if (!view || view->role != ha::Role::active)
        return finish(task.id, StepResult::failed,
                      "the group is not active here: there is nothing to announce");
    doors_.announce(task.group);
    finish(task.id, StepResult::done, "the addresses are announced again");
}

/// A planned switchover once no more calls are up than wanted.
void ActionHands::drain(Task task, std::uint32_t calls_max) {
    const auto view = doors_.view(task.group);
    if (view && view->role != ha::Role::active)
        return finish(task.id, StepResult::done, "the group is not active here");
    const Id id = task.id;
    if (doors_.calls(task.group) > calls_max)
        return after(calls_interval, id,
                     [this, task = std::move(task), calls_max] { drain(task, calls_max); });
    const std::string name = config_->groups[task.group].name;
    doors_.order("failover", {{"group", name}},
                 [this, alive = std::weak_ptr{alive_}, id](const Outcome& outcome) {
                     if (alive.lock())
                         finish(id, outcome.code == 0 ? StepResult::done : StepResult::failed,
                                outcome.code == 0 ? "few enough calls were up, and the group was handed over"
                                                  : outcome.message);
                 });
}

void ActionHands::manage(Task task, const config::ManagementAction& action) {
    const Id id = task.id;
    doors_.manage(action.command, parameters_of(action, config_->groups[task.group].name, task.variables),
                  [this, alive = std::weak_ptr{alive_}, id](const api::Outcome& outcome) {
                      if (!alive.lock())
                          return;
                      ActionResult result;
                      result.result = outcome ? StepResult::done : StepResult::failed;
                      if (!outcome)
                          result.detail = outcome.error().message;
                      else
                          result.output = spawn::printable(json::serialize(*outcome), output_shown);
                      finish(id, std::move(result));
                  });
}

// ---- mail, notifications and web ----

void ActionHands::send_trap(Task task, const config::TrapAction& action) {
    if (!doors_.notify)
        return finish(task.id, StepResult::failed, "this node sends no notifications");
    const Id id = task.id;
    // A little less than the action's own time: so the outcome says who did not answer.
    const auto timeout =
        task.action.timeout - std::min<std::chrono::milliseconds>(100ms, task.action.timeout / 10);
    const auto give_up =
        doors_.notify(action, task.variables, timeout,
                      [this, alive = std::weak_ptr{alive_}, id](bool good, std::string said) {
                          if (alive.lock())
                              finish(id, good ? StepResult::done : StepResult::failed, std::move(said));
                      });
    jobs_[id]->stop = [this, id, give_up] {
        give_up();
        finish(id, StepResult::cancelled, "ended before it was acknowledged");
    };
}

void ActionHands::send_letter(Task task, const config::EmailAction& action) {
    if (!doors_.post)
        return finish(task.id, StepResult::failed, "this node has no [email] to send letters by");
    mail::Letter letter;
    letter.from = action.from;
    letter.to = action.to;
    letter.subject = act::expand(action.subject, task.variables);
    letter.body = act::expand(action.body, task.variables);
    const auto queued = doors_.post(std::move(letter));
    finish(task.id, queued ? StepResult::done : StepResult::failed,
           queued ? "queued as letter " + *queued : queued.error());
}

void ActionHands::call_web(Task task, const config::WebhookAction& action) {
    courier::HttpRequest request;
    request.url = action.url;
    request.headers = action.headers;
    const bool typed = std::ranges::any_of(action.headers, [](const std::string& header) {
        return header.starts_with("Content-Type:") || header.starts_with("content-type:");
    });
    if (!typed)
        request.headers.emplace_back("Content-Type: application/json");
    request.body = body_of(action, task.variables);
    request.tls.ca_file = action.ca_file;
    request.timeout = task.action.timeout;
    post_request(std::move(request), action.token_file, task.id);
}

/// The token is read on our own thread: a file may be slow.
void ActionHands::post_request(courier::HttpRequest request, const std::string& token_file, Id id) {
    const auto send = [this, id](courier::HttpRequest ready) {
        const auto found = jobs_.find(id);
        if (found == jobs_.end())
            return;
        const auto transfer =
            doors_.courier->http(std::move(ready), [this, id](const courier::HttpReply& reply) {
                ActionResult result;
                const bool good = reply.trouble.empty() && reply.status >= 200 && reply.status <= 299;
                result.result = good ? StepResult::done : StepResult::failed;
                result.detail = reply.trouble.empty() ? "answered with status " + std::to_string(reply.status)
                                                      : reply.trouble;
                result.output = spawn::printable(reply.body, output_shown);
                result.output_cut = reply.body.size() > output_shown;
                finish(id, std::move(result));
            });
        found->second->stop = [this, id, transfer] {
            doors_.courier->cancel(transfer);
            finish(id, StepResult::cancelled, "ended before an answer came");
        };
    };
    if (token_file.empty())
        return send(std::move(request));
    asio::post(
        thread_, [this, alive = std::weak_ptr{alive_}, id, token_file, send, request = std::move(request)] {
            asio::post(io_, [this, alive, id, send, request, token = read_token(token_file)]() mutable {
                if (!alive.lock())
                    return;
                if (!token)
                    return finish(id, StepResult::failed, token.error());
                request.bearer = *token;
                send(std::move(request));
            });
        });
}

// ---- in words ----

std::string ActionHands::describe(const config::ActionSettings& action, std::size_t group,
                                  const Variables& variables) const {
    const auto user = [&](const std::string& own) {
        return " as " + (own.empty() ? config_->actions.user : own);
    };
    const config::Doing& doing = action.doing;
    if (const auto* command = std::get_if<config::CommandAction>(&doing))
        return "run " + joined(expand_all(command->argv, variables)) + user(command->user);
    if (const auto* script = std::get_if<config::ScriptAction>(&doing))
        return "run the script " + (script->text.empty() ? script->file : "of the configuration") +
               (script->arguments.empty() ? ""
                                          : " with " + joined(expand_all(script->arguments, variables))) +
               user(script->user);
    if (const auto* address = std::get_if<config::AddressAction>(&doing)) {
        const bool add = address->verb == config::AddressAction::Verb::add;
        const auto owner = owner_of(address->address.address);
        if (owner)
            return (add ? "take the group " : "hand over the group ") + config_->groups[*owner].name +
                   ", which has the VIP " + address->address.address.to_string();
        return (add ? "add " : "delete ") + address->address.to_string() + (add ? " to " : " from ") +
               address->interface;
    }
    if (std::holds_alternative<config::BecomePrimaryAction>(doing))
        return "take the group " + config_->groups[group].name + " and become its primary";
    if (std::holds_alternative<config::AnnounceAction>(doing))
        return "announce the addresses of the group " + config_->groups[group].name;
    if (const auto* management = std::get_if<config::ManagementAction>(&doing))
        return "ask for " + management->command + " with " +
               json::serialize(parameters_of(*management, config_->groups[group].name, variables));
    if (const auto* web = std::get_if<config::WebhookAction>(&doing))
        return "post " + body_of(*web, variables) + " to " + web->url;
    if (const auto* email = std::get_if<config::EmailAction>(&doing))
        return "send the letter " + joined({act::expand(email->subject, variables)}) + " to " +
               (email->to.empty() ? "the recipients of [email]" : joined(email->to));
    if (const auto* trap = std::get_if<config::TrapAction>(&doing))
        return describe_trap(*trap, *config_, variables);
    if (const auto* mirror = std::get_if<config::MirrorAction>(&doing))
        return mirror->set == config::MirrorAction::Set::on ? "turn mirroring on" : "turn mirroring off";
    if (const auto* wait = std::get_if<config::WaitAction>(&doing))
        return "wait " + std::to_string(wait->time.count()) + " ms";
    return "hand over once no more than " + std::to_string(std::get<config::DrainAction>(doing).calls_max) +
           " calls are up";
}

} // namespace tandem::app
