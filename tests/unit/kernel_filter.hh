// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>

#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <vector>

namespace tandem::test {

/// A packet filter in the kernel, on a pair of local sockets: a frame either arrives or does not. The
/// kernel's own fields (kind of packet, VLAN tag) are zero here; tests with a real interface see to those.
class KernelFilter {
public:
    explicit KernelFilter(std::vector<sock_filter> filter) {
        BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair_.data()), 0);
        BOOST_REQUIRE_LE(filter.size(), std::size_t{BPF_MAXINSNS});
        const sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
        BOOST_REQUIRE_EQUAL(::setsockopt(pair_[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
                            0);
    }
    ~KernelFilter() {
        ::close(pair_[0]);
        ::close(pair_[1]);
    }
    KernelFilter(const KernelFilter&) = delete;
    KernelFilter& operator=(const KernelFilter&) = delete;

    bool passes(const std::vector<std::uint8_t>& frame) const {
        // A filtered datagram is reported as refused or swallowed, depending on the kernel; what counts is
        // arrival.
        static_cast<void>(::send(pair_[0], frame.data(), frame.size(), MSG_DONTWAIT));
        std::vector<std::uint8_t> received(4096);
        const ssize_t length = ::recv(pair_[1], received.data(), received.size(), MSG_DONTWAIT);
        if (length < 0)
            return false;
        BOOST_CHECK_EQUAL(static_cast<std::size_t>(length), frame.size());
        return true;
    }

private:
    std::array<int, 2> pair_{-1, -1};
};

} // namespace tandem::test
