// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "control/api/client.hh"
#include "tools/tandemctl/options.hh"

#include <boost/json/object.hpp>

#include <chrono>

namespace tandem::ctl {

/// The verbs that ask tandemd.
Exit run_daemon_verb(const Options& options);

/// Asks for what the verb is about, and shows what came of it: a `detail`.
Exit ask(api::Client& client, const Options& options, boost::json::object params,
         std::chrono::milliseconds patience);

/// `checks`, `checks start`, `checks stop`.
Exit show_checks(api::Client& client, const Options& options);
Exit set_check(api::Client& client, const Options& options);

/// The letters that wait, and what is done with them.
Exit show_mail(api::Client& client, const Options& options);
Exit change_mail(api::Client& client, const Options& options);

/// `actions`, `actions run`, `actions cancel`.
Exit show_actions(api::Client& client, const Options& options);
Exit run_actions(api::Client& client, const Options& options);
Exit cancel_actions(api::Client& client, const Options& options);

/// `events`.
Exit show_events(api::Client& client, const Options& options);

/// `alarms`, `alarms ack`, `alarms clear`.
Exit show_alarms(api::Client& client, const Options& options);
Exit show_alarm_history(api::Client& client, const Options& options);
Exit treat_alarm(api::Client& client, const Options& options);

/// The verbs that read the tables of tandem-fast, which goes on meanwhile.
Exit run_table_verb(const Options& options);

/// Writes what the ring of the last packets has.
Exit run_capture(const Options& options);

/// `keygen` and `check`, which need no tandemd.
Exit run_keygen(const Options& options);
Exit run_check(const Options& options);

/// `api token` and `api certificates`, which need none either.
Exit run_api_token(const Options& options);
Exit run_api_certificates(const Options& options);

} // namespace tandem::ctl
