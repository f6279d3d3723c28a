// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_prober.hh"

#include "control/probe/sip_client.hh"

#include <unordered_map>
#include <utility>

namespace tandem::probe {

resolve::Resolver& Resolvers::of(const std::vector<wire::IpAddress>& servers) {
    auto& resolver = resolvers_[servers];
    if (!resolver) {
        resolve::ResolverSettings settings;
        for (const wire::IpAddress& server : servers)
            settings.servers.push_back({server, 53});
        resolver = std::make_unique<resolve::Resolver>(io_, settings);
    }
    return *resolver;
}

namespace {

class SipProber : public Prober {
public:
    SipProber(boost::asio::io_context& io, Told told)
        : io_(io)
        , told_(std::move(told))
        , resolvers_(io) {}

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override;

private:
    /// What is known of a check.
    struct Asked {
        std::shared_ptr<const config::SipTarget> target;
        std::unordered_map<std::uint64_t, std::uint64_t>
            under_way;                      ///< question, and its number at the client
        std::optional<std::string> trouble; ///< why the last question that came to an end had not left
    };
    void on_outcome(CheckId check, std::uint64_t number, const SipOutcome& outcome);
    SipClient& client_of(const config::SipTarget& target);

    boost::asio::io_context& io_;
    Told told_;
    Resolvers resolvers_;
    std::map<std::vector<wire::IpAddress>, std::unique_ptr<SipClient>> clients_;
    std::unordered_map<CheckId, Asked> asked_;
};

SipClient& SipProber::client_of(const config::SipTarget& target) {
    auto& client = clients_[target.name_servers];
    if (!client)
        client = std::make_unique<SipClient>(io_, resolvers_.of(target.name_servers));
    return *client;
}

std::optional<std::string> SipProber::ask(CheckId check, const config::CheckSettings& settings,
                                          std::uint64_t number) {
    Asked& asked = asked_[check];
    if (!asked.target)
        asked.target =
            std::make_shared<const config::SipTarget>(std::get<config::SipTarget>(settings.target));
    const auto target = asked.target;
    asked.under_way[number] = 0; // it may be over before ask() returns
    const std::uint64_t known = client_of(*target).ask(
        {target, {settings.source, settings.interface}, settings.timeout},
        [this, check, number](const SipOutcome& outcome) { on_outcome(check, number, outcome); });
    const auto still = asked_.find(check); // whoever was told may have stopped the check
    if (still == asked_.end())
        return std::nullopt;
    if (const auto one = still->second.under_way.find(number); one != still->second.under_way.end())
        one->second = known;
    return still->second.trouble;
}

void SipProber::on_outcome(CheckId check, std::uint64_t number, const SipOutcome& outcome) {
    const auto found = asked_.find(check);
    if (found == asked_.end())
        return;
    Asked& asked = found->second;
    asked.under_way.erase(number);
    asked.trouble.reset();
    switch (outcome.kind) {
    case SipOutcome::Kind::response:
        told_({check, number, asked.target->accepts(outcome.status) ? Found::good : Found::bad,
               outcome.detail, moment()});
        break;
    case SipOutcome::Kind::failure:
        told_({check, number, Found::bad, outcome.detail, moment()});
        break;
    case SipOutcome::Kind::trouble:
        asked.trouble = outcome.detail;
        break;
    case SipOutcome::Kind::silence: // nobody is told of silence
        break;
    }
}

void SipProber::forget(CheckId check) {
    const auto found = asked_.find(check);
    if (found == asked_.end())
        return;
    const Asked gone = std::move(found->second);
    asked_.erase(found);
    for (const auto& [number, known] : gone.under_way)
        if (known != 0)
            client_of(*gone.target).forget(known);
}

} // namespace

std::unique_ptr<Prober> make_sip_prober(boost::asio::io_context& io, Prober::Told told) {
    return std::make_unique<SipProber>(io, std::move(told));
}

} // namespace tandem::probe
