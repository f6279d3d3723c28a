// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as what comes to a check: as the answer of a SIP server, to an account in the middle of its
// call, as a challenge, and as the answer of a name server.
#include "control/probe/sip_account.hh"
#include "control/probe/sip_digest.hh"
#include "control/probe/sip_reply.hh"
#include "control/resolve/record.hh"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace tandem;

void require(bool holds) {
    if (!holds)
        std::abort();
}

void feed_account(std::string_view text) {
    int count = 0;
    probe::SipAccount account({"sip:p@x",
                               "sip:x",
                               "192.0.2.1:5060",
                               "UDP",
                               probe::SipReliability::datagram,
                               {"p", "s"},
                               std::chrono::seconds{5},
                               {},
                               70,
                               "t"},
                              [&count](std::size_t) { return "r" + std::to_string(++count); });
    ha::Instant now{std::chrono::seconds{1}};
    account.begin(now);
    for (int i = 0; i < 8 && !account.over(); ++i) {
        account.on_message(now, text);
        for (const std::string& out : account.take_output())
            require(out.find("\r\n\r\n") != std::string::npos);
        now = account.due();
        account.on_time(now);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto status = probe::status_for(text, {"z9hG4bKr4", "r2", "r3", 1, "REGISTER"});
    require(!status || (*status >= 100 && *status <= 699));
    static_cast<void>(probe::branch_of_response(text));
    static_cast<void>(probe::branch_of_quoted(text));
    for (const std::string& value : probe::header_values(text, "WWW-Authenticate"))
        if (const auto challenge = probe::read_challenge(value)) {
            const auto answer = probe::answer_challenge(*challenge, {"u", "p"}, "REGISTER", "sip:x", "c");
            require(!answer || answer->find('\n') == std::string::npos);
        }
    static_cast<void>(probe::read_challenge(text));
    feed_account(text);
    for (const auto type : {resolve::RecordType::a, resolve::RecordType::aaaa, resolve::RecordType::srv,
                            resolve::RecordType::naptr})
        if (const auto records = resolve::read_records({data, size}, type))
            require(records->addresses.size() + records->services.size() + records->pointers.size() <=
                    resolve::records_max);
    return 0;
}
