// SPDX-License-Identifier: GPL-3.0-or-later
// tandem-replay with captures of every form that it reads, and with what it must refuse.
#include "dataplane/wire/pcapng.hh"
#include "dataplane/wire/udp.hh"
#include "tests/unit/tandemctl/run.hh"

#include <boost/json/parse.hpp>

#include <vector>

namespace tandem::ctl::test {
namespace {

namespace json = boost::json;

Result run(const std::string& arguments) {
    return run_program(PROGRAM, arguments);
}
using Bytes = std::vector<std::uint8_t>;

std::string request(const std::string& method, const std::string& call_id = "c1") {
    return method +
           " sip:b@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1\r\n"
           "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: " +
           call_id + "\r\nCSeq: 1 " + method + "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
}

Bytes packet(const std::string& payload, const std::string& to = "192.0.2.10", std::uint16_t port = 5060) {
    const auto destination = *wire::IpAddress::parse(to);
    const auto source = *wire::IpAddress::parse(destination.is_v4() ? "198.51.100.7" : "2001:db8::7");
    Bytes octets(wire::udp_packet_size(destination.family, payload.size()));
    BOOST_REQUIRE(wire::write_udp_packet(octets, {source, destination, 5070, port},
                                         {reinterpret_cast<const std::uint8_t*>(payload.data()),
                                          payload.size()}) == octets.size());
    return octets;
}

Bytes framed(Bytes before, const Bytes& ip) {
    before.push_back(ip[0] >> 4U == 4 ? 0x08 : 0x86);
    before.push_back(ip[0] >> 4U == 4 ? 0x00 : 0xdd);
    before.insert(before.end(), ip.begin(), ip.end());
    return before;
}

void write(const std::string& file, const Bytes& octets) {
    std::ofstream{file, std::ios::binary}.write(reinterpret_cast<const char*>(octets.data()),
                                                static_cast<std::streamsize>(octets.size()));
}

Bytes classic(std::uint32_t link_type, const std::vector<Bytes>& frames) {
    Bytes out;
    const auto put = [&](std::uint32_t value) {
        const auto* octets = reinterpret_cast<const std::uint8_t*>(&value);
        out.insert(out.end(), octets, octets + 4);
    };
    for (const std::uint32_t value : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 262'144U, link_type})
        put(value);
    for (std::uint32_t i = 0; i < frames.size(); ++i) {
        for (const std::uint32_t value :
             {1'700'000'000 + i, 250'000U, static_cast<std::uint32_t>(frames[i].size()),
              static_cast<std::uint32_t>(frames[i].size())})
            put(value);
        out.insert(out.end(), frames[i].begin(), frames[i].end());
    }
    return out;
}

struct Desk : Folder {
    Desk() { policy("INVITE|REGISTER not user=/^x/"); }
    void policy(const std::string& pattern) const {
        std::ofstream{file("p.toml")}
            << "[node]\nid = 1\n[pair]\nid = \"p\"\n[[path]]\nname = \"a\"\nlocal = \"10.1.0.1\"\npeer = "
               "\"10.1.0.2\"\n"
               "[[group]]\nname = \"sip\"\ninterface = \"eth0\"\nvips = [\"192.0.2.10\", \"2001:db8::10\"]\n"
               "[group.mirror]\nenabled = true\nrequest_pattern = \""
            << pattern << "\"\n";
    }
    Result replay(const std::string& more = "--role active") const {
        return run(file("c.pcap") + " --policy " + file("p.toml") + " " + more);
    }
    json::value answer(const std::string& role) const {
        const auto result = replay("--json --role " + role);
        BOOST_REQUIRE_MESSAGE(result.exit == 0, result.err);
        return json::parse(result.out);
    }
};

const std::vector<Bytes>& packets() {
    static const std::vector<Bytes> list{
        packet(request("REGISTER")), packet(request("OPTIONS"), "2001:db8::10"),
        packet("rtp", "192.0.2.10", 40000), packet("\r\n\r\n"), packet(request("INVITE"), "192.0.2.99")};
    return list;
}

void check_active(const json::value& answer) {
    const auto& list = answer.at("packets").as_array();
    BOOST_REQUIRE(list.size() == 5U);
    const char* const kinds[]{"sip_matching", "sip_other", "other_port", "keepalive", "not_vip"};
    for (std::size_t i = 0; i < list.size(); ++i) {
        BOOST_TEST(list[i].at("kind").as_string() == kinds[i]);
        BOOST_TEST(list[i].at("action") == "forward");
        BOOST_TEST(list[i].at("mirrored").as_bool() == (i == 0));
    }
    BOOST_TEST(list[0].at("method") == "REGISTER");
    BOOST_TEST(list[0].at("source") == "198.51.100.7:5070");
    BOOST_TEST(list[0].at("destination") == "192.0.2.10:5060");
    BOOST_TEST(list[1].at("destination") == "[2001:db8::10]:5060");
    BOOST_TEST(list[0].at("counter") == "sip_forwarded");
    BOOST_TEST(list[1].at("time") == "2023-11-14T22:13:21.250000Z");
    BOOST_TEST(answer.at("counters").at("mirror_matched") == 1);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(replay, Desk)

BOOST_AUTO_TEST_CASE(every_form_of_capture_gives_the_same_verdicts) {
    struct Form {
        std::uint32_t link_type;
        Bytes before;
    };
    for (const Form& form : {Form{101, {}}, Form{1, Bytes(12, 2)},
                             Form{1, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6}},
                             Form{113, Bytes(14, 0)}}) {
        BOOST_TEST_CONTEXT(form.link_type << " with " << form.before.size()) {
            std::vector<Bytes> frames;
            for (const Bytes& one : packets())
                frames.push_back(form.before.empty() ? one : framed(form.before, one));
            write(file("c.pcap"), classic(form.link_type, frames));
            check_active(answer("active"));
        }
    }
    Bytes cooked2(18, 0); // the protocol stands first
    std::vector<Bytes> frames;
    for (const Bytes& one : packets()) {
        Bytes frame = framed({}, one);
        frame.insert(frame.begin() + 2, cooked2.begin(), cooked2.end());
        frames.push_back(frame);
    }
    write(file("c.pcap"), classic(276, frames));
    check_active(answer("active"));
    wire::pcapng::Octets ng;
    wire::pcapng::add_section(ng, "test");
    wire::pcapng::add_interface(ng, wire::pcapng::link_raw_ip, "eth0");
    for (std::size_t i = 0; i < packets().size(); ++i)
        wire::pcapng::add_packet(ng,
                                 {.at_ns = (1'700'000'000 + i) * 1'000'000'000 + 250'000'000,
                                  .length = static_cast<std::uint32_t>(packets()[i].size()),
                                  .comment = {}},
                                 packets()[i]);
    write(file("c.pcap"), ng);
    check_active(answer("active"));
}

BOOST_AUTO_TEST_CASE(a_standby_drops) {
    write(file("c.pcap"), classic(101, packets()));
    const auto result = answer("standby");
    for (std::size_t i = 0; i < 4; ++i) {
        BOOST_TEST(result.at("packets").at(i).at("action") == "drop");
        BOOST_TEST(result.at("packets").at(i).at("counter") == "drop_standby");
        BOOST_TEST(result.at("packets").at(i).at("mirrored") == false);
    }
    BOOST_TEST(result.at("packets").at(4).at("action") == "forward");
}

BOOST_AUTO_TEST_CASE(as_text) {
    write(file("c.pcap"), classic(101, packets()));
    const auto result = replay();
    BOOST_TEST(result.exit == 0);
    BOOST_TEST(
        result.out.find("    1  2023-11-14T22:13:20.250000Z  198.51.100.7:5070 > 192.0.2.10:5060  REGISTER  "
                        "sip_matching  forward  sip_forwarded  mirrored\n") == 0,
        result.out);
    BOOST_TEST(result.out.find("5 packets, ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(clauses_and_expressions_count) {
    policy("INVITE sample 1/2");
    std::vector<Bytes> frames;
    for (int i = 0; i < 100; ++i)
        frames.push_back(packet(request("INVITE", "call-" + std::to_string(i))));
    write(file("c.pcap"), classic(101, frames));
    const auto half = answer("active");
    const auto mirrored = half.at("counters").at("mirror_matched").as_int64();
    BOOST_TEST(mirrored > 30);
    BOOST_TEST(mirrored < 70);
    policy("INVITE user=/^b$/ header Call-ID=/-1$/");
    const auto one = answer("active");
    BOOST_TEST(one.at("counters").at("mirror_matched") == 1);
    BOOST_TEST(one.at("packets").at(1).at("mirrored") == true);
}

BOOST_AUTO_TEST_CASE(what_it_cannot_read_it_refuses) {
    const auto refused = [&](const std::string& part) {
        const auto result = replay();
        BOOST_TEST(result.exit == 1);
        BOOST_TEST(result.err.find(part) != std::string::npos, result.err);
        BOOST_TEST(result.err.find('\x1b') == std::string::npos);
    };
    refused("c.pcap");
    write(file("c.pcap"), {});
    refused("c.pcap");
    write(file("c.pcap"), Bytes(1000, 'x'));
    refused("unknown file format");
    write(file("c.pcap"), classic(147, {Bytes(10, 0)}));
    refused("link type 147");
    const Bytes whole = classic(101, packets());
    write(file("c.pcap"), Bytes(whole.begin(), whole.end() - 10));
    refused("truncated");
    BOOST_TEST(replay().out.find("    4  ") != std::string::npos); // what came before the damage
    write(file("c.pcap"), classic(101, packets()));
    policy("INVITE user=/(/");
    refused("p.toml:15:19: ");
    BOOST_TEST(replay("--role primary").exit == 2);
    BOOST_TEST(replay("").exit == 2);
    BOOST_TEST(run("--help").exit == 0);
}

BOOST_AUTO_TEST_CASE(octets_of_the_network_are_not_printed_as_they_came) {
    write(file("c.pcap"), classic(101, {packet("\x1b[2J sip:x SIP/2.0\r\n\r\n"),
                                        packet("A\xff sip:x SIP/2.0\r\n\r\n"),
                                        Bytes(60, 0x1b),
                                        {}}));
    for (const char* how : {"--role active", "--role active --json"})
        for (const char c : replay(how).out)
            BOOST_REQUIRE(((c >= ' ' && c <= '~') || c == '\n'));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace tandem::ctl::test
