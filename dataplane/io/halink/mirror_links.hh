// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The mirror channel on the HA paths: UDP sockets, seals, sequence numbers.
//
// One connected socket per path. Frames are sealed into a batch and sent with one system call on the path
// that the brain chose; datagrams are received on all. Keys, numbers and replay windows are the path's
// (LinkSeal), whoever sends on it. Deliberately absent: the frames' meaning (dataplane/path), keys' origin
// (control/link), choosing the path (brain).

#include "dataplane/contract/page.hh"
#include "dataplane/io/halink/link_seal.hh"
#include "dataplane/path/instant.hh"
#include "dataplane/path/path.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

struct mmsghdr;
struct iovec;

namespace tandem::halink {

enum class Purpose : std::uint8_t { fresh, again, control, redirected };

/// What became of one frame of a batch.
struct Transmitted {
    Purpose purpose{};
    std::uint32_t token{0}; ///< as given to add()
    path::Sent sent{path::Sent::failed};
};

class MirrorLinks {
public:
    static constexpr std::size_t batch_max = 64;

    explicit MirrorLinks(contract::Page& page);
    ~MirrorLinks();
    MirrorLinks(const MirrorLinks&) = delete;
    MirrorLinks& operator=(const MirrorLinks&) = delete;

    /// Once a turn: opens sockets that the policy wants and that are not open (again after 200 ms when that
    /// failed), takes new keys over.
    void refresh(const contract::Policy& policy, path::Instant now);

    /// Adds a frame, or `head` and `body` as one, to the batch. Call flush() when full().
    void add(Purpose purpose, std::uint32_t token, std::span<const std::uint8_t> head,
             std::span<const std::uint8_t> body = {});
    bool full() const { return count_ == batch_max; }
    /// Sends the batch; what became of each frame, in order, valid until the next add().
    std::span<const Transmitted> flush();

    /// Receives what has arrived on one path. Then opened() gives the content of each authentic datagram.
    void receive(std::size_t path);
    std::optional<std::span<const std::uint8_t>> opened();

    /// -1: the path has no socket now.
    int descriptor(std::size_t path) const { return paths_[path].descriptor; }
    /// Keys and numbers of a path, for whoever sends and receives on it by another way.
    LinkSeal& seal(std::size_t path) { return paths_[path].seal; }

private:
    struct PathState {
        contract::MirrorEndpoint endpoint;
        std::uint16_t port{0};
        int descriptor{-1};
        path::Instant retry_at{};
        LinkSeal seal;
    };

    void open_socket(PathState& state, path::Instant now);
    void send_batch(int descriptor);
    void count(contract::Counter c) { page_.counters.add(c); }

    contract::Page& page_;
    std::array<PathState, contract::paths_max> paths_;
    std::unique_ptr<std::uint8_t[]> plain_;
    std::unique_ptr<std::uint8_t[]> out_;
    std::unique_ptr<std::uint8_t[]> in_;
    std::unique_ptr<mmsghdr[]> headers_;
    std::unique_ptr<iovec[]> vectors_;
    std::array<Transmitted, batch_max> batch_{};
    std::size_t count_{0};
    bool flushed_{false};
    std::size_t path_in_batch_{0};
    std::size_t receiving_path_{0};
    std::size_t received_{0};
    std::size_t received_at_{0};
};

} // namespace tandem::halink
