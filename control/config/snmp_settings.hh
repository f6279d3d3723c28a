// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `[snmp]`: who gets notifications, and how they are told.

#include "dataplane/wire/address.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace tandem::config {

enum class SnmpVersion : std::uint8_t { v2c, v3 };
enum class SnmpSecurity : std::uint8_t { none, auth, auth_priv };
enum class SnmpAuthentication : std::uint8_t { sha, sha224, sha256, sha384, sha512, md5 };
enum class SnmpPrivacy : std::uint8_t { aes, aes192, aes256 };
/// Whether the receiver is asked to acknowledge.
enum class SnmpInform : std::uint8_t { off, on };

/// A word that nobody may see: itself, or the file that has it.
struct SnmpSecret {
    std::string text;
    std::string file;
    bool operator==(const SnmpSecret&) const = default;
    bool is_given() const { return !text.empty() || !file.empty(); }
};

/// `[[snmp.receiver]]`
struct SnmpReceiver {
    std::string name;
    wire::IpAddress address;
    std::uint16_t port{162};
    SnmpVersion version{SnmpVersion::v2c};
    SnmpSecret community; ///< of 2c
    // of 3:
    std::string user;
    SnmpSecurity security{SnmpSecurity::auth_priv};
    SnmpAuthentication authentication{SnmpAuthentication::sha256};
    SnmpSecret authentication_password;
    SnmpPrivacy privacy{SnmpPrivacy::aes};
    SnmpSecret privacy_password;
    SnmpInform inform{SnmpInform::off};
    bool operator==(const SnmpReceiver&) const = default;
};

struct SnmpSettings {
    std::vector<SnmpReceiver> receivers;
    bool operator==(const SnmpSettings&) const = default;
};

/// Address and port, as people write them.
std::string to_string(const SnmpReceiver& receiver);

} // namespace tandem::config
