// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/watch/process.hh"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace tandem::watch;

BOOST_AUTO_TEST_SUITE(process)

BOOST_AUTO_TEST_CASE(pid_files) {
    struct Row {
        const char* text;
        std::int32_t pid; ///< 0: none
    };
    for (const Row& row :
         {Row{"1234\n", 1234}, Row{"1234", 1234}, Row{" 77 \r\nrest\n", 77}, Row{"1\n", 1},
          Row{"4194304\n", 4194304}, Row{"4194305\n", 0}, Row{"99999999999999\n", 0}, Row{"0\n", 0},
          Row{"-5\n", 0}, Row{"+5\n", 0}, Row{"12x\n", 0}, Row{"0x12\n", 0}, Row{"", 0}, Row{"\n1234\n", 0},
          Row{"\x7f"
              "ELF",
              0},
          Row{"12 34\n", 0}})
        BOOST_CHECK_MESSAGE(read_pid_file(row.text).value_or(0) == row.pid, row.text);
}

BOOST_AUTO_TEST_CASE(programs) {
    BOOST_CHECK(is_program("/usr/sbin/kamailio", "/usr/sbin/kamailio"));
    BOOST_CHECK(is_program("/usr/sbin/kamailio (deleted)", "/usr/sbin/kamailio")); // updated under it
    BOOST_CHECK(!is_program("/usr/sbin/kamailio2", "/usr/sbin/kamailio"));
    BOOST_CHECK(!is_program("/usr/sbin/kamailio", "/usr/sbin/kamailio2"));
    BOOST_CHECK(!is_program("/usr/sbin/kamailio (deletex)", "/usr/sbin/kamailio"));
    BOOST_CHECK(!is_program("/tmp/usr/sbin/kamailio", "/usr/sbin/kamailio"));
    BOOST_CHECK(!is_program("", ""));
    BOOST_CHECK(!is_program(" (deleted)", ""));
}

BOOST_AUTO_TEST_CASE(the_main_process_is_nobodys_child_among_them) {
    const std::vector<Candidate> family{{.pid = 12, .parent = 10, .started = 5},
                                        {.pid = 10, .parent = 1, .started = 7},
                                        {.pid = 13, .parent = 10, .started = 6},
                                        {.pid = 14, .parent = 13, .started = 4}};
    BOOST_CHECK(main_process(family) == 10);
    BOOST_CHECK(!main_process({}).has_value());
    // two of them: the older; as old as each other: the lower number
    const std::vector<Candidate> two{{.pid = 30, .parent = 1, .started = 50},
                                     {.pid = 20, .parent = 1, .started = 60}};
    BOOST_CHECK(main_process(two) == 30);
    const std::vector<Candidate> twins{{.pid = 30, .parent = 1, .started = 50},
                                       {.pid = 20, .parent = 1, .started = 50}};
    BOOST_CHECK(main_process(twins) == 20);
    // its own parent, or a ring of numbers used again: no choice is better than an endless search
    const std::vector<Candidate> self{{.pid = 5, .parent = 5, .started = 1}};
    BOOST_CHECK(main_process(self) == 5);
    const std::vector<Candidate> ring{{.pid = 5, .parent = 6, .started = 1},
                                      {.pid = 6, .parent = 5, .started = 2}};
    BOOST_CHECK(!main_process(ring).has_value());
}

BOOST_AUTO_TEST_CASE(stat_lines) {
    const auto line = [](const std::string& name, const std::string& state) {
        return "42 (" + name + ") " + state +
               " 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200 18446744073709551615\n";
    };
    for (const auto* name : {"kamailio", "a b", "a) S 1 (b", ")", "((("}) {
        const auto found = read_stat(42, line(name, "S"));
        BOOST_REQUIRE_MESSAGE(found.has_value(), name);
        BOOST_CHECK_EQUAL(found->pid, 42);
        BOOST_CHECK_EQUAL(found->parent, 7);
        BOOST_CHECK_EQUAL(found->started, 987654U);
    }
    BOOST_CHECK(!read_stat(42, line("gone", "Z")));
    BOOST_CHECK(!read_stat(42, line("gone", "X")));
    const std::string good = line("short", "S");
    const std::size_t needed = good.find(" 1000");
    for (std::size_t length = 0; length + 6 < needed; ++length)
        BOOST_CHECK_MESSAGE(!read_stat(42, good.substr(0, length)), length);
}

BOOST_AUTO_TEST_SUITE_END()
