// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a line of the local API.
#include "control/api/message.hh"

#include <boost/json/parse.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace tandem;

void require(bool holds) {
    if (!holds)
        std::abort();
}

void require_one_line(const std::string& text) {
    require(!text.empty() && text.find('\n') == text.size() - 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line{reinterpret_cast<const char*>(data), size};
    const auto request = api::read_request(line);
    if (!request) {
        require(!request.error().error.message.empty());
        require_one_line(api::write_answer(request.error().id, std::unexpected(request.error().error)));
        return 0;
    }
    require(request->method.size() <= 64);
    // What comes from the client and goes back to it must make a line that can be read.
    const std::string answer = api::write_answer(request->id, boost::json::value(nullptr));
    require_one_line(answer);
    boost::json::error_code failure;
    boost::json::parse(boost::json::string_view{answer.data(), answer.size()}, failure);
    require(!failure);
    return 0;
}
