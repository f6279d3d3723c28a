// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Mail as this node does it: settings out of the configuration, the queue, its events, alarm and methods.
//
// Everything on the service's loop. Deliberately absent: what is worth a letter (actions), and the other
// node's letters: each node mails what it did itself, so an event that both see is mailed once.

#include "control/api/server.hh"
#include "control/app/alarms.hh"
#include "control/app/journal.hh"
#include "control/config/email_settings.hh"
#include "control/config/load.hh"
#include "control/courier/courier.hh"
#include "control/mail/queue.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

class MailDesk {
public:
    /// Letters that have waited so long are an alarm.
    static constexpr std::chrono::seconds stuck_after{15 * 60};
    /// As many are listed in one answer.
    static constexpr std::size_t listed_max = 300;

    /// What it needs to know of the node.
    struct Node {
        std::string name;
        std::string state_dir;
    };

    /// `courier` and `journal` outlive it. Without settings there is no mail. Reads the password's file.
    MailDesk(boost::asio::io_context& io, courier::Courier& courier, Journal& journal, Node node,
             const std::optional<config::EmailSettings>& settings);

    MailDesk(const MailDesk&) = delete;
    MailDesk& operator=(const MailDesk&) = delete;
    ~MailDesk();

    /// Letters that wait are kept. Takes effect once a thread of its own has read the password's file again.
    void reconfigure(const std::optional<config::EmailSettings>& settings);

    /// Its id, or why there is none, in a sentence.
    std::expected<std::string, std::string> post(mail::Letter letter);

    /// `mail.stuck`, for the board.
    std::vector<Condition> conditions() const;

    /// `mail`, `mail.test`, `mail.retry`, `mail.drop`.
    void add_methods(api::Methods& methods);

private:
    using Password = std::expected<std::string, config::Problem>;
    void take_over(const config::EmailSettings& email, const Password& password);
    mail::Settings settings_of(const config::EmailSettings& email, const Password& password);
    void tell(const mail::Note& note);
    boost::json::object list() const;
    std::expected<std::string, std::string> test(const boost::json::object& params);

    boost::asio::io_context& io_;
    courier::Courier& courier_;
    Journal& journal_;
    Node node_;
    std::string server_;                 ///< as it is shown
    std::unique_ptr<mail::Queue> queue_; ///< there is one while `in_use_`
    bool in_use_{false};                 ///< the configuration has an [email]
    boost::asio::thread_pool reader_{1};
    std::uint64_t asked_{0};                                             ///< how often for other settings
    std::shared_ptr<MailDesk*> here_{std::make_shared<MailDesk*>(this)}; ///< for what comes later
};

} // namespace tandem::app
