// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The start of DPDK: which devices, how much memory, of which kind.
//
// One process uses it at a time and shares nothing with others: memory is anonymous, no files are left in a
// run directory, no telemetry socket is opened. Deliberately absent: lcores (the workers are threads of this
// process, made known to DPDK), the ports themselves (port.hh).

#include "dataplane/contract/appliance.hh"

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace tandem::dpdk {

/// The arguments for the start, the program's name first.
std::vector<std::string> eal_arguments(const contract::Appliance& setup, bool hugepages);

/// Are there free hugepages for so many MiB?
bool hugepages_free(std::uint32_t megabytes);

/// Once in the life of the process. The error is a sentence.
std::expected<void, std::string> start_eal(const contract::Appliance& setup);

/// Text of a fixed array.
std::string text_of(std::span<const char> text);

/// The name by which DPDK knows a device: the PCI address, or what stands before the first comma.
std::string device_name(const contract::PortSetup& port);
/// Is it a device on the PCI bus?
bool is_pci(const contract::PortSetup& port);
/// The kernel interface that a virtual device is made on (`iface=`); empty: none.
std::string device_interface(const contract::PortSetup& port);
/// Octets that the device may write into one buffer by its own arguments (`framesz=`); 0: they do not say.
std::size_t device_frame(const contract::PortSetup& port);

} // namespace tandem::dpdk
