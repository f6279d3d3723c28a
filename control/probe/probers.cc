// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/probers.hh"

#include "control/probe/link_prober.hh"
#include "control/probe/neighbour_prober.hh"
#include "control/probe/network_prober.hh"
#include "control/probe/process_prober.hh"
#include "control/probe/script_prober.hh"
#include "control/probe/sip_prober.hh"
#include "control/probe/sip_registration.hh"
#include "control/probe/tcp_talk.hh"
#include "control/probe/tls_talk.hh"
#include "control/probe/udp_talk.hh"
#include "control/spawn/spawner.hh"

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
    std::unique_ptr<Prober> operator()(const config::NeighbourTarget&) {
        return make_neighbour_prober(io, std::move(told));
    }
    std::unique_ptr<Prober> operator()(const config::TcpTarget&) {
        return make_talk_prober(io, std::move(told), [&loop = io] { return make_tcp_talk(loop); });
    }
    std::unique_ptr<Prober> operator()(const config::UdpTarget&) {
        return make_talk_prober(io, std::move(told), [&loop = io] { return make_udp_talk(loop); });
    }
    std::unique_ptr<Prober> operator()(const config::TlsTarget&) {
        return make_talk_prober(io, std::move(told), tls_talks(io));
    }
    std::unique_ptr<Prober> operator()(const config::ProcessTarget&) {
        return make_process_prober(io, std::move(told));
    }
    std::unique_ptr<Prober> operator()(const config::LinkTarget&) {
        return make_link_prober(std::move(told));
    }
    std::unique_ptr<Prober> operator()(const config::ScriptTarget&) {
        return make_script_prober(io, std::move(told), spawn::find_launcher());
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
