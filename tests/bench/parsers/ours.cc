// SPDX-License-Identifier: GPL-3.0-or-later
// tandem's reader of the packet path.
#include "dataplane/wire/sip.hh"
#include "dataplane/wire/sip_marks.hh"
#include "tests/bench/parsers/program.hh"

#include <memory>

namespace {

using namespace tandem;

class Ours final : public bench::Parser {
public:
    bool parse(std::string_view text) override {
        return !wire::extract_sip(text, scanner_, *marks_, message_);
    }

    std::optional<bench::Fields> read(std::string_view text) override {
        if (!parse(text))
            return std::nullopt;
        bench::Fields fields;
        if (message_.kind == wire::SipKind::request) {
            fields.method = message_.method_name;
            fields.uri = message_.request_uri;
        } else {
            fields.status = message_.status;
        }
        fields.branch = message_.via.branch;
        fields.received = message_.via.received;
        if (message_.via.rport == wire::SipRport::asked)
            fields.rport = "asked";
        else if (message_.via.rport == wire::SipRport::filled)
            fields.rport = std::to_string(message_.via.rport_value);
        fields.from_tag = message_.from.tag;
        fields.to_tag = message_.to.tag;
        fields.call_id = message_.call_id;
        fields.cseq = std::to_string(message_.cseq);
        fields.cseq_method = message_.method_name;
        fields.wildcard = message_.contacts.wildcard;
        for (const auto& contact : message_.contacts.values())
            fields.contacts.emplace_back(contact.uri, contact.expires);
        fields.expires = message_.expires;
        for (const auto value : message_.routes.values())
            bench::add_uris(value, fields.routes);
        for (const auto value : message_.record_routes.values())
            bench::add_uris(value, fields.record_routes);
        for (const auto value : message_.paths.values())
            bench::add_uris(value, fields.paths);
        fields.content_length = message_.content_length;
        return fields;
    }

    std::string with() const override { return std::string{wire::to_string(scanner_)}; }

private:
    wire::SipScanner scanner_{wire::best_sip_scanner()};
    std::unique_ptr<wire::SipMarks> marks_{new wire::SipMarks};
    wire::SipMessage message_;
};

} // namespace

int main(int argc, char** argv) {
    Ours parser;
    return bench::run(argc, argv, parser);
}
