// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/brain.hh"

#include "control/app/hand.hh"
#include "control/app/journal.hh"
#include "control/app/ledger_start.hh"
#include "control/app/lifeline.hh"
#include "control/app/policy.hh"
#include "control/app/pulse.hh"
#include "control/app/realtime.hh"
#include "control/app/records.hh"
#include "control/app/service.hh"
#include "control/config/load.hh"
#include "dataplane/wire/ha_frame.hh"

#include <sys/random.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

namespace tandem::app {
namespace {

/// What of the system a group needs, found and prepared once.
struct Prepared {
    std::vector<int> interface_indices;
    int inside_index{0};
    std::vector<netlink::Interface> interfaces;
    std::vector<GroupEffects> effects;
    std::vector<PulseGroup> pulse_groups;
    std::vector<std::string> warnings;
};

std::uint32_t random_word() {
    std::uint32_t word = 0;
    while (word == 0 && ::getrandom(&word, sizeof word, 0) != sizeof word) {
    }
    return word;
}

const netlink::Interface* find(const std::vector<netlink::Interface>& interfaces, const std::string& name) {
    const auto found = std::find_if(interfaces.begin(), interfaces.end(),
                                    [&](const netlink::Interface& i) { return i.name == name; });
    return found == interfaces.end() ? nullptr : &*found;
}

/// Where the addresses of a group are served.
struct Sites {
    const netlink::Interface* outside{nullptr};
    const netlink::Interface* inside{nullptr}; ///< of an appliance
};

std::expected<GroupEffects, std::string> prepare_effects(const config::Config& config,
                                                         const config::Group& group, const Sites& sites) {
    const auto where =
        placements(config, group, sites.outside->index, sites.inside == nullptr ? 0 : sites.inside->index);
    std::array<netlink::Batch, 5> batches;
    for (std::size_t i = 0; i < batches.size(); ++i) {
        auto batch = netlink::prepare(static_cast<netlink::Transition>(i), where);
        if (!batch)
            return std::unexpected(batch.error().what);
        batches[i] = *batch;
    }
    std::vector<announce::Announcer> announcements;
    const auto announce_on = [&](const netlink::Interface& site, const std::vector<wire::Prefix>& vips) {
        auto announcer =
            announce::Announcer::open(site.index, announce::announcement(site.mac, addresses_of(vips)));
        if (announcer)
            announcements.push_back(std::move(*announcer));
        return announcer ? std::string{} : announcer.error();
    };
    std::string refused = announce_on(*sites.outside, group.vips);
    if (refused.empty() && sites.inside != nullptr && !group.inside_vips.empty())
        refused = announce_on(*sites.inside, group.inside_vips);
    if (!refused.empty())
        return std::unexpected(refused);
    const auto of = [&](netlink::Transition t) -> const netlink::Batch& {
        return batches[static_cast<std::size_t>(t)];
    };
    return GroupEffects{of(netlink::Transition::rise),   of(netlink::Transition::fall),
                        of(netlink::Transition::vacate), of(netlink::Transition::seal),
                        of(netlink::Transition::renew),  std::move(announcements)};
}

/// The question to the service itself, from an address of this node to the first VIP of the same family.
std::expected<watch::Look, std::string> prepare_look(const config::Config& config, const config::Group& group,
                                                     const netlink::Interface& outside) {
    const auto is_vip = [&](const wire::Prefix& address) {
        return std::any_of(config.groups.begin(), config.groups.end(), [&](const config::Group& any) {
            return std::any_of(any.vips.begin(), any.vips.end(),
                               [&](const wire::Prefix& vip) { return vip.address == address.address; });
        });
    };
    for (const wire::Prefix& vip : group.vips)
        for (const wire::Prefix& own : outside.addresses)
            if (own.address.family == vip.address.family && own.contains(vip.address) && !is_vip(own))
                return watch::Look::open(outside.index, outside.mac, own.address, vip.address,
                                         group.sip_ports.front());
    return std::unexpected("this node has no address of its own on " + group.interface +
                           " in the network of a VIP");
}

/// What is kept of a group, with its role settled against the file's.
GroupRecord settled_record(const Records& records, const config::Group& group) {
    const auto found = records.find(group.name);
    GroupRecord record = found == records.end() ? GroupRecord{} : found->second;
    record.role = settle_role(group.role, record.role);
    return record;
}

std::expected<Prepared, std::string> prepare_groups(const config::Config& config, Store& store,
                                                    Lifeline& lifeline) {
    const auto interfaces = netlink::list_interfaces();
    if (!interfaces)
        return std::unexpected(interfaces.error().what);
    Prepared out;
    const bool appliance = config.engine.is_appliance();
    if (!appliance && find(*interfaces, config.node.shadow_interface) == nullptr)
        return std::unexpected("the shadow interface " + config.node.shadow_interface + " has vanished");
    const netlink::Interface* inside =
        appliance ? find(*interfaces, config.engine.inside.kernel_interface) : nullptr;
    if (appliance && inside == nullptr)
        return std::unexpected("there is no interface " + config.engine.inside.kernel_interface);
    out.interfaces = *interfaces;
    out.inside_index = inside == nullptr ? 0 : inside->index;
    const std::uint32_t alone = lifeline.was_active_alone.exchange(0);

    std::vector<config::HostInterface> host;
    for (const netlink::Interface& interface : *interfaces)
        host.push_back({interface.name, interface.addresses});
    out.warnings = config::advice(config, host);
    for (std::size_t i = 0; i < config.groups.size(); ++i) {
        const config::Group& group = config.groups[i];
        const netlink::Interface* outside = find(*interfaces, group.interface);
        if (outside == nullptr)
            return std::unexpected("group " + group.name + ": there is no interface " + group.interface);
        const auto vips = addresses_of(group.vips);
        auto effects = prepare_effects(config, group, {outside, inside});
        auto claims = announce::ClaimWatch::open(outside->index, outside->mac, vips);
        auto probe = announce::Announcer::open(outside->index, announce::probe(outside->mac, vips));
        if (!effects || !claims || !probe)
            return std::unexpected("group " + group.name + ": " +
                                   (!effects  ? effects.error()
                                    : !claims ? claims.error()
                                              : probe.error()));
        lifeline.falls[i].write(effects->fall);
        auto look = prepare_look(config, group, *outside);
        if (!look)
            out.warnings.push_back("group " + group.name +
                                   ": the service cannot be asked when something answers "
                                   "for a VIP of a silent node (" +
                                   look.error() + "); this node would then not take over");
        GroupRecord& record = store.records[group.name];
        record = settled_record(store.records, group);
        out.interface_indices.push_back(outside->index);
        out.effects.push_back(std::move(*effects));
        out.pulse_groups.push_back(
            {wire::name_hash(group.name.data(), group.name.size()),
             role_policy(config, group, record, store.ending,
                         (alone >> i & 1U) != 0 ? Resumption::was_active_alone : Resumption::fresh),
             std::move(*claims), std::move(*probe), look ? std::optional{std::move(*look)} : std::nullopt,
             outside->up && outside->carrier});
    }
    lifeline.interval_us.store(static_cast<std::uint64_t>(config.pair.interval.count()));
    lifeline.group_count.store(static_cast<std::uint32_t>(config.groups.size()));
    return out;
}

std::expected<std::vector<link::BeatSocket>, std::string> open_paths(const config::Config& config) {
    std::vector<link::BeatSocket> sockets;
    for (const config::Path& path : config.paths) {
        auto socket = link::BeatSocket::open({.local = path.local,
                                              .peer = path.peer,
                                              .port = config.pair.heartbeat_port,
                                              .pair_hash = pair_hash(config),
                                              .node_id = config.node.id});
        if (!socket)
            return std::unexpected("path " + path.name + ": " + socket.error());
        sockets.push_back(std::move(*socket));
    }
    return sockets;
}

/// The interfaces and what belongs to them; conditions of the host that people should know of.
std::expected<std::vector<std::string>, std::string> prepare_kernel(const config::Config& config,
                                                                    Journal& journal) {
    const KernelSetup setup = kernel_setup(config);
    const auto* shadow = std::get_if<netlink::ShadowSetup>(&setup);
    const auto* taps = std::get_if<netlink::TapSetup>(&setup);
    const auto done = shadow != nullptr ? netlink::set_up_shadow(*shadow) : netlink::set_up_taps(*taps);
    if (!done)
        return std::unexpected(done.error().what);
    for (const std::string& sentence : *done)
        journal.add(Severity::info, "kernel.prepared", "", sentence);
    auto warnings = shadow != nullptr ? netlink::host_warnings(*shadow) : netlink::host_warnings(*taps);
    if (auto sentence = disk_beneath(config.node.run_dir))
        warnings.push_back(*sentence);
    return warnings;
}

/// From here on the file on disk must not be taken for the last word any more. Why it could not be written,
/// or nothing; a refusal is the service's to tell.
std::string begin_records(const config::Config& config, Store& store) {
    if (std::exchange(store.ending, Ending::open) != Ending::orderly)
        return {};
    const auto saved = save_records(config.node.state_dir, store);
    return saved ? std::string{} : saved.error();
}

/// The policy comes last: the engine waits for it.
void tell_engine(const config::Config& config, contract::Page& page) {
    page.records.write(record_setup(config));
    page.appliance.write(appliance(config));
    page.policy.write(packet_policy(config));
}

/// The pulse first: it gives the hand its last orders.
void end(ToPulse& to_pulse, Pulse& pulse, Hand& hand) {
    while (!to_pulse.send(Stop{})) // full: it is being emptied
        std::this_thread::yield();
    pulse.join();
    hand.stop();
}

Journal begin_journal(const config::Config& config, const ledger::Position& last) {
    Journal journal{config.log.target, config.node.name, config.node.id,
                    config.ledger.journal.kept_in_memory};
    journal.continue_from(last);
    journal.add(Severity::info, "node.started", "", "tandemd starts", {{"pair", config.pair.id}});
    return journal;
}

std::expected<void, std::string> run(const config::Config& config, int lifeline_fd, ConfigSource source) {
    const auto lifeline = LifelineMapping::inherit(lifeline_fd);
    if (!lifeline)
        return std::unexpected(lifeline.error());
    const auto key = config::load_key(config.pair.key_file);
    if (!key)
        return std::unexpected(key.error().to_string());
    const auto page = contract::PageMapping::open(config.node.run_dir);
    if (!page)
        return std::unexpected(page.error());
    auto store = load_records(config.node.state_dir);
    if (!store)
        return std::unexpected(store.error());

    LedgerStart ledger = start_ledger(config);
    Journal journal = begin_journal(config, ledger.last);

    // Nothing of an earlier life may be left when the roles are decided anew.
    tell_engine(config, **page);
    auto warnings = prepare_kernel(config, journal);
    if (!warnings)
        return std::unexpected(warnings.error());
    auto groups = prepare_groups(config, *store, **lifeline);
    if (!groups)
        return std::unexpected(groups.error());
    const std::string not_kept = begin_records(config, *store);
    warnings->insert(warnings->end(), groups->warnings.begin(), groups->warnings.end());
    auto paths = open_paths(config);
    if (!paths)
        return std::unexpected(paths.error());
    auto socket = netlink::BatchSocket::open();
    if (!socket)
        return std::unexpected(socket.error().what);

    ToPulse to_pulse;     // service -> pulse
    FromPulse from_pulse; // pulse -> service
    ToHand to_hand;       // pulse -> hand
    FromHand from_hand;   // hand -> pulse
    HandNotes hand_notes; // hand -> service
    EndedTerms terms;     // pulse -> hand
    const std::uint32_t incarnation = random_word();

    Hand hand{**page, std::move(*socket), std::move(groups->effects), to_hand, from_hand, hand_notes, terms};
    Pulse pulse{{pair_hash(config), config.node.id, incarnation, config.digest, config.engine.backend},
                std::move(groups->pulse_groups),
                std::move(*paths),
                **page,
                **lifeline,
                to_pulse,
                from_pulse,
                to_hand,
                from_hand,
                terms};
    if (auto sentence = lock_memory())
        warnings->push_back(*sentence);
    Service service{{config, std::move(source), key->bytes, journal, **page, pulse, to_pulse, from_pulse,
                     hand_notes, store->records, not_kept, groups->interface_indices, groups->inside_index,
                     groups->interfaces, *warnings, incarnation, std::move(ledger)}};
    if (auto opened = service.open(); !opened)
        return std::unexpected(opened.error());

    hand.start();
    pulse.start();
    const std::string begin_anew = service.run();
    end(to_pulse, pulse, hand);
    if (!begin_anew.empty())
        return std::unexpected(begin_anew);
    return {};
}

} // namespace

int run_brain(const config::Config& config, int lifeline_fd, ConfigSource source) {
    if (const auto ended = run(config, lifeline_fd, std::move(source)); !ended) {
        std::fprintf(stderr, "tandemd: %s\n", ended.error().c_str());
        return 1;
    }
    return 0;
}

} // namespace tandem::app
