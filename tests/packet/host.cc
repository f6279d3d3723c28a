// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/packet/host.hh"

#include "tests/packet/cases.hh"
#include "tests/packet/namespaces.hh"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

namespace packet_suite {

using namespace tandem;

namespace {

constexpr std::uint16_t queue = 5060;

} // namespace

Host::Host() {
    BOOST_REQUIRE_MESSAGE(::geteuid() == 0,
                          "the nfqueue engine is tested in network namespaces: run as root");
    const std::string unique = "tdpkt" + std::to_string(::getpid());
    node_ = unique + "n";
    phone_ = unique + "p";
    run_dir_ = "/tmp/" + unique;
    for (const std::string& name : {node_, phone_})
        output_of("ip netns add " + name);
    const std::string in_node = "ip -n " + node_ + " ";
    const std::string in_phone = "ip -n " + phone_ + " ";
    output_of(in_node + "link add n0 type veth peer name p0 netns " + phone_);
    for (const std::string& line :
         {in_node + "link set lo up", in_node + "link set n0 up", in_phone + "link set p0 up",
          in_node + "addr add 10.9.0.2/24 dev n0", in_node + "addr add " + std::string(vip) + "/32 dev n0",
          in_node + "addr add fd00:9::2/64 dev n0 nodad",
          in_node + "addr add " + std::string(vip6) + "/128 dev n0 nodad",
          in_phone + "addr add 10.9.0.7/24 dev p0", in_phone + "addr add fd00:9::7/64 dev p0 nodad",
          in_node + "tuntap add dev shadow0 mode tun", in_node + "link set shadow0 up",
          "ip netns exec " + node_ +
              " sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done'"})
        output_of(line);
    for (const std::string_view at : {vip, vip6, node_address})
        for (const std::uint16_t port : {std::uint16_t{5060}, std::uint16_t{5062}})
            servers_.push_back(in_namespace(node_, [&] { return udp_socket(at, port); }));
    phone4_ = in_namespace(phone_, [] { return udp_socket(phone, 5070); });
    phone6_ = in_namespace(phone_, [] { return udp_socket(phone6, 5070); });

    auto page = contract::PageMapping::open(run_dir_);
    BOOST_REQUIRE(page.has_value());
    page_ = std::move(*page);
    (*page_)->policy.write(policy("n0", queue));
    (*page_)->mirror_links[0].write(test_keys());
    set_stance(this->page(), path::Stance::active, now_ns());
    new_peer();
}

Host::~Host() {
    if (engine_ > 0)
        kill();
    for (const int descriptor : servers_)
        ::close(descriptor);
    ::close(phone4_);
    ::close(phone6_);
    for (const std::string& name : {node_, phone_})
        static_cast<void>(std::system(("ip netns del " + name + " 2>/dev/null").c_str()));
    std::error_code ignored;
    std::filesystem::remove_all(run_dir_, ignored);
}

void Host::new_peer() {
    peer_.reset();
    peer_ = std::make_unique<Peer>(in_namespace(node_, [] {
        const int descriptor = udp_socket("127.0.0.2", mirror_port);
        const SocketAddress node = socket_address("127.0.0.1", mirror_port);
        BOOST_REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&node.storage), node.length) ==
                      0);
        return descriptor;
    }));
}

void Host::start() {
    BOOST_REQUIRE(engine_ < 0);
    page().engine.attached = 0;
    engine_ = spawn_engine(node_, run_dir_);
    BOOST_REQUIRE_MESSAGE(eventually([&] { return page().engine.attached == 1; }),
                          "tandem-fast does not attach");
    settle();
}

int Host::run_second() {
    const pid_t child = spawn_engine(node_, run_dir_);
    int status = 0;
    BOOST_REQUIRE(eventually([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void Host::kill() {
    ::kill(engine_, SIGKILL);
    ::waitpid(engine_, nullptr, 0);
    engine_ = -1;
}

int Host::terminate() {
    ::kill(engine_, SIGTERM);
    int status = 0;
    BOOST_REQUIRE(eventually([&] { return ::waitpid(engine_, &status, WNOHANG) == engine_; }));
    engine_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void Host::settle() {
    const std::uint64_t until = page().engine.beats + 3;
    BOOST_REQUIRE(eventually([&] { return page().engine.beats >= until; }));
}

void Host::send(std::string_view payload, std::string_view destination, std::uint16_t port) {
    const SocketAddress to = socket_address(destination, port);
    const int descriptor = to.storage.ss_family == AF_INET ? phone4_ : phone6_;
    BOOST_REQUIRE(::sendto(descriptor, payload.data(), payload.size(), 0,
                           reinterpret_cast<const sockaddr*>(&to.storage),
                           to.length) == static_cast<ssize_t>(payload.size()));
}

std::optional<std::string> Host::received() {
    std::string text(65'536, '\0');
    for (const int descriptor : servers_) {
        sockaddr_storage from{};
        socklen_t length = sizeof(from);
        const ssize_t n = ::recvfrom(descriptor, text.data(), text.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &length);
        if (n < 0)
            continue;
        text.resize(static_cast<std::size_t>(n));
        std::array<char, INET6_ADDRSTRLEN> name{};
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(&from);
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&from);
        const void* octets =
            from.ss_family == AF_INET ? static_cast<const void*>(&v4->sin_addr) : &v6->sin6_addr;
        ::inet_ntop(from.ss_family, octets, name.data(), name.size());
        seen_source_ = std::string(name.data()) + " " + std::to_string(ntohs(v4->sin_port));
        seen_address_.assign(reinterpret_cast<const std::uint8_t*>(&from),
                             reinterpret_cast<const std::uint8_t*>(&from) + length);
        seen_server_ = descriptor;
        return text;
    }
    return std::nullopt;
}

bool Host::answer(std::string_view payload) {
    return ::sendto(seen_server_, payload.data(), payload.size(), 0,
                    reinterpret_cast<const sockaddr*>(seen_address_.data()),
                    static_cast<socklen_t>(seen_address_.size())) == static_cast<ssize_t>(payload.size());
}

std::string Host::run(const std::string& command) const {
    return output_of("ip netns exec " + node_ + " " + command);
}

} // namespace packet_suite
