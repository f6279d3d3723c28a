// SPDX-License-Identifier: GPL-3.0-or-later
// Every method of asking, against something real on a wire.

#include "control/probe/probe.hh"
#include "tests/unit/watch/responder.hh"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace tandem;
using namespace tandem::testing;
using namespace std::chrono_literals;
using probe::CheckState;
using probe::CheckVerdict;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::uint16_t port = 7777;

/// A folder that is gone afterwards.
struct Folder {
    std::string path{"/tmp/tandem-methods-XXXXXX"};
    Folder() { BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
};

struct Wire : World {
    asio::io_context io;
    std::vector<probe::Checks::Named> list;
    std::vector<std::pair<std::size_t, probe::CheckNews>> told;
    std::unique_ptr<probe::Checks> checks;

    Wire() { settle(*this); }
    config::CheckSettings& add(config::Target target) {
        config::CheckSettings settings;
        settings.name = "check" + std::to_string(list.size());
        settings.target = std::move(target);
        settings.interval = 20ms;
        settings.timeout = 400ms;
        settings.recover = 2;
        list.push_back({"group", settings});
        return list.back().settings;
    }
    void start() {
        checks = std::make_unique<probe::Checks>(
            io, list,
            [this](std::size_t check, const probe::CheckNews& news) { told.emplace_back(check, news); });
        checks->start();
    }
    void spin() {
        io.restart();
        io.run_for(5ms);
    }
    bool comes_to(std::size_t check, CheckState state) {
        const bool came = eventually([&] {
            spin();
            return checks->state(check) == state;
        });
        if (!came)
            BOOST_TEST_MESSAGE("check " << check << " is " << to_string(checks->state(check)) << ": "
                                        << checks->line(check).detail);
        return came;
    }
    std::string words() const { return told.empty() ? "" : told.back().second.words; }
    void on_host(const std::string& command) const {
        const Inside host(host_space);
        run(command);
    }
    asio::ip::address host_address(bool six) const {
        return asio::ip::make_address(six ? host6.to_string() : host4.to_string());
    }
};

/// Accepts on the host and hands each connection on.
class Listener {
public:
    using Handle = std::function<void(std::shared_ptr<tcp::socket>)>;
    Listener(Wire& wire, bool six, Handle handle)
        : handle_(std::move(handle)) {
        const Inside host(wire.host_space);
        acceptor_.emplace(wire.io, tcp::endpoint{wire.host_address(six), port});
        accept();
    }

private:
    void accept() {
        acceptor_->async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (error)
                return;
            handle_(std::make_shared<tcp::socket>(std::move(socket)));
            accept();
        });
    }
    Handle handle_;
    std::optional<tcp::acceptor> acceptor_;
};

void answer_with(const std::shared_ptr<tcp::socket>& socket, std::string text) {
    auto kept = std::make_shared<std::string>(std::move(text));
    asio::async_write(*socket, asio::buffer(*kept), [socket, kept](boost::system::error_code, std::size_t) {
        auto rest = std::make_shared<std::array<char, 256>>();
        socket->async_read_some(asio::buffer(*rest),
                                [socket, rest](boost::system::error_code, std::size_t) {});
    });
}

/// Handshakes on the host with a certificate of its own.
class TlsServer {
public:
    TlsServer(Wire& wire, const std::string& folder)
        : context_(asio::ssl::context::tls_server)
        , listener_(wire, false, [this](const std::shared_ptr<tcp::socket>& socket) { serve(socket); }) {
        use(folder);
    }
    void use(const std::string& folder) {
        context_.use_certificate_chain_file(folder + "/cert.pem");
        context_.use_private_key_file(folder + "/key.pem", asio::ssl::context::pem);
    }

private:
    void serve(const std::shared_ptr<tcp::socket>& socket) {
        auto stream = std::make_shared<asio::ssl::stream<tcp::socket>>(std::move(*socket), context_);
        stream->async_handshake(asio::ssl::stream_base::server, [stream](boost::system::error_code) {
            auto rest = std::make_shared<std::array<char, 16>>();
            stream->async_read_some(asio::buffer(*rest),
                                    [stream, rest](boost::system::error_code, std::size_t) {});
        });
    }
    asio::ssl::context context_;
    Listener listener_;
};

void make_certificate(const std::string& folder, const std::string& when) {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout " + folder +
        "/key.pem -out " + folder + "/cert.pem " + when +
        " -subj /CN=sip.example.com -addext subjectAltName=DNS:sip.example.com,IP:10.77.0.9 2>/dev/null");
}

config::TlsTarget tls(const wire::IpAddress& address, const std::string& ca_file) {
    config::TlsTarget target;
    target.address = address;
    target.port = port;
    target.ca_file = ca_file;
    return target;
}

/// A child that does nothing; of the name that it has among processes.
class Idler {
public:
    explicit Idler(const std::string& program)
        : pid_(::fork()) {
        if (pid_ == 0) {
            ::execl(program.c_str(), program.c_str(), "1000", nullptr);
            ::_exit(127);
        }
    }
    ~Idler() { end(); }
    pid_t pid() const { return pid_; }
    void end() {
        if (pid_ <= 0)
            return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    pid_t pid_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(methods)

BOOST_FIXTURE_TEST_CASE(a_listener_that_goes_away_refuses_at_once, Wire) {
    add(config::TcpTarget{host4, port, "", ""}).timeout = 1200ms;
    add(config::TcpTarget{host6, port, "", ""}).interface = "out0";
    config::CheckSettings& pinned = add(config::TcpTarget{host4, port, "", ""});
    pinned.source = node4;
    pinned.interface = "out0";
    const auto ignore = [](const std::shared_ptr<tcp::socket>&) {};
    std::optional<Listener> four(std::in_place, *this, false, ignore);
    const Listener six(*this, true, ignore);
    start();
    for (std::size_t i = 0; i < list.size(); ++i)
        BOOST_TEST(comes_to(i, CheckState::up));
    BOOST_TEST(checks->line(0).latency.has_value());
    const auto since = std::chrono::steady_clock::now();
    four.reset();
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(comes_to(2, CheckState::down));
    BOOST_TEST((std::chrono::steady_clock::now() - since < 1000ms)); // no timeout was waited for
    BOOST_TEST(words() == "refuses the connection");
    BOOST_TEST((checks->state(1) == CheckState::up));
    four.emplace(*this, false, ignore);
    BOOST_TEST(comes_to(0, CheckState::up));
}

BOOST_FIXTURE_TEST_CASE(a_host_that_drops_everything_is_silent, Wire) {
    add(config::TcpTarget{host4, port, "", ""});
    const Listener four(*this, false, [](const std::shared_ptr<tcp::socket>&) {});
    start();
    BOOST_TEST(comes_to(0, CheckState::up));
    on_host("ip link set peer0 down");
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(words().starts_with("does not accept a connection"));
    on_host("ip link set peer0 up");
    BOOST_TEST(comes_to(0, CheckState::up));
}

BOOST_FIXTURE_TEST_CASE(what_a_tcp_service_says_is_read, Wire) {
    std::string banner = "220 ready\r\n";
    const Listener four(*this, false,
                        [&](const std::shared_ptr<tcp::socket>& socket) { answer_with(socket, banner); });
    add(config::TcpTarget{host4, port, "HELO\r\n", "220 "});
    start();
    BOOST_TEST(comes_to(0, CheckState::up));
    banner = "554 no service\r\n" + std::string(100'000, 'x') + "220 ";
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(words() == "answers without the text that is expected");
    banner = "220 ready\r\n";
    BOOST_TEST(comes_to(0, CheckState::up));
}

BOOST_FIXTURE_TEST_CASE(connections_that_nobody_answers_are_given_up, Wire) {
    // A listener that says nothing: each question is a connection, and none outlives the timeout.
    const Listener four(*this, false, [](const std::shared_ptr<tcp::socket>& socket) {
        auto rest = std::make_shared<std::array<char, 16>>();
        socket->async_read_some(asio::buffer(*rest),
                                [socket, rest](boost::system::error_code, std::size_t) {});
    });
    config::CheckSettings& check = add(config::TcpTarget{host4, port, "", "hello"});
    check.interval = 5ms;
    check.timeout = 50ms;
    const auto descriptors = [] {
        const std::filesystem::directory_iterator folder("/proc/self/fd");
        return std::distance(begin(folder), end(folder));
    };
    const auto before = descriptors();
    start();
    BOOST_TEST(comes_to(0, CheckState::down));
    for (int i = 0; i < 60; ++i)
        spin();
    BOOST_TEST(checks->line(0).asked > 20U);
    BOOST_TEST(descriptors() - before < 2 * (10 + 4)); // those of the last 50 ms, both ends of each
    checks->stop_one(0);
    for (int i = 0; i < 4; ++i)
        spin();
    BOOST_TEST(descriptors() - before < 6);
}

BOOST_FIXTURE_TEST_CASE(datagrams_are_answered_or_refused, Wire) {
    std::optional<Responder> echo;
    {
        const Inside host(host_space);
        echo.emplace(host4, port);
    }
    echo->answer = [](const std::string& question) { return "you said " + question; };
    add(config::UdpTarget{host4, port, "ping", "said ping"});
    add(config::UdpTarget{host4, port, "", ""}).source = node4;
    add(config::UdpTarget{host4, port, "ping", "pong"});
    start();
    const auto come = [&](std::size_t check, CheckState state) {
        return eventually([&] {
            spin();
            if (echo)
                echo->serve();
            return checks->state(check) == state;
        });
    };
    BOOST_TEST(come(0, CheckState::up));
    BOOST_TEST(come(1, CheckState::up));
    BOOST_TEST(come(2, CheckState::down));
    BOOST_TEST(words() == "answers without the text that is expected");
    echo.reset();
    BOOST_TEST(come(0, CheckState::down));
    BOOST_TEST(come(1, CheckState::down));
    BOOST_TEST(words() == "has closed the port");
}

BOOST_FIXTURE_TEST_CASE(certificates_are_judged, Wire) {
    const Folder good, soon, past;
    make_certificate(good.path, "-days 400");
    make_certificate(soon.path, "-days 3");
    TlsServer server(*this, good.path);
    config::TlsTarget named = tls(host4, good.path + "/cert.pem");
    named.server_name = "sip.example.com";
    config::TlsTarget wrong_name = named;
    wrong_name.server_name = "other.example.com";
    config::TlsTarget blind = tls(host4, "");
    blind.verify = config::Verify::no;
    add(named);
    add(tls(host4, good.path + "/cert.pem")); // by its address
    add(blind);
    add(wrong_name);
    add(tls(host4, "")); // the system does not trust it
    add(tls(host4, good.path + "/nosuch.pem"));
    start();
    for (const std::size_t well : {0U, 1U, 2U}) {
        BOOST_TEST(comes_to(well, CheckState::up));
        BOOST_TEST(checks->line(well).detail.starts_with("has a certificate for another "));
    }
    BOOST_TEST(comes_to(3, CheckState::down));
    BOOST_TEST(checks->line(3).detail == "has a certificate that is not trusted: hostname mismatch");
    BOOST_TEST(comes_to(4, CheckState::down));
    BOOST_TEST(checks->line(4).detail.starts_with("has a certificate that is not trusted: self"));
    BOOST_TEST(comes_to(5, CheckState::down));
    BOOST_TEST(checks->line(5).detail.find("what is trusted cannot be read from") != std::string::npos);
    // The file of what is trusted is read again when it has changed.
    std::filesystem::copy_file(soon.path + "/cert.pem", good.path + "/cert.pem",
                               std::filesystem::copy_options::overwrite_existing);
    server.use(soon.path);
    const auto ends_soon = [&](std::size_t check) { // how many whole days, the moment says
        return eventually([&] {
            spin();
            const std::string detail = checks->line(check).detail;
            return detail == "has a certificate that expires in 2 days" ||
                   detail == "has a certificate that expires in 3 days";
        });
    };
    BOOST_TEST(ends_soon(0));
    BOOST_TEST(ends_soon(2));
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(comes_to(2, CheckState::down));
}

BOOST_FIXTURE_TEST_CASE(what_is_no_tls_fails_the_handshake, Wire) {
    std::string banner = "SSH-2.0-nonsense\r\n";
    const Listener plain(*this, false, [&](const std::shared_ptr<tcp::socket>& socket) {
        if (!banner.empty())
            answer_with(socket, banner);
    });
    add(tls(host4, ""));
    start();
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(words().starts_with("does not finish the handshake: "));
    banner.clear(); // it hangs up
    BOOST_TEST(eventually([&] {
        spin();
        const std::string detail = checks->line(0).detail;
        return detail == "ends the connection during the handshake" || detail == "resets the connection";
    }));
}

BOOST_FIXTURE_TEST_CASE(neighbours_of_both_families, Wire) {
    add(config::NeighbourTarget{host4}).interface = "out0";
    add(config::NeighbourTarget{host6}).interface = "out0";
    config::CheckSettings& pinned = add(config::NeighbourTarget{host4});
    pinned.interface = "out0";
    pinned.source = node4;
    add(config::NeighbourTarget{wire::IpAddress::v4({10, 77, 0, 200})}).interface = "out0"; // nobody
    add(config::NeighbourTarget{host4}).interface = "nosuch0";
    start();
    std::string mac;
    {
        const Inside host(host_space);
        mac = interface("peer0").mac.to_string();
    }
    for (const std::size_t well : {0U, 1U, 2U}) {
        BOOST_TEST(comes_to(well, CheckState::up));
        BOOST_TEST(checks->line(well).detail == "is at " + mac);
        BOOST_TEST(checks->line(well).latency.has_value());
    }
    BOOST_TEST(comes_to(3, CheckState::down));
    BOOST_TEST(checks->line(3).detail.empty());
    BOOST_TEST(comes_to(4, CheckState::down));
    BOOST_TEST(checks->line(4).detail.find("nosuch0") != std::string::npos);
    on_host("ip link set peer0 arp off");
    on_host("ip address del 10.77.0.9/24 dev peer0");
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(comes_to(2, CheckState::down));
    on_host("ip address add 10.77.0.9/24 dev peer0");
    on_host("ip link set peer0 arp on");
    BOOST_TEST(comes_to(0, CheckState::up));
    run("ip link set out0 address 02:00:00:00:77:77"); // our own: answers come to the new one
    const std::uint64_t before = checks->line(0).answers;
    BOOST_TEST(eventually([&] {
        spin();
        return checks->line(0).answers > before + 5;
    }));
}

BOOST_FIXTURE_TEST_CASE(a_link_and_its_carrier, Wire) {
    add(config::LinkTarget{"out0"});
    add(config::LinkTarget{"nosuch0"});
    start();
    BOOST_TEST(comes_to(0, CheckState::up));
    BOOST_TEST(comes_to(1, CheckState::down));
    BOOST_TEST(words() == "does not exist");
    on_host("ip link set peer0 down");
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(words() == "has no carrier");
    on_host("ip link set peer0 up");
    BOOST_TEST(comes_to(0, CheckState::up));
    run("ip link set out0 down");
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(words() == "is switched off");
}

BOOST_FIXTURE_TEST_CASE(processes_by_file_and_by_program, Wire) {
    const Folder folder;
    const std::string program = folder.path + "/idler";
    std::filesystem::copy_file("/bin/sleep", program);
    std::optional<Idler> idler(std::in_place, program);
    const std::string file = folder.path + "/idler.pid";
    std::ofstream(file) << idler->pid() << '\n';
    add(config::ProcessTarget{program});
    add(config::ProcessTarget{file});
    add(config::ProcessTarget{folder.path + "/nosuch.pid"});
    for (int i = 0; i < 200; ++i)
        add(config::ProcessTarget{folder.path + "/nosuch" + std::to_string(i)});
    start();
    for (const std::size_t well : {0U, 1U}) {
        BOOST_TEST(comes_to(well, CheckState::up));
        BOOST_TEST(checks->line(well).detail == "runs as process " + std::to_string(idler->pid()));
    }
    for (std::size_t none = 2; none < list.size(); ++none)
        BOOST_TEST(comes_to(none, CheckState::down));
    BOOST_TEST(words() == "is not running");
    idler->end();
    BOOST_TEST(comes_to(0, CheckState::down));
    BOOST_TEST(comes_to(1, CheckState::down));
    idler.emplace(program);
    std::ofstream(file) << idler->pid() << '\n';
    BOOST_TEST(comes_to(0, CheckState::up));
    BOOST_TEST(comes_to(1, CheckState::up));
}

BOOST_FIXTURE_TEST_CASE(one_that_is_forgotten_leaves_nothing_behind, Wire) {
    add(config::TcpTarget{host4, 9, "", ""});
    add(config::UdpTarget{host4, 9, "", ""});
    add(tls(host4, ""));
    add(config::NeighbourTarget{host4}).interface = "out0";
    add(config::ProcessTarget{"/nosuch/program"});
    add(config::LinkTarget{"out0"});
    start();
    for (int i = 0; i < 10; ++i)
        spin();
    const auto done = checks->reconfigure({});
    BOOST_TEST(done.removed == 6U);
    const std::size_t news = told.size();
    for (int i = 0; i < 10; ++i)
        spin();
    BOOST_TEST(told.size() == news);
    checks.reset();
    spin();
}

BOOST_AUTO_TEST_SUITE_END()
