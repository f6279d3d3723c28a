// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/pcap/filter.hh"

#include "dataplane/wire/pcapng.hh"

#include <pcap/pcap.h>

#include <utility>

namespace tandem::pcap {
namespace {

constexpr std::size_t text_max = 4096;
constexpr int snapshot = 65'535;

struct Close {
    void operator()(pcap_t* handle) const { pcap_close(handle); }
};

} // namespace

struct Filter::Impl {
    bpf_program program{};
    ~Impl() { pcap_freecode(&program); }
};

Filter::Filter(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

std::expected<Filter, std::string> Filter::compile(std::uint16_t link_type, const std::string& text) {
    if (text.size() > text_max || text.find('\0') != std::string::npos)
        return std::unexpected("the filter has more than " + std::to_string(text_max) +
                               " characters, or a zero");
    // The number in files differs from the library's for raw IP only.
    const int type = link_type == wire::pcapng::link_raw_ip ? DLT_RAW : link_type;
    const std::unique_ptr<pcap_t, Close> handle{pcap_open_dead(type, snapshot)};
    if (!handle)
        return std::unexpected("no memory for a filter");
    auto impl = std::make_unique<Impl>();
    if (pcap_compile(handle.get(), &impl->program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
        return std::unexpected(pcap_geterr(handle.get()));
    return Filter{std::move(impl)};
}

bool Filter::matches(std::span<const std::uint8_t> octets, std::size_t length) const {
    pcap_pkthdr header{};
    header.caplen = static_cast<bpf_u_int32>(octets.size());
    header.len = static_cast<bpf_u_int32>(length);
    static constexpr std::uint8_t nothing = 0;
    return pcap_offline_filter(&impl_->program, &header, octets.empty() ? &nothing : octets.data()) != 0;
}

} // namespace tandem::pcap
