// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE kernel_dpdk
#include <boost/test/unit_test.hpp>

#include "dataplane/io/dpdk/eal.hh"

#include <rte_eal.h>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace {

/// A network of our own, and DPDK with a port whose far end is its near end.
struct Dpdk {
    Dpdk() {
        BOOST_REQUIRE_MESSAGE(::geteuid() == 0, "ports are tested with TAPs behind them: run as root");
        BOOST_REQUIRE(::unshare(CLONE_NEWNET) == 0);
        tandem::contract::Appliance setup;
        setup.hugepages = tandem::contract::Hugepages::off;
        setup.memory_mb = 96;
        const std::string_view device = "net_ring0";
        std::ranges::copy(device, setup.ha[0].device.begin());
        const auto started = tandem::dpdk::start_eal(setup);
        BOOST_REQUIRE_MESSAGE(started.has_value(), (started ? std::string{} : started.error()));
    }
    ~Dpdk() { rte_eal_cleanup(); }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(Dpdk);
