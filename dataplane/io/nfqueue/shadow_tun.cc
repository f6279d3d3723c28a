// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/nfqueue/shadow_tun.hh"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tandem::nfqueue {
namespace {
constexpr std::size_t packet_max = 65'535;
}

ShadowTun::ShadowTun()
    : buffer_(std::make_unique<std::uint8_t[]>(packet_max)) {}
ShadowTun::~ShadowTun() {
    close();
}

bool ShadowTun::open(const std::string& name) {
    close();
    // TUNSETIFF would make an interface that does not exist; that is not our business.
    if (name.empty() || name.size() >= IFNAMSIZ || ::if_nametoindex(name.c_str()) == 0)
        return false;
    const int descriptor = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    ifreq request{};
    std::memcpy(request.ifr_name, name.c_str(), name.size());
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (::ioctl(descriptor, TUNSETIFF, &request) != 0) {
        ::close(descriptor);
        return false;
    }
    descriptor_ = descriptor;
    return true;
}

void ShadowTun::close() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
    descriptor_ = -1;
}

bool ShadowTun::write(std::span<const std::uint8_t> packet) {
    if (descriptor_ < 0)
        return false;
    return ::write(descriptor_, packet.data(), packet.size()) == static_cast<ssize_t>(packet.size());
}

std::optional<std::span<const std::uint8_t>> ShadowTun::read() {
    if (descriptor_ < 0)
        return std::nullopt;
    const ssize_t length = ::read(descriptor_, buffer_.get(), packet_max);
    if (length < 0) {
        if (errno != EAGAIN && errno != EINTR)
            close();
        return std::nullopt;
    }
    return std::span<const std::uint8_t>{buffer_.get(), static_cast<std::size_t>(length)};
}

} // namespace tandem::nfqueue
