// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Plays a transcript: two real nodes, an ideal link, one command a line, and what the nodes answer.
//
//   # a comment, kept as it is
//   > nodes ROLE[,KEY=VALUE...] ROLE[,...]   primary or secondary; epoch=N, priority=N, paths=N, disabled=1
//   > run DURATION                            15ms, 3s
//   > silence N | > hear N                    nothing of node N arrives | it does again
//   > kill N | > start N                      its machine stops at once | it starts anew
//   > gone N [PATH]                           proof that the process of node N is dead, on a path or on each
//   > stall N DURATION                        node N is not scheduled; the other one is
//   > port N lost | > port N back
//   > ready N | > unready N | > claim N | > straggler N | > refuse N   (the kernel refuses the addresses)
//   > lan cut | > lan whole                   whether a probe reaches the other node
//   > order N VERB [force]
// Every other line is an answer: the time since the start, the node, its output.
// Deliberately absent: delay, loss, chance; that is what the simulation is for.

#include <string>

namespace tandem::ha {

/// The whole transcript again, with the answers that the nodes give now.
std::string play(const std::string& transcript);

} // namespace tandem::ha
