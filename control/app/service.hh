// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The service thread: everything of the brain that may take its time.
//
// One Boost.Asio loop: the streams to the peer, the operator's socket, the kernel's notifications, the
// journal, the records on disk, and a look at the fast path every 20 ms. It tells the pulse what it finds; it
// decides no role. Deliberately absent: anything that has to be punctual.

#include "control/api/server.hh"
#include "control/app/engine_watch.hh"
#include "control/app/epochs.hh"
#include "control/app/journal.hh"
#include "control/app/operator_desk.hh"
#include "control/app/peer_line.hh"
#include "control/app/pulse.hh"
#include "control/app/takeover_record.hh"
#include "netlink/kernel.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

/// What the service works with; all of it outlives the service.
struct ServiceParts {
    const config::Config& config;
    const std::string& pair_key;
    Journal& journal;
    contract::Page& page;
    Pulse& pulse;
    ToPulse& to_pulse;
    FromPulse& from_pulse;
    HandNotes& hand_notes;
    Records records;
    std::vector<int> interface_indices; ///< of each group's outside interface
    std::vector<std::string> warnings;  ///< conditions of the host that were found at the start
    std::uint32_t incarnation{0};
};

class Service {
public:
    explicit Service(ServiceParts parts);

    /// Opens the operator's socket and the kernel's notifications; a sentence on failure.
    std::expected<void, std::string> open();
    /// Runs until an orderly stop.
    void run();

private:
    void stop();
    void finish_when_quiet();

    void wait_for_pulse();
    void on_pulse_note(const PulseNote& note);
    void on_report(const std::string& group, std::size_t index, const ha::Output& output);
    void tell_stall(std::uint64_t late_us);
    void wait_for_hand();
    void on_hand_note(const HandNote& note);
    void tell_takeover(std::size_t group);

    void wait_for_kernel();
    void on_link(const netlink::Monitor::LinkChange& change);
    void on_address(int index, const wire::IpAddress& address);
    void check_addresses();

    void tick();
    void look_at_engine(ha::Instant at);
    void read_notices();
    void judge_readiness(ha::Instant at);
    void compare_configurations(const PulseSnapshot& snapshot);
    void choose_mirror_path(const PulseSnapshot& snapshot);

    void keep_record(std::size_t group, std::uint64_t epoch);
    void keep_disabled(std::size_t group, bool disabled);
    void save_records();

    boost::json::object own_status();
    boost::json::object pair_status();
    api::Methods methods();
    boost::json::object events_since(std::uint64_t since) const;

    ServiceParts parts_;
    boost::asio::io_context io_{1};
    boost::asio::thread_pool disk_{1};
    boost::asio::signal_set signals_{io_};
    boost::asio::posix::stream_descriptor pulse_ready_{io_};
    boost::asio::posix::stream_descriptor hand_ready_{io_};
    boost::asio::posix::stream_descriptor kernel_ready_{io_};
    boost::asio::steady_timer tick_{io_};
    boost::asio::steady_timer address_check_{io_};
    boost::asio::steady_timer stop_deadline_{io_};
    std::unique_ptr<netlink::Monitor> monitor_;
    std::unique_ptr<PeerLine> peer_;
    std::unique_ptr<OperatorDesk> desk_;
    std::unique_ptr<api::Server> api_;

    std::vector<TakeoverRecorder> recorders_;
    std::vector<std::optional<bool>> ready_told_;
    std::vector<bool> in_sync_told_;
    std::vector<bool> port_usable_;
    EngineWatch engine_watch_;
    EngineState engine_{EngineState::absent};
    std::optional<boost::json::object> peer_status_;
    ha::Instant peer_status_at_{};
    ha::Instant status_due_{};
    ha::Instant started_{};
    std::uint64_t differing_digest_{0};
    std::uint64_t stalls_{0}; ///< since the last entry about them
    std::uint64_t stall_max_us_{0};
    ha::Instant stall_told_{};
    bool saving_{false};
    bool save_again_{false};
    bool address_check_pending_{false};
    bool stopping_{false};
    bool left_{false};
    bool said_goodbye_{false};
};

} // namespace tandem::app
