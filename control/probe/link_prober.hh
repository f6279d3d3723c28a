// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// `link`: is an interface of this machine up, and does it have a carrier?
//
// The kernel is asked by name each time, in a way that does not wait for its routing lock (netdevice(7)), so
// that an interface that was made anew is the same one.

#include "control/probe/prober.hh"

#include <memory>

namespace tandem::probe {

std::unique_ptr<Prober> make_link_prober(Prober::Told told);

} // namespace tandem::probe
