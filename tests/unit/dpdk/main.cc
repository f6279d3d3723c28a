// SPDX-License-Identifier: GPL-3.0-or-later
#define BOOST_TEST_MODULE dpdk
#include <boost/test/unit_test.hpp>

#include <rte_eal.h>

#include <array>

namespace {

struct Dpdk {
    Dpdk() {
        std::array words{const_cast<char*>("unit_dpdk"),
                         const_cast<char*>("--no-huge"),
                         const_cast<char*>("--no-shconf"),
                         const_cast<char*>("--no-pci"),
                         const_cast<char*>("--no-telemetry"),
                         const_cast<char*>("-m"),
                         const_cast<char*>("64"),
                         const_cast<char*>("--log-level=error")};
        BOOST_REQUIRE(rte_eal_init(static_cast<int>(words.size()), words.data()) >= 0);
    }
    ~Dpdk() { rte_eal_cleanup(); }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(Dpdk);
