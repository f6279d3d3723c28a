// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/delivery.hh"

// The library's headers are C of an older kind.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/library/large_fd_set.h>
#include <net-snmp/library/lcd_time.h>
#include <net-snmp/library/snmp_transport.h>
#include <net-snmp/library/snmpusm.h>
#include <net-snmp/library/snmpv3.h>
#pragma GCC diagnostic pop

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace tandem::snmp {
namespace {

/// An inform is sent so often in its time.
constexpr int tries = 4;

using Oid = std::vector<oid>;

Oid below_root(std::initializer_list<std::uint32_t> more) {
    Oid out(root.begin(), root.end());
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

void add(netsnmp_pdu* pdu, const Oid& name, u_char type, const void* value, std::size_t size) {
    snmp_pdu_add_variable(pdu, name.data(), name.size(), type, value, size);
}

void add_objects(netsnmp_pdu* pdu, const Notification& notification, const Self& self) {
    // RFC 3416 section 4.2.6: these two first.
    const long up_time = self.up_time;
    add(pdu, {1, 3, 6, 1, 2, 1, 1, 3, 0}, ASN_TIMETICKS, &up_time, sizeof up_time);
    const Oid kind = below_root({0, static_cast<std::uint32_t>(notification.notice)});
    add(pdu, {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}, ASN_OBJECT_ID, kind.data(), kind.size() * sizeof(oid));
    for (const Object& object : notification.objects) {
        const Oid name = below_root({1, 1, static_cast<std::uint32_t>(object.field), 0});
        if (const auto* text = std::get_if<std::string>(&object.value)) {
            add(pdu, name, ASN_OCTET_STR, text->data(), text->size());
        } else if (const auto* number = std::get_if<std::int32_t>(&object.value)) {
            const long value = *number;
            add(pdu, name, ASN_INTEGER, &value, sizeof value);
        } else {
            const std::uint64_t value = std::get<std::uint64_t>(object.value);
            counter64 split{};
            split.high = static_cast<u_long>(value >> 32U);
            split.low = static_cast<u_long>(value & 0xffffffffU);
            add(pdu, name, ASN_COUNTER64, &split, sizeof split);
        }
    }
}

int algorithm_of(config::SnmpAuthentication authentication) {
    static constexpr std::array<int, 6> all{NETSNMP_USMAUTH_HMACSHA1,      NETSNMP_USMAUTH_HMAC128SHA224,
                                            NETSNMP_USMAUTH_HMAC192SHA256, NETSNMP_USMAUTH_HMAC256SHA384,
                                            NETSNMP_USMAUTH_HMAC384SHA512, NETSNMP_USMAUTH_HMACMD5};
    return all[static_cast<std::size_t>(authentication)];
}

int algorithm_of(config::SnmpPrivacy privacy) {
    static constexpr std::array<int, 3> all{USM_CREATE_USER_PRIV_AES, USM_CREATE_USER_PRIV_AES192,
                                            USM_CREATE_USER_PRIV_AES256};
    return all[static_cast<std::size_t>(privacy)];
}

u_char* octets_of(std::string& text) {
    return reinterpret_cast<u_char*>(text.data());
}

/// What a report is about (RFC 3414 section 3.2), for people.
std::string report_text(netsnmp_pdu* pdu) {
    switch (snmpv3_get_report_type(pdu)) {
    case SNMPERR_UNKNOWN_USER_NAME:
        return "the receiver does not know the user";
    case SNMPERR_AUTHENTICATION_FAILURE:
        return "the receiver does not accept the authentication password";
    case SNMPERR_DECRYPTION_ERR:
        return "the receiver does not accept the privacy password";
    case SNMPERR_UNSUPPORTED_SEC_LEVEL:
        return "the receiver does not accept this security";
    case SNMPERR_NOT_IN_TIME_WINDOW:
        return "the clocks of the two do not come together";
    default:
        return "the receiver refuses it";
    }
}

} // namespace

/// What the library is given stays here as long as it may look at it.
struct Delivery::State {
    /// The library writes into the beginning of this when a report ends a request.
    synch_state library{};
    config::SnmpReceiver receiver;
    config::SnmpWords words;
    Notification notification;
    Self self;
    std::chrono::milliseconds timeout;
    void* session{nullptr};
    bool discovering{false};
    // What the library's function has met; looked at once the library is done.
    bool answered{false};
    bool gave_up{false};
    std::string refusal;
    std::string found_engine;
    std::string peer_engine; ///< the authoritative one of the session

    ~State() {
        close();
        explicit_bzero(words.community.data(), words.community.size());
        explicit_bzero(words.authentication.data(), words.authentication.size());
        explicit_bzero(words.privacy.data(), words.privacy.size());
    }

    void close() {
        if (session != nullptr)
            snmp_sess_close(std::exchange(session, nullptr));
        forget(std::exchange(peer_engine, {}));
    }

    /// The library remembers users and clocks by engine, for ever: a receiver that says another id each time
    /// must not fill the memory.
    void forget(const std::string& engine) const {
        const auto found = engine.empty() ? in_use().end() : in_use().find({engine, receiver.user});
        if (found == in_use().end() || --found->second > 0)
            return;
        in_use().erase(found);
        std::string id = engine;
        std::string name = receiver.user;
        if (usmUser* user = usm_get_user(octets_of(id), id.size(), name.data()); user != nullptr) {
            usm_remove_user(user);
            usm_free_user(user);
        }
        free_enginetime(octets_of(id), id.size());
    }

    /// Of engine and user: how many deliveries speak to them.
    static std::map<std::pair<std::string, std::string>, unsigned>& in_use() {
        static std::map<std::pair<std::string, std::string>, unsigned> all;
        return all;
    }

    bool is_inform() const { return receiver.inform == config::SnmpInform::on; }
    bool is_v3() const { return receiver.version == config::SnmpVersion::v3; }

    static int on_answer(int operation, netsnmp_session*, int, netsnmp_pdu* pdu, void* self_pointer) {
        auto& self = *static_cast<State*>(self_pointer);
        if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu != nullptr)
            self.on_message(pdu);
        else if (operation == NETSNMP_CALLBACK_OP_TIMED_OUT || operation == NETSNMP_CALLBACK_OP_SEND_FAILED ||
                 operation == NETSNMP_CALLBACK_OP_DISCONNECT)
            self.gave_up = true;
        return 1;
    }

    void on_message(netsnmp_pdu* pdu) {
        if (pdu->command != SNMP_MSG_REPORT) {
            answered = pdu->command == SNMP_MSG_RESPONSE && pdu->errstat == SNMP_ERR_NOERROR;
            if (!answered)
                refusal = "the receiver answered with an error";
        } else if (discovering) {
            if (pdu->securityEngineID != nullptr)
                found_engine.assign(reinterpret_cast<const char*>(pdu->securityEngineID),
                                    pdu->securityEngineIDLen);
        } else if (snmpv3_get_report_type(pdu) != SNMPERR_NOT_IN_TIME_WINDOW) {
            refusal = report_text(pdu); // the other one is sent again by the library, with the right time
        }
    }

    /// What went wrong; empty: nothing.
    std::string open(std::string engine) {
        close();
        if (is_v3() && !engine.empty()) {
            peer_engine = engine;
            ++in_use()[{engine, receiver.user}];
        }
        netsnmp_session wanted;
        snmp_sess_init(&wanted);
        const auto patience = std::chrono::duration_cast<std::chrono::microseconds>(timeout) / tries;
        wanted.timeout = std::max<long>(patience.count(), 20'000);
        wanted.retries = tries - 1;
        std::string user = receiver.user;
        if (!is_v3()) {
            wanted.version = SNMP_VERSION_2c;
            wanted.community = octets_of(words.community);
            wanted.community_len = words.community.size();
        } else {
            wanted.version = SNMP_VERSION_3;
            wanted.securityModel = SNMP_SEC_MODEL_USM;
            if (engine.empty())
                user.clear();
            wanted.securityName = user.data();
            wanted.securityNameLen = user.size();
            wanted.securityEngineID = octets_of(engine);
            wanted.securityEngineIDLen = engine.size();
            // RFC 3413 section 3.3: the context is the sender's, whoever is authoritative.
            wanted.contextEngineID = octets_of(self.engine_id);
            wanted.contextEngineIDLen = self.engine_id.size();
            wanted.securityLevel = SNMP_SEC_LEVEL_NOAUTH;
            if (!engine.empty() && !make_keys(wanted))
                return "the library has not this authentication or privacy";
        }
        const std::string peer = (receiver.address.is_v4() ? "udp:" : "udp6:") + config::to_string(receiver);
        netsnmp_transport* transport = netsnmp_transport_open_client("snmptrap", peer.c_str());
        if (transport == nullptr)
            return "there is no way to " + config::to_string(receiver);
        ::fcntl(transport->sock, F_SETFD, FD_CLOEXEC);
        if (is_v3() && !engine.empty() && !is_inform())
            set_enginetime(octets_of(self.engine_id), static_cast<u_int>(self.engine_id.size()), self.boots,
                           self.time, TRUE);
        session = snmp_sess_add(&wanted, transport, nullptr, nullptr);
        explicit_bzero(&wanted, sizeof wanted);
        if (session == nullptr)
            return "the library does not take it";
        // Without this the library asks for the engine id by itself, and waits.
        snmp_sess_session(session)->flags |= SNMP_FLAGS_DONT_PROBE;
        return {};
    }

    bool make_keys(netsnmp_session& wanted) const {
        const auto text = [](const std::string& word) {
            return reinterpret_cast<const u_char*>(word.data());
        };
        if (receiver.security == config::SnmpSecurity::none)
            return true;
        wanted.securityLevel = SNMP_SEC_LEVEL_AUTHNOPRIV;
        wanted.securityAuthProto =
            sc_get_auth_oid(algorithm_of(receiver.authentication), &wanted.securityAuthProtoLen);
        wanted.securityAuthKeyLen = USM_AUTH_KU_LEN;
        if (wanted.securityAuthProto == nullptr ||
            generate_Ku(wanted.securityAuthProto, static_cast<u_int>(wanted.securityAuthProtoLen),
                        text(words.authentication), words.authentication.size(), wanted.securityAuthKey,
                        &wanted.securityAuthKeyLen) != SNMPERR_SUCCESS)
            return false;
        if (receiver.security == config::SnmpSecurity::auth)
            return true;
        wanted.securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
        wanted.securityPrivProto =
            sc_get_priv_oid(algorithm_of(receiver.privacy), &wanted.securityPrivProtoLen);
        wanted.securityPrivKeyLen = USM_PRIV_KU_LEN;
        return wanted.securityPrivProto != nullptr &&
               generate_Ku(wanted.securityAuthProto, static_cast<u_int>(wanted.securityAuthProtoLen),
                           text(words.privacy), words.privacy.size(), wanted.securityPrivKey,
                           &wanted.securityPrivKeyLen) == SNMPERR_SUCCESS;
    }
};

void begin_library() {
    static bool begun = false;
    if (std::exchange(begun, true))
        return;
    netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
    // The parts of init_snmp() that read no configuration, no MIB and no persistent file.
    netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_APPTYPE, "tandem");
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE, 1);
    init_callbacks();
    netsnmp_container_init_list();
    netsnmp_session unused;
    snmp_sess_init(&unused);
    init_snmpv3("tandem");
    // The security model takes its random numbers, and makes the user of discovery.
    snmp_call_callbacks(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_POST_PREMIB_READ_CONFIG, nullptr);
    snmp_call_callbacks(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_POST_READ_CONFIG, nullptr);
}

Delivery::Delivery(const config::SnmpReceiver& receiver, const config::SnmpWords& words,
                   Notification notification, const Self& self, std::chrono::milliseconds timeout)
    : state_(std::make_unique<State>()) {
    state_->receiver = receiver;
    state_->words = words;
    state_->notification = std::move(notification);
    state_->self = self;
    state_->timeout = timeout;
    // RFC 3414 section 1.5.1: of an inform, the receiver is authoritative; of a trap, the sender.
    if (state_->is_v3() && state_->is_inform())
        discover();
    else
        send();
}

Delivery::~Delivery() = default;

void Delivery::end(bool good, std::string detail) {
    ended_ = Ended{good, std::move(detail)};
    state_->close();
}

/// RFC 3414 section 4.
void Delivery::discover() {
    State& state = *state_;
    state.discovering = true;
    if (std::string trouble = state.open({}); !trouble.empty())
        return end(false, std::move(trouble));
    netsnmp_pdu* pdu = snmp_pdu_create(SNMP_MSG_GET);
    pdu->version = SNMP_VERSION_3;
    pdu->securityName = ::strdup("");
    pdu->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
    pdu->securityModel = SNMP_SEC_MODEL_USM;
    if (snmp_sess_async_send(state.session, pdu, &State::on_answer, &state) == 0) {
        snmp_free_pdu(pdu);
        end(false, "it cannot be sent to " + config::to_string(state.receiver));
    }
}

void Delivery::send() {
    State& state = *state_;
    std::string engine = state.is_inform() ? std::exchange(state.found_engine, {}) : state.self.engine_id;
    if (std::string trouble = state.open(std::move(engine)); !trouble.empty())
        return end(false, std::move(trouble));
    netsnmp_pdu* pdu = snmp_pdu_create(state.is_inform() ? SNMP_MSG_INFORM : SNMP_MSG_TRAP2);
    add_objects(pdu, state.notification, state.self);
    if (snmp_sess_async_send(state.session, pdu, &State::on_answer, &state) == 0) {
        snmp_free_pdu(pdu);
        return end(false, "it cannot be sent to " + config::to_string(state.receiver));
    }
    if (!state.is_inform())
        end(true, "sent");
}

/// The library's function only takes notes: a session cannot be closed from within.
void Delivery::look() {
    State& state = *state_;
    if (ended_)
        return;
    if (state.discovering && !state.found_engine.empty()) {
        state.discovering = false;
        state.gave_up = false;
        return send();
    }
    if (!state.refusal.empty())
        return end(false, state.refusal);
    if (state.answered)
        return end(true, "acknowledged");
    if (state.gave_up)
        end(false, "the receiver does not answer");
}

int Delivery::descriptor() const {
    if (ended_ || state_->session == nullptr)
        return -1;
    return snmp_sess_transport(state_->session)->sock;
}

void Delivery::on_readable() {
    const int descriptor = this->descriptor();
    if (descriptor < 0)
        return;
    netsnmp_large_fd_set ready;
    netsnmp_large_fd_set_init(&ready, FD_SETSIZE); // it grows: a descriptor may be beyond that
    netsnmp_large_fd_setfd(descriptor, &ready);
    snmp_sess_read2(state_->session, &ready);
    netsnmp_large_fd_set_cleanup(&ready);
    look();
}

void Delivery::on_time() {
    if (ended_ || state_->session == nullptr)
        return;
    snmp_sess_timeout(state_->session);
    look();
}

} // namespace tandem::snmp
