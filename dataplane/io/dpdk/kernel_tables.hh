// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The kernel's routes, neighbours and own addresses on the appliance's networks, told to the workers.
//
// A dump at the start, then every change as the kernel announces it (rtnetlink); when announcements were
// lost, all is said again. A neighbour that a worker misses is looked for by the kernel, which asks on the
// network through the TAP interface. Runs on the main thread. Deliberately absent: tables other than the main
// one, routes with several next hops (the first is taken).

#include "dataplane/path/next_hops.hh"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

struct nlmsghdr;
struct mnl_socket;

namespace tandem::dpdk {

class KernelTables {
public:
    using Sink = std::function<void(const path::HopChange&)>;

    /// `indices`: of the TAP interfaces, in the order of path::Segment; 0: there is no such network. `sink`
    /// gets every change.
    static std::expected<std::unique_ptr<KernelTables>, std::string> open(std::vector<int> indices,
                                                                          Sink sink);
    ~KernelTables();
    KernelTables(const KernelTables&) = delete;
    KernelTables& operator=(const KernelTables&) = delete;

    /// Readable: follow() has work, or the link of an interface has changed.
    int descriptor() const;
    /// Says what has changed since.
    void follow();
    /// Says everything again, `forget_all` first.
    void repeat();
    /// Has the kernel look for a neighbour, or see whether it is still there. An operator's permanent entry
    /// is left alone.
    void look_for(path::Segment segment, const wire::IpAddress& address);

private:
    KernelTables(mnl_socket* socket, std::vector<int> indices, Sink sink);
    bool dump(std::uint16_t type, std::uint8_t family);
    bool receive(bool until_done);
    void take(const nlmsghdr& message);
    void take_neighbour(const nlmsghdr& message);
    void take_route(const nlmsghdr& message);
    void take_address(const nlmsghdr& message);
    bool segment_of(std::uint32_t index, path::Segment& segment) const;

    mnl_socket* socket_;
    std::vector<int> indices_;
    Sink sink_;
    std::uint32_t sequence_{1};
    bool lost_{false};
    std::set<std::pair<path::Segment, wire::IpAddress>>
        permanent_; ///< neighbours that an operator has entered
    std::vector<char> buffer_;
};

} // namespace tandem::dpdk
