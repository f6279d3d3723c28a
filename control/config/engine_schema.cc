// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/config/engine_schema.hh"

#include "control/config/values.hh"

#include <algorithm>

namespace tandem::config {
namespace {

constexpr std::int64_t mbufs_per_worker = 2048; ///< the queues of its two ports are full, and nothing else is
/// Of a packet buffer, with what DPDK keeps beside it; larger frames need more.
constexpr std::uint64_t mbuf_octets = 2048 + 128 + 128 + 64;
/// The least that IPv4 asks of a link's receivers (RFC 791 section 3.2), and the usual jumbo frame.
constexpr Range mtu_range{576, 9216};
constexpr Range vlan_range{1, 4094};

/// A PCI address, or a virtual device with arguments. What exists is the engine's to find out.
bool is_device(std::string_view text) {
    const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
    const bool pci = text.find(':') != std::string_view::npos && text.find('.') != std::string_view::npos;
    return printable && (pci || text.starts_with("net_") || text.starts_with("virtio_user"));
}

void take_device(Section& section, std::string& out, Place& place) {
    const auto found = section.text("device", Presence::required);
    if (!found)
        return;
    place = found->place;
    if (found->value.size() >= contract::PortSetup::device_max)
        section.complain(found->place, "\"device\" is too long",
                         "at most " + std::to_string(contract::PortSetup::device_max - 1) + " characters");
    else if (is_device(found->value))
        out = found->value;
    else
        section.complain(found->place, "\"device\" cannot be " + quoted(found->value),
                         "a PCI address (\"0000:03:00.0\") or a virtual device "
                         "(\"net_af_packet0,iface=eth1\")");
}

void read_port(Section& section, EnginePort& port, Places::PortPlaces& places) {
    places = {section.place(), section.place()};
    take_device(section, port.device, places.device);
    take_interface(section, "kernel_interface", Presence::required, port.kernel_interface,
                   places.kernel_interface);
    if (const auto tags =
            section.integers("vlan", vlan_range, contract::PortSetup::tags_max, Presence::optional))
        for (const auto& tag : *tags)
            port.vlan.push_back(static_cast<std::uint16_t>(tag.value));
    take_integer(section, "mtu", mtu_range, port.mtu);
}

void read_ha_port(Section section, Engine& engine, Places::EnginePlaces& places) {
    EngineHaPort port;
    Place path = section.place();
    take_name(section, "path", Presence::required, port.path, &path);
    read_port(section, port.port, places.ha.emplace_back());
    if (const auto mirror = section.word("mirror", {"sealed", "clear"}, Presence::optional))
        port.mirror = static_cast<contract::MirrorSeal>(mirror->value);
    section.finish();
    engine.ha.push_back(std::move(port));
    places.ha_paths.push_back(path);
}

/// Each core has one worker.
void take_cores(Section& section, Engine& engine, std::vector<Place>& places) {
    const auto cores = section.integers("cores", {0, 1023}, contract::workers_max, Presence::optional);
    if (!cores)
        return;
    for (const auto& core : *cores) {
        const auto number = static_cast<std::uint16_t>(core.value);
        if (const auto seen = std::ranges::find(engine.cores, number); seen != engine.cores.end()) {
            section.complain(core.place, "core " + std::to_string(number) + " is there twice",
                             "each core has one worker");
            continue;
        }
        engine.cores.push_back(number);
        places.push_back(core.place);
    }
}

void take_mbufs(Section& section, Engine& engine) {
    Place place = section.place();
    take_integer(section, "mbufs", {mbufs_per_worker, 4'194'304}, engine.mbufs, &place);
    const auto needed = static_cast<std::uint32_t>(mbufs_per_worker) *
                        static_cast<std::uint32_t>(std::max<std::size_t>(1, engine.cores.size()));
    if (engine.mbufs < needed)
        section.complain(place,
                         "\"mbufs\" is too small for " + std::to_string(engine.cores.size()) + " workers",
                         std::to_string(mbufs_per_worker) +
                             " for each of the \"cores\": " + std::to_string(needed) + " or more");
    const std::uint64_t memory = (engine.mbufs * mbuf_octets >> 20U) + 1;
    if (memory > engine.memory_mb)
        section.complain(place,
                         std::to_string(engine.mbufs) +
                             " packet buffers do not fit \"memory_mb\" = " + std::to_string(engine.memory_mb),
                         "they need more than " + std::to_string(memory) +
                             ": fewer \"mbufs\", or more \"memory_mb\"");
}

} // namespace

void read_engine(Section section, Engine& engine, Places& places, Complaints& complaints) {
    places.engine.section = section.place();
    if (const auto backend = section.word("backend", {"nfqueue", "dpdk"}, Presence::optional))
        engine.backend = static_cast<contract::Backend>(backend->value);
    take_integer(section, "queue", {0, 65535}, engine.queue);
    if (const auto idle = section.word("idle", {"sleep", "poll", "interrupt"}, Presence::optional))
        engine.idle = static_cast<contract::Idle>(idle->value);
    take_integer(section, "sleep_max_us", {1, 10'000}, engine.sleep_max_us);
    take_cores(section, engine, places.engine.cores);
    if (const auto pages = section.word("hugepages", {"auto", "on", "off"}, Presence::optional))
        engine.hugepages = static_cast<contract::Hugepages>(pages->value);
    take_integer(section, "memory_mb", {64, 65'536}, engine.memory_mb);
    take_mbufs(section, engine);
    take_integer(section, "registrations_max", {100, 5'000'000}, engine.registrations_max);
    take_integer(section, "dialogs_max", {100, 1'000'000}, engine.dialogs_max);
    take_integer(section, "flows_max", {1000, 10'000'000}, engine.flows_max);
    const auto port = [&](std::string_view key, EnginePort& out, Places::PortPlaces& port_places) {
        port_places = {section.place(), section.place()};
        if (const auto found = section.table(key, Presence::optional)) {
            Section inner{"[engine." + std::string{key} + "]", found->place, *found->value, complaints};
            read_port(inner, out, port_places);
            inner.finish();
        }
    };
    port("outside", engine.outside, places.engine.outside);
    port("inside", engine.inside, places.engine.inside);
    for (const auto& ha : section.tables("ha", contract::paths_max, Presence::optional))
        read_ha_port({"[[engine.ha]]", ha.place, *ha.value, complaints}, engine, places.engine);
    note_keys(section, {"queue"}, "an appliance takes no packets from a netfilter queue",
              places.nfqueue_keys);
    note_keys(section,
              {"idle", "sleep_max_us", "cores", "hugepages", "memory_mb", "mbufs", "outside", "inside", "ha"},
              "in host mode the kernel has the network interfaces", places.dpdk_keys);
    section.finish();
}

} // namespace tandem::config
