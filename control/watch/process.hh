// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Which process is the SIP server?
//
// Problem: a server is known by a file that holds its process id, or by its program; it may fork many
// children with the same program, and another network namespace of the same machine may run it too. Idea:
// the content of the file decides whether it is one that holds a process id. By program, only processes of
// this network namespace count, and of those the one that is nobody's child among them; the oldest if there
// are several. Deliberately absent: watching it, reading /proc.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::watch {

/// The process id in a pid file: decimal digits on the first line, blanks around them; 1 to 2^22.
std::optional<std::int32_t> read_pid_file(std::string_view text);

/// Whether /proc/PID/exe names this program, also after the file was replaced by an update.
bool is_program(std::string_view link, std::string_view program);

struct Candidate {
    std::int32_t pid{0};
    std::int32_t parent{0};
    std::uint64_t started{0}; ///< clock ticks after the boot
};

/// The main process of those that run the program.
std::optional<std::int32_t> main_process(std::span<const Candidate> candidates);

/// Parent and start of a process from /proc/PID/stat; nothing for one that has ended (a zombie). Its name
/// may hold blanks and parentheses.
std::optional<Candidate> read_stat(std::int32_t pid, std::string_view stat);

} // namespace tandem::watch
