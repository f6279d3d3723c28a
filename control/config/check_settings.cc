// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/check_settings.hh"

namespace tandem::config {

std::string endpoint_text(const wire::IpAddress& address, std::uint16_t port) {
    const std::string text = address.to_string();
    return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

std::string_view CheckSettings::method() const {
    return std::visit([](const auto& of) { return of.method(); }, target);
}

std::string CheckSettings::shown() const {
    return std::visit([](const auto& of) { return of.shown(); }, target);
}

wire::IpAddress CheckSettings::asked() const {
    return std::visit([](const auto& of) { return of.asked(); }, target);
}

std::string_view CheckSettings::silence() const {
    return std::visit([](const auto& of) { return of.silence(); }, target);
}

std::string_view CheckSettings::wellness() const {
    return std::visit([](const auto& of) { return of.wellness(); }, target);
}

} // namespace tandem::config
