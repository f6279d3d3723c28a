// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The line to the brain: its Unix socket, several requests at a time, each answered once.
//
// Idea: whoever asks while there is no line has one made; a brain that is away is said to be at once, and the
// next request tries again. Bounds: the requests under way, the time for an answer, the size of an answer.

#include "control/https/gate.hh"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tandem::https {

class BrainLine {
public:
    using Answered = std::function<void(Outcome)>;

    BrainLine(boost::asio::io_context& io, std::string socket_path, std::chrono::milliseconds patience);
    BrainLine(const BrainLine&) = delete;
    BrainLine& operator=(const BrainLine&) = delete;
    /// Nobody who waits is answered any more.
    ~BrainLine();

    /// `answered` is called once, and not before this returns.
    void ask(Call call, Answered answered);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace tandem::https
