// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The service thread: everything of the brain that may take its time.
//
// One Boost.Asio loop: the streams to the peer, the operator's socket, the kernel's notifications, the
// journal, the records on disk, and a look at the fast path every 20 ms. It tells the pulse what it finds; it
// decides no role. Deliberately absent: anything that has to be punctual.

#include "control/api/server.hh"
#include "control/app/action_desk.hh"
#include "control/app/alarm_desk.hh"
#include "control/app/alarms.hh"
#include "control/app/brain.hh"
#include "control/app/check_desk.hh"
#include "control/app/engine_watch.hh"
#include "control/app/journal.hh"
#include "control/app/ledger_desk.hh"
#include "control/app/mail_desk.hh"
#include "control/app/operator_desk.hh"
#include "control/app/peer_line.hh"
#include "control/app/pulse.hh"
#include "control/app/pulse_door.hh"
#include "control/app/realtime_share.hh"
#include "control/app/records.hh"
#include "control/app/takeover_record.hh"
#include "control/app/trap_desk.hh"
#include "control/courier/courier.hh"
#include "control/watch/descriptor.hh"
#include "control/watch/readable.hh"
#include "control/watch/watch.hh"
#include "netlink/kernel.hh"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tandem::app {

/// What the service works with; all of it outlives the service.
struct ServiceParts {
    const config::Config& config;
    ConfigSource source;
    const std::string& pair_key;
    Journal& journal;
    contract::Page& page;
    Pulse& pulse;
    ToPulse& to_pulse;
    FromPulse& from_pulse;
    HandNotes& hand_notes;
    Records records;
    std::string not_kept;               ///< why the first writing of the records failed; empty: it did not
    std::vector<int> interface_indices; ///< of each group's outside interface
    int inside_index{0};                ///< of an appliance's inside interface; 0 in host mode
    std::vector<netlink::Interface> interfaces; ///< as they were when the announcements were prepared
    std::vector<std::string> warnings;          ///< conditions of the host that were found at the start
    std::uint32_t incarnation{0};
    LedgerStart ledger; ///< as the disk had it
};

class Service {
public:
    explicit Service(ServiceParts parts);

    /// Opens the operator's socket and the kernel's notifications; a sentence on failure.
    std::expected<void, std::string> open();
    /// The calling thread becomes a real-time one. Runs until an orderly stop, or until there is a reason to
    /// begin anew; a sentence in that case.
    std::string run();

private:
    /// Where a VIP belongs while the group is active here.
    struct Place {
        wire::IpAddress address;
        int interface_index{0};
    };
    /// What the service knows of one group beside the pulse's snapshot.
    struct GroupState {
        std::unique_ptr<watch::Group> monitors;
        TakeoverRecorder recorder;
        std::optional<SetReadiness> readiness_told;
        std::optional<bool> window_told;
        std::uint8_t monitor_lacks{0};
        bool active{false}; ///< as the monitors were told
        bool link_up{true}; ///< of the outside interface, as the kernel said last
        bool link_carrier{true};
        bool port_usable{true};
        std::vector<Place> places;     ///< of all its VIPs, those on the outside interface first
        std::vector<bool> vip_present; ///< for each place, as the kernel said last
        std::vector<bool> misplaced;   ///< for each place, as it was told
        bool vip_came{false};          ///< one of them, since the last check
        bool vip_went{false};
        std::uint64_t claims{0}; ///< seen by the monitors
    };

    // service.cc: life, the kernel, the look around
    void open_peer_line();
    void stop();
    void finish_when_quiet();
    void wait_for_pulse();
    void wait_for_hand();
    void wait_for_kernel();
    void on_link(const netlink::Monitor::LinkChange& change);
    void judge_port(std::size_t group);
    void on_address(const netlink::Monitor::AddressChange& change);
    void check_addresses();
    void check_macs(const std::vector<netlink::Interface>& interfaces);
    void check_addresses_in(std::chrono::milliseconds delay);
    void show_placement(std::size_t group, bool wanted);
    void check_placement(std::size_t group, const ha::View& view,
                         const std::vector<netlink::Interface>& interfaces);
    void tick();
    void moderate(ha::Instant at);
    void tell(std::size_t group, const ha::Input& input);

    // service_events.cc
    void on_pulse_note(const PulseNote& note);
    void on_report(std::size_t group, const ha::Output& output);
    void tell_path(const ha::Output& output, const PulseSnapshot& snapshot);
    void tell_stall(std::uint64_t late_us);
    void on_hand_note(const HandNote& note);
    void tell_takeover(std::size_t group);

    // service_judge.cc
    bool engine_lives(std::int32_t pid);
    void look_at_engine(ha::Instant at);
    void read_notices();
    std::vector<std::string> interfaces_of_paths() const;
    void open_monitors();
    watch::Facts facts(std::size_t group);
    void follow_roles(const PulseSnapshot& snapshot);
    void judge_readiness(const PulseSnapshot& snapshot, ha::Instant at);
    void compare_configurations(const PulseSnapshot& snapshot);
    void choose_mirror_path(const PulseSnapshot& snapshot);
    void judge_window(ha::Instant at);
    std::vector<std::vector<watch::Line>> monitor_lines() const;
    void judge_alarms(const PulseSnapshot& snapshot, ha::Instant at);

    // service_records.cc
    void keep_from(const PulseSnapshot& snapshot);
    void keep_epoch(std::size_t group, std::uint64_t epoch);
    void keep_role(std::size_t group, config::ConfiguredRole role, std::uint8_t serial);
    void keep_disabled(std::size_t group, bool disabled);
    void save_records();
    void on_saved(const std::expected<void, std::string>& saved);
    void keep_last_word();

    // service_methods.cc
    boost::json::object own_status();
    boost::json::object pair_status();
    api::Methods methods();
    void add_check_methods(api::Methods& methods);

    // service_actions.cc
    void open_actions();
    void add_action_methods(api::Methods& methods);

    // service_reload.cc
    void wait_for_hang_up();
    void reload(Respond respond);
    Outcome take_over(const std::expected<Loaded, std::vector<std::string>>& loaded);
    std::vector<std::string> reconfigure(const config::Config& wanted);

    // service_remote.cc
    void admit_gateway(api::Settings& settings, api::Methods& methods);

    // service_ledger.cc
    void open_ledger();
    void tick_ledger(ha::Instant at);
    void close_ledger();
    bool on_ledger_request(const std::string& method, const boost::json::object& params,
                           const Respond& respond);
    void add_ledger_methods(api::Methods& methods);

    ServiceParts parts_;
    PulseDoor door_{parts_.to_pulse};
    boost::asio::io_context io_{1};
    boost::asio::thread_pool disk_{1};
    boost::asio::signal_set signals_{io_};
    boost::asio::signal_set hang_up_{io_};
    boost::asio::posix::stream_descriptor pulse_ready_{io_};
    boost::asio::posix::stream_descriptor hand_ready_{io_};
    boost::asio::posix::stream_descriptor kernel_ready_{io_};
    boost::asio::steady_timer tick_{io_};
    boost::asio::steady_timer address_check_{io_};
    boost::asio::steady_timer stop_deadline_{io_};
    std::unique_ptr<netlink::Monitor> monitor_;
    std::unique_ptr<PeerLine> peer_;
    std::unique_ptr<OperatorDesk> desk_;
    std::unique_ptr<CheckDesk> checks_;
    std::unique_ptr<courier::Courier> courier_;
    std::unique_ptr<MailDesk> mail_;
    std::unique_ptr<TrapDesk> traps_;
    std::unique_ptr<ActionDesk> actions_;
    std::unique_ptr<LedgerDesk> ledger_;
    std::unique_ptr<AlarmDesk> alarms_;
    std::unique_ptr<api::Server> api_;

    std::vector<GroupState> groups_;
    std::string begin_anew_; ///< why; empty: there is no reason
    std::string not_kept_;   ///< why the records could not be written; empty: they could
    ha::Instant save_due_{ha::end_of_time};
    ha::Instant window_due_{};
    ha::Instant stalled_at_{};
    std::optional<std::uint64_t> clear_refused_; ///< datagrams, when last looked at
    ha::Instant clear_at_{};
    /// The packet engine's process.
    struct EngineProcess {
        std::int32_t pid{0};
        watch::Descriptor descriptor;       ///< readable once it has ended
        std::optional<watch::Readable> end; ///< ends before the descriptor
    };
    EngineProcess engine_process_;
    EngineWatch engine_watch_;
    EngineState engine_{EngineState::absent};
    std::optional<boost::json::object> peer_status_;
    ha::Instant peer_status_at_{};
    ha::Instant status_due_{};
    ha::Instant started_{};
    RealtimeShare share_;
    bool realtime_{false}; ///< this thread may have that priority
    std::uint64_t differing_digest_{0};
    std::uint64_t stalls_{0}; ///< since the last entry about them
    std::uint64_t stall_max_us_{0};
    ha::Instant stall_told_{};
    bool reloading_{false};
    bool saving_{false};
    bool save_again_{false};
    bool address_check_pending_{false};
    bool stopping_{false};
    bool left_{false};
    bool said_goodbye_{false};
};

} // namespace tandem::app
