// SPDX-License-Identifier: GPL-3.0-or-later
#include "netlink/tun.hh"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace tandem::netlink {

std::expected<void, Error> create_tun(const std::string& name) {
    const auto refuse = [&](int code) {
        return std::unexpected(
            Error{code, "cannot create the shadow interface " + name + " through /dev/net/tun"});
    };
    if (name.empty() || name.size() >= IFNAMSIZ)
        return refuse(EINVAL);
    const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return refuse(errno);
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    const bool made = ::ioctl(fd, TUNSETIFF, &request) == 0 && ::ioctl(fd, TUNSETPERSIST, 1) == 0;
    const int code = errno;
    ::close(fd);
    if (!made)
        return refuse(code);
    return {};
}

} // namespace tandem::netlink
