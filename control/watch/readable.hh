// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Calls a function whenever a descriptor is readable or in error, as long as this object lives.
//
// The descriptor stays its owner's. The function may destroy this object.

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace tandem::watch {

class Readable {
public:
    Readable(boost::asio::io_context& io, int fd, std::function<void()> function)
        : state_(std::make_shared<State>(io, std::move(function))) {
        state_->descriptor.assign(fd);
        wait(state_);
    }
    ~Readable() {
        if (!state_)
            return;
        state_->function = nullptr;
        state_->descriptor.release();
    }
    Readable(Readable&&) noexcept = default;
    Readable& operator=(Readable&&) = delete;

private:
    struct State {
        State(boost::asio::io_context& io, std::function<void()> f)
            : descriptor(io)
            , function(std::move(f)) {}
        boost::asio::posix::stream_descriptor descriptor;
        std::function<void()> function;
    };
    /// A wait that was over already when this object ended still comes, and finds no function.
    static void wait(const std::shared_ptr<State>& state) {
        state->descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                     [state](boost::system::error_code error) {
                                         if (error || !state->function)
                                             return;
                                         const auto function = state->function;
                                         function();
                                         if (state->function)
                                             wait(state);
                                     });
    }
    std::shared_ptr<State> state_;
};

} // namespace tandem::watch
