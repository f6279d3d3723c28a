// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/mail/queue_body.hh"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace tandem::mail {
namespace asio = boost::asio;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace {

/// A disk that failed is tried again after so long.
constexpr auto write_again_after = seconds{60};
/// More letters that found no room are told of together.
constexpr auto dropped_spacing = seconds{60};

std::int64_t wall_ms() {
    return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

Queue::Queue(asio::io_context& io, courier::Courier& courier, Settings settings, OnNote on_note)
    : body_(std::make_shared<Body>(io, courier, std::move(settings), std::move(on_note))) {
    body_->open();
}

Queue::~Queue() {
    body_->close();
}

std::expected<std::string, std::string> Queue::post(Letter letter) {
    return body_->post(std::move(letter));
}
void Queue::reconfigure(Settings settings) {
    body_->reconfigure(std::move(settings));
}
std::vector<Waiting> Queue::waiting() const {
    return body_->waiting();
}
std::size_t Queue::retry(std::string_view id) {
    return body_->retry(id);
}
std::size_t Queue::drop(std::string_view id) {
    return body_->drop(id);
}
std::optional<seconds> Queue::oldest() const {
    return body_->oldest();
}
const std::string& Queue::trouble() const {
    return body_->trouble();
}

Queue::Body::Body(asio::io_context& io, courier::Courier& courier, Settings settings, OnNote on_note)
    : io_(io)
    , courier_(courier)
    , settings_(std::move(settings))
    , on_note_(std::move(on_note))
    , random_(std::random_device{}()) {}

void Queue::Body::open() {
    asio::post(disk_,
               [folder = settings_.folder, most = settings_.letters_max, weak = weak_from_this(), &io = io_] {
                   asio::post(io, [weak, found = read_folder(folder, most)]() mutable {
                       if (const auto body = weak.lock())
                           body->on_found(std::move(found));
                   });
               });
}

void Queue::Body::close() {
    closed_ = true;
    timer_.cancel();
    if (transfer_)
        courier_.cancel(*std::exchange(transfer_, std::nullopt));
    disk_.join();
}

void Queue::Body::note(Note what) {
    if (on_note_ && !closed_)
        on_note_(what);
}

std::string Queue::Body::new_id() {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(random_()));
    return text.data();
}

// ---- letters come and go ----

std::expected<std::string, std::string> Queue::Body::post(Letter letter) {
    Kept kept{new_id(),
              letter.from.empty() ? settings_.from : std::move(letter.from),
              letter.to.empty() ? settings_.to : std::move(letter.to),
              one_line(letter.subject, subject_max),
              clean_text(letter.body, body_max),
              last_created_ = std::max(wall_ms(), last_created_ + 1), // their order, also after a restart
              false};
    if (kept.to.empty())
        return std::unexpected("the letter has no recipient");
    if (kept.to.size() > recipients_max)
        return std::unexpected("the letter has more than " + std::to_string(recipients_max) + " recipients");
    if (const auto good = check_address(kept.from); !good)
        return std::unexpected("sender: " + good.error());
    for (const std::string& address : kept.to)
        if (const auto good = check_address(address); !good)
            return std::unexpected("recipient: " + good.error());
    const auto now = Clock::now();
    const auto digest_at = storms_.on_letter(kept.to, now, settings_.digest_after, settings_.digest_window);
    kept.digest = digest_at.has_value();
    std::string id = kept.id;
    enter(std::move(kept), digest_at.value_or(now));
    make_room();
    // Somebody who mends the server need not wait for the next turn, as long as something happens.
    if (setback_ == Setback::unreachable && last_try_ + wait_after(1, setback_, 0) <= now)
        server_next_ = now;
    pump();
    return id;
}

void Queue::Body::enter(Kept letter, Clock::time_point next) {
    const auto age = milliseconds{std::max<std::int64_t>(0, wall_ms() - letter.created_ms)};
    octets_ += letter.octets();
    items_.push_back({std::move(letter), Clock::now() - age, next, 0, {}, OnDisk::no, false});
    write(items_.back());
}

/// The oldest goes: what happened last matters most.
void Queue::Body::make_room() {
    while (items_.size() > settings_.letters_max || octets_ > settings_.octets_max) {
        const auto oldest = std::ranges::find_if(items_, [](const Item& item) { return !item.on_its_way; });
        if (oldest == items_.end() || std::next(oldest) == items_.end())
            return;
        forget(oldest);
        ++dropped_;
    }
    if (dropped_ > 0 && Clock::now() >= dropped_told_ + dropped_spacing) {
        dropped_told_ = Clock::now();
        note({Note::Kind::dropped,
              "",
              {},
              "too many letters wait; the oldest were dropped",
              0,
              std::exchange(dropped_, 0)});
    }
}

void Queue::Body::forget(Items::iterator item) {
    octets_ -= item->letter.octets();
    if (item->on_disk != OnDisk::no)
        asio::post(disk_, [folder = settings_.folder, id = item->letter.id] { remove(folder, id); });
    items_.erase(item);
}

void Queue::Body::reconfigure(Settings settings) {
    settings_ = std::move(settings);
    server_tries_ = 0;
    refusals_in_row_ = 0;
    server_next_ = Clock::now();
    for (Item& item : items_)
        if (item.tries > 0) // not what waits for its digest
            item.next = server_next_;
    make_room();
    pump();
}

std::vector<Waiting> Queue::Body::waiting() const {
    const auto now = Clock::now();
    std::vector<Waiting> out;
    for (const Item& item : items_) {
        const auto next = std::max(item.next, server_next_);
        out.push_back({item.letter.id, item.letter.to, item.letter.subject,
                       duration_cast<seconds>(now - item.born), item.tries,
                       std::max(seconds{0}, std::chrono::ceil<seconds>(next - now)), item.trouble,
                       item.letter.digest, item.on_its_way});
    }
    return out;
}

std::size_t Queue::Body::retry(std::string_view id) {
    std::size_t count = 0;
    const auto now = Clock::now();
    for (Item& item : items_)
        if (id.empty() || item.letter.id == id) {
            item.next = now; // of all the same: they go in the order in which they came
            ++count;
        }
    if (count > 0) {
        server_next_ = now;
        pump();
    }
    return count;
}

std::size_t Queue::Body::drop(std::string_view id) {
    std::size_t count = 0;
    bool carried = false;
    for (auto item = items_.begin(); item != items_.end();) {
        const auto one = item++;
        if (!id.empty() && one->letter.id != id)
            continue;
        carried = carried || one->on_its_way;
        forget(one);
        ++count;
    }
    if (carried && transfer_) {
        courier_.cancel(*std::exchange(transfer_, std::nullopt));
        for (Item& item : items_)
            item.on_its_way = false;
    }
    pump();
    return count;
}

std::optional<seconds> Queue::Body::oldest() const {
    if (items_.empty())
        return std::nullopt;
    const auto item = std::ranges::min_element(items_, {}, &Item::born);
    return duration_cast<seconds>(Clock::now() - item->born);
}

// ---- on disk ----

void Queue::Body::on_found(Found found) {
    if (closed_)
        return;
    for (const std::string& sentence : found.unreadable)
        note({Note::Kind::unreadable, "", {}, sentence, 0, 1});
    if (!found.trouble.empty())
        note({Note::Kind::not_kept, "", {}, found.trouble, 0, 0});
    const auto now = Clock::now();
    const std::int64_t wall = wall_ms();
    Items before;
    for (Kept& letter : found.letters) {
        octets_ += letter.octets();
        const auto age = milliseconds{std::max<std::int64_t>(0, wall - letter.created_ms)};
        before.push_back({std::move(letter), now - age, now, 0, {}, OnDisk::yes, false});
    }
    items_.splice(items_.begin(), before);
    make_room();
    pump();
}

void Queue::Body::write(Item& item) {
    if (disk_jobs_ >= 2 * settings_.letters_max)
        return; // the disk hangs: it is sent from memory
    item.on_disk = OnDisk::asked;
    ++disk_jobs_;
    asio::post(disk_, [folder = settings_.folder, letter = item.letter, weak = weak_from_this(), &io = io_] {
        asio::post(io, [weak, id = letter.id, written = keep(folder, letter)] {
            if (const auto body = weak.lock())
                body->on_written(id, written);
        });
    });
}

void Queue::Body::on_written(const std::string& id, const std::expected<void, std::string>& written) {
    --disk_jobs_;
    if (closed_)
        return;
    const auto item = std::ranges::find(items_, id, [](const Item& i) { return i.letter.id; });
    if (item != items_.end())
        item->on_disk = written ? OnDisk::yes : OnDisk::no;
    if (written) {
        if (std::exchange(not_kept_, false)) {
            note({Note::Kind::kept, "", {}, "letters that wait are on disk again", 0, 0});
            for (Item& other : items_)
                if (other.on_disk == OnDisk::no)
                    write(other);
        }
        return;
    }
    write_again_at_ = Clock::now() + write_again_after;
    if (!std::exchange(not_kept_, true))
        note({Note::Kind::not_kept,
              "",
              {},
              written.error() + " (letters are tried from memory; a restart would lose them)",
              0,
              0});
    pump();
}

/// One letter tries whether the disk takes it again; the others follow.
void Queue::Body::write_again() {
    if (!not_kept_ || Clock::now() < write_again_at_)
        return;
    write_again_at_ = Clock::now() + write_again_after;
    const auto item = std::ranges::find(items_, OnDisk::no, &Item::on_disk);
    if (item != items_.end())
        write(*item);
}

} // namespace tandem::mail
