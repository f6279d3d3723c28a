// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The desk of actions with doors that a test holds in its hands: what is asked is noted, and answered when
// the test says so. Programs are real children, as nobody.

#include "control/app/action_desk.hh"
#include "control/config/action_schema.hh"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tandem::app::test {

namespace json = boost::json;
using namespace std::chrono_literals;

/// Whom programs run as: who may become another does.
inline std::string program_user() {
    if (::geteuid() == 0)
        return "nobody";
    const passwd* entry = ::getpwuid(::geteuid());
    return entry != nullptr ? entry->pw_name : "";
}

inline config::ActionSettings action(const std::string& text) {
    const json::value fields = json::parse(text);
    auto out = config::parse_action(to_table(fields.as_object()));
    BOOST_REQUIRE_MESSAGE(out.has_value(), text << ": " << (out ? "" : out.error()));
    return *out;
}

/// One that the test ends, by the name of its command.
inline config::ActionSettings step(const std::string& name,
                                   config::OnError on_error = config::OnError::proceed) {
    auto out = action(R"({"type":"management","command":")" + name + R"("})");
    out.on_error = on_error;
    out.timeout = 20s;
    return out;
}

/// Of programs, as it was built.
std::string launcher();

struct ActionWorld {
    /// What somebody was asked for, and has or has not answered.
    struct Asked {
        std::string what;
        json::object params;
        Respond respond;
        std::function<void(api::Outcome)> answer; ///< of `manage`

        void done() const {
            if (answer)
                answer(json::object{});
            else
                respond(Outcome::success({}));
        }
        void refuse(const std::string& why) const {
            if (answer)
                answer(std::unexpected(api::Error{api::Code::refused, why, nullptr}));
            else
                respond(Outcome::refused(why));
        }
    };

    boost::asio::io_context io;
    config::Config config;
    Journal journal{config::LogTarget::standard_error, "node"};
    std::vector<ha::View> views;
    std::vector<Asked> managed;
    std::vector<Asked> ordered;
    std::vector<Asked> peer;
    std::vector<mail::Letter> letters;
    std::vector<std::pair<std::size_t, config::Mirroring>> mirrored;
    std::vector<std::size_t> announced;
    std::uint32_t calls{0};
    bool peer_there{true}; ///< otherwise it is refused from within, as by a stream that is not up
    std::unique_ptr<courier::Courier> carrier;
    std::unique_ptr<ActionDesk> desk;

    ActionWorld() {
        config.node.id = 1;
        config.node.name = "a";
        config.pair.id = "pair";
        config.actions.user = program_user();
        config.groups.resize(2);
        config.groups[0].name = "sip";
        config.groups[0].vips = {*wire::Prefix::parse("192.0.2.10/24")};
        config.groups[1].name = "trunk";
        config.groups[1].vips = {*wire::Prefix::parse("192.0.2.20/24")};
        config.paths.resize(1);
        config.paths[0].name = "ha";
        config.paths[0].local = *wire::IpAddress::parse("198.51.100.1");
        views.resize(2);
    }

    ActionDoors doors() {
        ActionDoors out;
        out.launcher = launcher();
        out.order = [this](const std::string& verb, json::object params, Respond respond) {
            ordered.push_back({verb, std::move(params), std::move(respond), {}});
        };
        out.view = [this](std::size_t group) { return std::optional{views.at(group)}; };
        out.calls = [this](std::size_t) { return calls; };
        out.set_mirroring = [this](std::size_t group, config::Mirroring set) {
            mirrored.emplace_back(group, set);
        };
        out.announce = [this](std::size_t group) { announced.push_back(group); };
        out.manage = [this](const std::string& method, json::object params,
                            std::function<void(api::Outcome)> answer) {
            managed.push_back({method, std::move(params), {}, std::move(answer)});
        };
        out.post = [this](mail::Letter letter) -> std::expected<std::string, std::string> {
            letters.push_back(std::move(letter));
            return std::to_string(letters.size());
        };
        carrier = std::move(*courier::Courier::start(io));
        out.courier = carrier.get();
        return out;
    }
    void open() {
        desk = std::make_unique<ActionDesk>(
            io, config, journal, doors(),
            ActionDesk::Peer{.ask =
                                 [this](const std::string& method, json::object params, Respond respond) {
                                     peer.push_back({method, std::move(params), respond, {}});
                                     if (!peer_there)
                                         respond(Outcome::refused("the other node cannot be reached"));
                                 },
                             .name = [] { return std::string{"b"}; }});
        desk->look(snapshot());
        views.at(0).role = views.at(1).role = ha::Role::standby;
        desk->look(snapshot());
        settle();
    }
    PulseSnapshot snapshot(std::uint32_t peer_incarnation = 7) const {
        PulseSnapshot out{};
        std::ranges::copy(views, out.groups.begin());
        out.peer_incarnation = peer_incarnation;
        return out;
    }
    void role(std::size_t group, ha::Role role) {
        views.at(group).role = role;
        desk->look(snapshot());
    }

    config::ActionList& list(const std::string& name, config::Trigger trigger,
                             std::vector<config::ActionSettings> actions, std::size_t group = 0) {
        config::ActionList out;
        out.name = name;
        out.group = group;
        out.trigger = trigger;
        out.actions = std::move(actions);
        for (std::size_t i = 0; i < out.actions.size(); ++i)
            out.actions[i].position = static_cast<std::uint16_t>(10 * (i + 1));
        config.actions.lists.push_back(std::move(out));
        return config.actions.lists.back();
    }

    /// Everything that can be done without waiting.
    void settle() {
        io.restart();
        while (io.poll() > 0) {
        }
    }
    void until(const std::function<bool()>& so) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!so() && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_for(2ms);
        }
        BOOST_REQUIRE(so());
    }

    /// Asked for by an operator; what it came to is in the place that is given back.
    std::shared_ptr<std::optional<Outcome>> run(const std::string& name, json::object more = {}) {
        auto said = std::make_shared<std::optional<Outcome>>();
        more["list"] = name;
        desk->run(more, [said](Outcome outcome) { *said = std::move(outcome); });
        settle();
        return said;
    }
    /// Runs one action to its end.
    Outcome perform(const std::string& text) {
        const auto said = begin(text);
        until([&] { return said->has_value(); });
        return **said;
    }
    std::shared_ptr<std::optional<Outcome>> begin(const std::string& text) {
        auto said = std::make_shared<std::optional<Outcome>>();
        json::object params = json::parse(text).as_object();
        if (!params.contains("group"))
            params["group"] = "sip";
        desk->perform(params, [said](Outcome outcome) { *said = std::move(outcome); });
        settle();
        return said;
    }
    std::shared_ptr<std::optional<Outcome>> from_peer(const std::string& method, const json::object& params) {
        auto said = std::make_shared<std::optional<Outcome>>();
        BOOST_REQUIRE(desk->on_peer_request(method, params, [said](Outcome o) { *said = std::move(o); }));
        settle();
        return said;
    }
    /// What the commands were, in order.
    std::vector<std::string> commands() const {
        std::vector<std::string> out;
        for (const Asked& asked : managed)
            out.push_back(asked.what);
        return out;
    }
    /// Answers the command that was asked for last.
    void done(const std::string& name) {
        BOOST_REQUIRE(!managed.empty());
        BOOST_REQUIRE(managed.back().what == name);
        managed.back().done();
        settle();
    }
    void refuse(const std::string& name, const std::string& why) {
        BOOST_REQUIRE(!managed.empty());
        BOOST_REQUIRE(managed.back().what == name);
        managed.back().refuse(why);
        settle();
    }

    std::ptrdiff_t events(std::string_view name) const {
        return std::ranges::count(journal.entries(), name, &JournalEntry::name);
    }
    /// Of the last event of that name.
    std::string told(std::string_view name) const {
        std::string out;
        for (const JournalEntry& entry : journal.entries())
            if (entry.name == name)
                out = entry.text;
        return out;
    }
    std::string state(std::string_view name) const {
        const json::object all = desk->list(name);
        return std::string{all.at("lists").as_array().at(0).at("state").as_string()};
    }
};

using Names = std::vector<std::string>;

inline std::string text_of(const json::value& value) {
    return std::string{value.as_string()};
}

} // namespace tandem::app::test
