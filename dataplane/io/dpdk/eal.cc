// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/eal.hh"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string_view>

namespace tandem::dpdk {
namespace {

std::vector<const contract::PortSetup*> ports_of(const contract::Appliance& setup) {
    std::vector<const contract::PortSetup*> ports{&setup.outside, &setup.inside};
    for (const contract::PortSetup& port : setup.ha)
        ports.push_back(&port);
    std::erase_if(ports, [](const contract::PortSetup* port) { return port->device[0] == '\0'; });
    return ports;
}

/// What DPDK writes while it starts, for the error.
class StartLog {
public:
    StartLog()
        : stream_(::open_memstream(&text_, &size_)) {
        if (stream_ != nullptr)
            ::rte_openlog_stream(stream_);
    }
    StartLog(const StartLog&) = delete;
    StartLog& operator=(const StartLog&) = delete;
    ~StartLog() {
        ::rte_openlog_stream(nullptr);
        if (stream_ != nullptr)
            std::fclose(stream_);
        std::free(text_);
    }
    /// The last line that is not empty.
    std::string last_line() {
        if (stream_ == nullptr)
            return {};
        std::fflush(stream_);
        std::string_view text{text_, size_};
        while (!text.empty() && text.back() == '\n')
            text.remove_suffix(1);
        return std::string(text.substr(text.rfind('\n') + 1));
    }

private:
    char* text_{nullptr};
    std::size_t size_{0};
    std::FILE* stream_;
};

std::string device_argument(const contract::PortSetup& port, std::string_view key) {
    const std::string device = text_of(port.device);
    const std::size_t at = device.find(key);
    if (at == std::string::npos)
        return {};
    const std::size_t begin = at + key.size();
    return device.substr(begin, device.find(',', begin) - begin);
}

} // namespace

std::string text_of(std::span<const char> text) {
    return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

bool is_pci(const contract::PortSetup& port) {
    const std::string device = text_of(port.device);
    unsigned domain = 0;
    unsigned bus = 0;
    unsigned slot = 0;
    unsigned function = 0;
    return std::sscanf(device.c_str(), "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
           std::sscanf(device.c_str(), "%x:%x.%x", &bus, &slot, &function) == 3;
}

std::string device_name(const contract::PortSetup& port) {
    const std::string device = text_of(port.device);
    return device.substr(0, device.find(','));
}

std::string device_interface(const contract::PortSetup& port) {
    return device_argument(port, ",iface=");
}

std::size_t device_frame(const contract::PortSetup& port) {
    const std::string text = device_argument(port, ",framesz=");
    std::size_t octets = 0;
    std::from_chars(text.data(), text.data() + text.size(), octets);
    return octets;
}

bool hugepages_free(std::uint32_t megabytes) {
    std::ifstream file{"/proc/meminfo"};
    std::uint64_t pages = 0;
    std::uint64_t kilobytes = 0;
    for (std::string line; std::getline(file, line);) {
        unsigned long long value = 0;
        if (std::sscanf(line.c_str(), "HugePages_Free: %llu", &value) == 1)
            pages = value;
        else if (std::sscanf(line.c_str(), "Hugepagesize: %llu", &value) == 1)
            kilobytes = value;
    }
    return pages * kilobytes >= std::uint64_t{megabytes} * 1024 && pages > 0;
}

std::vector<std::string> eal_arguments(const contract::Appliance& setup, bool hugepages) {
    std::vector<std::string> arguments{"tandem-fast",
                                       "--no-shconf",
                                       "--no-telemetry",
                                       "-m",
                                       std::to_string(setup.memory_mb),
                                       "--log-level=lib.*:notice"};
    // The main lcore is this thread, and it may run anywhere; workers choose their cores themselves.
    arguments.insert(
        arguments.end(),
        {"--lcores",
         "0@(0-" +
             std::to_string(std::max(1, static_cast<int>(std::min(127L, ::sysconf(_SC_NPROCESSORS_CONF)))) -
                            1) +
             ")"});
    arguments.emplace_back(hugepages ? "--in-memory" : "--no-huge"); // the latter excludes the former
    if (hugepages) // what shares memory with another process (virtio-user) takes few pieces only
        arguments.emplace_back("--single-file-segments");
    bool pci = false;
    for (const contract::PortSetup* port : ports_of(setup)) {
        if (is_pci(*port)) {
            pci = true;
            arguments.insert(arguments.end(), {"-a", text_of(port->device)});
        } else {
            arguments.push_back("--vdev=" + text_of(port->device));
        }
    }
    if (!pci)
        arguments.emplace_back("--no-pci");
    return arguments;
}

std::expected<void, std::string> start_eal(const contract::Appliance& setup) {
    const bool free = hugepages_free(setup.memory_mb);
    if (setup.hugepages == contract::Hugepages::on && !free)
        return std::unexpected("fewer than " + std::to_string(setup.memory_mb) +
                               " MiB of hugepages are free: set vm.nr_hugepages, or hugepages = \"auto\"");
    const bool hugepages = setup.hugepages != contract::Hugepages::off && free;
    std::vector<std::string> arguments = eal_arguments(setup, hugepages);
    std::vector<char*> pointers;
    for (std::string& argument : arguments)
        pointers.push_back(argument.data());
    StartLog log;
    if (::rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0)
        return std::unexpected("DPDK does not start: " + std::string(::rte_strerror(rte_errno)) + " (" +
                               log.last_line() + ")");
    return {};
}

} // namespace tandem::dpdk
