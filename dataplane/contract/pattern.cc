// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/pattern.hh"

#include "dataplane/contract/pattern_parser.hh"

#include <algorithm>
#include <type_traits>

namespace tandem::contract {
namespace {

using wire::SipMethod;

constexpr unsigned named_methods = static_cast<unsigned>(SipMethod::other);
constexpr std::uint32_t every_method = 0xffffffffU;

void add(std::string& list, std::string_view item) {
    if (!list.empty())
        list += '|';
    list += item;
}

void add_methods(std::string& list, std::uint32_t bits, const std::string& before) {
    for (unsigned i = 0; i < named_methods; ++i)
        if ((bits & (1U << i)) != 0)
            add(list, before + std::string{wire::to_string(static_cast<SipMethod>(i))});
}

/// A value as parse() takes it.
std::string value_text(std::string_view value) {
    const bool plain = !value.empty() && value.front() != '\'' && value.front() != '/' &&
                       value.find_first_of(" \t") == std::string_view::npos;
    if (plain)
        return std::string{value};
    std::string text{"'"};
    for (const char c : value) {
        if (c == '\'' || c == '\\')
            text += '\\';
        text += c;
    }
    return text + "'";
}

} // namespace

static_assert(std::is_trivially_copyable_v<RequestPattern>);

std::expected<RequestPattern, std::string> RequestPattern::parse(std::string_view text) {
    return PatternParser{text}.run();
}

std::string RequestPattern::methods_text() const {
    // A method without a name here can be excluded by nobody, and named by nobody.
    const bool excludes = (requests_ & (1U << named_methods)) != 0;
    const std::uint32_t flip = excludes ? every_method : 0U;
    std::string list;
    add_methods(list, requests_ ^ flip, "");
    const std::uint32_t said = excludes ? ~requests_ : 0U; // their responses are meant, too
    for (std::size_t kind = 1; kind <= 6; ++kind) {
        const std::uint32_t bits = (classes_[kind] ^ flip) & ~said;
        const std::string name = std::to_string(kind) + "xx";
        if ((bits | said) == every_method)
            add(list, name);
        else
            add_methods(list, bits, name + "/");
    }
    return excludes && !list.empty() ? "!" + list : list;
}

std::string RequestPattern::clause_text(const Clause& clause) const {
    std::string text = clause.sense == Sense::must_not ? "not " : "";
    const auto list = [&] {
        std::string addresses;
        for (const wire::Prefix& prefix : prefixes(clause))
            addresses += (addresses.empty() ? "" : ",") + prefix.to_string();
        return addresses;
    };
    switch (clause.subject) {
    case ClauseSubject::source:
        return text + "from " + list();
    case ClauseSubject::vip:
        return text + "to " + list();
    case ClauseSubject::sample:
        return text + "sample " + std::to_string(clause.part) + "/" + std::to_string(clause.whole);
    case ClauseSubject::user:
        text += "user";
        break;
    case ClauseSubject::host:
        text += "host";
        break;
    case ClauseSubject::header:
        text += "header " + std::string{name(clause)};
        break;
    }
    switch (clause.test) {
    case ClauseTest::present:
        break;
    case ClauseTest::equal:
        text += "=" + value_text(value(clause));
        break;
    case ClauseTest::expression:
        text += "=/" + std::string{value(clause)} + "/" + (clause.letters == Letters::either_case ? "i" : "");
        break;
    }
    return text;
}

std::string RequestPattern::to_string() const {
    std::string text = methods_text();
    for (const Clause& clause : clauses())
        text += (text.empty() ? "" : " ") + clause_text(clause);
    return text;
}

} // namespace tandem::contract
