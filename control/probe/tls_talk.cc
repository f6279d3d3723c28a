// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/tls_talk.hh"

#include "control/probe/tcp_talk.hh"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl.hpp>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdlib>
#include <map>
#include <utility>

namespace tandem::probe {
namespace {

namespace ssl = boost::asio::ssl;

std::string days_text(int days) {
    return std::to_string(days) + (days == 1 ? " day" : " days");
}

/// What is trusted, by the file that says it; a file that has changed is read again.
class Trust {
public:
    /// Nothing: the file cannot be read as certificates.
    std::shared_ptr<ssl::context> of(const std::string& ca_file) {
        struct stat now {};
        if (!ca_file.empty() && (::stat(ca_file.c_str(), &now) != 0 || now.st_size > size_max))
            return nullptr;
        Known& known = known_[ca_file];
        if (known.context && known.changed == std::pair{now.st_mtim.tv_sec, now.st_mtim.tv_nsec})
            return known.context;
        auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
        boost::system::error_code error;
        // Of the system's, those that are needed are read one by one, when they are.
        if (ca_file.empty())
            context->set_default_verify_paths(error);
        else
            context->load_verify_file(ca_file, error);
        if (error)
            return nullptr;
        context->set_verify_mode(ssl::verify_none, error);
        known = {context, {now.st_mtim.tv_sec, now.st_mtim.tv_nsec}};
        return context;
    }

private:
    static constexpr off_t size_max = 1 << 20;
    struct Known {
        std::shared_ptr<ssl::context> context;
        std::pair<time_t, long> changed{};
    };
    std::map<std::string, Known> known_;
};

class TlsTalk : public Talk, public std::enable_shared_from_this<TlsTalk> {
public:
    TlsTalk(boost::asio::io_context& io, std::shared_ptr<Trust> trust)
        : io_(io)
        , trust_(std::move(trust)) {}

    std::optional<std::string> begin(const config::CheckSettings& settings, Done done) override {
        target_ = std::get<config::TlsTarget>(settings.target);
        context_ = trust_->of(target_.ca_file);
        if (!context_)
            return "the question cannot leave: what is trusted cannot be read" +
                   (target_.ca_file.empty() ? "" : " from " + target_.ca_file);
        stream_.emplace(io_, *context_);
        SSL* const handle = stream_->native_handle();
        X509_VERIFY_PARAM* const wanted = SSL_get0_param(handle);
        const std::string& name = target_.server_name;
        const bool prepared = name.empty() ? X509_VERIFY_PARAM_set1_ip(wanted, target_.address.octets.data(),
                                                                       target_.address.size()) == 1
                                           : X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), 0) == 1 &&
                                                 SSL_set_tlsext_host_name(handle, name.c_str()) == 1;
        if (!prepared)
            return "the question cannot leave: no memory";
        if (auto trouble = open_for(stream_->next_layer(), target_.address, settings))
            return trouble;
        done_ = std::move(done);
        stream_->next_layer().async_connect(
            {address_for(target_.address, settings), target_.port},
            [self = shared_from_this()](const boost::system::error_code& error) { self->shake(error); });
        return std::nullopt;
    }
    void end() override {
        done_ = nullptr;
        boost::system::error_code ignored;
        if (stream_)
            stream_->next_layer().close(ignored);
    }

private:
    void finish(Found found, std::string detail) {
        if (const auto done = std::exchange(done_, nullptr))
            done(found, std::move(detail));
    }
    void shake(const boost::system::error_code& error) {
        if (!done_)
            return;
        if (error) {
            if (std::string words = words_for(error); !words.empty())
                finish(Found::bad, std::move(words));
            return;
        }
        stream_->async_handshake(ssl::stream_base::client,
                                 [self = shared_from_this()](const boost::system::error_code& failed) {
                                     if (self->done_)
                                         self->judge(failed);
                                 });
    }
    void judge(const boost::system::error_code& error) {
        if (error == boost::asio::error::eof || error == ssl::error::stream_truncated)
            return finish(Found::bad, "ends the connection during the handshake");
        if (error) {
            std::string words = words_for(error);
            if (words.empty() && error.category() == boost::asio::error::get_ssl_category()) {
                const char* const reason =
                    ::ERR_reason_error_string(static_cast<unsigned long>(error.value()));
                words = std::string{"does not finish the handshake: "} +
                        (reason == nullptr ? "unknown reason" : reason);
            }
            if (!words.empty())
                finish(Found::bad, std::move(words));
            return;
        }
        SSL* const handle = stream_->native_handle();
        X509* const certificate = SSL_get0_peer_certificate(handle);
        int days = 0;
        int seconds = 0;
        if (certificate == nullptr ||
            ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)) != 1)
            return finish(Found::bad, "shows no certificate that can be read");
        const long verdict = SSL_get_verify_result(handle);
        if (days < 0 || seconds < 0)
            finish(Found::bad, "has a certificate that expired " +
                                   (days == 0 ? "today" : days_text(std::abs(days)) + " ago"));
        else if (target_.verify == config::Verify::yes && verdict != X509_V_OK)
            finish(Found::bad, std::string{"has a certificate that is not trusted: "} +
                                   X509_verify_cert_error_string(verdict));
        else if (static_cast<unsigned>(days) < target_.expiry_days)
            finish(Found::bad, "has a certificate that expires in " + days_text(days));
        else
            finish(Found::good, "has a certificate for another " + days_text(days));
    }

    boost::asio::io_context& io_;
    std::shared_ptr<Trust> trust_;
    std::shared_ptr<ssl::context> context_; ///< lives longer than the stream
    std::optional<ssl::stream<boost::asio::ip::tcp::socket>> stream_;
    config::TlsTarget target_;
    Done done_;
};

} // namespace

std::function<std::shared_ptr<Talk>()> tls_talks(boost::asio::io_context& io) {
    return [&io, trust = std::make_shared<Trust>()] { return std::make_shared<TlsTalk>(io, trust); };
}

} // namespace tandem::probe
