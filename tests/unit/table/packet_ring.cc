// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/table/packet_ring.hh"

#include "dataplane/wire/pcapng.hh"

#include <boost/test/unit_test.hpp>

#include <pcap/pcap.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>

namespace tandem::table::test {
namespace {

struct Fixture {
    std::span<std::byte> bytes() { return std::as_writable_bytes(std::span{memory}); }
    static std::vector<std::uint8_t> packet(std::uint32_t number, std::size_t length) {
        return std::vector<std::uint8_t>(length, static_cast<std::uint8_t>(number));
    }
    void write(std::uint32_t number, std::size_t length, std::size_t keep = 65'535) {
        ring.write({.at_ns = number}, packet(number, length), keep);
    }
    /// The numbers of the packets that a new reader sees.
    std::vector<std::int64_t> numbers() {
        const auto reader = PacketRing::reader(bytes());
        auto position = reader.oldest();
        PacketRing::Packet packet;
        bool missed = false;
        std::vector<std::int64_t> found;
        while (reader.read(position, packet, missed)) {
            BOOST_TEST(!missed);
            found.push_back(packet.note.at_ns);
        }
        return found;
    }

    std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(PacketRing::octets(1024) / 8);
    PacketRing ring{bytes()};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(packet_ring, Fixture)

BOOST_AUTO_TEST_CASE(what_was_written_is_read) {
    write(1, 0);
    write(2, 9);
    write(3, 100, 10);
    const auto reader = PacketRing::reader(bytes());
    auto position = reader.oldest();
    PacketRing::Packet got;
    bool missed = false;
    BOOST_TEST(reader.read(position, got, missed));
    BOOST_TEST(got.octets.empty());
    BOOST_TEST(reader.read(position, got, missed));
    BOOST_TEST(got.octets == packet(2, 9));
    BOOST_TEST(reader.read(position, got, missed));
    BOOST_TEST(got.octets == packet(3, 10));
    BOOST_TEST(got.note.length == 100U);
    BOOST_TEST(!reader.read(position, got, missed));
    write(4, 1);
    BOOST_TEST(reader.read(position, got, missed));
    BOOST_TEST(got.note.at_ns == 4);
    BOOST_TEST(ring.packets() == 4U);
}

BOOST_AUTO_TEST_CASE(the_oldest_make_room) {
    for (std::uint32_t i = 0; i < 1000; ++i) {
        write(i, i % 200);
        const auto found = numbers();
        BOOST_REQUIRE(!found.empty());
        BOOST_TEST(found.back() == i);
        BOOST_TEST(found.front() == i + 1 - found.size());
        BOOST_TEST((found.size() >= 4U || i < 4)); // four of the largest fit
    }
    write(5000, 2000); // more than the ring has
    BOOST_TEST(numbers().back() == 999);
}

BOOST_AUTO_TEST_CASE(a_slow_reader_is_told) {
    write(1, 100);
    const auto reader = PacketRing::reader(bytes());
    auto position = reader.oldest();
    for (std::uint32_t i = 2; i < 20; ++i)
        write(i, 100);
    PacketRing::Packet got;
    bool missed = false;
    BOOST_TEST(reader.read(position, got, missed));
    BOOST_TEST(missed);
    BOOST_TEST(got.note.at_ns == numbers().front());
}

BOOST_AUTO_TEST_CASE(a_reader_beside_the_writer_sees_whole_packets) {
    std::atomic<bool> stop{false};
    std::atomic<unsigned> seen{0};
    std::atomic<unsigned> torn{0};
    std::thread other{[&] {
        const auto reader = PacketRing::reader(bytes());
        auto position = reader.oldest();
        PacketRing::Packet got;
        bool missed = false;
        std::int64_t last = -1;
        while (!stop) {
            if (!reader.read(position, got, missed))
                continue;
            ++seen;
            const auto number = static_cast<std::uint32_t>(got.note.at_ns);
            torn += got.octets != packet(number, number % 150) || got.note.at_ns <= last ? 1U : 0U;
            last = got.note.at_ns;
        }
    }};
    for (std::uint32_t i = 0; i < 500'000 || seen < 1000; ++i) {
        write(i, i % 150);
        BOOST_REQUIRE(i < 2'000'000'000U);
    }
    stop = true;
    other.join();
    BOOST_TEST(torn == 0U);
}

// What is written as a file, libpcap reads.
BOOST_AUTO_TEST_CASE(a_capture_file) {
    wire::pcapng::Octets file;
    wire::pcapng::add_section(file, "tandem");
    wire::pcapng::add_interface(file, wire::pcapng::link_raw_ip, "outside");
    for (std::uint32_t i = 1; i <= 5; ++i)
        wire::pcapng::add_packet(file,
                                 {.interface = 0,
                                  .at_ns = 1'700'000'000'000'000'000ULL + i,
                                  .length = 100 + i,
                                  .direction = wire::pcapng::Direction::outbound,
                                  .comment = i % 2 == 0 ? "held: the grant had lapsed" : ""},
                                 packet(i, i));
    std::FILE* const stream = std::tmpfile();
    BOOST_REQUIRE(stream != nullptr);
    BOOST_REQUIRE(std::fwrite(file.data(), 1, file.size(), stream) == file.size());
    std::rewind(stream);
    char error[PCAP_ERRBUF_SIZE] = {};
    pcap_t* const capture =
        pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error);
    BOOST_REQUIRE_MESSAGE(capture != nullptr, error);
    pcap_pkthdr* header = nullptr;
    const u_char* octets = nullptr;
    for (std::uint32_t i = 1; i <= 5; ++i) {
        BOOST_REQUIRE(pcap_next_ex(capture, &header, &octets) == 1);
        BOOST_TEST(header->caplen == i);
        BOOST_TEST(header->len == 100 + i);
        BOOST_TEST(header->ts.tv_sec == 1'700'000'000);
        BOOST_TEST(header->ts.tv_usec == static_cast<long>(i));
        BOOST_TEST(octets[0] == i);
    }
    BOOST_TEST(pcap_next_ex(capture, &header, &octets) == PCAP_ERROR_BREAK);
    pcap_close(capture);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::table::test
