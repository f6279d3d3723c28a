// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/link_prober.hh"

#include "control/watch/descriptor.hh"

#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::probe {
namespace {

class LinkProber : public Prober {
public:
    explicit LinkProber(Told told)
        : told_(std::move(told)) {}

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override {
        if (!socket_)
            socket_ = watch::Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        std::get<config::LinkTarget>(settings.target)
            .interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
        if (::ioctl(socket_.get(), SIOCGIFFLAGS, &request) != 0) {
            if (errno != ENODEV)
                return std::string{"the kernel does not say: "} + std::strerror(errno);
            told_({check, number, Found::bad, "does not exist", moment()});
            return std::nullopt;
        }
        const bool up = (request.ifr_flags & IFF_UP) != 0;
        const bool running = (request.ifr_flags & IFF_RUNNING) != 0;
        if (up && running)
            told_({check, number, Found::good, {}, moment()});
        else
            told_({check, number, Found::bad, up ? "has no carrier" : "is switched off", moment()});
        return std::nullopt;
    }
    void forget(CheckId) override {} // nothing is ever under way

private:
    Told told_;
    watch::Descriptor socket_;
};

} // namespace

std::unique_ptr<Prober> make_link_prober(Prober::Told told) {
    return std::make_unique<LinkProber>(std::move(told));
}

} // namespace tandem::probe
