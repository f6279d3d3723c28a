// SPDX-License-Identifier: GPL-3.0-or-later
#include "servant.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <algorithm>

namespace tandem::courier {
namespace asio = boost::asio;

bool run_until(asio::io_context& io, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        io.restart();
        io.run_for(std::chrono::milliseconds{10});
    }
    return true;
}

Servant::Servant(std::function<void(Servant&, Socket&)> serve)
    : serve_(std::move(serve))
    , acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0})
    , port_(acceptor_.local_endpoint().port())
    , thread_([this] { run(); }) {}

Servant::~Servant() {
    stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
    {
        const std::lock_guard lock{mutex_};
        for (const int fd : open_)
            ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& talk : talks_)
        talk.join();
}

void Servant::run() {
    while (!stopping_) {
        boost::system::error_code error;
        Socket socket{io_};
        acceptor_.accept(socket, error);
        if (error)
            return;
        ++connections_;
        const std::lock_guard lock{mutex_};
        open_.push_back(socket.native_handle());
        talks_.emplace_back([this, socket = std::move(socket)]() mutable {
            const int fd = socket.native_handle();
            try {
                serve_(*this, socket);
            } catch (const std::exception&) {
                // the other end is gone
            }
            const std::lock_guard end{mutex_};
            std::erase(open_, fd);
            boost::system::error_code ignored;
            socket.close(ignored);
        });
    }
}

std::string Servant::line(Socket& socket) {
    std::string text;
    char c = 0;
    while (c != '\n') {
        asio::read(socket, asio::buffer(&c, 1));
        text += c;
    }
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.pop_back();
    const std::lock_guard lock{mutex_};
    lines_.push_back(text);
    return text;
}

void Servant::say(Socket& socket, std::string_view text) {
    asio::write(socket, asio::buffer(text.data(), text.size()));
}

void Servant::wait_for_end(Socket& socket) {
    for (;;)
        line(socket);
}

std::vector<std::string> Servant::lines() const {
    const std::lock_guard lock{mutex_};
    return lines_;
}

bool Servant::heard(std::string_view beginning) const {
    const std::lock_guard lock{mutex_};
    return std::ranges::any_of(lines_, [&](const std::string& line) { return line.starts_with(beginning); });
}

MailServant::MailServant(std::vector<std::pair<std::string, std::string>> instead)
    : servant([this](Servant& here, Servant::Socket& socket) { talk(here, socket); })
    , instead_(std::move(instead)) {}

void MailServant::say(std::vector<std::pair<std::string, std::string>> instead) {
    const std::lock_guard lock{mutex_};
    instead_ = std::move(instead);
}

std::vector<std::string> MailServant::letters() const {
    const std::lock_guard lock{mutex_};
    return letters_;
}

std::string MailServant::answer(const std::string& command) const {
    const std::lock_guard lock{mutex_};
    for (const auto& [beginning, said] : instead_)
        if (command.starts_with(beginning))
            return said;
    if (command.starts_with("EHLO"))
        return "250-servant\r\n250 AUTH PLAIN LOGIN\r\n";
    if (command.starts_with("AUTH"))
        return "334 \r\n";
    if (command.starts_with("AG")) // what PLAIN begins with: nobody else's name
        return "235 welcome\r\n";
    if (command == "DATA")
        return "354 go on\r\n";
    if (command.starts_with("QUIT"))
        return "221 good bye\r\n";
    return "250 yes\r\n";
}

void MailServant::talk(Servant& here, Servant::Socket& socket) {
    const std::string greeting = answer("greeting");
    Servant::say(socket, greeting.starts_with("250") ? "220 servant\r\n" : greeting);
    for (;;) {
        const std::string command = here.line(socket);
        const std::string said = answer(command);
        if (said == "silence")
            here.wait_for_end(socket);
        Servant::say(socket, said);
        if (!said.starts_with("354"))
            continue;
        std::string letter;
        for (std::string line = here.line(socket); line != "."; line = here.line(socket))
            letter += (line.starts_with('.') ? line.substr(1) : line) + "\n";
        const std::string taken = answer("end of letter");
        if (taken == "silence")
            here.wait_for_end(socket);
        if (taken.starts_with("250")) {
            const std::lock_guard lock{mutex_};
            letters_.push_back(letter);
        }
        Servant::say(socket, taken);
    }
}

} // namespace tandem::courier
