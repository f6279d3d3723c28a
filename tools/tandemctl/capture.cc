// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/contract/counters.hh"
#include "dataplane/contract/table_file.hh"
#include "dataplane/io/pcap/filter.hh"
#include "dataplane/path/decide.hh"
#include "dataplane/state/shared_capture.hh"
#include "dataplane/table/packet_ring.hh"
#include "dataplane/wire/pcapng.hh"
#include "tools/tandemctl/listing.hh"
#include "tools/tandemctl/output.hh"
#include "tools/tandemctl/verbs.hh"

#include <boost/json/object.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace tandem::ctl {
namespace {

namespace json = boost::json;
namespace pcapng = wire::pcapng;
using contract::TableKind;
using contract::TableReader;
using table::PacketRing;

constexpr std::size_t ring_min = 1U << 12U;
constexpr std::size_t flush_at = 1U << 20U;
constexpr long look_again_ns = 50'000'000;

/// libpcap 1.10 reads no file with several interfaces of raw IP. Such packets get the header of Linux'
/// "cooked" captures in front, which says besides what is IPv4 and what IPv6.
constexpr std::uint16_t link_cooked = 113;
constexpr std::size_t cooked_header = 16;

std::uint16_t link_in_file(std::uint16_t link_type) {
    return link_type == pcapng::link_raw_ip ? link_cooked : link_type;
}

void add_cooked_header(const table::PacketNote& note, std::vector<std::uint8_t>& octets) {
    std::array<std::uint8_t, cooked_header> header{};
    header[1] = note.outgoing != 0 ? 4 : 0; // sent by us, or to us
    header[2] = 0xff;                       // ARPHRD_NONE: no hardware address
    header[3] = 0xfe;
    const bool v6 = !octets.empty() && octets[0] >> 4U == 6;
    header[14] = v6 ? 0x86 : 0x08;
    header[15] = v6 ? 0xdd : 0x00;
    octets.insert(octets.begin(), header.begin(), header.end());
}

/// The file that the packets go to; `-` is standard output.
class File {
public:
    static std::expected<File, std::string> open(const std::string& name) {
        if (name == "-")
            return File{STDOUT_FILENO, name};
        // Passwords and calls are inside: nobody else reads it.
        const int descriptor =
            ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (descriptor < 0)
            return std::unexpected(name + ": cannot be written: " + std::strerror(errno));
        return File{descriptor, name};
    }
    File(File&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1))
        , name_(std::move(other.name_)) {}
    File& operator=(File&&) = delete;
    ~File() {
        if (descriptor_ > STDERR_FILENO)
            ::close(descriptor_);
    }

    std::expected<void, std::string> write(pcapng::Octets& octets) {
        for (std::size_t at = 0; at < octets.size();) {
            const ssize_t count = ::write(descriptor_, octets.data() + at, octets.size() - at);
            if (count < 0 && errno != EINTR)
                return std::unexpected(name_ + ": cannot be written: " + std::strerror(errno));
            at += count < 0 ? 0 : static_cast<std::size_t>(count);
        }
        octets.clear();
        return {};
    }

private:
    File(int descriptor, std::string name)
        : descriptor_(descriptor)
        , name_(std::move(name)) {}
    int descriptor_;
    std::string name_;
};

std::string comment_of(const table::PacketNote& note) {
    std::string text;
    if (note.verdict <= static_cast<std::uint8_t>(path::Action::hold_back))
        text = path::to_string(static_cast<path::Action>(note.verdict));
    if (note.reason < contract::counter_count) {
        const auto& reason = contract::counter_texts[note.reason];
        text +=
            (text.empty() ? "" : ": ") + std::string{reason.name} + " (" + std::string{reason.sentence} + ")";
    }
    return text;
}

std::int64_t realtime_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

struct Tally {
    std::uint64_t packets{0};
    std::uint64_t overtaken{0}; ///< times the engine was faster
};

/// One worker's ring, and how far it has been read.
class Source {
public:
    explicit Source(const TableReader& table)
        : ring_(PacketRing::reader(table.records()))
        , position_(ring_.oldest())
        // A whole packet has at least four words: more of them than fit means that the file is spoilt.
        , most_(table.records().size() / 32 + 1) {}

    /// Looks for the next packet, if none is there yet. How often the engine was faster.
    std::size_t look() {
        if (there_ || looked_ == most_)
            return 0;
        ++looked_;
        bool overtaken = false;
        there_ = ring_.read(position_, packet_, overtaken);
        return there_ && overtaken ? 1 : 0;
    }
    bool there() const { return there_; }
    /// There is one.
    PacketRing::Packet& packet() { return packet_; }
    void next() { there_ = false; }
    /// As many packets again may be read.
    void begin() { looked_ = 0; }

private:
    PacketRing ring_;
    PacketRing::Position position_;
    std::size_t most_;
    std::size_t looked_{0};
    PacketRing::Packet packet_;
    bool there_{false};
};

/// From the rings to the file.
class Copier {
public:
    Copier(std::span<const TableReader> tables, File file, std::vector<pcap::Filter> filters,
           std::int64_t since_ns)
        : header_(tables.front().header())
        , file_(std::move(file))
        , filters_(std::move(filters))
        , since_ns_(since_ns) {
        for (const TableReader& table : tables)
            sources_.emplace_back(table);
        pcapng::add_section(out_, "tandem");
        for (std::size_t i = 0; i < header_.interface_count; ++i) {
            const auto& interface = header_.interfaces[i];
            pcapng::add_interface(
                out_, link_in_file(interface.link_type),
                {interface.name.data(), ::strnlen(interface.name.data(), interface.name.size())});
        }
    }

    /// Everything that is there now, of several workers in the order of time.
    std::expected<void, std::string> copy() {
        for (Source& source : sources_)
            source.begin();
        while (Source* source = earliest()) {
            if (source->packet().note.at_ns >= since_ns_)
                add(source->packet());
            source->next();
            if (out_.size() >= flush_at)
                if (const auto written = file_.write(out_); !written)
                    return written;
        }
        return file_.write(out_);
    }

    const Tally& tally() const { return tally_; }

private:
    /// The ring whose next packet is the oldest; null: there is none.
    Source* earliest() {
        Source* found = nullptr;
        for (Source& source : sources_) {
            tally_.overtaken += source.look();
            if (source.there() &&
                (found == nullptr || source.packet().note.at_ns < found->packet().note.at_ns))
                found = &source;
        }
        return found;
    }

    void add(PacketRing::Packet& packet) {
        const table::PacketNote& note = packet.note;
        if (note.interface >= header_.interface_count)
            return;
        if (!filters_.empty() && !filters_[note.interface].matches(packet.octets, note.length))
            return;
        ++tally_.packets;
        std::uint32_t length = note.length;
        if (header_.interfaces[note.interface].link_type == pcapng::link_raw_ip) {
            add_cooked_header(note, packet.octets);
            length += cooked_header;
        }
        const std::string comment = comment_of(note);
        pcapng::add_packet(
            out_,
            {.interface = note.interface,
             .at_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(note.at_ns, 0)),
             .length = length,
             .direction = note.outgoing != 0 ? pcapng::Direction::outbound : pcapng::Direction::inbound,
             .comment = comment},
            packet.octets);
    }

    const contract::TableHeader& header_;
    std::vector<Source> sources_;
    File file_;
    std::vector<pcap::Filter> filters_;
    std::int64_t since_ns_;
    pcapng::Octets out_;
    Tally tally_;
};

/// Goes on until a signal ends it, or the engine ends.
std::expected<void, std::string> follow(Copier& copier, const TableReader& table) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    const timespec pause{0, look_again_ns};
    for (bool last = false;;) {
        if (const auto copied = copier.copy(); !copied || last)
            return copied;
        last = ::sigtimedwait(&signals, nullptr, &pause) > 0 || !table.is_alive();
    }
}

void report(const Options& options, const Tally& tally) {
    if (options.file == "-")
        return;
    if (options.form == Form::json) {
        print_json(
            json::object{{"file", options.file}, {"packets", tally.packets}, {"overtaken", tally.overtaken}});
        return;
    }
    std::string text = options.file + ": " + std::to_string(tally.packets) + " packets";
    if (tally.overtaken != 0)
        text += "; packets are missing in " + std::to_string(tally.overtaken) +
                " places: they were overwritten before they could be read";
    print(text + "\n");
}

} // namespace

Exit run_capture(const Options& options) {
    const auto refused = [&](std::string why) {
        return refuse(options.form, {api::Code::refused, std::move(why), nullptr});
    };
    const auto tables =
        TableReader::open_all(run_dir_of(options), TableKind::capture, sizeof(table::PacketNote));
    if (!tables)
        return refused(tables.error() + " (or [capture] is not enabled)");
    const contract::TableHeader& header = tables->front().header();
    for (const TableReader& table : *tables)
        if (table.records().size() < ring_min)
            return refused("capture: the file is damaged");
    std::vector<pcap::Filter> filters;
    for (std::size_t i = 0; i < header.interface_count && !options.filter.empty(); ++i) {
        auto filter = pcap::Filter::compile(header.interfaces[i].link_type, options.filter);
        if (!filter)
            return misuse(options.form, "the filter cannot be used: " + filter.error());
        filters.push_back(std::move(*filter));
    }
    auto file = File::open(options.file);
    if (!file)
        return refused(file.error());
    const std::int64_t seconds = options.seconds.value_or(header.seconds);
    Copier copier{*tables, std::move(*file), std::move(filters), realtime_ns() - seconds * 1'000'000'000};
    const auto done = options.follow == Follow::yes ? follow(copier, tables->front()) : copier.copy();
    if (!done)
        return refused(done.error());
    report(options, copier.tally());
    return Exit::done;
}

} // namespace tandem::ctl
