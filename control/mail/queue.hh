// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Letters that wait to be sent, in memory and on disk.
//
// Problem: the mail server is away exactly when there is something to tell, and a node that restarts must not
// forget it. Idea: each letter is a file, written by a thread of the queue's own while the first attempt is
// made already; what cannot be written is tried from memory. One letter is on its way at a time. When the
// server does not answer or refuses us, all letters wait, longer each time; when it refuses one letter, that
// one waits. Of a storm to the same recipients the first letters go singly, the others as one that lists
// them. Nothing blocks; everything has a bound. Deliberately absent: what is worth a letter.

#include "control/courier/courier.hh"
#include "control/mail/letter.hh"
#include "control/mail/settings.hh"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::mail {

/// What happened, for the journal.
struct Note {
    enum class Kind : std::uint8_t {
        sent,
        deferred, ///< not each time: the first, and then seldom
        given_up,
        dropped,   ///< the queue was full
        not_kept,  ///< the disk does not take them
        kept,      ///< it does again
        unreadable ///< a file that is no letter
    };
    Kind kind;
    std::string id; ///< of the letter; empty: none in particular
    std::vector<std::string> to;
    std::string text; ///< a sentence, fit to be printed
    unsigned tries{0};
    std::size_t letters{1}; ///< that are concerned; of a digest more than one
};

/// One letter that waits, as it is shown.
struct Waiting {
    std::string id;
    std::vector<std::string> to;
    std::string subject;
    std::chrono::seconds age{0};
    unsigned tries{0};
    std::chrono::seconds next_try{0}; ///< from now
    std::string trouble;              ///< of the last try; empty: none yet
    bool digest{false};               ///< it goes as part of a digest
    bool on_its_way{false};
};

/// One loop's; every function is called on it.
class Queue {
public:
    using OnNote = std::function<void(const Note&)>;

    /// Reads what waits in the folder, by and by. `courier` outlives it.
    Queue(boost::asio::io_context& io, courier::Courier& courier, Settings settings, OnNote on_note);
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    /// Waits until what was posted is on disk.
    ~Queue();

    /// Its id, or why it is refused, in a sentence.
    std::expected<std::string /*id*/, std::string> post(Letter letter);

    /// Letters that wait keep their recipients; the next try goes to the new server at once.
    void reconfigure(Settings settings);

    /// In the order in which they came.
    std::vector<Waiting> waiting() const;
    /// How many letters are tried now or dropped; empty `id`: all of them.
    std::size_t retry(std::string_view id);
    std::size_t drop(std::string_view id);
    /// For how long the oldest has waited; nothing waits: absent.
    std::optional<std::chrono::seconds> oldest() const;
    /// The last trouble; empty: the last letter was sent.
    const std::string& trouble() const;

private:
    class Body;
    std::shared_ptr<Body> body_;
};

} // namespace tandem::mail
