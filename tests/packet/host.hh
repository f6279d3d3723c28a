// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A host with a phone beside it, for the nfqueue engine: two namespaces, one link, the real kernel.
//
//   phone namespace            node namespace
//   p0 10.9.0.7  ------------- n0 10.9.0.2, VIPs     shadow0 (TUN)     lo: 127.0.0.1 tandem-fast, 127.0.0.2
//   peer
//
// Everything is removed at the end. Needs root.

#include "dataplane/contract/page.hh"
#include "tests/packet/namespaces.hh"
#include "tests/packet/peer.hh"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace packet_suite {

class Host {
public:
    Host();
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    tandem::contract::Page& page() { return **page_; }
    std::uint64_t count(tandem::contract::Counter c) { return page().counters.get(c); }

    /// Starts tandem-fast and waits until it is attached.
    void start();
    /// Starts a second one and gives its exit status.
    int run_second();
    void kill();
    /// SIGTERM; gives the exit status.
    int terminate();
    /// Waits until the engine has seen what the page says now.
    void settle();

    /// Sends from the phone.
    void send(std::string_view payload, std::string_view destination, std::uint16_t port);
    /// The next datagram that the SIP server received, if there is one now.
    std::optional<std::string> received();
    /// The phone's address and port, as the server saw it last.
    const std::string& seen_source() const { return seen_source_; }
    /// The server answers the last sender from the VIP; gives whether the kernel took it.
    bool answer(std::string_view payload);

    Peer& peer() { return *peer_; }
    void new_peer();
    /// Runs a command in the node's namespace; its output.
    std::string run(const std::string& command) const;

private:
    std::string node_;
    std::string phone_;
    std::string run_dir_;
    std::optional<tandem::contract::PageMapping> page_;
    std::vector<int> servers_;
    int phone4_{-1};
    int phone6_{-1};
    std::unique_ptr<Peer> peer_;
    pid_t engine_{-1};
    std::string seen_source_;
    Bytes seen_address_;
    int seen_server_{-1};
};

} // namespace packet_suite
