// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/resolver.hh"

#include "control/resolve/channel.hh"

#include <boost/asio/steady_timer.hpp>

#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

namespace tandem::resolve {
namespace {

constexpr std::size_t resolv_conf_max = 65536;
constexpr std::size_t name_servers_max = 3; // resolv.conf(5)
constexpr std::size_t failed_max = 4096;

ha::Instant moment() {
    return ha::Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

ResolverSettings with_servers(ResolverSettings settings) {
    if (!settings.servers.empty())
        return settings;
    std::ifstream file("/etc/resolv.conf");
    std::string text(resolv_conf_max, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    settings.servers = name_servers_of(text);
    if (settings.servers.empty()) // resolv.conf(5): the name server of this host
        settings.servers.push_back({wire::IpAddress::v4({127, 0, 0, 1}), 53});
    return settings;
}

} // namespace

std::vector<NameServer> name_servers_of(const std::string& text) {
    std::vector<NameServer> servers;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && servers.size() < name_servers_max;) {
        std::istringstream words(line);
        std::string key;
        std::string value;
        words >> key >> value;
        if (key != "nameserver")
            continue;
        if (const auto address = wire::IpAddress::parse(value))
            servers.push_back({*address, 53});
    }
    return servers;
}

struct Resolver::Impl : std::enable_shared_from_this<Resolver::Impl> {
    using Key = std::pair<std::string, RecordType>;
    /// What a question came to; nothing: nobody could say.
    struct Known {
        std::optional<Records> records;
        Freshness freshness{Freshness::fresh};
        bool busy{false};
    };
    using Told = std::function<void(const Known&)>;
    struct Flight {
        explicit Flight(boost::asio::io_context& io)
            : patience(io) {}
        boost::asio::steady_timer patience;
        std::vector<Told> waiting;
    };
    /// One URI on its way.
    struct Search {
        Search(const Wanted& wanted, std::uint64_t seed, Done to)
            : locator(wanted, seed)
            , done(std::move(to)) {}
        Locator locator;
        Done done;
        bool expired{false};
        bool busy{false};
    };

    Impl(boost::asio::io_context& loop, const ResolverSettings& wanted)
        : io(loop)
        , settings(with_servers(wanted))
        , cache(settings.cache)
        , channel(std::make_unique<Channel>(io, settings)) {}

    void search(const std::shared_ptr<Search>& search);
    void look_up(const Question& question, Told told);
    void ask(const Question& question, Told told, bool has_old);
    void on_answer(const Key& key, Answered answered, Records records);
    Known old_answer(const Key& key) const;

    boost::asio::io_context& io;
    ResolverSettings settings;
    Cache cache;
    std::map<Key, std::shared_ptr<Flight>> flights;
    std::map<Key, ha::Instant> failed; ///< until when nothing is asked
    std::unique_ptr<Channel> channel;  ///< ends first: its end tells everybody who waits
};

void Resolver::Impl::search(const std::shared_ptr<Search>& one) {
    const std::optional<Question>& question = one->locator.question();
    if (question) {
        look_up(*question, [weak = weak_from_this(), one](const Known& known) {
            one->expired = one->expired || known.freshness == Freshness::expired;
            one->busy = one->busy || known.busy;
            one->locator.answer(known.records);
            if (const auto self = weak.lock())
                self->search(one);
        });
        return;
    }
    Located located{one->locator.servers(), Knowledge::sure, {}};
    if (one->busy || one->locator.incomplete())
        located.knowledge = Knowledge::none;
    else if (one->expired)
        located.knowledge = Knowledge::expired;
    if (one->busy)
        located.detail = "too many names are being looked up";
    else if (one->locator.incomplete())
        located.detail = "the name server does not answer";
    else if (one->expired)
        located.detail = "the name server does not answer; the address is from an entry that has expired";
    else if (located.servers.empty())
        located.detail = "has a name without an address";
    one->done(located);
}

Resolver::Impl::Known Resolver::Impl::old_answer(const Key& key) const {
    const auto found = cache.find(moment(), key.first, key.second);
    if (!found)
        return {};
    return {*found->records, found->freshness, false};
}

void Resolver::Impl::look_up(const Question& question, Told told) {
    const Key key{question.name, question.type};
    const ha::Instant now = moment();
    const auto found = cache.find(now, key.first, key.second);
    const auto failure = failed.find(key);
    const bool paused = failure != failed.end() && failure->second > now;
    if (paused || (found && found->freshness == Freshness::fresh)) {
        told(old_answer(key));
        return;
    }
    ask(question, std::move(told), found.has_value());
}

void Resolver::Impl::ask(const Question& question, Told told, bool has_old) {
    const Key key{question.name, question.type};
    if (const auto flight = flights.find(key); flight != flights.end()) {
        if (has_old && flight->second->waiting.empty()) // patience is over
            told(old_answer(key));
        else
            flight->second->waiting.push_back(std::move(told));
        return;
    }
    if (flights.size() >= settings.questions_max) {
        Known known = old_answer(key);
        known.busy = !known.records;
        told(known);
        return;
    }
    const auto flight = std::make_shared<Flight>(io);
    flight->waiting.push_back(std::move(told));
    flights.emplace(key, flight);
    if (has_old) {
        flight->patience.expires_after(settings.patience);
        flight->patience.async_wait([weak = weak_from_this(), held = std::weak_ptr<Flight>(flight),
                                     key](boost::system::error_code error) {
            const auto self = weak.lock();
            const auto still = held.lock();
            if (error || !self || !still)
                return;
            const Known old = self->old_answer(key);
            // From here on the old answer is given at once; the question goes on.
            self->failed[key] = moment() + self->settings.pause;
            for (const Told& one : std::exchange(still->waiting, {}))
                one(old);
        });
    }
    channel->ask(question, [weak = weak_from_this(), key](Answered answered, Records records) {
        if (const auto self = weak.lock())
            self->on_answer(key, answered, std::move(records));
    });
}

void Resolver::Impl::on_answer(const Key& key, Answered answered, Records records) {
    const auto found = flights.find(key);
    if (found == flights.end())
        return;
    const auto flight = found->second;
    flights.erase(found);
    flight->patience.cancel();
    if (answered == Answered::records) {
        failed.erase(key);
        cache.add(moment(), key.first, key.second, std::move(records));
    } else {
        if (failed.size() >= failed_max)
            failed.clear();
        failed[key] = moment() + settings.pause;
    }
    const Known known = old_answer(key);
    for (const Told& one : std::exchange(flight->waiting, {}))
        one(known);
}

Resolver::Resolver(boost::asio::io_context& io, const ResolverSettings& settings)
    : impl_(std::make_shared<Impl>(io, settings)) {}

Resolver::~Resolver() {
    for (auto& [key, flight] : impl_->flights)
        flight->waiting.clear();
    const std::shared_ptr<Impl> last = std::move(impl_);
    last->channel.reset();
}

void Resolver::locate(const Wanted& wanted, std::uint64_t seed, Done done) {
    impl_->search(std::make_shared<Impl::Search>(wanted, seed, std::move(done)));
}

void Resolver::reconfigure(const ResolverSettings& settings) {
    ResolverSettings next = with_servers(settings);
    auto channel = std::make_unique<Channel>(impl_->io, next);
    impl_->settings = std::move(next);
    impl_->channel.swap(channel);
    channel.reset(); // what was on its way is told so; the new channel is there for whoever asks again
    impl_->failed.clear();
}

std::size_t Resolver::outstanding() const {
    return impl_->flights.size();
}

} // namespace tandem::resolve
