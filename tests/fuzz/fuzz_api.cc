// SPDX-License-Identifier: GPL-3.0-or-later
// Any octets as a line of the local API.
#include "control/api/message.hh"

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
    const std::string written = api::write_request(*request);
    require_one_line(written);
    // Numbers are written in full, so the text may have grown beyond what is read.
    if (written.size() > api::request_size_max)
        return 0;
    const auto again = api::read_request(std::string_view{written}.substr(0, written.size() - 1));
    require(again.has_value() && again->method == request->method &&
            again->params.size() == request->params.size());
    return 0;
}
