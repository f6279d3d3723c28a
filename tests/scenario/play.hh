// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Plays a transcript: two real nodes, ideal paths and an ideal LAN, one command a line, and what the nodes
// answer.
//
//   # a comment, kept as it is
//   > nodes ROLE[,KEY=VALUE...] ROLE[,...]   two machines are switched on. ROLE: primary or secondary; KEY:
//                                            epoch, priority, paths, disabled=1, interval (ms), multiplier,
//                                            hysteresis, damper (s), failback=auto|window, hold (s)
//   > pair ROLE[,...] ROLE[,...]             the same ten seconds later: what start.txt shows is over; the
//                                            time begins anew
//   > run DURATION                           15ms, 3s
//   > show N                                 what status says of node N
// what the machines do
//   > kill N | > start N                     stops at once | starts anew
//   > gone N [PATH]                          proof that the process of node N is dead, on a path or on each
//   > stall N DURATION                       its brain is not scheduled; its kernel answers ARP for a second
//   > freeze N DURATION                      nothing on the machine runs
//   > refuse N                               its kernel refuses the addresses
// what the network does
//   > cut PATH | > join PATH                 an HA path, in both directions; "all" for each
//   > silence N [PATH] | > hear N [PATH]     heartbeats of node N are lost | arrive again
//   > lan cut | > lan whole                  the data LAN between the two nodes
//   > port N lost | > port N back            the carrier outside
//   > witness N lost | > witness N back      no witness answers node N | one does
//   > claim N                                a third station claims a VIP, node N sees it
//   > stranger on | > stranger off           a third station answers every ARP for a VIP, and serves nothing
//   > straggler N                            a packet for a VIP arrives although node N has handed over
// what the monitors say
//   > server N well | dead | unbound DURATION | hangs    the SIP server; unbound: alternate_s; hangs: it does
//                                            not answer, and its monitor has not noticed
//   > health N SCORE | > proof N | > window N open | > window N shut
//   > lacks N WORD                           engine, mirror, config, state; none
// what people say
//   > order N VERB [force]                   failover, failback, enable, disable, leave, follow
// Every other line is an answer: the time, the node, its output.
// Deliberately absent: delay, loss, chance; that is what the simulation is for.

#include <string>

namespace tandem::ha {

/// The whole transcript again, with the answers that the nodes give now.
std::string play(const std::string& transcript);

} // namespace tandem::ha
