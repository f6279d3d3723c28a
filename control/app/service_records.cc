// SPDX-License-Identifier: GPL-3.0-or-later

// The records on disk. Roles never wait for them.

#include "control/app/clock.hh"
#include "control/app/policy.hh"
#include "control/app/service.hh"

#include <boost/asio/post.hpp>

#include <utility>

namespace tandem::app {
namespace asio = boost::asio;
namespace {

/// A disk that refused is tried again.
constexpr ha::Duration retry_interval = std::chrono::seconds{5};

} // namespace

/// What the role engines hold now is what the records should say.
void Service::keep_from(const PulseSnapshot& snapshot) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const ha::View& view = snapshot.groups[i];
        keep_epoch(i, view.epoch);
        keep_role(i, to_config(view.configured), view.role_serial);
    }
}

void Service::keep_epoch(std::size_t group, std::uint64_t epoch) {
    GroupRecord& record = parts_.records[parts_.config.groups[group].name];
    if (epoch <= record.epoch)
        return;
    record.epoch = epoch;
    save_records();
}

void Service::keep_role(std::size_t group, config::ConfiguredRole role, std::uint8_t serial) {
    const config::Group& configured = parts_.config.groups[group];
    GroupRecord& record = parts_.records[configured.name];
    const KeptRole had = record.role.value_or(KeptRole{configured.role, configured.role, 0});
    if (had.role == role && had.serial == serial)
        return;
    record.role = KeptRole{role, configured.role, serial};
    save_records();
}

void Service::keep_disabled(std::size_t group, bool disabled) {
    GroupRecord& record = parts_.records[parts_.config.groups[group].name];
    if (record.disabled == disabled)
        return;
    record.disabled = disabled;
    save_records();
}

/// On a thread of its own: a disk may take seconds, or be full. One write at a time, the last state wins.
void Service::save_records() {
    save_due_ = ha::end_of_time;
    if (std::exchange(saving_, true)) {
        save_again_ = true;
        return;
    }
    asio::post(disk_, [this, store = Store{parts_.records, Ending::open}] {
        auto saved = app::save_records(parts_.config.node.state_dir, store);
        asio::post(io_, [this, saved = std::move(saved)] { on_saved(saved); });
    });
}

void Service::on_saved(const std::expected<void, std::string>& saved) {
    saving_ = false;
    const std::string before = std::exchange(not_kept_, saved ? std::string{} : saved.error());
    if (!saved) {
        save_due_ = now() + retry_interval;
        if (before.empty())
            parts_.journal.add(Severity::error, "state.not_kept", "",
                               saved.error() + " (the role is not affected; the peer knows the epoch)");
    } else if (!before.empty()) {
        parts_.journal.add(Severity::info, "state.kept", "", "the records are on disk again");
    }
    if (std::exchange(save_again_, false))
        save_records();
}

/// After an orderly end nothing follows what is written now.
void Service::keep_last_word() {
    const auto saved = app::save_records(parts_.config.node.state_dir, {parts_.records, Ending::orderly});
    if (!saved)
        parts_.journal.add(Severity::error, "state.not_kept", "", saved.error());
}

} // namespace tandem::app
