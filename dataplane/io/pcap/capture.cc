// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/pcap/capture.hh"

#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/octets.hh"

#include <pcap/pcap.h>

#include <array>

namespace tandem::pcap {
namespace {

constexpr std::size_t sll_header = 16;  ///< LINKTYPE_LINUX_SLL; the protocol stands at 14
constexpr std::size_t sll2_header = 20; ///< LINKTYPE_LINUX_SLL2; the protocol stands at 0

using Bytes = std::span<const std::uint8_t>;

bool is_ip(std::uint16_t ether_type) {
    return ether_type == wire::ether_type_ipv4 || ether_type == wire::ether_type_ipv6;
}

Bytes behind_cooked(Bytes frame, std::size_t header, std::size_t protocol_at) {
    if (frame.size() < header || !is_ip(wire::load_be<std::uint16_t>(frame, protocol_at)))
        return {};
    return frame.subspan(header);
}

Bytes network_layer(int link_type, Bytes frame) {
    switch (link_type) {
    case DLT_EN10MB: {
        const auto ethernet = wire::parse_ethernet(frame);
        return ethernet && is_ip(ethernet->ether_type) ? ethernet->payload : Bytes{};
    }
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
        return frame;
    case DLT_LINUX_SLL:
        return behind_cooked(frame, sll_header, 14);
    case DLT_LINUX_SLL2:
        return behind_cooked(frame, sll2_header, 0);
    default:
        return {};
    }
}

bool is_known(int link_type) {
    return link_type == DLT_EN10MB || link_type == DLT_RAW || link_type == DLT_IPV4 ||
           link_type == DLT_IPV6 || link_type == DLT_LINUX_SLL || link_type == DLT_LINUX_SLL2;
}

} // namespace

struct Capture::Impl {
    pcap_t* file{nullptr};
    int link_type{0};
    std::string name;
    std::string damage;
    ~Impl() {
        if (file != nullptr)
            pcap_close(file);
    }
};

Capture::Capture(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

std::expected<Capture, std::string> Capture::open(const std::string& file) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    auto impl = std::make_unique<Impl>();
    impl->file =
        pcap_open_offline_with_tstamp_precision(file.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data());
    if (impl->file == nullptr)
        return std::unexpected(file + ": " + error.data());
    impl->name = file;
    impl->link_type = pcap_datalink(impl->file);
    if (!is_known(impl->link_type))
        return std::unexpected(file + ": link type " + std::to_string(impl->link_type) +
                               " is not known here");
    return Capture{std::move(impl)};
}

const std::string& Capture::damage() const {
    return impl_->damage;
}

std::optional<Captured> Capture::next() {
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    if (const int outcome = pcap_next_ex(impl_->file, &header, &bytes); outcome != 1) {
        if (outcome == PCAP_ERROR)
            impl_->damage = impl_->name + ": " + pcap_geterr(impl_->file);
        return std::nullopt;
    }
    Captured captured;
    captured.at =
        path::Instant{std::chrono::seconds{header->ts.tv_sec} + std::chrono::nanoseconds{header->ts.tv_usec}};
    captured.packet = network_layer(impl_->link_type, {bytes, header->caplen});
    return captured;
}

} // namespace tandem::pcap
