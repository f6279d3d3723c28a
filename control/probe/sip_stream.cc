// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_certificate.hh"
#include "control/probe/sip_link.hh"
#include "control/probe/sip_reply.hh"

#include "dataplane/wire/sip.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace tandem::probe {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

class SipTlsContext {
public:
    SipTlsContext()
        : context(asio::ssl::context::tls_client) {}
    asio::ssl::context context;
    config::VerifyPeer verify{config::VerifyPeer::yes};
};

std::expected<std::shared_ptr<SipTlsContext>, std::string> make_tls_context(const config::SipTls& tls) {
    auto made = std::make_shared<SipTlsContext>();
    made->verify = tls.verify;
    if (SSL_CTX_set_min_proto_version(made->context.native_handle(), TLS1_2_VERSION) != 1)
        return std::unexpected("TLS 1.2 is not to be had");
    boost::system::error_code error;
    if (tls.verify == config::VerifyPeer::no) {
        made->context.set_verify_mode(asio::ssl::verify_none, error);
        return made;
    }
    made->context.set_verify_mode(asio::ssl::verify_peer, error);
    if (tls.ca_file.empty())
        made->context.set_default_verify_paths(error);
    else
        made->context.load_verify_file(tls.ca_file, error);
    if (error)
        return std::unexpected("the file of certificates cannot be read");
    return made;
}

namespace {

constexpr std::size_t waiting_max = 256 * 1024; ///< octets that the other side does not take

Tcp::endpoint endpoint_of(const wire::IpAddress& address, std::uint16_t port, std::uint32_t scope) {
    if (address.is_v4()) {
        asio::ip::address_v4::bytes_type octets;
        std::copy_n(address.octets.begin(), octets.size(), octets.begin());
        return {asio::ip::address_v4(octets), port};
    }
    return {asio::ip::address_v6(address.octets, scope), port};
}

class Stream : public std::enable_shared_from_this<Stream> {
public:
    Stream(asio::io_context& io, const resolve::Server& server, SipOrigin origin,
           std::shared_ptr<SipTlsContext> tls, std::string domain, SipLink::Ears ears)
        : server_(server)
        , origin_(std::move(origin))
        , tls_(std::move(tls))
        , domain_(std::move(domain))
        , ears_(std::move(ears))
        , socket_(io) {
        if (tls_)
            secure_.emplace(socket_, tls_->context);
    }
    void begin();
    void end() {
        ended_ = true;
        ears_ = {};
        boost::system::error_code ignored;
        socket_.close(ignored);
    }
    bool is_open() const { return open_; }
    std::string local() const;
    std::string send(std::string_view message);

private:
    bool prepare(std::string& why);
    void shake_hands();
    void opened();
    void read();
    void take(std::size_t length);
    bool take_message();
    void write();
    void broken(const std::string& why) {
        if (ended_)
            return;
        const auto tell = ears_.broken;
        open_ = false;
        end();
        if (tell)
            tell(why);
    }

    resolve::Server server_;
    SipOrigin origin_;
    std::shared_ptr<SipTlsContext> tls_;
    std::string domain_;
    SipLink::Ears ears_;
    Tcp::socket socket_;
    std::optional<asio::ssl::stream<Tcp::socket&>> secure_;
    std::array<char, 16384> room_{};
    std::string heard_;   ///< what is not yet a message
    std::string waiting_; ///< to be sent after what is being sent
    std::string sending_;
    bool open_{false};
    bool ended_{false};
};

bool Stream::prepare(std::string& why) {
    boost::system::error_code error;
    std::uint32_t scope = 0;
    socket_.open(server_.address.is_v4() ? Tcp::v4() : Tcp::v6(), error);
    if (!error) {
        socket_.set_option(Tcp::no_delay(true), error);
        socket_.non_blocking(true, error);
    }
    const std::string& name = origin_.interface;
    if (!error && !name.empty()) {
        scope = ::if_nametoindex(name.c_str());
        if (scope == 0 || ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                                       static_cast<socklen_t>(name.size() + 1)) != 0)
            error.assign(errno, boost::system::system_category());
    }
    if (!error && origin_.source.size() != 0)
        socket_.bind(endpoint_of(origin_.source, 0, scope), error);
    if (error)
        why = "cannot connect from here: " + std::string{std::strerror(error.value())};
    return !error;
}

void Stream::begin() {
    std::string why;
    if (!prepare(why)) { // told later, as everything is
        asio::post(socket_.get_executor(), [self = shared_from_this(), why] { self->broken(why); });
        return;
    }
    const std::uint32_t scope = origin_.interface.empty()
                                    ? 0
                                    : static_cast<std::uint32_t>(::if_nametoindex(origin_.interface.c_str()));
    socket_.async_connect(endpoint_of(server_.address, server_.port, scope),
                          [self = shared_from_this()](boost::system::error_code error) {
                              if (self->ended_)
                                  return;
                              if (error == asio::error::connection_refused)
                                  self->broken("connection refused");
                              else if (error)
                                  self->broken("no connection: " + std::string{std::strerror(error.value())});
                              else if (self->secure_)
                                  self->shake_hands();
                              else
                                  self->opened();
                          });
}

void Stream::shake_hands() {
    SSL* const session = secure_->native_handle();
    // RFC 6066 section 3: only a name, never an address.
    if (!wire::IpAddress::parse(domain_) && SSL_set_tlsext_host_name(session, domain_.c_str()) != 1) {
        broken("TLS cannot be set up");
        return;
    }
    secure_->async_handshake(
        asio::ssl::stream_base::client, [self = shared_from_this()](boost::system::error_code error) {
            if (self->ended_)
                return;
            SSL* const finished = self->secure_->native_handle();
            if (error) {
                const long verdict = SSL_get_verify_result(finished);
                self->broken(verdict == X509_V_OK ? "the TLS handshake failed"
                                                  : std::string{"the certificate is refused: "} +
                                                        X509_verify_cert_error_string(verdict));
                return;
            }
            if (self->tls_->verify == config::VerifyPeer::yes &&
                !certificate_is_for(SSL_get0_peer_certificate(finished), self->domain_)) {
                self->broken("the certificate is for somebody else");
                return;
            }
            self->opened();
        });
}

void Stream::opened() {
    open_ = true;
    read();
    if (const auto tell = ears_.opened)
        tell();
}

std::string Stream::local() const {
    boost::system::error_code error;
    const Tcp::endpoint own = socket_.local_endpoint(error);
    if (error)
        return {};
    wire::IpAddress address;
    if (own.address().is_v4()) {
        const auto octets = own.address().to_v4().to_bytes();
        address.family = wire::Family::ipv4;
        std::copy(octets.begin(), octets.end(), address.octets.begin());
    } else {
        address = wire::IpAddress::v6(own.address().to_v6().to_bytes());
    }
    return endpoint_text(address, own.port());
}

void Stream::read() {
    const auto done = [self = shared_from_this()](boost::system::error_code error, std::size_t length) {
        if (self->ended_)
            return;
        if (error)
            self->broken("the connection was closed");
        else
            self->take(length);
    };
    if (secure_)
        secure_->async_read_some(asio::buffer(room_), done);
    else
        socket_.async_read_some(asio::buffer(room_), done);
}

void Stream::take(std::size_t length) {
    const auto keep = shared_from_this();
    heard_.append(room_.data(), length);
    while (!ended_ && take_message()) {
    }
    if (!ended_)
        read();
}

/// Takes one message off what was heard (RFC 3261 section 18.3); false: there is none yet.
bool Stream::take_message() {
    // RFC 5626 section 3.5.1: line ends between messages keep the connection alive.
    heard_.erase(0, std::min(heard_.find_first_not_of("\r\n"), heard_.size()));
    if (heard_.empty())
        return false;
    const auto framing = wire::frame_sip(heard_);
    if (!framing) {
        broken("what came is not SIP");
        return false;
    }
    if (framing->head == 0) {
        if (heard_.size() > sip_message_max)
            broken("what came is longer than a message may be");
        return false;
    }
    const std::size_t length = framing->head + framing->body;
    if (length > sip_message_max) {
        broken("what came is longer than a message may be");
        return false;
    }
    if (heard_.size() < length)
        return false;
    const std::string message = heard_.substr(0, length);
    heard_.erase(0, length);
    if (const auto tell = ears_.heard)
        tell(message);
    return true;
}

std::string Stream::send(std::string_view message) {
    if (!open_)
        return "there is no connection";
    if (waiting_.size() + message.size() > waiting_max)
        return "the other side takes nothing";
    waiting_.append(message);
    write();
    return {};
}

void Stream::write() {
    if (!sending_.empty() || waiting_.empty())
        return;
    sending_.swap(waiting_);
    const auto done = [self = shared_from_this()](boost::system::error_code error, std::size_t) {
        if (self->ended_)
            return;
        self->sending_.clear();
        if (error)
            self->broken("the connection was closed");
        else
            self->write();
    };
    if (secure_)
        asio::async_write(*secure_, asio::buffer(sending_), done);
    else
        asio::async_write(socket_, asio::buffer(sending_), done);
}

class StreamLink final : public SipLink {
public:
    explicit StreamLink(std::shared_ptr<Stream> stream)
        : stream_(std::move(stream)) {}
    StreamLink(const StreamLink&) = delete;
    StreamLink& operator=(const StreamLink&) = delete;
    ~StreamLink() override { stream_->end(); }
    SipReliability reliability() const override { return SipReliability::stream; }
    bool is_open() const override { return stream_->is_open(); }
    std::string local_for(const resolve::Server&) override { return stream_->local(); }
    std::string send(const resolve::Server&, std::string_view message) override {
        return stream_->send(message);
    }

private:
    std::shared_ptr<Stream> stream_;
};

} // namespace

std::unique_ptr<SipLink> open_stream(asio::io_context& io, const resolve::Server& server,
                                     const SipOrigin& origin, std::shared_ptr<SipTlsContext> tls,
                                     const std::string& domain, SipLink::Ears ears) {
    const auto stream = std::make_shared<Stream>(io, server, origin, std::move(tls), domain, std::move(ears));
    stream->begin();
    return std::make_unique<StreamLink>(stream);
}

} // namespace tandem::probe
