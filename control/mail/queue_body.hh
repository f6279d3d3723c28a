// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The inside of the queue; see queue.hh.

#include "control/mail/queue.hh"
#include "control/mail/schedule.hh"
#include "control/mail/store.hh"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <list>
#include <random>

namespace tandem::mail {

class Queue::Body : public std::enable_shared_from_this<Queue::Body> {
public:
    Body(boost::asio::io_context& io, courier::Courier& courier, Settings settings, OnNote on_note);

    void open();
    void close();
    std::expected<std::string, std::string> post(Letter letter);
    void reconfigure(Settings settings);
    std::vector<Waiting> waiting() const;
    std::size_t retry(std::string_view id);
    std::size_t drop(std::string_view id);
    std::optional<std::chrono::seconds> oldest() const;
    const std::string& trouble() const { return trouble_; }

private:
    enum class OnDisk : std::uint8_t { no, asked, yes };
    struct Item {
        Kept letter;
        Clock::time_point born; ///< may lie before this process began
        Clock::time_point next; ///< not before
        unsigned tries{0};
        std::string trouble;
        OnDisk on_disk{OnDisk::no};
        bool on_its_way{false};
    };
    using Items = std::list<Item>;

    std::string new_id();
    void enter(Kept letter, Clock::time_point next);
    void make_room();
    void forget(Items::iterator item);

    // on disk
    void on_found(Found found);
    void write(Item& item);
    void on_written(const std::string& id, const std::expected<void, std::string>& written);
    void write_again();

    // on its way
    void pump();
    void sleep_until(Clock::time_point until);
    std::vector<Item*> due(Clock::time_point now);
    courier::MailRequest request_for(const std::vector<Item*>& items) const;
    void send(const std::vector<Item*>& items);
    void on_reply(const courier::MailReply& reply);
    void on_sent(const std::vector<Items::iterator>& gone, std::chrono::microseconds took);
    void on_server_trouble(const std::string& trouble, Setback setback);
    void on_letter_trouble(const std::vector<Items::iterator>& items, const std::string& trouble,
                           Setback setback);
    bool split(Items::iterator item);
    void give_up_old();
    void note(Note note);

    boost::asio::io_context& io_;
    courier::Courier& courier_;
    Settings settings_;
    OnNote on_note_;
    boost::asio::thread_pool disk_{1};
    boost::asio::steady_timer timer_{io_};
    std::int64_t last_created_{0};
    std::mt19937_64 random_;
    Items items_;
    std::size_t octets_{0};
    StormWatch storms_;

    std::optional<courier::TransferId> transfer_;
    unsigned server_tries_{0};
    Clock::time_point server_next_{};
    Clock::time_point last_try_{};
    Setback setback_{Setback::unreachable};
    unsigned refusals_in_row_{0};
    std::string trouble_;

    bool not_kept_{false};
    Clock::time_point write_again_at_{};
    std::size_t disk_jobs_{0};
    std::size_t dropped_{0}; ///< not told yet
    Clock::time_point dropped_told_{};
    bool closed_{false};
};

} // namespace tandem::mail
