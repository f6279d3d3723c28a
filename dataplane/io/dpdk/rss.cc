// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/rss.hh"

#include <rte_ethdev.h>

namespace tandem::dpdk {
namespace {

constexpr std::uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
/// Without these there is one address pair behind a gateway, and one queue.
constexpr std::uint64_t needed = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
constexpr std::size_t usual_key = 40;

std::vector<std::uint8_t> repeating_key(std::size_t octets) {
    std::vector<std::uint8_t> key(octets);
    for (std::size_t i = 0; i < octets; ++i)
        key[i] = i % 2 == 0 ? 0x6d : 0x5a;
    return key;
}

} // namespace

void SymmetricRss::ask(rte_eth_conf& conf, const rte_eth_dev_info& info, std::uint16_t queues) {
    queues_ = queues;
    fields_ = wanted & info.flow_type_rss_offloads;
    if (queues < 2 || fields_ == 0)
        return;
    key_ = repeating_key(info.hash_key_size != 0 ? info.hash_key_size : usual_key);
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = fields_;
    conf.rx_adv_conf.rss_conf.rss_key = key_.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<std::uint8_t>(key_.size());
}

std::optional<Rss> SymmetricRss::settle(std::uint16_t port, const rte_eth_dev_info& info) const {
    if (key_.empty() || (fields_ & needed) == 0 || info.reta_size == 0)
        return std::nullopt;
    std::vector<rte_eth_rss_reta_entry64> table((info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1U) /
                                                RTE_ETH_RETA_GROUP_SIZE);
    for (std::uint16_t i = 0; i < info.reta_size; ++i) {
        rte_eth_rss_reta_entry64& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
        group.mask |= std::uint64_t{1} << i % RTE_ETH_RETA_GROUP_SIZE;
        group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<std::uint16_t>(i % queues_);
    }
    if (::rte_eth_dev_rss_reta_update(port, table.data(), info.reta_size) != 0)
        return std::nullopt;
    // Some devices take the key with the configuration, some only now.
    std::vector<std::uint8_t> key{key_};
    rte_eth_rss_conf now{};
    now.rss_key = key.data();
    now.rss_key_len = static_cast<std::uint8_t>(key.size());
    now.rss_hf = fields_;
    ::rte_eth_dev_rss_hash_update(port, &now);
    key.assign(key.size(), 0);
    now.rss_hf = 0;
    if (::rte_eth_dev_rss_hash_conf_get(port, &now) != 0 || key != key_ || (now.rss_hf & needed) == 0)
        return std::nullopt;
    return Rss{now.rss_hf, info.reta_size, queues_};
}

} // namespace tandem::dpdk
