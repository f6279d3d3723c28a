// SPDX-License-Identifier: GPL-3.0-or-later

// `api token` and `api certificates`: what somebody needs to ask from afar. Neither needs tandemd.

#include "control/config/api_settings.hh"
#include "tools/tandemctl/certificates.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

namespace tandem::ctl {
namespace {

namespace json = boost::json;

/// Base 64 for URLs (RFC 4648 section 5), without padding.
std::string to_text(const std::array<unsigned char, 32>& octets) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const unsigned char octet : octets) {
        bits = bits << 8U | octet;
        for (count += 8; count >= 6; count -= 6)
            out += digits[bits >> (count - 6) & 63U];
    }
    return out + digits[bits << (6 - count) & 63U];
}

Exit refuse_with(const Options& options, std::string why) {
    return refuse(options.form, {api::Code::refused, std::move(why), nullptr});
}

bool is_good_name(const std::string& name) {
    return api::is_caller_name(name) && name != "." && name != ".." && name != "ca";
}

} // namespace

Exit run_api_token(const Options& options) {
    if (!api::is_caller_name(options.remote.name))
        return misuse(options.form, "a name has 1 to 32 letters, digits, \"-\", \"_\", \".\"");
    std::array<unsigned char, 32> secret{};
    config::ApiToken::Digest digest{};
    unsigned size = 0;
    if (RAND_priv_bytes(secret.data(), static_cast<int>(secret.size())) != 1)
        return refuse_with(options, "there is no randomness to be had");
    const std::string token = "tdm_" + to_text(secret);
    if (EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        return refuse_with(options, "the token cannot be hashed");
    const std::string hash = config::write_token_hash(digest);
    if (options.form == Form::json) {
        print_json(json::object{{"name", options.remote.name},
                                {"scope", options.remote.scope},
                                {"token", token},
                                {"hash", hash}});
        return Exit::done;
    }
    print("The token, which is shown this once; give it to " + options.remote.name + ":\n\n  " + token +
          "\n\nFor /etc/tandem/tandem.toml, behind [api]; then systemctl reload "
          "tandem-api:\n\n[[api.token]]\nname "
          "= \"" +
          options.remote.name + "\"\nscope = \"" + options.remote.scope + "\"\nhash = \"" + hash + "\"\n");
    return Exit::done;
}

Exit run_api_certificates(const Options& options) {
    const RemoteOptions& wanted = options.remote;
    for (const auto* names : {&wanted.servers, &wanted.clients})
        for (const std::string& name : *names)
            if (!is_good_name(name))
                return misuse(options.form,
                              "a name has 1 to 32 letters, digits, \"-\", \"_\", \".\", and is not \"ca\"");
    const auto made = make_authority(wanted.directory, wanted.days);
    if (!made)
        return refuse_with(options, made.error());
    json::array written;
    std::string text;
    const auto note = [&](const std::string& name, const std::string& what) {
        const std::string stem = wanted.directory + "/" + name;
        written.push_back(
            json::object{{"certificate", stem + ".pem"}, {"key", stem + ".key"}, {"for", what}});
        text += stem + ".pem, " + stem + ".key (0600): " + what + "\n";
    };
    if (*made)
        note("ca", "the authority; keep its key where nobody else gets at it");
    for (const std::string& name : wanted.servers) {
        if (const auto issued =
                issue({wanted.directory, name, Purpose::server, wanted.addresses, wanted.days});
            !issued)
            return refuse_with(options, issued.error());
        note(name, "server " + name);
    }
    for (const std::string& name : wanted.clients) {
        if (const auto issued = issue({wanted.directory, name, Purpose::client, {}, wanted.days}); !issued)
            return refuse_with(options, issued.error());
        note(name, "caller " + name + "; may ask once [[api.client]] has this name");
    }
    if (options.form == Form::json)
        print_json(json::object{{"written", std::move(written)}});
    else
        print(text.empty()
                  ? wanted.directory + ": the authority is there already; nothing else was asked for\n"
                  : text);
    return Exit::done;
}

} // namespace tandem::ctl
