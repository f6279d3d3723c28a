// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/probers.hh"

#include "control/probe/network_prober.hh"
#include "control/probe/sip_prober.hh"
#include "control/probe/sip_registration.hh"

#include <utility>
#include <variant>

namespace tandem::probe {
namespace {

/// One function for each type of target: another method is added here.
struct Maker {
    boost::asio::io_context& io;
    Prober::Told told;

    std::unique_ptr<Prober> operator()(const config::NetworkTarget&) {
        return make_network_prober(io, std::move(told));
    }
    std::unique_ptr<Prober> operator()(const config::SipTarget&) {
        return make_sip_prober(io, std::move(told));
    }
    std::unique_ptr<Prober> operator()(const config::RegistrationTarget&) {
        return make_registration_prober(io, std::move(told));
    }
};

} // namespace

Instant moment() {
    return Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

std::unique_ptr<Prober> make_prober(boost::asio::io_context& io, const config::Target& target,
                                    Prober::Told told) {
    return std::visit(Maker{io, std::move(told)}, target);
}

} // namespace tandem::probe
