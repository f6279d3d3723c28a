// SPDX-License-Identifier: GPL-3.0-or-later
// The parser of libosip2.
#include "tests/bench/parsers/program.hh"

#include <osipparser2/osip_parser.h>

#include <cstdarg>
#include <cstdlib>
#include <strings.h>

namespace {

using namespace tandem;

std::string text_of(const char* text) {
    return text != nullptr ? text : "";
}

std::string taken(char* text) {
    std::string copy = text_of(text);
    osip_free(text);
    return copy;
}

std::string uri_of(const osip_uri_t* uri) {
    char* text = nullptr;
    if (uri == nullptr || osip_uri_to_str(uri, &text) != 0)
        return {};
    return taken(text);
}

char name_branch[] = "branch";
char name_received[] = "received";
char name_rport[] = "rport";
char name_tag[] = "tag";
char name_expires[] = "expires";

/// The values that the library does not keep at hand, but looks up.
struct LookedUp {
    osip_via_t* via{nullptr};
    osip_generic_param_t* branch{nullptr};
    osip_generic_param_t* received{nullptr};
    osip_generic_param_t* rport{nullptr};
    osip_generic_param_t* from_tag{nullptr};
    osip_generic_param_t* to_tag{nullptr};
    osip_header_t* expires{nullptr};
    osip_header_t* path{nullptr};
};

class Osip final : public bench::Parser {
public:
    Osip() {
        parser_init();
        // Otherwise it tells the standard output of every refusal.
        osip_trace_initialize_func(TRACE_LEVEL0,
                                   [](const char*, int, osip_trace_level_t, const char*, va_list) {});
    }

    bool parse(std::string_view text) override {
        const bool accepted = take(text);
        osip_message_free(message_);
        return accepted;
    }

    std::optional<bench::Fields> read(std::string_view text) override {
        std::optional<bench::Fields> fields;
        if (take(text))
            fields = describe();
        osip_message_free(message_);
        return fields;
    }

    std::string with() const override { return "5.3.0"; }

private:
    bool take(std::string_view text) {
        found_ = {};
        message_ = nullptr;
        if (osip_message_init(&message_) != 0)
            std::abort();
        if (osip_message_parse(message_, text.data(), text.size()) != 0)
            return false;
        found_.via = static_cast<osip_via_t*>(osip_list_get(&message_->vias, 0));
        if (found_.via == nullptr || message_->from == nullptr || message_->to == nullptr ||
            message_->call_id == nullptr || message_->cseq == nullptr)
            return false;
        osip_via_param_get_byname(found_.via, name_branch, &found_.branch);
        osip_via_param_get_byname(found_.via, name_received, &found_.received);
        osip_via_param_get_byname(found_.via, name_rport, &found_.rport);
        osip_from_param_get_byname(message_->from, name_tag, &found_.from_tag);
        osip_to_param_get_byname(message_->to, name_tag, &found_.to_tag);
        for (int i = 0; auto* contact = static_cast<osip_contact_t*>(osip_list_get(&message_->contacts, i));
             ++i) {
            osip_generic_param_t* expires = nullptr;
            osip_contact_param_get_byname(contact, name_expires, &expires);
        }
        osip_message_header_get_byname(message_, name_expires, 0, &found_.expires);
        osip_message_header_get_byname(message_, "path", 0, &found_.path);
        return true;
    }

    template <class Route>
    void add_routes(const osip_list_t& list, std::vector<std::string>& uris) {
        for (int i = 0; auto* route = static_cast<Route*>(osip_list_get(&list, i)); ++i)
            uris.push_back(uri_of(route->url));
    }

    void describe_contacts(bench::Fields& fields) {
        for (int i = 0; auto* contact = static_cast<osip_contact_t*>(osip_list_get(&message_->contacts, i));
             ++i) {
            if (contact->url == nullptr) { // `*` is kept as a name without a URI
                fields.wildcard = text_of(contact->displayname) == "*";
                continue;
            }
            osip_generic_param_t* expires = nullptr;
            osip_contact_param_get_byname(contact, name_expires, &expires);
            fields.contacts.emplace_back(uri_of(contact->url),
                                         expires != nullptr ? bench::seconds_of(text_of(expires->gvalue))
                                                            : std::nullopt);
        }
    }

    bench::Fields describe() {
        bench::Fields fields;
        if (MSG_IS_REQUEST(message_)) {
            fields.method = text_of(message_->sip_method);
            fields.uri = uri_of(message_->req_uri);
        } else {
            fields.status = static_cast<unsigned>(message_->status_code);
        }
        const auto value = [](const osip_generic_param_t* parameter) {
            return parameter != nullptr ? text_of(parameter->gvalue) : std::string{};
        };
        fields.branch = value(found_.branch);
        fields.received = value(found_.received);
        if (found_.rport != nullptr)
            fields.rport = found_.rport->gvalue != nullptr ? value(found_.rport) : "asked";
        fields.from_tag = value(found_.from_tag);
        fields.to_tag = value(found_.to_tag);
        char* call_id = nullptr;
        if (osip_call_id_to_str(message_->call_id, &call_id) == 0)
            fields.call_id = taken(call_id);
        fields.cseq = std::to_string(std::strtoul(text_of(message_->cseq->number).c_str(), nullptr, 10));
        fields.cseq_method = text_of(message_->cseq->method);
        describe_contacts(fields);
        if (found_.expires != nullptr)
            fields.expires = bench::seconds_of(text_of(found_.expires->hvalue));
        add_routes<osip_route_t>(message_->routes, fields.routes);
        add_routes<osip_record_route_t>(message_->record_routes, fields.record_routes);
        osip_header_t* path = nullptr;
        for (int at = 0;
             (at = osip_message_header_get_byname(message_, "path", at, &path)) >= 0 && path != nullptr; ++at)
            bench::add_uris(text_of(path->hvalue), fields.paths);
        if (message_->content_length != nullptr)
            fields.content_length = bench::seconds_of(text_of(message_->content_length->value));
        return fields;
    }

    osip_message_t* message_{nullptr};
    LookedUp found_;
};

} // namespace

int main(int argc, char** argv) {
    Osip parser;
    return bench::run(argc, argv, parser);
}
