// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/engine.hh"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace tandem::snmp;

BOOST_AUTO_TEST_SUITE(engine)

BOOST_AUTO_TEST_CASE(the_id_follows_from_the_names) {
    const std::string id = engine_id("pair", "a", 1);
    BOOST_TEST(id.size() == 21U);
    // RFC 3411 section 5: first bit set, the enterprise, format 5.
    BOOST_TEST(in_hexadecimal(id).starts_with("0x80001f8805"));
    BOOST_TEST(id == engine_id("pair", "a", 1));
    BOOST_TEST(id != engine_id("pair", "a", 2));
    BOOST_TEST(id != engine_id("pair", "b", 1));
    BOOST_TEST(engine_id("pa", "ir", 1) != engine_id("pai", "r", 1));
}

BOOST_AUTO_TEST_CASE(each_beginning_counts) {
    std::string name = (std::filesystem::temp_directory_path() / "snmp-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    const std::string file = name + "/state/snmp";
    BOOST_TEST(begin(file).number == 1U);
    BOOST_TEST(begin(file).number == 2U);
    BOOST_TEST(begin(file).trouble == "");
    std::ofstream{file} << "tandem-snmp-1 boots 2147483647\n";
    BOOST_TEST(begin(file).number == 2147483647U); // RFC 3414: there it stays
    std::ofstream{file} << "rubbish";
    BOOST_TEST(begin(file).number == 1U);
    BOOST_TEST(begin("/proc/none/snmp").trouble != "");
    std::filesystem::remove_all(name);
}

BOOST_AUTO_TEST_SUITE_END()
