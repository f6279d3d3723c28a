// SPDX-License-Identifier: GPL-3.0-or-later
// The table through the pcap engine, once per link type.
#include "dataplane/io/pcap/replay.hh"

#include "dataplane/path/mirror_frame.hh"
#include "tests/packet/cases.hh"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <fstream>
#include <memory>

namespace {

using namespace packet_suite;
using namespace tandem;
using Bytes = std::vector<std::uint8_t>;

/// A capture file with one packet, removed at the end.
class File {
public:
    File(std::uint32_t link_type, const Bytes& frame) {
        std::string name = "/tmp/tandem-packet-XXXXXX";
        const int descriptor = ::mkstemp(name.data());
        BOOST_REQUIRE(descriptor >= 0);
        ::close(descriptor);
        path_ = name;
        std::ofstream out{path_, std::ios::binary};
        put(out, 0xa1b2c3d4U); // classic pcap, microseconds, this machine's byte order
        put(out, 0x00040002U); // version 2.4
        put(out, 0);
        put(out, 0);
        put(out, 262'144);
        put(out, link_type);
        put(out, 1'000);
        put(out, 500);
        put(out, static_cast<std::uint32_t>(frame.size()));
        put(out, static_cast<std::uint32_t>(frame.size()));
        out.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
    }
    ~File() { ::unlink(path_.c_str()); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    const std::string& path() const { return path_; }

private:
    static void put(std::ofstream& out, std::uint32_t value) {
        out.write(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    std::string path_;
};

struct LinkType {
    const char* name;
    std::uint32_t number;
    Bytes before; ///< what stands ahead of the EtherType
    bool has_type;
};

const std::vector<LinkType>& link_types() {
    static const std::vector<LinkType> types{
        {"raw IP", 101, {}, false},
        {"Ethernet", 1, Bytes(12, 2), true},
        {"Ethernet with a VLAN tag", 1, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x81, 0, 0, 5}, true},
        {"Linux cooked", 113, Bytes(14, 0), true},
    };
    return types;
}

Bytes frame_of(const LinkType& type, const Bytes& packet) {
    Bytes frame = type.before;
    if (type.has_type) {
        const bool v4 = packet[0] >> 4U == 4;
        frame.push_back(v4 ? 0x08 : 0x86);
        frame.push_back(v4 ? 0x00 : 0xdd);
    }
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}

constexpr std::int64_t start_ns = 3'600'000'000'000;

} // namespace

BOOST_AUTO_TEST_SUITE(pcap_engine)

BOOST_AUTO_TEST_CASE(the_table) {
    for (const LinkType& type : link_types())
        for (const Case& c : cases()) {
            BOOST_TEST_CONTEXT(c.line << " (" << type.name << ")") {
                const Bytes packet = packet_of(c.payload, c.destination, c.port);
                const File file{type.number, frame_of(type, packet)};
                const auto page = std::make_unique<contract::Page>();
                page->policy.write(policy("any0", 1));
                set_stance(*page, c.stance, start_ns);
                const auto outcomes =
                    pcap::replay(file.path(), *page, path::Instant{std::chrono::nanoseconds{start_ns}});
                BOOST_REQUIRE(outcomes.has_value());
                BOOST_REQUIRE(outcomes->size() == 1U);
                const pcap::Outcome& outcome = outcomes->front();
                BOOST_TEST(path::to_string(outcome.released.value_or(outcome.action)) ==
                           path::to_string(c.action));
                BOOST_TEST(page->counters.get(c.counter) == 1U);
                BOOST_TEST(outcome.mirrored.empty() == (c.copy == path::Copy::none));
                if (!outcome.mirrored.empty()) {
                    const auto frame = path::read_frame(outcome.mirrored);
                    BOOST_REQUIRE(frame.has_value());
                    const auto& copy = std::get<path::PacketFrame>(*frame);
                    BOOST_TEST(Bytes(copy.packet.begin(), copy.packet.end()) == packet);
                    BOOST_TEST(copy.epoch == 7U);
                }
            }
        }
}

BOOST_AUTO_TEST_CASE(what_is_not_ip_is_the_kernels_business) {
    const File file{1, Bytes(60, 2)};
    const auto page = std::make_unique<contract::Page>();
    page->policy.write(policy("any0", 1));
    const auto outcomes = pcap::replay(file.path(), *page, {});
    BOOST_REQUIRE(outcomes.has_value());
    BOOST_REQUIRE(outcomes->size() == 1U);
    BOOST_TEST(path::to_string(outcomes->front().action) == "forward");
}

BOOST_AUTO_TEST_CASE(bad_files_are_errors) {
    const auto page = std::make_unique<contract::Page>();
    BOOST_TEST(!pcap::replay("/nonexistent/file.pcap", *page, {}).has_value());
    const File unknown{147, Bytes(10, 0)};
    const auto refused = pcap::replay(unknown.path(), *page, {});
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().find("link type 147") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
