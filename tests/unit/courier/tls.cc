// SPDX-License-Identifier: GPL-3.0-or-later
// Web requests over TLS, to a real web server: whom the courier believes, and how it shows who it is.
#include "control/courier/courier.hh"
#include "servant.hh"

#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

using namespace tandem::courier;
using namespace std::chrono_literals;

namespace {

namespace asio = boost::asio;

std::uint16_t free_port() {
    asio::io_context io;
    return asio::ip::tcp::acceptor{io, {asio::ip::make_address("127.0.0.1"), 0}}.local_endpoint().port();
}

bool listens(std::uint16_t port) {
    asio::io_context io;
    asio::ip::tcp::socket socket{io};
    boost::system::error_code error;
    return !socket.connect({asio::ip::make_address("127.0.0.1"), port}, error);
}

/// nginx with a certificate for 127.0.0.1; `strict` wants one of the client, `old` speaks TLS 1.1 only.
class WebServer {
public:
    WebServer() {
        std::string name = (std::filesystem::temp_directory_path() / "tandem-web-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        const std::string key = "openssl req -newkey rsa:2048 -nodes -keyout ";
        shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca");
        shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 -subj "
              "/CN=other");
        std::ofstream{path("ext")} << "subjectAltName=IP:127.0.0.1\n";
        for (const char* who : {"server", "client"}) {
            shell(key + who + ".key -out " + who + ".csr -subj /CN=" + who);
            shell(std::string{"openssl x509 -req -in "} + who +
                  ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2" + " -extfile ext -out " + who +
                  ".pem");
        }
        const auto server = [](std::uint16_t number, const char* more) {
            return "server { listen 127.0.0.1:" + std::to_string(number) + " ssl; " + more +
                   " location / { return 200 \"$ssl_client_s_dn $ssl_protocol\"; } }\n";
        };
        std::ofstream{path("conf")}
            << "daemon off; master_process off; user root; pid nginx.pid; error_log error.log;\n"
               "events { worker_connections 64; }\nhttp { access_log off; client_body_temp_path body;\n"
               "proxy_temp_path t1; fastcgi_temp_path t2; uwsgi_temp_path t3; scgi_temp_path t4;\n"
               "ssl_certificate server.pem; ssl_certificate_key server.key; ssl_client_certificate ca.pem;\n"
            << server(port, "") << server(strict, "ssl_verify_client on;")
            << server(old, "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;") << "}\n";
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execlp("nginx", "nginx", "-e", "stderr", "-p", folder_.c_str(), "-c", path("conf").c_str(),
                     nullptr);
            ::_exit(127);
        }
        asio::io_context io;
        BOOST_REQUIRE(run_until(io, [&] { return listens(strict) && listens(port) && listens(old); }));
    }
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;
    ~WebServer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        std::filesystem::remove_all(folder_);
    }
    std::string path(const char* name) const { return folder_ + "/" + name; }

    std::uint16_t port{free_port()};
    std::uint16_t strict{free_port()};
    std::uint16_t old{free_port()};

private:
    void shell(const std::string& command) const {
        BOOST_REQUIRE(std::system(("cd " + folder_ + " && " + command + " >/dev/null 2>&1").c_str()) == 0);
    }
    std::string folder_;
    pid_t pid_{-1};
};

HttpReply ask(std::uint16_t port, const Tls& tls, const char* host = "127.0.0.1") {
    asio::io_context io;
    const auto courier = Courier::start(io);
    BOOST_REQUIRE(courier);
    HttpRequest request;
    request.url = std::string{"https://"} + host + ":" + std::to_string(port) + "/";
    request.tls = tls;
    std::optional<HttpReply> reply;
    (*courier)->http(request, [&](HttpReply r) { reply = std::move(r); });
    BOOST_REQUIRE(run_until(io, [&] { return reply.has_value(); }));
    return *reply;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tls)

BOOST_AUTO_TEST_CASE(whom_to_believe) {
    const WebServer server;
    Tls tls;
    HttpReply reply = ask(server.port, tls); // the system's authorities do not know it
    BOOST_TEST(reply.status == 0);
    BOOST_TEST(reply.trouble.find("certificate") != std::string::npos);
    tls.ca_file = server.path("other.pem");
    BOOST_TEST(ask(server.port, tls).status == 0);
    tls.ca_file = server.path("none.pem");
    BOOST_TEST(ask(server.port, tls).status == 0);
    tls.ca_file = server.path("ca.pem");
    reply = ask(server.port, tls);
    BOOST_TEST(reply.status == 200);
    BOOST_TEST(reply.trouble == "");
    BOOST_TEST(ask(server.port, tls, "localhost").status == 0); // the certificate is not for that name
    tls = {};
    tls.verify = Verify::off;
    BOOST_TEST(ask(server.port, tls).status == 200);
    BOOST_TEST(ask(server.old, tls).status == 0); // TLS 1.2 or newer
}

BOOST_AUTO_TEST_CASE(our_own_certificate) {
    const WebServer server;
    Tls tls;
    tls.ca_file = server.path("ca.pem");
    BOOST_TEST(ask(server.strict, tls).status != 200);
    tls.certificate_file = server.path("client.pem");
    tls.key_file = server.path("client.key");
    const HttpReply reply = ask(server.strict, tls);
    BOOST_TEST(reply.status == 200);
    BOOST_TEST(reply.body.starts_with("CN=client TLSv1."));
    tls.key_file = server.path("server.key");
    BOOST_TEST(ask(server.strict, tls).status == 0);
}

BOOST_AUTO_TEST_SUITE_END()
