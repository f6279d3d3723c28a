// SPDX-License-Identifier: GPL-3.0-or-later
// tandemctl: the operator's command line.
#include "tools/tandemctl/verbs.hh"

int main(int argc, char** argv) {
    using namespace tandem::ctl;
    const auto options = read_options(argc, argv);
    if (!options)
        return static_cast<int>(options.error());
    switch (options->verb) {
    case Verb::keygen:
        return static_cast<int>(run_keygen(*options));
    case Verb::check:
        return static_cast<int>(run_check(*options));
    case Verb::api_token:
        return static_cast<int>(run_api_token(*options));
    case Verb::api_certificates:
        return static_cast<int>(run_api_certificates(*options));
    case Verb::capture:
        return static_cast<int>(run_capture(*options));
    case Verb::registrations:
    case Verb::dialogs:
    case Verb::flows:
        return static_cast<int>(run_table_verb(*options));
    default:
        return static_cast<int>(run_daemon_verb(*options));
    }
}
