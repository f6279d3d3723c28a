// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/locate.hh"

#include <algorithm>
#include <tuple>

namespace tandem::resolve {
namespace {

constexpr unsigned questions_max = 40;

constexpr std::uint16_t default_port(Transport transport) {
    return transport == Transport::tls ? 5061 : 5060;
}

/// The service of RFC 3263 section 4.1, and RFC 3263 section 8.1 for sips.
std::optional<Transport> transport_of(const Naptr& pointer) {
    std::string service = pointer.service;
    for (char& c : service)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (service == "SIP+D2U")
        return Transport::udp;
    if (service == "SIP+D2T")
        return Transport::tcp;
    if (service == "SIPS+D2T")
        return Transport::tls;
    return std::nullopt;
}

std::string service_name(Transport transport, const std::string& host) {
    switch (transport) {
    case Transport::udp:
        return "_sip._udp." + host;
    case Transport::tcp:
        return "_sip._tcp." + host;
    case Transport::tls:
        break;
    }
    return "_sips._tcp." + host;
}

/// splitmix64: good enough to spread load, and the same everywhere.
std::uint64_t next_random(std::uint64_t& state) {
    state += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
}

} // namespace

std::vector<Srv> in_order(std::vector<Srv> services, std::uint64_t seed) {
    // Whatever order they came in: the seed alone decides. Those of weight 0 stand first (RFC 2782).
    std::sort(services.begin(), services.end(), [](const Srv& a, const Srv& b) {
        return std::tie(a.priority, a.weight, a.target, a.port) <
               std::tie(b.priority, b.weight, b.target, b.port);
    });
    for (auto first = services.begin(); first != services.end(); ++first) {
        std::uint64_t sum = 0;
        auto end = first;
        for (; end != services.end() && end->priority == first->priority; ++end)
            sum += end->weight;
        std::uint64_t left = next_random(seed) % (sum + 1);
        auto chosen = first;
        while (chosen + 1 != end && chosen->weight < left) {
            left -= chosen->weight;
            ++chosen;
        }
        std::rotate(first, chosen, chosen + 1);
    }
    return services;
}

Locator::Locator(Wanted wanted, std::uint64_t seed)
    : wanted_(std::move(wanted))
    , seed_(seed) {
    begin();
}

bool Locator::permits(Transport transport) const {
    return wanted_.security == Security::any || transport == Transport::tls;
}

Transport Locator::default_transport() const {
    return wanted_.transport.value_or(wanted_.security == Security::required ? Transport::tls
                                                                             : Transport::udp);
}

void Locator::begin() {
    const Transport transport = default_transport();
    const std::uint16_t port = wanted_.port.value_or(default_port(transport));
    if (const auto address = wire::IpAddress::parse(wanted_.host)) { // section 4.2: numeric, nothing to ask
        if (wanted_.family == wire::Family::none || wanted_.family == address->family)
            servers_.push_back({transport, *address, port});
        return;
    }
    wanted_.host = plain_name(wanted_.host);
    if (wanted_.host.empty())
        return;
    if (wanted_.port) { // section 4.2: a port, no SRV
        hosts_.push_back({transport, wanted_.host, port});
        ask_addresses();
    } else if (wanted_.transport) { // section 4.1: a transport, no NAPTR
        services_.push_back({transport, service_name(transport, wanted_.host)});
        ask_services();
    } else {
        question_ = Question{wanted_.host, RecordType::naptr};
    }
}

void Locator::take_pointers(const Records& records) {
    std::vector<Naptr> pointers = records.pointers;
    std::stable_sort(pointers.begin(), pointers.end(), [](const Naptr& a, const Naptr& b) {
        return std::tie(a.order, a.preference) < std::tie(b.order, b.preference);
    });
    for (const Naptr& pointer : pointers) {
        const auto transport = transport_of(pointer);
        const bool leads_to_srv = pointer.flags == "s" || pointer.flags == "S";
        if (transport && leads_to_srv && permits(*transport) && pointer.replacement != ".")
            services_.push_back({*transport, pointer.replacement});
    }
    if (!services_.empty())
        return;
    // Section 4.1: without a NAPTR record that we can use, SRV for every transport that we have.
    for (const Transport transport : {Transport::udp, Transport::tcp, Transport::tls})
        if (permits(transport) && (wanted_.security == Security::required || transport != Transport::tls))
            services_.push_back({transport, service_name(transport, wanted_.host)});
}

void Locator::take_services(const Records& records) {
    for (const Srv& service : in_order(records.services, seed_))
        if (service.target != ".")
            hosts_.push_back({asked_, service.target, service.port});
}

void Locator::ask_services() {
    question_.reset();
    if (!services_.empty() && questions_ < questions_max) {
        asked_ = services_.front().transport;
        question_ = Question{services_.front().name, RecordType::srv};
        services_.erase(services_.begin());
        return;
    }
    if (hosts_.empty()) // section 4.2: no SRV, so the addresses of the name itself
        hosts_.push_back({default_transport(), wanted_.host, default_port(default_transport())});
    ask_addresses();
}

void Locator::ask_addresses() {
    question_.reset();
    if (!hosts_.empty() && servers_.size() < servers_max && questions_ < questions_max)
        question_ = Question{hosts_.front().name,
                             wanted_.family == wire::Family::ipv6 ? RecordType::aaaa : RecordType::a};
}

void Locator::answer(const std::optional<Records>& records) {
    if (!question_)
        return;
    ++questions_;
    if (!records) { // who is silent now will be so at the next question
        incomplete_ = true;
        question_.reset();
        return;
    }
    const Records& known = *records;
    switch (question_->type) {
    case RecordType::naptr:
        take_pointers(known);
        ask_services();
        return;
    case RecordType::srv:
        take_services(known);
        ask_services();
        return;
    case RecordType::a:
    case RecordType::aaaa:
        break;
    }
    const Host& host = hosts_.front();
    for (const wire::IpAddress& address : known.addresses)
        if (servers_.size() < servers_max)
            servers_.push_back({host.transport, address, host.port});
    if (question_->type == RecordType::a && wanted_.family == wire::Family::none) {
        question_->type = RecordType::aaaa;
        return;
    }
    hosts_.erase(hosts_.begin());
    ask_addresses();
}

} // namespace tandem::resolve
