// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/mib.hh"

#include "control/snmp/notification.hh"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <string>

using namespace tandem::snmp;

namespace {

/// What Debian's snmptranslate makes of our file, with all warnings.
std::string translate(const std::string& name) {
    const std::string root_folder = SOURCE_ROOT;
    const std::string command = "SNMPCONFPATH=/nonexistent MIBS= snmptranslate -M " + root_folder +
                                "/tests/support/mibs:" + root_folder +
                                "/packaging/snmp -m SNMPv2-MIB:TANDEM-MIB -Pew -On TANDEM-MIB::" + name +
                                " 2>&1";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    BOOST_REQUIRE(pipe != nullptr);
    std::string out;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
        out += static_cast<char>(c);
    ::pclose(pipe);
    return out;
}

std::string below_root(const std::string& more) {
    std::string out;
    for (const std::uint32_t number : root)
        out += "." + std::to_string(number);
    return out + more + "\n";
}

} // namespace

BOOST_AUTO_TEST_SUITE(mib)

BOOST_AUTO_TEST_CASE(the_numbers_are_those_of_the_file) {
    for (std::uint32_t i = 1; i <= 7; ++i)
        BOOST_TEST(translate(std::string{to_string(static_cast<Notice>(i))}) ==
                   below_root(".0." + std::to_string(i)));
    const char* const fields[] = {"PairName", "NodeName",  "GroupName", "Time",
                                  "Reason",   "Detail",    "Role",      "RoleBefore",
                                  "Epoch",    "CheckName", "AlarmCode", "AlarmSeverity"};
    std::uint32_t number = 0;
    for (const char* field : fields)
        BOOST_TEST(translate(std::string{"tandem"} + field) ==
                   below_root(".1.1." + std::to_string(++number)));
}

BOOST_AUTO_TEST_SUITE_END()
