// SPDX-License-Identifier: GPL-3.0-or-later
#include "tools/tandemctl/output.hh"

#include "control/status/reader.hh"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstdio>

namespace tandem::ctl {
namespace {

namespace json = boost::json;

void complain(Form form, int code, const std::string& what, const json::value& data) {
    if (form == Form::text) {
        std::fprintf(stderr, "tandemctl: %s\n", status::printable(what).c_str());
        return;
    }
    json::object error{{"code", code}, {"message", what}};
    if (!data.is_null())
        error["data"] = data;
    print_json(json::object{{"error", std::move(error)}});
}

} // namespace

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    // A follower's reader is a pipe as often as a terminal.
    std::fflush(stdout);
}

void print_json(const json::value& value) {
    print(json::serialize(value) + "\n");
}

void complain(const std::string& line) {
    std::fprintf(stderr, "%s\n", status::printable(line).c_str());
}

Exit refuse(Form form, const api::Error& error) {
    complain(form, static_cast<int>(error.code), error.message, error.data);
    return Exit::refused;
}

Exit misuse(Form form, const std::string& what) {
    complain(form, static_cast<int>(Exit::usage), what, nullptr);
    return Exit::usage;
}

} // namespace tandem::ctl
