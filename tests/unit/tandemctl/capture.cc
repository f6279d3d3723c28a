// SPDX-License-Identifier: GPL-3.0-or-later
// Writing what a ring of packets has as a file, and reading that file with libpcap and tshark.
#include "dataplane/path/decide.hh"
#include "dataplane/state/shared_capture.hh"
#include "dataplane/wire/pcapng.hh"
#include "dataplane/wire/udp.hh"
#include "tests/unit/tandemctl/run.hh"

#include <boost/json/parse.hpp>

#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

namespace tandem::ctl::test {
namespace {

namespace json = boost::json;

Result run(const std::string& arguments) {
    return run_program(PROGRAM, arguments);
}
using contract::Counter;
using state::CapturedOn;

std::vector<std::uint8_t> packet(const std::string& payload, std::uint16_t port = 5060) {
    const auto from = *wire::IpAddress::parse("198.51.100.7");
    const auto to = *wire::IpAddress::parse("192.0.2.10");
    std::vector<std::uint8_t> octets(wire::udp_packet_size(wire::Family::ipv4, payload.size()));
    BOOST_REQUIRE(wire::write_udp_packet(octets, {from, to, 5070, port},
                                         {reinterpret_cast<const std::uint8_t*>(payload.data()),
                                          payload.size()}) == octets.size());
    return octets;
}

const std::string options{
    "OPTIONS sip:b@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1\r\n"
    "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"};

std::int64_t realtime_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

struct Engine : Folder {
    Engine() {
        setup.capture_octets = 1U << 20U;
        start();
    }
    void start() { capture = std::make_unique<state::SharedCapture>(path(), setup, interfaces); }
    void put(const std::vector<std::uint8_t>& octets, std::int64_t ago_ns = 0) {
        capture->put(realtime_ns() - ago_ns, {0, CapturedOn::Direction::in},
                     static_cast<std::uint8_t>(path::Action::forward), Counter::sip_forwarded, octets);
    }
    Result ctl(const std::string& arguments) const {
        return run("capture " + file("out.pcapng") + " --run-dir " + path() + " " + arguments);
    }
    /// The lengths of the packets in the file.
    std::vector<std::size_t> lengths() const {
        char error[PCAP_ERRBUF_SIZE] = {};
        pcap_t* const in = pcap_open_offline(file("out.pcapng").c_str(), error);
        BOOST_REQUIRE_MESSAGE(in != nullptr, error);
        std::vector<std::size_t> found;
        pcap_pkthdr* header = nullptr;
        const u_char* octets = nullptr;
        while (pcap_next_ex(in, &header, &octets) == 1)
            found.push_back(header->caplen);
        BOOST_TEST(std::string{pcap_geterr(in)} == "");
        pcap_close(in);
        return found;
    }

    contract::RecordSetup setup;
    std::vector<state::SharedCapture::Interface> interfaces{{"eth0", wire::pcapng::link_raw_ip},
                                                            {"shadow0", wire::pcapng::link_raw_ip}};
    std::unique_ptr<state::SharedCapture> capture;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(capture, Engine)

BOOST_AUTO_TEST_CASE(the_last_packets_become_a_file) {
    put(packet("old"), 40'000'000'000);
    put(packet(options));
    put(packet("xx", 40000), 20'000'000'000);
    capture->put(realtime_ns() - 35'000'000'000, {1, CapturedOn::Direction::in}, state::no_verdict,
                 Counter::shadow_held_back, {});
    const auto result = ctl("");
    BOOST_TEST(result.exit == 0, result.err);
    BOOST_TEST(result.out == file("out.pcapng") + ": 2 packets\n");
    BOOST_TEST(lengths() == (std::vector<std::size_t>{16 + 28 + options.size(), 16 + 30}),
               boost::test_tools::per_element());
    struct stat status {};
    BOOST_REQUIRE(::stat(file("out.pcapng").c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777U) == 0600U);
    BOOST_TEST(json::parse(ctl("--seconds 60 --json").out).at("packets") == 4);
    BOOST_TEST(lengths().size() == 4U);
    BOOST_TEST(json::parse(ctl("--seconds 5 --json").out).at("packets") == 1);
}

BOOST_AUTO_TEST_CASE(packets_of_several_workers_are_in_the_order_of_time) {
    capture.reset();
    std::vector<std::unique_ptr<state::SharedCapture>> workers;
    for (std::uint16_t i = 0; i < 3; ++i)
        workers.push_back(
            std::make_unique<state::SharedCapture>(path(), setup, interfaces, contract::TablePart{i, 3}));
    const std::int64_t begin = realtime_ns() - 5'000'000'000;
    for (std::size_t i = 0; i < 60; ++i) // each has several in a row
        workers[i / 4 % 3]->put(begin + static_cast<std::int64_t>(i) * 1000, {0, CapturedOn::Direction::in},
                                static_cast<std::uint8_t>(path::Action::forward), Counter::not_sip,
                                packet(std::string(i, 'x')));
    BOOST_TEST(ctl("").out == file("out.pcapng") + ": 60 packets\n");
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < 60; ++i)
        wanted.push_back(16 + 28 + i);
    BOOST_TEST(lengths() == wanted, boost::test_tools::per_element());
    // Together they are no larger than one.
    std::uintmax_t octets = 0;
    for (const char* name : {"/capture", "/capture.1", "/capture.2"})
        octets += std::filesystem::file_size(path() + name);
    BOOST_TEST(octets < (1U << 20U) + 4U * contract::TableMapping::header_octets);
}

BOOST_AUTO_TEST_CASE(filters_are_those_of_tcpdump) {
    for (int i = 0; i < 10; ++i)
        put(packet(options));
    put(packet("rtp", 40000));
    BOOST_TEST(json::parse(ctl("--json --filter 'udp port 5060'").out).at("packets") == 10);
    BOOST_TEST(json::parse(ctl("--json --filter 'udp dst portrange 40000-40010 and host 198.51.100.7'").out)
                   .at("packets") == 1);
    BOOST_TEST(json::parse(ctl("--json --filter 'tcp or ip6'").out).at("packets") == 0);
    const auto wrong = ctl("--filter 'udp prot 5060'");
    BOOST_TEST(wrong.exit == 2);
    BOOST_TEST(wrong.err.find("the filter cannot be used") != std::string::npos, wrong.err);
}

BOOST_AUTO_TEST_CASE(tshark_reads_packets_interfaces_and_comments) {
    put(packet(options));
    capture->put(realtime_ns(), {1, CapturedOn::Direction::out},
                 static_cast<std::uint8_t>(path::Action::deliver), Counter::mirror_delivered,
                 packet(options));
    BOOST_REQUIRE(ctl("").exit == 0);
    const std::string command = "tshark -r " + file("out.pcapng") +
                                " -T fields -e frame.interface_name -e sip.Method -e frame.comment >" +
                                file("text") + " 2>" + file("why");
    BOOST_REQUIRE_MESSAGE(std::system(command.c_str()) == 0, content(file("why")));
    const std::string text = content(file("text"));
    BOOST_TEST(
        text.find("eth0\tOPTIONS\tforward: sip_forwarded (SIP messages passed on to the local server)\n") !=
            std::string::npos,
        text);
    BOOST_TEST(text.find("shadow0\tOPTIONS\tdeliver: mirror_delivered (") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(the_ring_keeps_the_newest) {
    for (int i = 0; i < 5000; ++i)
        put(packet(options));
    const auto answer = json::parse(ctl("--json").out);
    BOOST_TEST(answer.at("packets").as_int64() > 2000);
    BOOST_TEST(answer.at("packets").as_int64() < 4500);
    BOOST_TEST(answer.at("overtaken") == 0);
}

BOOST_AUTO_TEST_CASE(following_ends_with_the_engine) {
    put(packet(options));
    Result result;
    std::thread follower{[&] { result = ctl("--follow --filter 'udp port 5060' --json"); }};
    const auto size = [&] {
        struct stat status {};
        return ::stat(file("out.pcapng").c_str(), &status) == 0 ? status.st_size : 0;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    const auto grows_to = [&](off_t wanted) {
        while (size() < wanted && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        return size() >= wanted;
    };
    const bool first = grows_to(static_cast<off_t>(options.size()) + 100); // all but the packet is shorter
    put(packet(options));
    const bool second = first && grows_to(size() + static_cast<off_t>(options.size()));
    capture.reset();
    follower.join();
    BOOST_TEST(first);
    BOOST_TEST(second);
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(json::parse(result.out).at("packets") == 2);
    BOOST_TEST(lengths().size() == 2U);
}

BOOST_AUTO_TEST_CASE(without_a_ring_it_says_so) {
    const Folder empty;
    const auto none = run("capture " + empty.file("x") + " --run-dir " + empty.path());
    BOOST_TEST(none.exit == 1);
    BOOST_TEST(none.err.find("has tandem-fast been started?") != std::string::npos);
    BOOST_TEST(!std::filesystem::exists(empty.file("x")));
    BOOST_TEST(run("capture").exit == 2);
    BOOST_TEST(run("capture x --seconds -1").exit == 2);
    BOOST_TEST(run("capture " + path() + "/none/x --run-dir " + path()).exit == 1);
    std::filesystem::create_symlink(file("target"), file("out.pcapng"));
    BOOST_TEST(ctl("").exit == 1);
    BOOST_TEST(!std::filesystem::exists(file("target")));
    setup.capture = contract::Keeping::off;
    const state::SharedCapture off{empty.path(), setup, interfaces};
    BOOST_TEST(off.complaint() == "");
    BOOST_TEST(std::filesystem::is_empty(empty.path()));
}

BOOST_AUTO_TEST_CASE(a_spoilt_ring_ends) {
    for (int i = 0; i < 100; ++i)
        put(packet(options));
    const std::string good = content(file("capture"));
    for (std::size_t at = contract::TableMapping::header_octets;
         at < contract::TableMapping::header_octets + 64 * 8; at += 8) {
        std::string spoilt = good;
        spoilt.replace(at, 8, at % 16 == 0 ? std::string(8, '\xff') : std::string("\0\0\0\0\0\0\0\x10", 8));
        const Folder other;
        std::ofstream{other.file("capture"), std::ios::binary} << spoilt;
        const auto result = run("capture " + other.file("x") + " --run-dir " + other.path());
        BOOST_TEST((result.exit == 0 || result.exit == 1));
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::ctl::test
