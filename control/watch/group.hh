// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The monitors of one group, wired: what Group hides.
//
// One timer serves them all. Each duty has a time of its own in a table; the timer stands at the earliest.
// Descriptors wake the loop by themselves. Everything runs on the loop's one thread.

#include "control/watch/behind.hh"
#include "control/watch/link_table.hh"
#include "control/watch/listener.hh"
#include "control/watch/nic.hh"
#include "control/watch/options_socket.hh"
#include "control/watch/process_table.hh"
#include "control/watch/readable.hh"
#include "control/watch/server.hh"
#include "control/watch/service_fold.hh"
#include "control/watch/socket_table.hh"
#include "control/watch/traffic.hh"
#include "control/watch/vip.hh"
#include "control/watch/watch.hh"
#include "control/watch/witness.hh"
#include "control/watch/witness_socket.hh"

#include "control/ha/health.hh"
#include "netlink/kernel.hh"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <optional>
#include <variant>

namespace tandem::watch {

struct Group::Impl {
    Impl(boost::asio::io_context& io_context, const config::Group& group, int index, Handlers to,
         std::vector<std::string> path_interfaces, std::string inside);

    void start();
    void stop();
    void on_role(bool now_active);
    void look_now();
    std::vector<Line> lines() const;
    std::chrono::seconds silence_period() const;

private:
    /// What the timer stands for.
    enum Duty : std::uint8_t {
        look_at_facts,    ///< VIPs, arrivals, carrier
        look_at_ports,    ///< of `nic`
        look_at_sockets,  ///< of `listener`
        find_the_process, ///< while it is away
        ask_the_server,   ///< next question, or the end of waiting for an answer
        ask_witnesses,
        ask_endpoints,
        believe_recovery, ///< the health board's own change
        duties,
    };
    enum Monitor : std::uint8_t { vip, nic, traffic, listener, process, server, witness, monitors };

    /// A watched endpoint.
    struct Asked {
        std::optional<OptionsSocket> socket;
        std::optional<Readable> readable; ///< ends before the socket
    };
    /// The SIP server at one VIP.
    struct Server {
        /// Absent: it could not be opened. On this host or, with translation, by its own address; or at the
        /// VIP behind an appliance.
        std::variant<std::monostate, OptionsSocket, BehindSocket> socket;
        std::optional<Readable> readable; ///< ends before the socket
        bool refused{false};              ///< in this round
    };

    static ha::Instant moment();
    bool is_on(Monitor monitor) const { return standings_[monitor].state() != State::off; }
    bool is_appliance() const { return config_.forwarding != contract::Forwarding::host; }
    static std::vector<wire::Prefix> own_addresses(const netlink::Interface& interface,
                                                   const std::vector<wire::Prefix>& vips);
    std::vector<wire::Prefix> own_addresses() const;
    void add_source(Monitor monitor, std::uint16_t weight);

    void arm();
    void turn(ha::Instant now);
    /// Tells what has changed: health, service, the server as a lack.
    void tell(ha::Instant now);
    void fail_in_health(Monitor monitor, ha::Instant now, bool failed);
    /// Takes the state over and makes an event of a change from or to a bad state.
    void stand(Monitor monitor, ha::Instant now, State state, std::string detail, const char* bad_code,
               const char* good_code);

    void run_facts(ha::Instant now);
    void run_vip(ha::Instant now, const Facts& facts);
    void run_traffic(ha::Instant now, const Facts& facts);
    void prove(ha::Instant now);
    void run_nic(ha::Instant now);
    void run_listener(ha::Instant now);
    void find(ha::Instant now);
    void on_process_end();
    void serve_fail(ServiceSource source, ha::Instant now);

    void open_server();
    bool open_server_here(Server& place, const wire::IpAddress& service,
                          const std::vector<wire::Prefix>& own) const;
    bool open_server_behind(Server& place, std::size_t position, const netlink::Interface& interface) const;
    void read_server();
    void run_server(ha::Instant now);
    void judge_server(ha::Instant now);
    void open_witness();
    void read_witness();
    void run_witness(ha::Instant now);
    void judge_witness(ha::Instant now);
    void run_endpoints(ha::Instant now);
    bool open_endpoint(std::size_t endpoint);

    boost::asio::io_context& io_;
    const config::Group& config_;
    int outside_index_;
    Handlers handlers_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<int> life_; ///< ends with stop(): what the timer still brings then is nothing
    std::array<ha::Instant, duties> due_;
    std::vector<Standing> standings_;
    bool active_{false};
    bool carrier_{true};

    ha::HealthBoard board_;
    std::array<std::optional<std::size_t>, monitors> sources_{};
    std::uint16_t told_score_{ha::score_max};
    std::uint8_t told_lacks_{0};
    std::optional<bool> told_reachable_;
    ServiceFold service_;
    std::optional<ha::Instant> proven_at_;

    std::optional<VipJudge> vip_judge_;
    std::optional<NicJudge> nic_judge_;
    std::vector<std::string> path_interfaces_;
    std::string inside_; ///< name of the inside interface; empty in host mode
    std::optional<LinkTable> links_;
    std::vector<PortFacts> ports_;
    TrafficJudge traffic_judge_;
    std::vector<Asked> endpoints_;
    std::optional<ListenerJudge> listener_judge_;
    std::optional<SocketTable> sockets_;
    std::optional<ha::Instant> unbound_since_;
    std::optional<LiveProcess> process_;
    std::optional<Readable> process_end_;
    std::optional<ha::Instant> process_gone_since_;
    std::optional<ServerJudge> server_judge_;
    std::vector<Server> servers_;
    std::optional<WitnessJudge> witness_judge_;
    std::optional<WitnessSocket> witness_socket_;
    std::vector<Readable> witness_readable_;
    unsigned witness_rounds_lost_{0};
};

} // namespace tandem::watch
