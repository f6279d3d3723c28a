// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A kernel interface that a port is made on, silenced.
//
// Problem: a virtual device reads a copy of what arrives on a kernel interface, and the kernel goes on with
// its own: it would answer ARP a second time, refuse connections to the VIP, forward. Idea: what the
// interface receives is dropped at the kernel's ingress hook, behind the place where the device has read it;
// IPv6 is switched off on it, so that it sends nothing by itself. Both are undone at the end. Deliberately
// absent: interfaces of a PCI device, which the kernel does not have.

#include <expected>
#include <string>
#include <vector>

namespace tandem::dpdk {

class Quiet {
public:
    Quiet() = default;
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet();

    /// Silences the interface. The error is a sentence.
    std::expected<void, std::string> add(const std::string& interface);

private:
    struct Silenced {
        std::string interface;
        std::string disable_ipv6; ///< what it was
    };
    std::vector<Silenced> silenced_;
};

} // namespace tandem::dpdk
