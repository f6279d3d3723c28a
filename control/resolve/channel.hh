// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// c-ares on the loop: one question, one answer.
//
// The library opens, watches and repeats; this object lends it the loop. Deliberately absent: memory of
// anything that was asked.

#include "control/resolve/record.hh"
#include "control/resolve/resolver.hh"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace tandem::resolve {

enum class Answered : std::uint8_t {
    records, ///< perhaps none: the name server says that there are none
    nobody,  ///< no name server gave an answer that can be used
};

class Channel {
public:
    Channel(boost::asio::io_context& io, const ResolverSettings& settings);
    /// Everything on its way is answered `nobody`.
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    using Done = std::function<void(Answered, Records)>;
    /// Called once, perhaps before this returns; it must not end this object.
    void ask(const Question& question, Done done);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace tandem::resolve
