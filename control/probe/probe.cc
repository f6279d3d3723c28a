// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/probe.hh"

#include "control/probe/probers.hh"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace tandem::probe {

namespace {

/// So many checks have their turn before others on the loop have theirs.
constexpr std::size_t turns_max = 128;
/// A go of checks is followed by a pause of this part of its time: they take three quarters of a processor at
/// most, also where more is wanted of them than the machine can do. What the loop has to do besides, and a
/// SIP server that has a lower priority, live in the rest.
constexpr int pause_part = 3;
/// A real-time thread is rarely woken later than this.
constexpr Duration verdict_lead = std::chrono::milliseconds{1};
/// So many times there may be more to read before the time is judged all the same: sockets hold less, so
/// somebody sends faster than we read.
constexpr unsigned undrained_max = 64;

} // namespace

CheckPolicy policy_of(const config::CheckSettings& settings) {
    return {.interval = settings.interval,
            .timeout = settings.timeout,
            .retry = settings.retry,
            .recover = settings.recover,
            .lead = std::min<Duration>(verdict_lead, settings.interval / 10)};
}

struct Checks::Impl {
    struct Entry {
        Entry(CheckId i, Named n)
            : id(i)
            , named(std::move(n))
            , check(policy_of(named.settings)) {}
        CheckId id;
        Named named;
        std::size_t place{0}; ///< in the list
        Check check;
        Instant due{ha::end_of_time};  ///< as it stands in the order
        Instant told_at{};             ///< the last verdict, or the start
        std::optional<bool> wanted;    ///< an operator's last word: it runs, it does not
        std::string trouble;           ///< why the last question did not leave; empty: it did
        std::string detail;            ///< of the newest finding
        std::string complaint;         ///< of the newest bad one since a good one
        std::uint64_t newest_found{0}; ///< number of the question that `detail` belongs to
    };

    Impl(boost::asio::io_context& io, Told to, MakeProber make)
        : timer_(io)
        , told_(std::move(to))
        , make_(std::move(make)) {}

    std::unique_ptr<Entry> entry_of(Named named) {
        return std::make_unique<Entry>(++last_id_, std::move(named));
    }
    /// Gives each its place in the list.
    void number() {
        for (std::size_t i = 0; i < entries_.size(); ++i)
            entries_[i]->place = i;
    }
    void arrange(Entry& entry);
    void arm();
    void turn();
    Drained receive();
    void judge();
    void ask(Entry& entry, std::uint64_t number);
    void on_finding(Finding finding);
    Prober& prober_for(const config::Target& target);
    void start(Entry& entry, Instant first);
    void stop(Entry& entry);
    /// Starts those that should run and do not, spread.
    void start_all(const std::vector<Entry*>& entries);
    void tell(Entry& entry, std::optional<CheckVerdict> verdict, Instant at);
    Entry* find(CheckId id) {
        const auto found = by_id_.find(id);
        return found == by_id_.end() ? nullptr : found->second;
    }
    void remember(Entry& entry) { by_id_[entry.id] = &entry; }
    void forget(Entry& entry) {
        stop(entry);
        by_id_.erase(entry.id);
    }

    boost::asio::steady_timer timer_;
    Told told_;
    MakeProber make_;
    std::shared_ptr<int> life_; ///< ends with stop(): what the timer still brings then is nothing
    CheckId last_id_{0};
    std::vector<std::unique_ptr<Entry>> entries_; ///< in the order of the list
    std::unordered_map<CheckId, Entry*> by_id_;
    std::set<std::pair<Instant, CheckId>> order_; ///< by the time of the next turn
    Instant armed_{ha::end_of_time};
    Instant pause_until_{};
    unsigned undrained_{0}; ///< receptions in a row that left something in a socket
    Duration late_{};       ///< the longest that a question was asked after its time, since it was taken
    std::map<std::size_t, std::unique_ptr<Prober>> probers_; ///< by the type of the target
};

/// Puts a check where its next turn belongs.
void Checks::Impl::arrange(Entry& entry) {
    if (entry.due != ha::end_of_time)
        order_.erase({entry.due, entry.id});
    entry.due = entry.check.due();
    if (entry.due != ha::end_of_time)
        order_.insert({entry.due, entry.id});
}

void Checks::Impl::arm() {
    const Instant first = order_.empty() ? ha::end_of_time : std::max(order_.begin()->first, pause_until_);
    if (first == armed_ || !life_)
        return;
    armed_ = first;
    if (first == ha::end_of_time) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point{first.time_since_epoch()});
    timer_.async_wait([this, life = std::weak_ptr<int>(life_)](boost::system::error_code error) {
        if (error || life.expired())
            return;
        armed_ = ha::end_of_time;
        turn();
        arm();
    });
}

void Checks::Impl::turn() {
    const Instant begun = moment();
    if (receive() == Drained::yes || ++undrained_ > undrained_max) {
        undrained_ = 0;
        judge();
    }
    const Instant ended = moment();
    pause_until_ = ended + (ended - begun) / pause_part;
}

Drained Checks::Impl::receive() {
    Drained drained = Drained::yes;
    for (auto& [type, prober] : probers_)
        if (prober->receive() == Drained::no)
            drained = Drained::no;
    return drained;
}

/// The first of those that are due now; what becomes due meanwhile has the next turn.
void Checks::Impl::judge() {
    const Instant now = moment();
    for (std::size_t i = 0; i < turns_max && !order_.empty() && order_.begin()->first <= now; ++i) {
        Entry& entry = *find(order_.begin()->second);
        late_ = std::max<Duration>(late_, now - entry.due);
        const Check::Turn done = entry.check.turn(now);
        arrange(entry);
        tell(entry, done.verdict, now);
        if (done.ask && entry.check.state() != CheckState::stopped)
            ask(entry, *done.ask);
    }
}

Prober& Checks::Impl::prober_for(const config::Target& target) {
    auto& prober = probers_[target.index()];
    if (!prober)
        prober = make_(target, [this](Finding finding) { on_finding(std::move(finding)); });
    return *prober;
}

void Checks::Impl::ask(Entry& entry, std::uint64_t number) {
    const CheckId id = entry.id;
    auto trouble = prober_for(entry.named.settings.target).ask(id, entry.named.settings, number);
    if (Entry* const still = find(id))
        still->trouble = trouble ? std::move(*trouble) : std::string{};
}

void Checks::Impl::on_finding(Finding finding) {
    Entry* const entry = find(finding.check);
    if (entry == nullptr || !life_)
        return;
    const Check::Heard heard = entry->check.answered(finding.at, finding.number, finding.found);
    if (!heard.counted)
        return;
    if (finding.number >= entry->newest_found) {
        entry->newest_found = finding.number;
        entry->complaint = finding.found == Found::bad ? finding.detail : std::string{};
        entry->detail = std::move(finding.detail);
    }
    // The turn of a check that was answered is later than where it stands; it finds that out by itself.
    tell(*entry, heard.verdict, finding.at);
}

void Checks::Impl::tell(Entry& entry, std::optional<CheckVerdict> verdict, Instant at) {
    if (!verdict || !life_)
        return;
    const config::CheckSettings& settings = entry.named.settings;
    CheckNews news{*verdict, {}, at, entry.check.heard(), at - std::exchange(entry.told_at, at)};
    if (*verdict == CheckVerdict::up) {
        news.words = settings.wellness();
    } else if (!entry.complaint.empty()) {
        news.words = entry.complaint;
    } else {
        news.words = settings.silence();
        if (!entry.trouble.empty())
            news.words += ": " + entry.trouble;
    }
    told_(entry.place, news);
}

void Checks::Impl::start(Entry& entry, Instant first) {
    entry.told_at = moment();
    entry.newest_found = 0;
    entry.check.start(entry.told_at, first);
    arrange(entry);
}

void Checks::Impl::stop(Entry& entry) {
    if (entry.check.state() == CheckState::stopped)
        return;
    entry.check.stop(moment());
    entry.trouble.clear();
    entry.detail.clear();
    entry.complaint.clear();
    arrange(entry);
    const auto prober = probers_.find(entry.named.settings.target.index());
    if (prober != probers_.end())
        prober->second->forget(entry.id);
}

void Checks::Impl::start_all(const std::vector<Entry*>& entries) {
    const Instant now = moment();
    const auto count = static_cast<std::int64_t>(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Entry& entry = *entries[i];
        const bool automatic = entry.named.settings.auto_start == config::AutoStart::yes;
        if (!entry.wanted.value_or(automatic) || entry.check.state() != CheckState::stopped)
            continue;
        const Duration spread = std::min<Duration>(entry.named.settings.interval, std::chrono::seconds{1});
        start(entry, now + spread * static_cast<std::int64_t>(i) / count);
    }
    arm();
}

Checks::Checks(boost::asio::io_context& io, std::vector<Named> checks, Told told, MakeProber make)
    : impl_(std::make_unique<Impl>(io, std::move(told), std::move(make))) {
    for (Named& named : checks) {
        impl_->entries_.push_back(impl_->entry_of(std::move(named)));
        impl_->remember(*impl_->entries_.back());
    }
    impl_->number();
}

Checks::Checks(boost::asio::io_context& io, std::vector<Named> checks, Told told)
    : Checks(io, std::move(checks), std::move(told), [&io](const config::Target& target, Prober::Told to) {
        return make_prober(io, target, std::move(to));
    }) {}

Checks::~Checks() {
    stop();
}

void Checks::start() {
    impl_->life_ = std::make_shared<int>();
    std::vector<Impl::Entry*> all;
    for (const auto& entry : impl_->entries_)
        all.push_back(entry.get());
    impl_->start_all(all);
}

void Checks::stop() {
    impl_->life_.reset();
    impl_->timer_.cancel();
    impl_->probers_.clear();
}

bool Checks::start_one(std::size_t check) {
    Impl::Entry& entry = *impl_->entries_[check];
    entry.wanted = true;
    if (entry.check.state() != CheckState::stopped)
        return false;
    impl_->start(entry, moment());
    impl_->arm();
    return true;
}

bool Checks::stop_one(std::size_t check) {
    Impl::Entry& entry = *impl_->entries_[check];
    entry.wanted = false;
    if (entry.check.state() == CheckState::stopped)
        return false;
    impl_->stop(entry);
    impl_->arm();
    return true;
}

Checks::Reconfigured Checks::reconfigure(std::vector<Named> checks) {
    std::map<std::pair<std::string, std::string>, std::unique_ptr<Impl::Entry>> before;
    for (auto& entry : impl_->entries_)
        before[{entry->named.group, entry->named.settings.name}] = std::move(entry);
    impl_->entries_.clear();
    Reconfigured done;
    std::vector<Impl::Entry*> fresh;
    for (Named& named : checks) {
        const auto known = before.find({named.group, named.settings.name});
        if (known != before.end() && known->second->named.settings == named.settings) {
            impl_->entries_.push_back(std::move(known->second));
            before.erase(known);
            continue;
        }
        auto entry = impl_->entry_of(std::move(named));
        if (known == before.end()) {
            ++done.added;
        } else {
            ++done.changed;
            entry->wanted = known->second->wanted;
            impl_->forget(*known->second);
            before.erase(known);
        }
        impl_->remember(*entry);
        fresh.push_back(entry.get());
        impl_->entries_.push_back(std::move(entry));
    }
    done.removed = before.size();
    for (auto& [name, entry] : before)
        impl_->forget(*entry);
    impl_->number();
    if (impl_->life_)
        impl_->start_all(fresh);
    return done;
}

Duration Checks::take_lateness() {
    return std::exchange(impl_->late_, {});
}

std::size_t Checks::count() const {
    return impl_->entries_.size();
}

const Checks::Named& Checks::named(std::size_t check) const {
    return impl_->entries_[check]->named;
}

CheckState Checks::state(std::size_t check) const {
    return impl_->entries_[check]->check.state();
}

CheckLine Checks::line(std::size_t check) const {
    const Impl::Entry& entry = *impl_->entries_[check];
    const Check& of = entry.check;
    return {of.state(),    entry.trouble.empty() ? entry.detail : entry.trouble,
            of.since(),    of.asked(),
            of.answers(),  of.refusals(),
            of.failures(), of.latency().summary()};
}

} // namespace tandem::probe
