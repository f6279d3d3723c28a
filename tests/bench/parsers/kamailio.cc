// SPDX-License-Identifier: GPL-3.0-or-later
// The parser of Kamailio 5.6, measured inside its own processes.
//
// Problem: the parser is no library; it is part of /usr/sbin/kamailio, which exports its functions for its
// modules, and it takes its memory from an allocator whose costs depend on what has been allocated before.
// Idea: Kamailio is started as ever, with this shared object preloaded. When a worker asks for its first
// datagram, it measures instead, in the state that a worker is in, prints, and ends the server. What is
// needed of Kamailio's structures is told below by offsets, for the one version that they were taken from;
// another version is refused. Deliberately absent: everything behind the parser.
//
//   TANDEM_PARSER="time PACK SECONDS" TANDEM_PARSER_ANSWERS=FILE LD_PRELOAD=libparser_kamailio.so kamailio
//   -DD -E -f CONFIG   (see program.hh)
//
// Kamailio's own option -X names the allocator: `qm` (what it takes unless told otherwise), `fm`, `tlsf`.
#include "tests/bench/parsers/program.hh"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

// What the executable exports.
extern "C" {
int parse_msg(char* text, unsigned length, void* message);
int parse_headers(void* message, unsigned long long which, int next);
int parse_from_header(void* message);
int parse_contact(void* header);
int parse_expires(void* header);
void free_sip_msg(void* message);
extern const char ver_version[];
extern char* sr_memmng_pkg;
}

namespace {

using namespace tandem;

/// Counted text, as Kamailio keeps it.
struct Text {
    const char* begin;
    int length;
};

template <class Value>
Value at(const void* base, std::size_t offset) {
    Value value;
    std::memcpy(&value, static_cast<const char*>(base) + offset, sizeof value);
    return value;
}

std::string text_at(const void* base, std::size_t offset) {
    const auto text = at<Text>(base, offset);
    return text.begin != nullptr && text.length > 0
               ? std::string{text.begin, static_cast<std::size_t>(text.length)}
               : std::string{};
}

// Offsets of version 5.6.3 on x86-64.
namespace message_at {
constexpr std::size_t type = 32, method = 40, uri = 56, status = 88, via = 96, headers = 112, call_id = 152,
                      to = 160, cseq = 168, from = 176, content_length = 224, expires = 240, text = 720,
                      length = 728;
constexpr std::size_t octets = 2008; ///< of the whole structure
} // namespace message_at
namespace header_at {
constexpr std::size_t type = 0, body = 24, parsed = 48, next = 56;
} // namespace header_at
namespace via_at {
constexpr std::size_t branch = 176, received = 200, rport = 208, parameter_value = 24;
} // namespace via_at
namespace party_at {
constexpr std::size_t tag = 56;
} // namespace party_at
namespace cseq_at {
constexpr std::size_t number = 8, method = 24;
} // namespace cseq_at
namespace contacts_at {
constexpr std::size_t star = 0, first = 8;
} // namespace contacts_at
namespace contact_at {
constexpr std::size_t uri = 16, expires = 40, next = 104, parameter_value = 24;
} // namespace contact_at
namespace expires_at {
constexpr std::size_t valid = 16, value = 20;
} // namespace expires_at

constexpr const char* known_version = "5.6.3";
constexpr int type_contact = 7, type_route = 9, type_record_route = 10, type_path = 52;
constexpr short type_request = 1;
constexpr unsigned long long all_headers = ~0ULL;

class Kamailio final : public bench::Parser {
public:
    Kamailio() = default;

    bool parse(std::string_view text) override {
        const bool accepted = take(text);
        free_sip_msg(message_.data());
        return accepted;
    }

    std::optional<bench::Fields> read(std::string_view text) override {
        std::optional<bench::Fields> fields;
        if (take(text))
            fields = describe();
        free_sip_msg(message_.data());
        return fields;
    }

    std::string with() const override { return std::string{"5.6.3, "} + sr_memmng_pkg; }

private:
    /// Everything that the fields need: all headers, From, the contacts and Expires, which wait to be asked
    /// for.
    bool take(std::string_view text) {
        std::memset(message_.data(), 0, message_at::octets);
        // The parser writes nothing into the text; its interface does not say so.
        auto* octets = const_cast<char*>(text.data());
        const auto length = static_cast<unsigned>(text.size());
        std::memcpy(message_.data() + message_at::text, &octets, sizeof octets);
        std::memcpy(message_.data() + message_at::length, &length, sizeof length);
        if (parse_msg(octets, length, message_.data()) != 0 ||
            parse_headers(message_.data(), all_headers, 0) != 0 || member(message_at::via) == nullptr ||
            member(message_at::from) == nullptr || member(message_at::to) == nullptr ||
            member(message_at::cseq) == nullptr || member(message_at::call_id) == nullptr ||
            parse_from_header(message_.data()) != 0)
            return false;
        for (void* header = member(message_at::headers); header != nullptr;
             header = at<void*>(header, header_at::next))
            if (at<int>(header, header_at::type) == type_contact && parse_contact(header) != 0)
                return false;
        // One that is no number leaves the message readable.
        if (void* expires = member(message_at::expires))
            parse_expires(expires);
        return true;
    }

    void* member(std::size_t offset) const { return at<void*>(message_.data(), offset); }

    /// What was parsed of a header.
    void* parsed(std::size_t offset) const {
        const void* header = member(offset);
        return header != nullptr ? at<void*>(header, header_at::parsed) : nullptr;
    }

    static void describe_contacts(const void* header, bench::Fields& fields) {
        const void* body = at<void*>(header, header_at::parsed);
        fields.wildcard = fields.wildcard || at<unsigned char>(body, contacts_at::star) != 0;
        for (const void* contact = at<void*>(body, contacts_at::first); contact != nullptr;
             contact = at<void*>(contact, contact_at::next)) {
            const void* expires = at<void*>(contact, contact_at::expires);
            fields.contacts.emplace_back(
                text_at(contact, contact_at::uri),
                expires != nullptr ? bench::seconds_of(text_at(expires, contact_at::parameter_value))
                                   : std::nullopt);
        }
    }

    void describe_via(bench::Fields& fields) const {
        const void* via = member(message_at::via);
        const auto value = [via](std::size_t offset) {
            const void* parameter = at<void*>(via, offset);
            return parameter != nullptr ? text_at(parameter, via_at::parameter_value) : std::string{};
        };
        fields.branch = value(via_at::branch);
        fields.received = value(via_at::received);
        if (at<void*>(via, via_at::rport) != nullptr)
            fields.rport = value(via_at::rport).empty() ? "asked" : value(via_at::rport);
    }

    bench::Fields describe() const {
        bench::Fields fields;
        if (at<short>(message_.data(), message_at::type) == type_request) {
            fields.method = text_at(message_.data(), message_at::method);
            fields.uri = text_at(message_.data(), message_at::uri);
        } else {
            fields.status = at<unsigned>(message_.data(), message_at::status);
        }
        describe_via(fields);
        fields.from_tag = text_at(parsed(message_at::from), party_at::tag);
        fields.to_tag = text_at(parsed(message_at::to), party_at::tag);
        fields.call_id = text_at(member(message_at::call_id), header_at::body);
        const void* cseq = parsed(message_at::cseq);
        fields.cseq = std::to_string(std::strtoul(text_at(cseq, cseq_at::number).c_str(), nullptr, 10));
        fields.cseq_method = text_at(cseq, cseq_at::method);
        for (const void* header = member(message_at::headers); header != nullptr;
             header = at<void*>(header, header_at::next)) {
            const int type = at<int>(header, header_at::type);
            if (type == type_contact)
                describe_contacts(header, fields);
            else if (type == type_route)
                bench::add_uris(text_at(header, header_at::body), fields.routes);
            else if (type == type_record_route)
                bench::add_uris(text_at(header, header_at::body), fields.record_routes);
            else if (type == type_path)
                bench::add_uris(text_at(header, header_at::body), fields.paths);
        }
        const void* expires = parsed(message_at::expires);
        if (expires != nullptr && at<unsigned char>(expires, expires_at::valid) != 0)
            fields.expires = at<std::uint32_t>(expires, expires_at::value);
        if (member(message_at::content_length) != nullptr)
            fields.content_length = static_cast<std::uint32_t>(
                reinterpret_cast<std::uintptr_t>(parsed(message_at::content_length)));
        return fields;
    }

    alignas(16) std::array<char, 2 * message_at::octets> message_{};
};

/// Does what TANDEM_PARSER says; gives the exit status.
int measure() {
    if (std::string_view{ver_version} != known_version) {
        std::fprintf(stderr, "this is Kamailio %s, and the layout is known of %s only\n", ver_version,
                     known_version);
        return 1;
    }
    const char* said = std::getenv("TANDEM_PARSER");
    const char* answers = std::getenv("TANDEM_PARSER_ANSWERS"); // the server has closed what it began with
    if (answers == nullptr || std::freopen(answers, "w", stdout) == nullptr)
        return 1;
    std::istringstream stream{said != nullptr ? said : ""};
    std::vector<std::string> words{"kamailio"};
    for (std::string word; stream >> word;)
        words.push_back(word);
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    Kamailio parser;
    const int status = bench::run(static_cast<int>(arguments.size()), arguments.data(), parser);
    std::fflush(stdout);
    return status;
}

} // namespace

/// A worker asks for its first datagram. The server ends with it.
extern "C" [[gnu::visibility("default")]] ssize_t recvfrom(int, void*, std::size_t, int, sockaddr*,
                                                           socklen_t*) {
    const pid_t server = ::getppid();
    const int status = measure();
    ::kill(server, SIGTERM);
    ::_exit(status);
}
