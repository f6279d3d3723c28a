// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/journal.hh"

#include "control/app/clock.hh"

#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <ctime>

namespace tandem::app {
namespace {

/// What one entry may have; see ledger::line_max.
constexpr std::size_t text_max = 4096;
constexpr std::size_t data_max = 8192;

std::string local_time(std::int64_t micros) {
    const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::string zone = fmt::format("{:%z}", local); // +hhmm
    zone.insert(3, ":");
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}{}", local, micros % 1'000'000, zone);
}

spdlog::level::level_enum level(Severity severity) {
    switch (severity) {
    case Severity::info:
        return spdlog::level::info;
    case Severity::warning:
        return spdlog::level::warn;
    case Severity::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

} // namespace

Journal::Journal(config::LogTarget target, const std::string& node_name, std::uint8_t node_id,
                 std::size_t kept)
    : node_(node_name)
    , node_id_(node_id)
    , kept_(kept) {
    if (target == config::LogTarget::syslog) {
        auto sink = std::make_shared<spdlog::sinks::syslog_sink_st>("tandemd", LOG_PID, LOG_DAEMON, true);
        logger_ = std::make_shared<spdlog::logger>("tandemd", std::move(sink));
        logger_->set_pattern("%v");
    } else {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
        logger_ = std::make_shared<spdlog::logger>("tandemd", std::move(sink));
        logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%f%z " + node_name + " tandemd %l %v");
    }
    logger_->flush_on(spdlog::level::info);
}

void Journal::add(Severity severity, std::string_view name, std::string_view group, std::string text,
                  boost::json::object data) {
    std::string values = data.empty() ? std::string{} : " " + boost::json::serialize(data);
    if (values.size() > data_max) {
        data = {{"cut", true}};
        values = " " + boost::json::serialize(data);
    }
    if (text.size() > text_max)
        text = text.substr(0, text_max) + "...";
    const std::int64_t wall = wall_us();
    auto entry = std::make_shared<const JournalEntry>(JournalEntry{.sequence = next_++,
                                                                   .time = local_time(wall),
                                                                   .at = now(),
                                                                   .severity = severity,
                                                                   .name = std::string{name},
                                                                   .group = std::string{group},
                                                                   .text = std::move(text),
                                                                   .data = std::move(data),
                                                                   .node = node_,
                                                                   .node_id = node_id_,
                                                                   .life = life_,
                                                                   .wall_us = wall});
    std::string line = entry->name;
    if (!entry->group.empty())
        line += " group=" + entry->group;
    line += ": " + entry->text + values;
    logger_->log(level(severity), "{}", line);
    entries_.push_back(entry);
    if (entries_.size() > kept_)
        entries_.pop_front();
    if (listener_)
        listener_(*entry);
}

void Journal::keep(std::size_t kept) {
    kept_ = kept;
    while (entries_.size() > kept_)
        entries_.pop_front();
}

void Journal::continue_from(const ledger::Position& last) {
    next_ = last.sequence + 1;
    life_ = last.life;
}

} // namespace tandem::app
