// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/resolve/channel.hh"

#include <ares.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace tandem::resolve {
namespace {

std::string address_list(const std::vector<NameServer>& servers) {
    std::string list;
    for (const NameServer& server : servers) {
        const std::string address = server.address.to_string();
        list += (list.empty() ? "" : ",") + (server.address.is_v6() ? "[" + address + "]" : address) + ":" +
                std::to_string(server.port);
    }
    return list;
}

} // namespace

struct Channel::Impl : std::enable_shared_from_this<Channel::Impl> {
    using Stream = boost::asio::posix::stream_descriptor;
    /// A descriptor of the library, as far as the loop watches it.
    struct Watched {
        explicit Watched(boost::asio::io_context& io)
            : stream(io) {}
        Stream stream;
        bool read{false};
        bool write{false};
        bool reading{false};
        bool writing{false};
    };
    struct Asked {
        Impl* impl;
        RecordType type;
        Done done;
    };

    explicit Impl(boost::asio::io_context& loop)
        : io(loop)
        , timer(loop) {}

    void open(const ResolverSettings& settings);
    void close();
    static void on_state(void* data, ares_socket_t fd, int readable, int writable);
    static void on_answer(void* data, int status, int timeouts, unsigned char* message, int length);
    void wait(int fd, const std::shared_ptr<Watched>& watched);
    void process(ares_socket_t readable, ares_socket_t writable);
    void arm();

    boost::asio::io_context& io;
    boost::asio::steady_timer timer;
    ares_channel channel{nullptr};
    std::map<int, std::shared_ptr<Watched>> watched;
    std::size_t outstanding{0};
};

void Channel::Impl::open(const ResolverSettings& settings) {
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    ares_options options{};
    options.timeout =
        static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(settings.timeout).count());
    options.tries = static_cast<int>(settings.tries);
    options.ndots = 1;
    std::array<char, 2> lookups{"b"};
    options.lookups = lookups.data(); // name servers, no file
    options.sock_state_cb = on_state;
    options.sock_state_cb_data = this;
    // All that a file could say is said here, so that the library opens none.
    constexpr int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                          ARES_OPT_LOOKUPS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST |
                          ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    if (ares_init_options(&channel, &options, given) != ARES_SUCCESS) {
        channel = nullptr;
        return;
    }
    if (ares_set_servers_ports_csv(channel, address_list(settings.servers).c_str()) != ARES_SUCCESS)
        close();
}

void Channel::Impl::close() {
    if (channel != nullptr)
        ares_destroy(std::exchange(channel, nullptr));
    for (auto& [fd, one] : watched)
        one->stream.release();
    watched.clear();
    timer.cancel();
}

void Channel::Impl::on_state(void* data, ares_socket_t fd, int readable, int writable) {
    auto& self = *static_cast<Impl*>(data);
    const auto found = self.watched.find(fd);
    if (readable == 0 && writable == 0) {
        if (found != self.watched.end()) {
            found->second->stream.release(); // the library closes it
            self.watched.erase(found);
        }
        return;
    }
    auto one = found == self.watched.end() ? std::make_shared<Watched>(self.io) : found->second;
    if (found == self.watched.end()) {
        boost::system::error_code error;
        one->stream.assign(fd, error);
        if (error)
            return; // the library's own time runs out
        self.watched.emplace(fd, one);
    }
    one->read = readable != 0;
    one->write = writable != 0;
    self.wait(fd, one);
}

void Channel::Impl::wait(int fd, const std::shared_ptr<Watched>& one) {
    const auto ready = [weak = weak_from_this(), held = std::weak_ptr<Watched>(one),
                        fd](bool Watched::*waiting, bool Watched::*wanted, bool reads,
                            boost::system::error_code error) {
        const auto self = weak.lock();
        const auto now = held.lock();
        if (!self || !now)
            return;
        (*now).*waiting = false;
        if (error || !((*now).*wanted))
            return;
        self->process(reads ? fd : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : fd);
        if (const auto still = held.lock(); still && self->watched.contains(fd))
            self->wait(fd, still);
    };
    if (one->read && !std::exchange(one->reading, true))
        one->stream.async_wait(Stream::wait_read, [ready](boost::system::error_code error) {
            ready(&Watched::reading, &Watched::read, true, error);
        });
    if (one->write && !std::exchange(one->writing, true))
        one->stream.async_wait(Stream::wait_write, [ready](boost::system::error_code error) {
            ready(&Watched::writing, &Watched::write, false, error);
        });
}

void Channel::Impl::process(ares_socket_t readable, ares_socket_t writable) {
    if (channel == nullptr)
        return;
    ares_process_fd(channel, readable, writable);
    arm();
}

void Channel::Impl::arm() {
    timeval room{};
    const timeval* const left = channel == nullptr ? nullptr : ares_timeout(channel, nullptr, &room);
    if (left == nullptr || outstanding == 0) {
        timer.cancel();
        return;
    }
    timer.expires_after(std::chrono::seconds{left->tv_sec} + std::chrono::microseconds{left->tv_usec} +
                        std::chrono::milliseconds{1});
    timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self)
            self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    });
}

void Channel::Impl::on_answer(void* data, int status, int, unsigned char* message, int length) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(data));
    --asked->impl->outstanding;
    switch (status) {
    case ARES_SUCCESS:
        if (message != nullptr && length > 0)
            if (auto records = read_records({message, static_cast<std::size_t>(length)}, asked->type)) {
                asked->done(Answered::records, std::move(*records));
                return;
            }
        break;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        asked->done(Answered::records, {});
        return;
    case ARES_ESERVFAIL:
    case ARES_ENOTIMP:
    case ARES_EFORMERR:
        if (asked->type == RecordType::naptr) { // there are name servers that know no NAPTR
            asked->done(Answered::records, {});
            return;
        }
        break;
    default:
        break;
    }
    asked->done(Answered::nobody, {});
}

Channel::Channel(boost::asio::io_context& io, const ResolverSettings& settings)
    : impl_(std::make_shared<Impl>(io)) {
    impl_->open(settings);
}

Channel::~Channel() {
    impl_->close();
}

void Channel::ask(const Question& question, Done done) {
    if (impl_->channel == nullptr) {
        done(Answered::nobody, {});
        return;
    }
    constexpr int class_internet = 1;
    auto asked = std::make_unique<Impl::Asked>(impl_.get(), question.type, std::move(done));
    ++impl_->outstanding;
    ares_query(impl_->channel, question.name.c_str(), class_internet, static_cast<int>(question.type),
               Impl::on_answer, asked.release());
    impl_->arm();
}

} // namespace tandem::resolve
