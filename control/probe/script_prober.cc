// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/script_prober.hh"

#include "control/spawn/printable.hh"
#include "control/spawn/spawner.hh"

#include <boost/asio/steady_timer.hpp>

#include <string_view>
#include <unordered_map>
#include <utility>

namespace tandem::probe {
namespace {

constexpr std::size_t line_max = 160;
constexpr std::size_t output_max = 4096;

/// The last line that says something, fit for people.
std::string last_line(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t end = text.find_last_not_of(blanks);
    if (end == std::string_view::npos)
        return {};
    text = text.substr(0, end + 1);
    const std::size_t before = text.rfind('\n');
    if (before != std::string_view::npos)
        text.remove_prefix(before + 1);
    return spawn::printable(text, line_max);
}

class ScriptProber : public Prober {
public:
    ScriptProber(boost::asio::io_context& io, Told told, std::string launcher)
        : io_(io)
        , told_(std::move(told))
        , spawner_(io, settings_with(std::move(launcher))) {}

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override {
        const auto run = runs_.find(check);
        if (run == runs_.end())
            return;
        spawner_.cancel(run->second.job);
        runs_.erase(run);
    }

private:
    struct Run {
        std::uint64_t number{0};
        spawn::JobId job{0};
        bool told{false};
        boost::asio::steady_timer limit;
    };
    static spawn::Settings settings_with(std::string launcher) {
        spawn::Settings settings;
        settings.launcher = std::move(launcher);
        return settings;
    }
    Run* find(CheckId check, std::uint64_t number) {
        const auto run = runs_.find(check);
        return run == runs_.end() || run->second.number != number ? nullptr : &run->second;
    }
    void on_limit(CheckId check, std::uint64_t number);
    void on_ended(CheckId check, std::uint64_t number, const spawn::Ended& ended);

    boost::asio::io_context& io_;
    Told told_;
    std::unordered_map<CheckId, Run> runs_;
    std::shared_ptr<int> life_{std::make_shared<int>()}; ///< a timer that was over already still comes
    spawn::Spawner spawner_;                             ///< ends first: it tells of nothing then
};

std::optional<std::string> ScriptProber::ask(CheckId check, const config::CheckSettings& settings,
                                             std::uint64_t number) {
    if (runs_.contains(check))
        return "the run before has not ended";
    const auto& target = std::get<config::ScriptTarget>(settings.target);
    const std::chrono::milliseconds limit = settings.timeout * 9 / 10;
    Run& run =
        runs_.emplace(check, Run{number, 0, false, boost::asio::steady_timer{io_, limit}}).first->second;
    run.limit.async_wait(
        [this, check, number, life = std::weak_ptr<int>(life_)](boost::system::error_code error) {
            if (!error && !life.expired())
                on_limit(check, number);
        });
    spawn::Order order;
    order.argv = target.command;
    order.script = target.script;
    order.user = target.user;
    order.timeout = limit;
    order.output_max = output_max;
    run.job = spawner_.start(std::move(order), [this, check, number](const spawn::Ended& ended) {
        on_ended(check, number, ended);
    });
    return std::nullopt;
}

void ScriptProber::on_limit(CheckId check, std::uint64_t number) {
    Run* const run = find(check, number);
    if (run == nullptr || std::exchange(run->told, true))
        return;
    spawner_.cancel(run->job); // it may still wait for its turn
    told_({check, number, Found::bad, "does not end in time", moment()});
}

void ScriptProber::on_ended(CheckId check, std::uint64_t number, const spawn::Ended& ended) {
    const Run* const run = find(check, number);
    if (run == nullptr)
        return;
    const bool told = run->told;
    runs_.erase(check);
    if (told)
        return;
    std::string line = last_line(ended.output);
    if (ended.succeeded())
        return told_({check, number, Found::good, std::move(line), moment()});
    std::string detail = "fails: " + spawn::to_sentence(ended);
    if (!line.empty())
        detail += ": " + line;
    told_({check, number, Found::bad, std::move(detail), moment()});
}

} // namespace

std::unique_ptr<Prober> make_script_prober(boost::asio::io_context& io, Prober::Told told,
                                           std::string launcher) {
    return std::make_unique<ScriptProber>(io, std::move(told), std::move(launcher));
}

} // namespace tandem::probe
