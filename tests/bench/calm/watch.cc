// SPDX-License-Identifier: GPL-3.0-or-later
// calm_watch CORE: looks a thousand times a second, on the core where another program is measured, whether
// that program has the core for itself. For each line on its standard input it says `CALM LOOKS`: how many of
// its looks since the line before found it so. It ends with its standard input.
#include "tests/bench/calm/calm.hh"

#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <system_error>

int main(int count, char** words) {
    if (count != 2) {
        std::fputs("calm_watch CORE\n", stderr);
        return 2;
    }
    cpu_set_t cores;
    CPU_ZERO(&cores);
    std::size_t core_number = 0;
    const std::string_view word{words[1]};
    if (std::from_chars(word.begin(), word.end(), core_number).ec != std::errc{} ||
        core_number >= CPU_SETSIZE) {
        std::fprintf(stderr, "calm_watch: no number of a core: %s\n", words[1]);
        return 2;
    }
    CPU_SET(core_number, &cores);
    const sched_param first{.sched_priority = 1};
    if (::sched_setaffinity(0, sizeof cores, &cores) != 0 ||
        ::sched_setscheduler(0, SCHED_FIFO, &first) != 0) {
        std::perror("calm_watch: it must be put before the other program on that core");
        return 2;
    }
    calm::Calm core;
    unsigned calm = 0;
    unsigned looks = 0;
    for (pollfd input{STDIN_FILENO, POLLIN, 0};;) {
        if (::poll(&input, 1, 1) == 0) {
            calm += core.now() ? 1 : 0;
            ++looks;
            continue;
        }
        std::array<char, 64> line;
        if (::read(STDIN_FILENO, line.data(), line.size()) <= 0)
            return 0;
        std::printf("%u %u\n", calm, looks);
        std::fflush(stdout);
        calm = looks = 0;
    }
}
