// SPDX-License-Identifier: GPL-3.0-or-later
// The command line as an operator uses it, against a tandemd that is only a table of answers.
#include "bench.hh"

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tandem::api;
namespace json = boost::json;

namespace {

struct Result {
    int exit{-1};
    std::string out;
    std::string err;
};

std::string content(const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

Result run(const std::string& arguments) {
    const Folder folder;
    const std::string command =
        std::string{TANDEMCTL} + " " + arguments + " >" + folder.path("out") + " 2>" + folder.path("err");
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(folder.path("out")),
            content(folder.path("err"))};
}

json::object group(const char* name) {
    return {{"name", name}, {"role", "active"}, {"vips", json::array{}}};
}

json::object event(int seq) {
    return {{"seq", seq},
            {"time", "2025-06-15T12:00:00.000+00:00"},
            {"name", "role.active"},
            {"group", "sip"},
            {"text", "is active"}};
}

/// Answers for one test; the loop runs as long as the object lives.
class Daemon {
public:
    explicit Daemon(json::array groups) {
        Methods methods;
        methods["status"] = {Access::read, [groups](const json::object&, const Caller&, Reply reply) {
                                 reply(
                                     json::object{{"self",
                                                   {{"pair", "office"},
                                                    {"groups", groups},
                                                    {"counters", {{"sip_received", 5}, {"mirror_sent", 3}}}}},
                                                  {"peer", nullptr}});
                             }};
        methods["failover"] = {
            Access::act, [this](const json::object& params, const Caller&, Reply reply) {
                asked = params;
                reply(json::object{
                    {"accepted", true}, {"detail", "sip-b is active"}, {"epoch", 8}, {"duration_ms", 3.25}});
            }};
        methods["checks"] = {Access::read, [this](const json::object& params, const Caller&, Reply reply) {
                                 asked = params;
                                 const json::object up{
                                     {"name", "gw"},
                                     {"group", "sip"},
                                     {"target", "192.0.2.1"},
                                     {"state", "up"},
                                     {"for_ms", 61000},
                                     {"detail", ""},
                                     {"asked", 12},
                                     {"answers", 11},
                                     {"failures", 1},
                                     {"worst_case_ms", 3000},
                                     {"latency_us", {{"last", 1250}, {"median", 900}, {"p99", 40000}}}};
                                 const json::object other{{"name", "far"},        {"group", "sip"},
                                                          {"target", "::1"},      {"state", "down\x1b[2J"},
                                                          {"for_ms", nullptr},    {"detail", "no route"},
                                                          {"latency_us", nullptr}};
                                 if (params.contains("from"))
                                     reply(json::object{{"checks", json::array{other}}});
                                 else
                                     reply(json::object{{"checks", json::array{up}}, {"next", 1}});
                             }};
        methods["checks.start"] = {Access::act,
                                   [this](const json::object& params, const Caller&, Reply reply) {
                                       asked = params;
                                       reply(json::object{{"detail", "check gw is running"}});
                                   }};
        methods["checks.stop"] = {
            Access::act, [](const json::object&, const Caller&, Reply reply) {
                reply(std::unexpected(Error{Code::refused, "there is no such check", nullptr}));
            }};
        methods["mail"] = {
            Access::read, [](const json::object&, const Caller&, Reply reply) {
                const json::object letter{{"id", "0123456789abcdef"},
                                          {"to", json::array{"a@b", "c@d"}},
                                          {"subject", "is active\x1b[2J"},
                                          {"age_s", 61},
                                          {"tries", 2},
                                          {"next_try_s", 28},
                                          {"trouble", "the server said: 421 busy"},
                                          {"on_its_way", false}};
                reply(json::object{{"server", "mail:25"}, {"waiting", 3}, {"letters", json::array{letter}}});
            }};
        for (const char* verb : {"mail.test", "mail.retry", "mail.drop"})
            methods[verb] = {Access::act, [this](const json::object& params, const Caller&, Reply reply) {
                                 asked = params;
                                 reply(json::object{{"detail", "done"}});
                             }};
        methods["role.follow"] = {Access::act,
                                  [this](const json::object& params, const Caller&, Reply reply) {
                                      asked = params;
                                      reply(json::object{{"accepted", true}, {"detail", "followed"}});
                                  }};
        methods["failback"] = {
            Access::act, [](const json::object&, const Caller&, Reply reply) {
                reply(std::unexpected(Error{Code::refused, "the standby is not in sync", nullptr}));
            }};
        methods["events"] = {Access::read, [this](const json::object& params, const Caller&, Reply reply) {
                                 json::array list;
                                 const int since = params.contains("since")
                                                       ? static_cast<int>(params.at("since").as_int64())
                                                       : 0;
                                 for (int seq = since + 1; seq <= std::min(since + 2, 3); ++seq)
                                     list.push_back(event(seq)); // two at a time
                                 reply(json::object{{"events", list}, {"more", since < 1}});
                                 // Once it is followed: one that was in the list already, a new one, and the
                                 // end.
                                 server->publish(event(3));
                                 server->publish(event(4));
                             }};
        Settings settings;
        settings.socket_path = folder.path("s");
        server = std::move(*Server::start(io, settings, std::move(methods)));
        thread = std::thread{[this] { io.run(); }};
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() {
        boost::asio::post(io, [this] { server.reset(); });
        thread.join();
    }
    std::string socket() const { return "--socket " + folder.path("s") + " "; }

    Folder folder;
    boost::asio::io_context io;
    json::object asked;
    std::unique_ptr<Server> server;
    std::thread thread;
};

} // namespace

BOOST_AUTO_TEST_SUITE(tandemctl)

BOOST_AUTO_TEST_CASE(usage) {
    for (const char* wrong : {"",
                              "nonsense",
                              "status --nonsense",
                              "keygen",
                              "check",
                              "--socket",
                              "status extra",
                              "failover a b",
                              "enable --force",
                              "failover a --group a",
                              "failover --group",
                              "events --since x",
                              "role",
                              "role lead",
                              "role follow a b",
                              "follow",
                              "api",
                              "api token",
                              "api token a/b",
                              "api token a --scope all",
                              "api certificates",
                              "api certificates /tmp --client ..",
                              "api certificates /tmp --client ca",
                              "api certificates /tmp --days 0"}) {
        const auto result = run(wrong);
        BOOST_TEST(result.exit == 2, wrong);
        BOOST_TEST(!result.err.empty(), wrong);
        BOOST_TEST(result.out.empty(), wrong);
    }
    const auto help = run("--help");
    BOOST_TEST(help.exit == 0);
    BOOST_TEST(help.out.find("failover") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_daemon) {
    const Folder folder;
    const std::string socket = "--socket " + folder.path("none");
    for (const char* verb :
         {"status", "failover", "failback g", "enable", "disable --force", "events", "counters"}) {
        const auto result = run(socket + " " + verb);
        BOOST_TEST(result.exit == 1, verb);
        BOOST_TEST(result.err.find("tandemd is not running: nothing answers at " + folder.path("none")) !=
                   std::string::npos);
        BOOST_TEST(std::count(result.err.begin(), result.err.end(), '\n') == 1);
        BOOST_TEST(result.out.empty());
    }
    const auto result = run(socket + " status --json");
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(json::parse(result.out).at("error").at("code") == 1);
}

BOOST_AUTO_TEST_CASE(status_and_counters) {
    const Daemon daemon{{group("sip")}};
    auto result = run(daemon.socket() + "status");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(result.out.starts_with("PAIR office\n"));
    result = run(daemon.socket() + "--json status");
    BOOST_TEST(json::parse(result.out).at("self").at("pair") == "office");
    result = run("status --json " + daemon.socket());
    BOOST_TEST(json::parse(result.out).at("peer").is_null());
    result = run(daemon.socket() + "counters");
    BOOST_TEST(result.out == "sip_received  5  SIP messages to a VIP that reached the engine\n"
                             "mirror_sent   3  mirrored packets sent to the peer\n");
    result = run(daemon.socket() + "counters --json");
    const auto counters = json::parse(result.out).at("counters");
    BOOST_TEST(counters.at(1).at("name") == "mirror_sent");
    BOOST_TEST(counters.at(1).at("value") == 3);
    BOOST_TEST(counters.at(1).at("sentence") == "mirrored packets sent to the peer");
}

BOOST_AUTO_TEST_CASE(acting) {
    Daemon daemon{{group("sip")}};
    auto result = run(daemon.socket() + "failover");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(result.out == "failover of group sip: accepted: sip-b is active; epoch 8; 3.25 ms\n");
    BOOST_TEST(daemon.asked == (json::object{{"group", "sip"}, {"force", false}}));
    result = run(daemon.socket() + "failover other --force --json");
    BOOST_TEST(json::parse(result.out).at("epoch") == 8);
    BOOST_TEST(daemon.asked == (json::object{{"group", "other"}, {"force", true}}));
    result = run(daemon.socket() + "failover --group third");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(daemon.asked == (json::object{{"group", "third"}, {"force", false}}));
    result = run(daemon.socket() + "role follow");
    BOOST_TEST(result.out == "role follow of group sip: accepted: followed\n");
    BOOST_TEST(daemon.asked == (json::object{{"group", "sip"}, {"force", false}}));
    result = run("role follow --group trunk " + daemon.socket());
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(daemon.asked == (json::object{{"group", "trunk"}, {"force", false}}));
    result = run(daemon.socket() + "failback sip");
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err == "tandemctl: failback of group sip refused: the standby is not in sync\n");
    BOOST_TEST(result.out.empty());
    result = run(daemon.socket() + "failback sip --json");
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.out == "{\"error\":{\"code\":1,\"message\":\"the standby is not in sync\"}}\n");
    result = run(daemon.socket() + "enable sip");
    BOOST_TEST(result.exit == 1);
}

BOOST_AUTO_TEST_CASE(the_group_must_be_named_when_there_are_several) {
    Daemon daemon{{group("sip"), group("trunk")}};
    const auto result = run(daemon.socket() + "failover");
    BOOST_TEST(result.exit == 2);
    BOOST_TEST(result.err == "tandemctl: name the group, one of: sip, trunk\n");
    for (const char* verb : {"failback", "enable", "disable", "role follow"})
        BOOST_TEST(run(daemon.socket() + verb).exit == 2, verb);
    BOOST_TEST(daemon.asked.empty());
}

BOOST_AUTO_TEST_CASE(events) {
    {
        const Daemon daemon{{group("sip")}};
        const auto result = run(daemon.socket() + "events --since 2");
        BOOST_TEST(result.exit == 0);
        BOOST_TEST(result.out == "2025-06-15T12:00:00.000+00:00  #3  role.active  [sip]  is active\n");
    }
    const Daemon daemon{{group("sip")}};
    const auto result = run(daemon.socket() + "events --json");
    BOOST_TEST(json::parse(result.out).at("events").as_array().size() == 3U);
}

BOOST_AUTO_TEST_CASE(checks) {
    Daemon daemon{{group("sip")}};
    auto result = run(daemon.socket() + "checks --group sip");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(daemon.asked.at("group").as_string() == "sip");
    BOOST_TEST(
        result.out ==
        "CHECK  GROUP  METHOD  TARGET     STATE     FOR        ANSWERED  DOWN  LAST MS  MEDIAN  P99  FOUND "
        "WITHIN\n"
        "gw     sip            192.0.2.1  up        1 min 1 s  11 of 12  1     1.25     0.9     40   3 s\n"
        "far    sip            ::1        down?[2J  -          - of -    -     -        -       -    -\n"
        "far: no route\n");
    result = run(daemon.socket() + "checks --json");
    BOOST_TEST(json::parse(result.out).at("checks").as_array().size() == 2U);
    result = run(daemon.socket() + "checks start gw");
    BOOST_TEST(result.out == "check gw is running\n");
    BOOST_TEST(daemon.asked.at("check").as_string() == "gw");
    BOOST_TEST(!daemon.asked.contains("group"));
    result = run(daemon.socket() + "checks stop x");
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err == "tandemctl: there is no such check\n");
    BOOST_TEST(run(daemon.socket() + "checks start").exit == 2);
    BOOST_TEST(run(daemon.socket() + "checks restart x").exit == 2);
}

BOOST_AUTO_TEST_CASE(mail) {
    Daemon daemon{{group("sip")}};
    auto result = run(daemon.socket() + "mail");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(result.out == "ID                TO              SUBJECT        AGE        TRIES  NEXT TRY\n"
                             "0123456789abcdef  a@b and 1 more  is active?[2J  1 min 1 s  2      28 s\n"
                             "0123456789abcdef: the server said: 421 busy\nand 2 more\n");
    BOOST_TEST(json::parse(run(daemon.socket() + "mail --json").out).at("letters").as_array().size() == 1U);
    BOOST_TEST(run(daemon.socket() + "mail test").out == "done\n");
    BOOST_TEST(daemon.asked.empty());
    run(daemon.socket() + "mail test ops@example.com");
    BOOST_TEST(daemon.asked.at("to").as_string() == "ops@example.com");
    run(daemon.socket() + "mail retry all");
    BOOST_TEST(daemon.asked.at("id").as_string() == "all");
    run(daemon.socket() + "mail drop 0123456789abcdef");
    BOOST_TEST(daemon.asked.at("id").as_string() == "0123456789abcdef");
    BOOST_TEST(run(daemon.socket() + "mail drop").exit == 2);
    BOOST_TEST(run(daemon.socket() + "mail send x").exit == 2);
}

BOOST_AUTO_TEST_CASE(following_repeats_nothing_and_misses_nothing) {
    const Folder folder;
    auto daemon = std::make_unique<Daemon>(json::array{group("sip")});
    const std::string command = std::string{TANDEMCTL} + " " + daemon->socket() +
                                "events --follow --json --since 1 >" + folder.path("out");
    int status = -1;
    std::thread follower{[&] { status = std::system(command.c_str()); }};
    const bool arrived =
        eventually([&] { return content(folder.path("out")).find("\"seq\":4") != std::string::npos; });
    // The end of the daemon is the end of the follower.
    daemon.reset();
    follower.join();
    BOOST_TEST(arrived);
    BOOST_TEST(WEXITSTATUS(status) == 1);
    const std::string out = content(folder.path("out"));
    std::string seen;
    for (std::size_t begin = 0, end = 0; (end = out.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
        const auto line = json::parse(out.substr(begin, end - begin)).as_object();
        seen += line.contains("error") ? "error " : std::to_string(line.at("seq").as_int64()) + " ";
    }
    BOOST_TEST(seen == "2 3 4 error ");
}

BOOST_AUTO_TEST_CASE(keygen) {
    const Folder folder;
    auto result = run("keygen " + folder.path("k"));
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(content(folder.path("k")).starts_with("tandem-pair-key-1 "));
    result = run("keygen " + folder.path("k"));
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err.find("exists already") != std::string::npos);
    result = run("keygen --json " + folder.path("k"));
    BOOST_TEST(json::parse(result.out).at("error").at("message").as_string().find("exists already") !=
               json::string::npos);
    result = run("keygen --json " + folder.path("l"));
    BOOST_TEST(json::parse(result.out).at("key_file").as_string() == folder.path("l"));
}

BOOST_AUTO_TEST_CASE(api_token) {
    const auto first = json::parse(run("api token ops --scope act --json").out);
    const auto second = json::parse(run("api token ops --json").out);
    BOOST_TEST(first.at("token").as_string().starts_with("tdm_"));
    BOOST_TEST(first.at("token").as_string().size() == 47U); // 256 bits in base 64
    BOOST_TEST(first.at("token") != second.at("token"));
    BOOST_TEST(first.at("scope").as_string() == "act");
    BOOST_TEST(second.at("scope").as_string() == "read");
    BOOST_TEST(first.at("hash").as_string().size() == 71U);
    const auto told = run("api token ops");
    BOOST_TEST(told.out.find("[[api.token]]\nname = \"ops\"\nscope = \"read\"\nhash = \"sha256:") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(api_certificates) {
    const Folder folder;
    const std::string order = "api certificates " + folder.path("pki");
    auto result = run(order + " --server node --address 10.0.0.1 --client ops --json");
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(json::parse(result.out).at("written").as_array().size() == 3U);
    for (const char* name : {"ca", "node", "ops"}) {
        const std::string stem = folder.path("pki/") + name;
        BOOST_TEST(content(stem + ".pem").starts_with("-----BEGIN CERTIFICATE-----"));
        BOOST_TEST(content(stem + ".key").starts_with("-----BEGIN PRIVATE KEY-----"));
        BOOST_TEST((std::filesystem::status(stem + ".key").permissions() == std::filesystem::perms{0600}));
    }
    const std::string authority = content(folder.path("pki/ca.pem"));
    const std::string before = content(folder.path("pki/ops.key"));
    result = run(order + " --client ops");
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err.find("cannot be made: File exists") != std::string::npos, result.err);
    BOOST_TEST(content(folder.path("pki/ops.key")) == before);
    BOOST_TEST(run(order + " --client more").exit == 0);
    BOOST_TEST(content(folder.path("pki/ca.pem")) == authority);
    BOOST_TEST(run(order + " --server x --address name").exit == 1);
    BOOST_TEST(!std::filesystem::exists(folder.path("pki/x.key")));
}

BOOST_AUTO_TEST_CASE(check) {
    const Folder folder;
    const std::string file = folder.path("t.toml");
    BOOST_REQUIRE(run("keygen " + folder.path("k")).exit == 0);
    std::string text = "[node]\nid = 1\n[pair]\nid = \"p\"\nkey_file = \"" + folder.path("k") +
                       "\"\n[[path]]\nname = \"a\"\nlocal = \"127.0.0.1\"\npeer = \"127.0.0.2\"\n"
                       "[[group]]\nname = \"g\"\ninterface = \"none0\"\nvips = [\"10.0.0.10\"]\n";
    std::ofstream{file} << text;
    auto result = run("check " + file);
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err.find(file + ":12:13: this machine has no interface \"none0\"") == 0, result.err);
    result = run("check --json " + file);
    BOOST_TEST(result.exit == 1);
    const auto answer = json::parse(result.out);
    BOOST_TEST(answer.at("ok") == false);
    BOOST_TEST(answer.at("problems").at(0).at("line") == 12);

    std::ofstream{file} << text << "[lok]\n";
    result = run("check " + file);
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err == file + ":14:2: unknown key \"lok\" in the file (did you mean \"log\"?)\n");

    result = run("check " + folder.path("none.toml"));
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err.find("cannot be opened") != std::string::npos);
    result = run(std::string{"check "} + EXAMPLES + "/host-pair.toml");
    BOOST_TEST(result.exit == 1);
    BOOST_TEST(result.err.find("tandemctl keygen /etc/tandem/pair.key") != std::string::npos, result.err);
}

BOOST_AUTO_TEST_SUITE_END()
