// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The request pattern: which SIP messages are mirrored.
//
// Blank matches any SIP message, requests and responses. `INVITE|CANCEL|BYE` matches requests with one of
// these methods, `2xx/INVITE` responses of a class to one. `!REGISTER` (or `!REGISTER|OPTIONS`) matches every
// SIP message but those named; a response belongs to the method in its CSeq. The test is one mask.
//
// Clauses may follow, and all of them must hold: `from 10.0.0.0/8`, `to 192.0.2.10`, `user=alice`,
// `host=/\.example\.org$/`, `header X-Site`, `header User-Agent=/^Phone/i`, `sample 1/8`, each of them with
// `not` in front of it. They are asked only about messages that the mask matches. The whole pattern is one
// value of fixed size, so that it lies in the shared page. Deliberately absent: asking them (path/clauses),
// regular expressions (match/).

#include "dataplane/wire/address.hh"
#include "dataplane/wire/sip_method.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace tandem::contract {

/// What a clause looks at.
enum class ClauseSubject : std::uint8_t {
    source, ///< address of the sender
    vip,    ///< address that the message was sent to
    user,   ///< of the Request-URI
    host,   ///< likewise
    header, ///< a header field
    sample, ///< part of all Call-IDs
};

/// How a text is compared.
enum class ClauseTest : std::uint8_t { present, equal, expression };
enum class Sense : std::uint8_t { must, must_not };
enum class Letters : std::uint8_t { as_written, either_case };

class RequestPattern {
public:
    static constexpr std::size_t clauses_max = 8;
    static constexpr std::size_t prefixes_max = 16;
    static constexpr std::size_t texts_max = 640; ///< octets of all names and values together
    static constexpr std::size_t text_max = 200;  ///< of one value
    static constexpr std::uint16_t sample_max = 10'000;

    struct Clause {
        ClauseSubject subject{};
        ClauseTest test{};
        Sense sense{};
        Letters letters{};
        // Of source and vip, into the pattern's prefixes:
        std::uint8_t first{0};
        std::uint8_t count{0};
        // Of header: its name; of what has a value: it.
        std::uint16_t name_at{0};
        std::uint16_t name_size{0};
        std::uint16_t value_at{0};
        std::uint16_t value_size{0};
        // Of sample: `part` of `whole`.
        std::uint16_t part{0};
        std::uint16_t whole{0};
        constexpr bool operator==(const Clause&) const = default;
    };

    /// Matches any SIP message.
    constexpr RequestPattern() = default;

    /// Parses the syntax above; method names in either case, blanks around them allowed. The error is a
    /// sentence that names the offending part and how to mend it. Expressions are taken as they are.
    static std::expected<RequestPattern, std::string> parse(std::string_view text);

    /// May a message of this method match? `method` of a response is that of its CSeq. Without conditions()
    /// that is the answer.
    constexpr bool matches(wire::SipMethod method, wire::SipKind kind) const {
        const std::uint32_t bit = 1U << static_cast<unsigned>(method);
        return ((kind == wire::SipKind::request ? requests_ : responses_) & bit) != 0;
    }

    /// May any response match?
    constexpr bool asks_responses() const { return responses_ != 0; }

    /// Is there more to ask than the mask?
    constexpr bool conditions() const { return conditions_ != 0; }
    /// May a response with this status, to this method, match?
    constexpr bool matches_status(wire::SipMethod method, std::uint16_t status) const {
        const std::size_t kind = status / 100U;
        return kind < classes_.size() && (classes_[kind] & 1U << static_cast<unsigned>(method)) != 0;
    }
    /// Responses of some classes match and those of others do not.
    constexpr bool by_class() const { return (conditions_ & class_condition) != 0; }
    std::span<const Clause> clauses() const { return {clauses_.data(), clause_count_}; }
    std::span<const wire::Prefix> prefixes(const Clause& clause) const {
        return std::span{prefixes_}.subspan(clause.first, clause.count);
    }
    std::string_view name(const Clause& clause) const {
        return {texts_.data() + clause.name_at, clause.name_size};
    }
    std::string_view value(const Clause& clause) const {
        return {texts_.data() + clause.value_at, clause.value_size};
    }

    /// The pattern in canonical text form.
    std::string to_string() const;

    constexpr bool operator==(const RequestPattern&) const = default;

private:
    friend class PatternParser;
    static constexpr std::uint32_t all = 0xffffffffU;
    static constexpr std::uint8_t class_condition = 2;

    std::string methods_text() const;
    std::string clause_text(const Clause& clause) const;

    std::uint32_t requests_{all};
    std::uint32_t responses_{all}; ///< of any class
    std::uint8_t conditions_{0};
    std::uint8_t clause_count_{0};
    std::uint8_t prefix_count_{0};
    std::uint16_t texts_size_{0};
    std::array<std::uint32_t, 10> classes_{all, all, all, all, all,
                                           all, all, all, all, all}; ///< by status / 100
    std::array<Clause, clauses_max> clauses_{};
    std::array<wire::Prefix, prefixes_max> prefixes_{};
    std::array<char, texts_max> texts_{};
};

} // namespace tandem::contract
