// SPDX-License-Identifier: GPL-3.0-or-later
// The parser of sofia-sip.
#include "tests/bench/parsers/program.hh"

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su_alloc.h>
#include <sofia-sip/url.h>

#include <array>

namespace {

using namespace tandem;

std::string text_of(const char* text) {
    return text != nullptr ? text : "";
}

std::string uri_of(const url_t& uri) {
    std::array<char, 4096> text{};
    const auto length = url_e(text.data(), static_cast<int>(text.size()), &uri);
    return length > 0 && static_cast<std::size_t>(length) < text.size() ? std::string{text.data()}
                                                                        : std::string{};
}

class Sofia final : public bench::Parser {
public:
    bool parse(std::string_view text) override {
        const bool accepted = take(text);
        msg_destroy(message_);
        return accepted;
    }

    std::optional<bench::Fields> read(std::string_view text) override {
        std::optional<bench::Fields> fields;
        if (take(text))
            fields = describe();
        msg_destroy(message_);
        return fields;
    }

    std::string with() const override { return "1.12.11"; }

private:
    bool take(std::string_view text) {
        message_ = msg_make(sip_default_mclass(), 0, text.data(), static_cast<ssize_t>(text.size()));
        sip_ = message_ != nullptr ? sip_object(message_) : nullptr;
        return sip_ != nullptr && msg_has_error(message_) == 0 && sip_->sip_error == nullptr &&
               (sip_->sip_request != nullptr || sip_->sip_status != nullptr) && sip_->sip_via != nullptr &&
               sip_->sip_from != nullptr && sip_->sip_to != nullptr && sip_->sip_call_id != nullptr &&
               sip_->sip_cseq != nullptr;
    }

    static void add_routes(const sip_route_t* route, std::vector<std::string>& uris) {
        for (; route != nullptr; route = route->r_next)
            uris.push_back(uri_of(*route->r_url));
    }

    bench::Fields describe() const {
        bench::Fields fields;
        if (sip_->sip_request != nullptr) {
            fields.method = text_of(sip_->sip_request->rq_method_name);
            fields.uri = uri_of(*sip_->sip_request->rq_url);
        } else {
            fields.status = static_cast<unsigned>(sip_->sip_status->st_status);
        }
        fields.branch = text_of(sip_->sip_via->v_branch);
        fields.received = text_of(sip_->sip_via->v_received);
        if (sip_->sip_via->v_rport != nullptr)
            fields.rport = *sip_->sip_via->v_rport != '\0' ? sip_->sip_via->v_rport : "asked";
        fields.from_tag = text_of(sip_->sip_from->a_tag);
        fields.to_tag = text_of(sip_->sip_to->a_tag);
        fields.call_id = text_of(sip_->sip_call_id->i_id);
        fields.cseq = std::to_string(sip_->sip_cseq->cs_seq);
        fields.cseq_method = text_of(sip_->sip_cseq->cs_method_name);
        for (const auto* contact = sip_->sip_contact; contact != nullptr; contact = contact->m_next) {
            if (contact->m_url->url_type == url_any)
                fields.wildcard = true;
            else
                fields.contacts.emplace_back(
                    uri_of(*contact->m_url),
                    contact->m_expires != nullptr ? bench::seconds_of(contact->m_expires) : std::nullopt);
        }
        if (sip_->sip_expires != nullptr)
            fields.expires = static_cast<std::uint32_t>(sip_->sip_expires->ex_delta);
        add_routes(sip_->sip_route, fields.routes);
        add_routes(sip_->sip_record_route, fields.record_routes);
        add_routes(sip_->sip_path, fields.paths);
        if (sip_->sip_content_length != nullptr)
            fields.content_length = static_cast<std::uint32_t>(sip_->sip_content_length->l_length);
        return fields;
    }

    msg_t* message_{nullptr};
    sip_t* sip_{nullptr};
};

} // namespace

int main(int argc, char** argv) {
    Sofia parser;
    return bench::run(argc, argv, parser);
}
