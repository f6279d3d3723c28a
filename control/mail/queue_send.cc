// SPDX-License-Identifier: GPL-3.0-or-later

// The queue's letters on their way: whose turn it is, and what follows from the answer.

#include "control/mail/queue_body.hh"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <utility>

namespace tandem::mail {
using std::chrono::duration_cast;
using std::chrono::milliseconds;
namespace {

/// So many letters refused in a row mean that the server will have none of ours.
constexpr unsigned refusals_max = 3;
constexpr std::size_t first_line_max = 160;

std::chrono::system_clock::time_point wall_of(std::int64_t ms) {
    return std::chrono::system_clock::time_point{milliseconds{ms}};
}

std::string clock_text(std::int64_t ms) {
    const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
    return text.data();
}

DigestLine line_of(const Kept& letter) {
    const std::string_view body = letter.body;
    const auto begin = body.find_first_not_of(" \t\n");
    const std::string_view text = begin == std::string_view::npos ? std::string_view{} : body.substr(begin);
    return {clock_text(letter.created_ms), letter.subject,
            one_line(text.substr(0, text.find('\n')), first_line_max)};
}

} // namespace

void Queue::Body::sleep_until(Clock::time_point until) {
    timer_.expires_at(until);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        if (const auto body = weak.lock(); body && !error)
            body->pump();
    });
}

void Queue::Body::pump() {
    if (closed_)
        return;
    write_again();
    auto wake = not_kept_ && !items_.empty() ? write_again_at_ : Clock::time_point::max();
    const auto now = Clock::now();
    if (!settings_.hindrance.empty())
        trouble_ = settings_.hindrance;
    else if (!transfer_ && !items_.empty()) {
        const auto items = server_next_ <= now ? due(now) : std::vector<Item*>{};
        if (!items.empty())
            send(items);
        else
            wake = std::min(wake, std::max(server_next_, std::ranges::min(items_, {}, &Item::next).next));
    }
    if (wake != Clock::time_point::max())
        sleep_until(wake);
    else
        timer_.cancel();
}

/// The letter whose turn it is, or all that go together in a digest.
std::vector<Queue::Body::Item*> Queue::Body::due(Clock::time_point now) {
    const auto first = std::ranges::min_element(items_, {}, &Item::next);
    if (first == items_.end() || first->next > now)
        return {};
    if (!first->letter.digest)
        return {&*first};
    std::vector<Item*> together;
    for (Item& item : items_)
        if (item.letter.digest && item.next <= now && item.letter.to == first->letter.to &&
            item.letter.from == first->letter.from)
            together.push_back(&item);
    return together;
}

courier::MailRequest Queue::Body::request_for(const std::vector<Item*>& items) const {
    const Kept& first = items.front()->letter;
    const Envelope envelope{first.from, first.to,
                            first.id + "." + std::to_string(first.created_ms) + "@" + settings_.hello,
                            wall_of(items.back()->letter.created_ms)};
    courier::MailRequest request{settings_.server, settings_.pop, settings_.hello, first.from, first.to, {},
                                 settings_.timeout};
    if (items.size() == 1) {
        request.message = compose(envelope, first.subject, first.body);
        return request;
    }
    std::vector<DigestLine> lines;
    for (const Item* item : items)
        lines.push_back(line_of(item->letter));
    request.message = compose(envelope, digest_subject(items.size()), digest_body(lines));
    return request;
}

void Queue::Body::send(const std::vector<Item*>& items) {
    for (Item* item : items) {
        item->on_its_way = true;
        ++item->tries;
    }
    last_try_ = Clock::now();
    transfer_ = courier_.mail(request_for(items), [weak = weak_from_this()](const courier::MailReply& reply) {
        if (const auto body = weak.lock())
            body->on_reply(reply);
    });
}

void Queue::Body::on_reply(const courier::MailReply& reply) {
    transfer_.reset();
    std::vector<Items::iterator> carried;
    for (auto item = items_.begin(); item != items_.end(); ++item)
        if (std::exchange(item->on_its_way, false)) {
            item->trouble = reply.trouble;
            carried.push_back(item);
        }
    if (carried.empty())
        return pump();
    switch (reply.fate) {
    case courier::MailFate::accepted:
        on_sent(carried, reply.took);
        break;
    case courier::MailFate::letter_refused:
        on_letter_trouble(carried, reply.trouble, Setback::refused);
        break;
    case courier::MailFate::letter_deferred:
        on_letter_trouble(carried, reply.trouble, Setback::unreachable);
        break;
    case courier::MailFate::login_refused:
    case courier::MailFate::failed:
        const Setback setback =
            reply.fate == courier::MailFate::failed ? Setback::unreachable : Setback::refused;
        for (const auto item : carried) // the others have their turn first
            item->next = Clock::now() + wait_after(1, Setback::unreachable, random_());
        on_server_trouble(reply.trouble, setback);
        break;
    }
    give_up_old();
    pump();
}

void Queue::Body::on_sent(const std::vector<Items::iterator>& gone, std::chrono::microseconds took) {
    const Kept& first = gone.front()->letter;
    note({Note::Kind::sent, first.id, first.to,
          (gone.size() == 1 ? "sent: " + first.subject
                            : "sent as one: " + std::to_string(gone.size()) + " letters") +
              ", in " + std::to_string(duration_cast<milliseconds>(took).count()) + " ms",
          gone.front()->tries, gone.size()});
    for (const auto item : gone)
        forget(item);
    server_tries_ = 0;
    refusals_in_row_ = 0;
    setback_ = Setback::unreachable;
    trouble_.clear();
}

/// It has nothing to do with the letter: all wait.
void Queue::Body::on_server_trouble(const std::string& trouble, Setback setback) {
    trouble_ = trouble;
    setback_ = setback;
    ++server_tries_;
    server_next_ = Clock::now() + wait_after(server_tries_, setback, random_());
    if (worth_telling(server_tries_))
        note({Note::Kind::deferred,
              "",
              {},
              "mail cannot be sent now: " + trouble,
              server_tries_,
              items_.size()});
}

void Queue::Body::on_letter_trouble(const std::vector<Items::iterator>& items, const std::string& trouble,
                                    Setback setback) {
    trouble_ = trouble;
    const Kept first = items.front()->letter;
    const unsigned tries = items.front()->tries;
    for (const auto item : items) {
        item->next = Clock::now() + wait_after(tries, setback, random_());
        if (setback == Setback::refused && split(item))
            continue;
    }
    if (worth_telling(tries))
        note({Note::Kind::deferred, first.id, first.to, "not sent now: " + trouble, tries, items.size()});
    if (setback == Setback::refused && ++refusals_in_row_ >= refusals_max)
        on_server_trouble(trouble, setback);
}

/// One of several recipients may be what is refused: from here on each has a letter of its own.
bool Queue::Body::split(Items::iterator item) {
    const Kept letter = item->letter;
    if (letter.to.size() < 2 || items_.size() + letter.to.size() > settings_.letters_max)
        return false;
    for (const std::string& address : letter.to) {
        Kept single = letter;
        single.id = new_id();
        single.to = {address};
        enter(std::move(single), Clock::now());
    }
    forget(item);
    return true;
}

void Queue::Body::give_up_old() {
    const auto now = Clock::now();
    for (auto item = items_.begin(); item != items_.end();) {
        const auto one = item++;
        if (one->tries == 0 || one->on_its_way || now - one->born < settings_.give_up)
            continue;
        note({Note::Kind::given_up, one->letter.id, one->letter.to,
              "given up after " + std::to_string(settings_.give_up.count()) + " h: " + one->letter.subject +
                  (one->trouble.empty() ? "" : " (" + one->trouble + ")"),
              one->tries, 1});
        forget(one);
    }
}

} // namespace tandem::mail
