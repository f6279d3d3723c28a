// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/tap.hh"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::dpdk {
namespace {

std::unexpected<std::string> refused(const std::string& name, const char* what) {
    return std::unexpected("kernel interface " + name + ": " + what + ": " + std::strerror(errno));
}

ifreq request_for(const std::string& name) {
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), std::min(name.size(), sizeof(request.ifr_name) - 1));
    return request;
}

/// MAC address, MTU, up.
std::expected<int, std::string> prepare(int control, const std::string& name, const wire::MacAddress& mac,
                                        std::size_t mtu) {
    ifreq request = request_for(name);
    if (::ioctl(control, SIOCGIFINDEX, &request) != 0)
        return refused(name, "cannot be found");
    const int index = request.ifr_ifindex;
    request = request_for(name);
    if (::ioctl(control, SIOCGIFHWADDR, &request) != 0)
        return refused(name, "has no MAC address");
    if (std::memcmp(request.ifr_hwaddr.sa_data, mac.octets.data(), mac.octets.size()) != 0) {
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        std::memcpy(request.ifr_hwaddr.sa_data, mac.octets.data(), mac.octets.size());
        if (::ioctl(control, SIOCSIFHWADDR, &request) != 0)
            return refused(name, "does not take the port's MAC address");
    }
    request = request_for(name);
    request.ifr_mtu = static_cast<int>(mtu);
    if (::ioctl(control, SIOCSIFMTU, &request) != 0)
        return refused(name, "does not take the port's MTU");
    request = request_for(name);
    if (::ioctl(control, SIOCGIFFLAGS, &request) != 0)
        return refused(name, "has no flags");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(control, SIOCSIFFLAGS, &request) != 0)
        return refused(name, "cannot be set up");
    return index;
}

} // namespace

std::expected<Tap, std::string> Tap::open(const std::string& name, const wire::MacAddress& mac,
                                          std::size_t mtu) {
    if (name.empty() || name.size() >= IFNAMSIZ)
        return std::unexpected("kernel interface \"" + name + "\": a name has 1 to 15 characters");
    const int descriptor = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return refused(name, "/dev/net/tun cannot be opened");
    ifreq request = request_for(name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(descriptor, TUNSETIFF, &request) != 0) {
        const auto error =
            refused(name, errno == EBUSY ? "another program has it" : "is no TAP interface of one queue");
        ::close(descriptor);
        return error;
    }
    ::ioctl(descriptor, TUNSETPERSIST, 1);
    const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto index = prepare(control, name, mac, mtu);
    ::close(control);
    if (!index) {
        ::close(descriptor);
        return std::unexpected(index.error());
    }
    return Tap{descriptor, *index};
}

Tap::Tap(Tap&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1))
    , index_(other.index_) {}

Tap& Tap::operator=(Tap&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(index_, other.index_);
    return *this;
}

Tap::~Tap() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

bool Tap::write(std::span<const std::uint8_t> frame) noexcept {
    return ::write(descriptor_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

std::size_t Tap::read(std::span<std::uint8_t> out) noexcept {
    const ssize_t length = ::read(descriptor_, out.data(), out.size());
    return length > 0 ? static_cast<std::size_t>(length) : 0;
}

void Tap::set_carrier(Carrier carrier) noexcept {
    const int value = carrier == Carrier::on ? 1 : 0;
    ::ioctl(descriptor_, TUNSETCARRIER, &value);
}

} // namespace tandem::dpdk
