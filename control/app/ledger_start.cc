// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/ledger_start.hh"

#include "control/ledger/whole_file.hh"

#include <boost/json/parse.hpp>

#include <sys/random.h>

#include <fstream>
#include <utility>

namespace tandem::app {
namespace json = boost::json;
namespace {

constexpr std::size_t alarm_file_max = 4U << 20U;

std::uint32_t new_life() {
    std::uint32_t life = 0;
    while (life == 0 && ::getrandom(&life, sizeof life, 0) != sizeof life) {
    }
    return life;
}

std::string this_boot() {
    std::string boot;
    std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, boot);
    return boot;
}

/// The end of one journal; what is not as it should be becomes a remark.
ledger::Segments::Found look_into(ledger::Segments& segments, const char* whose,
                                  std::vector<std::string>& remarks) {
    auto found = segments.open();
    if (!found) {
        remarks.push_back("the journal of " + std::string{whose} + " cannot be opened: " + found.error());
        return {};
    }
    if (found->torn)
        remarks.push_back("the journal of " + std::string{whose} +
                          " ended in half a line, as after a crash; it was taken away");
    if (found->damaged > 0)
        remarks.push_back("the journal of " + std::string{whose} + " has " + std::to_string(found->damaged) +
                          " damaged lines at its end; they are left out");
    return std::move(*found);
}

} // namespace

std::string alarm_file(const std::string& state_dir) {
    return state_dir + "/journal/alarms.json";
}

LedgerStart start_ledger(const config::Config& config) {
    const std::string folder = config.node.state_dir + "/journal/";
    const std::uint64_t size = std::uint64_t{config.ledger.journal.size_mb} << 20U;
    LedgerStart out{ledger::Segments{{folder + "own", size}},
                    ledger::Segments{{folder + "peer", size}},
                    {},
                    {},
                    this_boot(),
                    {},
                    {}};
    const auto own = look_into(out.own, "this node", out.remarks);
    const auto peer = look_into(out.peer, "the peer", out.remarks);
    if (peer.last)
        out.peer_last = position_of(*peer.last);
    // What a process wrote before it was killed is there. Of what was written before the machine crashed, the
    // end may be gone, and its numbers come again: in another life.
    const bool whole = own.last && (own.ended || own.boot == out.boot);
    out.last = {whole ? own.last->life : new_life(), own.last ? own.last->sequence : 0};
    const std::string text = ledger::read_file(alarm_file(config.node.state_dir), alarm_file_max);
    json::error_code error;
    json::value alarms = json::parse(text, error);
    if (!error && alarms.is_object())
        out.alarms = std::move(alarms.get_object());
    else if (!text.empty())
        out.remarks.emplace_back("the file of alarms is damaged; the table begins anew");
    return out;
}

} // namespace tandem::app
