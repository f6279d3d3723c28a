// SPDX-License-Identifier: GPL-3.0-or-later

// Connections that get no session: each is counted, and disturbs no session that there is.

#include "control/link/framing.hh"
#include "control/link/hello.hh"
#include "control/link/stream.hh"
#include "tests/unit/link/world.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

struct Listening {
    asio::io_context io;
    std::uint16_t port = free_port();
    Node listener{io, settings_of(1, port)};

    const link::StreamCounters& counters() const { return listener.stream->counters(); }
    bool refused(std::uint64_t n = 1) {
        return run_until(io, [&] { return counters().refused_handshake >= n; });
    }
    /// A plain connection.
    tcp::socket connection(const char* from = connector_address) {
        tcp::socket socket(io);
        socket.open(tcp::v4());
        socket.bind({asio::ip::make_address(from), 0});
        socket.connect({asio::ip::make_address(listener_address), port});
        return socket;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(stream_refusal)

BOOST_AUTO_TEST_CASE(a_wrong_key_on_both_sides) {
    asio::io_context io;
    const auto port = free_port();
    Node listener(io, settings_of(1, port));
    auto settings = settings_of(2, port);
    settings.pair_key = other_key;
    Node connector(io, settings);
    BOOST_REQUIRE(run_until(io, [&] {
        return listener.stream->counters().refused_handshake >= 2 &&
               connector.stream->counters().refused_handshake >= 2;
    }));
    BOOST_TEST(listener.associations.empty());
    BOOST_TEST(connector.associations.empty());
    BOOST_TEST(listener.ends.empty());
    // Many attempts, one reason.
    BOOST_TEST(listener.reasons.size() == 1U);
    BOOST_TEST(connector.reasons.size() == 1U);
}

BOOST_AUTO_TEST_CASE(another_pair_with_the_same_key) {
    Listening world;
    RawPeer peer(world.io, world.port, pair_key, "sip-b");
    BOOST_TEST(!peer.handshake());
    BOOST_TEST(world.refused());
    BOOST_TEST(world.listener.associations.empty());
}

BOOST_AUTO_TEST_CASE(plain_garbage) {
    Listening world;
    std::uint64_t n = 0;
    for (const std::string& octets : {std::string("GET / HTTP/1.0\r\n\r\n"), std::string(2000, '\0'),
                                      std::string(2000, '\xff'), std::string("\x16\x03\x01\xff\xff"),
                                      std::string("\x16\x03\x01\x00\x02\x01\x00", 7), std::string()}) {
        auto socket = world.connection();
        asio::write(socket, asio::buffer(octets));
        socket.shutdown(tcp::socket::shutdown_send);
        BOOST_TEST(world.refused(++n));
    }
    BOOST_TEST(world.counters().refused_handshake == n);
    BOOST_TEST(world.listener.associations.empty());
    BOOST_TEST(world.listener.reasons.size() <= 1U); // no flood
}

BOOST_AUTO_TEST_CASE(an_older_tls) {
    Listening world;
    asio::ssl::context context(asio::ssl::context::tlsv12_client);
    asio::ssl::stream<tcp::socket> stream(world.connection(), context);
    bool failed = false;
    stream.async_handshake(asio::ssl::stream_base::client, [&](const boost::system::error_code& error) {
        failed = static_cast<bool>(error);
    });
    BOOST_TEST(run_until(world.io, [&] { return failed; }));
    BOOST_TEST(world.refused());
}

BOOST_AUTO_TEST_CASE(tls_without_the_key) {
    Listening world;
    asio::ssl::context context(asio::ssl::context::tlsv13_client);
    asio::ssl::stream<tcp::socket> stream(world.connection(), context);
    bool failed = false;
    stream.async_handshake(asio::ssl::stream_base::client, [&](const boost::system::error_code& error) {
        failed = static_cast<bool>(error);
    });
    BOOST_TEST(run_until(world.io, [&] { return failed; }));
    BOOST_TEST(world.refused());
}

// A connector must not be content with a certificate.
BOOST_AUTO_TEST_CASE(a_listener_with_a_certificate_instead_of_the_key) {
    asio::io_context io;
    const auto port = free_port();
    // Made here, so that no key lies in the tree.
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    asio::ssl::context context(asio::ssl::context::tlsv13_server);
    SSL_CTX_use_certificate(context.native_handle(), certificate);
    SSL_CTX_use_PrivateKey(context.native_handle(), key);

    const std::string text = R"({"tandem":1,"node":1,"pair":"sip-a"})";
    const auto header = link::frame_header(static_cast<std::uint32_t>(text.size()));
    const std::string hello = std::string(header.begin(), header.end()) + text;
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::make_address(listener_address), port));
    asio::ssl::stream<tcp::socket> impostor(io, context);
    acceptor.async_accept(impostor.next_layer(), [&](const boost::system::error_code&) {
        impostor.async_handshake(asio::ssl::stream_base::server, [&](const boost::system::error_code& error) {
            if (!error)
                asio::async_write(impostor, asio::buffer(hello),
                                  [](const boost::system::error_code&, std::size_t) {});
        });
    });
    Node connector(io, settings_of(2, port));
    BOOST_TEST(run_until(io, [&] {
        return connector.stream->counters().refused_handshake >= 1 || !connector.associations.empty();
    }));
    BOOST_TEST(connector.associations.empty());
    BOOST_REQUIRE(!connector.reasons.empty());
    BOOST_TEST(connector.reasons[0].find("TLS handshake") != std::string::npos, connector.reasons[0]);
    connector.stream.reset();
    impostor.next_layer().close();
    X509_free(certificate);
    EVP_PKEY_free(key);
}

BOOST_AUTO_TEST_CASE(another_address) {
    Listening world;
    auto socket = world.connection("127.0.0.4");
    BOOST_TEST(run_until(world.io, [&] { return world.counters().refused_address == 1; }));
    BOOST_TEST(world.counters().refused_handshake == 0U);
    boost::system::error_code error;
    char octet = 0;
    socket.read_some(asio::buffer(&octet, 1), error);
    BOOST_TEST(error.failed()); // closed without a word
}

BOOST_AUTO_TEST_CASE(a_hello_that_does_not_fit) {
    const struct {
        int number;
        std::string hello;
        std::string reason;
    } cases[] = {
        {1, R"({"tandem":1,"node":1,"pair":"sip-a"})", "same node id"},
        {2, R"({"tandem":1,"node":2,"pair":"sip-b"})", "another pair"},
        {3, R"({"tandem":9,"node":2,"pair":"sip-a"})", "version 9"},
        {4, "garbage", "not a JSON object"},
        {5, std::string(link::hello_max + 1, ' '), "too long"},
    };
    for (const auto& c : cases) {
        Listening world;
        RawPeer peer(world.io, world.port);
        BOOST_REQUIRE(peer.handshake());
        peer.say_message(c.hello);
        BOOST_TEST(world.refused(), "case " << c.number);
        BOOST_TEST(world.listener.associations.empty());
        BOOST_REQUIRE_EQUAL(world.listener.reasons.size(), 1U);
        BOOST_TEST(world.listener.reasons[0].find(c.reason) != std::string::npos,
                   "case " << c.number << ": " << world.listener.reasons[0]);
        peer.hear_until_closed();
        BOOST_TEST(peer.closed());
    }
}

BOOST_AUTO_TEST_CASE(whoever_says_nothing_is_closed_after_the_deadline) {
    Listening world;
    auto mute = world.connection();
    RawPeer proved(world.io, world.port);
    BOOST_REQUIRE(proved.handshake()); // and no hello
    const auto begun = std::chrono::steady_clock::now();
    BOOST_TEST(world.refused(2));
    BOOST_TEST((std::chrono::steady_clock::now() - begun > 1s));
    BOOST_TEST(world.listener.reasons[0].find("too long") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(idle_connections_keep_nobody_out) {
    Listening world;
    std::vector<tcp::socket> idle;
    for (std::uint64_t i = 1; i <= 12; ++i) {
        idle.push_back(world.connection());
        BOOST_TEST(world.refused(i > 4 ? i - 4 : 0)); // four may wait
    }
    const auto begun = std::chrono::steady_clock::now();
    Node connector(world.io, settings_of(2, world.port));
    BOOST_TEST(run_until(world.io, [&] { return connector.up() && world.listener.up(); }));
    BOOST_TEST((std::chrono::steady_clock::now() - begun < 1500ms)); // not after their deadline
}

BOOST_AUTO_TEST_CASE(a_session_is_not_disturbed) {
    Listening world;
    Node connector(world.io, settings_of(2, world.port));
    BOOST_REQUIRE(run_until(world.io, [&] { return connector.up() && world.listener.up(); }));
    RawPeer wrong(world.io, world.port, other_key);
    BOOST_TEST(!wrong.handshake());
    auto garbage = world.connection();
    asio::write(garbage, asio::buffer(std::string(100, 'g')));
    BOOST_TEST(world.refused(2));
    BOOST_TEST(world.listener.ends.empty());
    connector.stream->send("{}");
    BOOST_TEST(run_until(world.io, [&] { return world.listener.messages.size() == 1; }));
}

BOOST_AUTO_TEST_SUITE_END()
