// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/mail_desk.hh"

#include "control/config/email_schema.hh"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

constexpr const char* no_mail = "there is no [email] in the configuration";

/// The whole name of this machine, as far as it is a host name.
std::string host_name() {
    std::array<char, 256> buffer{};
    if (::gethostname(buffer.data(), buffer.size() - 1) == 0 && mail::is_host_name(buffer.data()))
        return buffer.data();
    return "tandem.invalid";
}

courier::Encryption encryption_of(config::MailEncryption encryption) {
    switch (encryption) {
    case config::MailEncryption::off:
        return courier::Encryption::off;
    case config::MailEncryption::starttls:
        return courier::Encryption::starttls;
    case config::MailEncryption::tls:
        return courier::Encryption::tls;
    }
    return courier::Encryption::tls;
}

json::array to_json(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts)
        out.emplace_back(text);
    return out;
}

/// An answer has a bound.
std::vector<std::string> some_of(const std::vector<std::string>& to) {
    constexpr std::size_t shown_max = 3;
    return {to.begin(), to.begin() + static_cast<std::ptrdiff_t>(std::min(to.size(), shown_max))};
}

/// The name of the event, and how grave it is.
std::pair<const char*, Severity> event_of(mail::Note::Kind kind) {
    switch (kind) {
    case mail::Note::Kind::sent:
        return {"mail.sent", Severity::info};
    case mail::Note::Kind::deferred:
        return {"mail.deferred", Severity::warning};
    case mail::Note::Kind::given_up:
        return {"mail.given_up", Severity::error};
    case mail::Note::Kind::dropped:
        return {"mail.dropped", Severity::error};
    case mail::Note::Kind::not_kept:
        return {"mail.not_kept", Severity::error};
    case mail::Note::Kind::kept:
        return {"mail.kept", Severity::info};
    case mail::Note::Kind::unreadable:
        return {"mail.unreadable", Severity::warning};
    }
    return {"mail.deferred", Severity::warning};
}

std::optional<std::string> text_param(const json::object& params, std::string_view key) {
    const json::value* value = params.if_contains(key);
    if (value == nullptr || !value->is_string())
        return std::nullopt;
    return std::string{value->get_string()};
}

} // namespace

MailDesk::MailDesk(boost::asio::io_context& io, courier::Courier& courier, Journal& journal, Node node,
                   const std::optional<config::EmailSettings>& settings)
    : io_(io)
    , courier_(courier)
    , journal_(journal)
    , node_(std::move(node)) {
    if (settings)
        take_over(*settings, config::read_password(*settings));
}

MailDesk::~MailDesk() {
    reader_.join();
}

void MailDesk::reconfigure(const std::optional<config::EmailSettings>& settings) {
    const std::uint64_t number = ++asked_;
    if (!settings) { // what waits stays where it is
        in_use_ = false;
        mail::Settings none;
        none.folder = node_.state_dir + "/mail";
        none.hindrance = no_mail;
        if (queue_)
            queue_->reconfigure(std::move(none));
        return;
    }
    boost::asio::post(reader_, [this, email = *settings, number, weak = std::weak_ptr{here_}] {
        boost::asio::post(io_, [email, number, weak, password = config::read_password(email)] {
            const auto here = weak.lock();
            if (here && (*here)->asked_ == number) // nothing newer has come
                (*here)->take_over(email, password);
        });
    });
}

void MailDesk::take_over(const config::EmailSettings& email, const Password& password) {
    in_use_ = true;
    mail::Settings now = settings_of(email, password);
    server_ = email.server + ":" + std::to_string(email.port);
    if (queue_)
        queue_->reconfigure(std::move(now));
    else
        queue_ = std::make_unique<mail::Queue>(io_, courier_, std::move(now),
                                               [this](const mail::Note& note) { tell(note); });
}

mail::Settings MailDesk::settings_of(const config::EmailSettings& email, const Password& password) {
    mail::Settings out;
    if (!password) {
        out.hindrance = "no password for mail: " + password.error().to_string();
        journal_.add(Severity::error, "mail.no_password", "", out.hindrance + "; letters wait");
    }
    const bool login = email.authentication == config::MailAuthentication::on;
    const courier::Tls tls{email.verify == config::MailVerify::on ? courier::Verify::on
                                                                  : courier::Verify::off,
                           email.ca_file,
                           {},
                           {}};
    out.folder = node_.state_dir + "/mail";
    out.server = {email.server,
                  email.port,
                  encryption_of(email.encryption),
                  login ? email.user : std::string{},
                  login && password ? *password : std::string{},
                  tls};
    if (!email.pop_server.empty())
        out.pop = courier::MailServer{email.pop_server,
                                      email.pop_port,
                                      encryption_of(email.pop_encryption),
                                      email.user,
                                      password ? *password : std::string{},
                                      tls};
    out.hello = email.hello.empty() ? host_name() : email.hello;
    out.from = email.from;
    out.to = email.to;
    out.timeout = email.timeout;
    out.give_up = email.give_up;
    out.digest_after = email.digest_after;
    out.digest_window = email.digest_window;
    out.letters_max = email.letters_max;
    return out;
}

std::expected<std::string, std::string> MailDesk::post(mail::Letter letter) {
    if (!in_use_)
        return std::unexpected(no_mail);
    return queue_->post(std::move(letter));
}

void MailDesk::tell(const mail::Note& note) {
    const auto [name, severity] = event_of(note.kind);
    json::object data;
    if (!note.id.empty())
        data["id"] = note.id;
    if (!note.to.empty())
        data["to"] = to_json(some_of(note.to));
    if (note.tries > 0)
        data["tries"] = note.tries;
    if (note.letters > 0)
        data["letters"] = note.letters;
    journal_.add(severity, name, "", note.text, std::move(data));
}

std::vector<Condition> MailDesk::conditions() const {
    const auto oldest = in_use_ ? queue_->oldest() : std::nullopt;
    if (!oldest || *oldest < stuck_after)
        return {};
    const std::string& trouble = queue_->trouble();
    return {{"mail.stuck", "", "",
             "mail to " + server_ + " waits for more than " +
                 std::to_string(std::chrono::duration_cast<std::chrono::minutes>(stuck_after).count()) +
                 " minutes" + (trouble.empty() ? "" : ": " + trouble),
             Gravity::warning}};
}

// ---- methods ----

json::object MailDesk::list() const {
    json::array letters;
    const auto waiting = queue_->waiting();
    for (const mail::Waiting& letter : waiting) {
        if (letters.size() == listed_max)
            break;
        letters.push_back(json::object{{"id", letter.id},
                                       {"to", to_json(some_of(letter.to))},
                                       {"recipients", letter.to.size()},
                                       {"subject", letter.subject},
                                       {"age_s", letter.age.count()},
                                       {"tries", letter.tries},
                                       {"next_try_s", letter.next_try.count()},
                                       {"trouble", letter.trouble},
                                       {"digest", letter.digest},
                                       {"on_its_way", letter.on_its_way}});
    }
    return {{"server", server_},
            {"waiting", waiting.size()},
            {"trouble", queue_->trouble()},
            {"letters", std::move(letters)}};
}

std::expected<std::string, std::string> MailDesk::test(const json::object& params) {
    mail::Letter letter;
    if (const auto to = text_param(params, "to"))
        letter.to = {*to};
    letter.subject = "tandem: test from node " + node_.name;
    letter.body = "This letter was asked for with \"tandemctl mail test\" on node " + node_.name +
                  ".\nIt shows that mail from this node arrives.\n";
    return post(std::move(letter));
}

void MailDesk::add_methods(api::Methods& methods) {
    const auto refuse = [](const api::Reply& reply, std::string why) {
        reply(std::unexpected(api::Error{api::Code::refused, std::move(why), nullptr}));
    };
    methods["mail"] = {api::Access::read,
                       [this, refuse](const json::object&, const api::Caller&, const api::Reply& reply) {
                           if (!in_use_)
                               return refuse(reply, no_mail);
                           reply(json::value(list()));
                       }};
    methods["mail.test"] = {
        api::Access::act,
        [this, refuse](const json::object& params, const api::Caller&, const api::Reply& reply) {
            auto id = test(params);
            if (!id)
                return refuse(reply, id.error());
            reply(json::object{{"id", *id}, {"detail", "letter " + *id + " is on its way to " + server_}});
        }};
    const auto each = [&](const char* verb, std::size_t (mail::Queue::*act)(std::string_view),
                          const char* done) {
        methods[verb] = {
            api::Access::act, [this, refuse, act, done](const json::object& params, const api::Caller&,
                                                        const api::Reply& reply) {
                const auto id = text_param(params, "id");
                if (!in_use_)
                    return refuse(reply, no_mail);
                if (!id)
                    return reply(std::unexpected(api::Error{
                        api::Code::invalid_params, "'id' must be that of a letter, or all", nullptr}));
                const bool all = *id == "all";
                const std::size_t count = id->empty() ? 0 : ((*queue_).*act)(all ? "" : *id);
                if (count == 0 && !all)
                    return refuse(reply, "no such letter waits");
                reply(json::object{
                    {"letters", count},
                    {"detail", std::to_string(count) + (count == 1 ? " letter " : " letters ") + done}});
            }};
    };
    each("mail.retry", &mail::Queue::retry, "tried now");
    each("mail.drop", &mail::Queue::drop, "dropped");
}

} // namespace tandem::app
