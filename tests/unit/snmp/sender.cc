// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/snmp/sender.hh"

#include "control/snmp/engine.hh"
#include "receiver.hh"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>

using namespace tandem;
using namespace tandem::snmp;
using namespace std::chrono_literals;

namespace {

struct World {
    std::string folder = (std::filesystem::temp_directory_path() / "snmp-XXXXXX").string();
    boost::asio::io_context io;
    std::unique_ptr<Sender> sender;
    struct Said {
        bool good;
        std::string detail;
    };
    std::vector<Said> said;

    World() {
        BOOST_REQUIRE(::mkdtemp(folder.data()) != nullptr);
        sender = std::move(*Sender::start(io, {engine_id("p", "a", 1), folder + "/snmp"}));
    }
    ~World() {
        sender.reset();
        std::filesystem::remove_all(folder);
    }
    OrderId send(const config::SnmpReceiver& receiver, std::chrono::milliseconds timeout = 5s) {
        Order order{receiver,
                    notification_of({{"trigger", "role-change"},
                                     {"group", "g"},
                                     {"role", "active"},
                                     {"role_before", "standby"},
                                     {"epoch", "4294967298"},
                                     {"reason", "Grüße"}}),
                    timeout};
        return sender->send(std::move(order), [this](bool good, const std::string& detail) {
            said.push_back({good, detail});
        });
    }
    void wait(std::size_t count) {
        const auto until = std::chrono::steady_clock::now() + 10s;
        while (said.size() < count && std::chrono::steady_clock::now() < until) {
            io.restart();
            io.run_for(10ms);
        }
        BOOST_REQUIRE(said.size() == count);
    }
};

config::SnmpReceiver receiver_at(std::uint16_t port, config::SnmpInform inform = config::SnmpInform::off) {
    config::SnmpReceiver out;
    out.name = "r";
    out.address = *wire::IpAddress::parse("127.0.0.1");
    out.port = port;
    out.community.text = "sesame-open";
    out.inform = inform;
    return out;
}

config::SnmpReceiver v3_at(std::uint16_t port, config::SnmpInform inform = config::SnmpInform::off) {
    config::SnmpReceiver out = receiver_at(port, inform);
    out.version = config::SnmpVersion::v3;
    out.user = "tandem";
    out.authentication_password.text = "sesame-auth";
    out.privacy_password.text = "sesame-priv";
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(sender)

BOOST_AUTO_TEST_CASE(what_a_trap_of_2c_says) {
    World world;
    Receiver receiver;
    world.send(receiver_at(receiver.port()));
    const auto octets = receiver.next(5000);
    BOOST_REQUIRE(octets);
    const Message message = read_message(*octets);
    BOOST_TEST(message.version == 1U); // SNMPv2c, RFC 3416
    BOOST_TEST(message.community == "sesame-open");
    BOOST_TEST(message.command == 0xa7U);
    const std::string ours = "1.3.6.1.4.1.8072.9999.9999.7100";
    BOOST_REQUIRE(message.objects.size() == 11U);
    BOOST_TEST(message.objects[0].first == "1.3.6.1.2.1.1.3.0");
    BOOST_TEST(message.objects[0].second.tag == 0x43U);
    BOOST_TEST(message.objects[1].first == "1.3.6.1.6.3.1.1.4.1.0");
    BOOST_TEST(message.objects[1].second.oid() == ours + ".0.4");
    BOOST_TEST(message.objects[4].first == ours + ".1.1.3.0");
    BOOST_TEST(message.objects[4].second.content == "g");
    BOOST_TEST(message.objects[6].second.content == "Grüße");
    BOOST_TEST(message.objects[8].second.tag == 2U);
    BOOST_TEST(message.objects[8].second.number() == 3U);
    BOOST_TEST(message.objects[9].second.number() == 2U);
    BOOST_TEST(message.objects[10].first == ours + ".1.1.9.0");
    BOOST_TEST(message.objects[10].second.tag == 0x46U);
    BOOST_TEST(message.objects[10].second.number() == 4294967298U);
    world.wait(1);
    BOOST_TEST(world.said[0].good);
}

BOOST_AUTO_TEST_CASE(a_trap_of_3_shows_nothing_and_has_our_engine) {
    World world;
    Receiver receiver;
    world.send(v3_at(receiver.port()));
    const auto octets = receiver.next(5000);
    BOOST_REQUIRE(octets);
    BOOST_TEST(octets->find(engine_id("p", "a", 1)) != std::string::npos);
    BOOST_TEST(octets->find("tandem") != std::string::npos); // the user's name goes in clear
    BOOST_TEST(octets->find("Gr") == std::string::npos);
    BOOST_TEST(octets->find("sesame") == std::string::npos);
    const auto security = read_elements(read_elements(*octets)[0].parts()[2].content)[0].parts();
    BOOST_TEST(security[1].number() == 1U); // engineBoots
    BOOST_TEST(security[2].number() <= 2U); // engineTime
    world.wait(1);
    BOOST_TEST(world.said[0].good);
}

BOOST_AUTO_TEST_CASE(an_inform_is_acknowledged) {
    World world;
    Receiver receiver;
    world.send(receiver_at(receiver.port(), config::SnmpInform::on));
    const auto octets = receiver.next(5000);
    BOOST_REQUIRE(octets);
    BOOST_TEST(read_message(*octets).command == 0xa6U);
    receiver.acknowledge(*octets);
    world.wait(1);
    BOOST_TEST(world.said[0].good);
    BOOST_TEST(world.said[0].detail == "acknowledged");
}

BOOST_AUTO_TEST_CASE(silence_holds_up_nothing_else) {
    const auto began = std::chrono::steady_clock::now();
    {
        World world;
        Receiver silent;
        Receiver receiver;
        for (int i = 0; i < 5; ++i) {
            world.send(receiver_at(silent.port(), config::SnmpInform::on), 60s);
            world.send(v3_at(silent.port(), config::SnmpInform::on), 60s);
        }
        world.send(receiver_at(receiver.port()));
        BOOST_REQUIRE(receiver.next(2000));
        world.wait(1);
        BOOST_TEST(world.said[0].good);
        // ended while ten hang
    }
    BOOST_TEST((std::chrono::steady_clock::now() - began < 4s));
    World world;
    Receiver silent;
    world.send(v3_at(silent.port(), config::SnmpInform::on), 400ms);
    world.wait(1);
    BOOST_TEST(!world.said[0].good);
    BOOST_TEST(world.said[0].detail == "the receiver does not answer");
    world.sender->cancel(world.send(receiver_at(silent.port(), config::SnmpInform::on), 100ms));
    world.io.restart();
    world.io.run_for(300ms);
    BOOST_TEST(world.said.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_secret_that_cannot_be_read) {
    World world;
    config::SnmpReceiver receiver = receiver_at(9);
    receiver.community = {"", "/nonexistent/community"};
    world.send(receiver);
    world.wait(1);
    BOOST_TEST(!world.said[0].good);
    BOOST_TEST(world.said[0].detail.find("/nonexistent/community") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(more_than_can_be_under_way) {
    World world;
    Receiver silent;
    for (std::size_t i = 0; i < Sender::orders_max + 1; ++i)
        world.send(receiver_at(silent.port(), config::SnmpInform::on), 60s);
    world.wait(1);
    BOOST_TEST(world.said[0].detail.find("too many") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
