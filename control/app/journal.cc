// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/journal.hh"

#include "control/app/clock.hh"

#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>

namespace tandem::app {
namespace {

std::string wall_clock() {
    const auto now = std::chrono::system_clock::now();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::string zone = fmt::format("{:%z}", local); // +hhmm
    zone.insert(3, ":");
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}{}", local, micros % 1'000'000, zone);
}

std::string_view to_string(Severity severity) {
    switch (severity) {
    case Severity::info:
        return "info";
    case Severity::warning:
        return "warning";
    case Severity::error:
        return "error";
    }
    return "info";
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

boost::json::object to_json(const JournalEntry& entry) {
    return {{"seq", entry.sequence},
            {"time", entry.time},
            {"monotonic_ns", to_ns(entry.at)},
            {"severity", to_string(entry.severity)},
            {"name", entry.name},
            {"group", entry.group},
            {"text", entry.text},
            {"data", entry.data}};
}

Journal::Journal(config::LogTarget target, const std::string& node_name) {
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
    JournalEntry entry{next_++,           wall_clock(),       now(),           severity,
                       std::string{name}, std::string{group}, std::move(text), std::move(data)};
    std::string line = entry.name;
    if (!entry.group.empty())
        line += " group=" + entry.group;
    line += ": " + entry.text;
    if (!entry.data.empty())
        line += " " + boost::json::serialize(entry.data);
    logger_->log(level(severity), "{}", line);
    entries_.push_back(std::move(entry));
    if (entries_.size() > entries_max)
        entries_.pop_front();
    if (listener_)
        listener_(entries_.back());
}

} // namespace tandem::app
