// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/api/session.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>

namespace tandem::api {

namespace asio = boost::asio;
using boost::system::error_code;

Session::Session(Socket socket, Caller caller, const Settings& settings, Hooks hooks)
    : socket_{std::move(socket)}
    , farewell_{socket_.get_executor()}
    , caller_{caller}
    , settings_{settings}
    , hooks_{std::move(hooks)} {}

void Session::start() {
    read();
}

void Session::stop() {
    hooks_ = {};
    close(End::left);
}

bool Session::may_take() const {
    // A client that asks faster than it reads is not read from: its own socket fills up, not our memory.
    return state_ == State::open && pending_ < settings_.requests_max &&
           output_size_ < settings_.output_max / 2;
}

void Session::read() {
    if (reading_ || at_end_ || !may_take())
        return;
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(buffer_),
        [self = shared_from_this()](error_code error, std::size_t size) { self->on_read(error, size); });
}

void Session::on_read(error_code error, std::size_t size) {
    reading_ = false;
    if (state_ != State::open)
        return;
    if (error && error != asio::error::eof) {
        close(End::left);
        return;
    }
    at_end_ = error == asio::error::eof;
    input_.append(buffer_.data(), size);
    go_on();
}

void Session::go_on() {
    take_lines();
    // Half a line at the end is nobody's request.
    const bool done = at_end_ && !taking_ && pending_ == 0 && output_.empty();
    if (state_ == State::open && done)
        close(End::left);
    else
        read();
}

void Session::take_lines() {
    // A request that is answered at once leads back here: the loop that is running goes on with the next
    // line.
    if (taking_)
        return;
    taking_ = true;
    std::size_t begin = 0;
    while (may_take()) {
        const auto end = input_.find('\n', begin);
        if (end == std::string::npos)
            break;
        const std::string line = input_.substr(begin, end - begin);
        begin = end + 1;
        take_line(line);
    }
    input_.erase(0, begin);
    taking_ = false;
    const bool endless = input_.size() > request_size_max && input_.find('\n') == std::string::npos;
    if (state_ == State::open && endless) {
        if (hooks_.refused)
            hooks_.refused();
        send_away({Code::invalid_request,
                   "a request has at most " + std::to_string(request_size_max) + " octets", nullptr});
    }
}

void Session::take_line(std::string_view line) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    if (line.empty())
        return;
    auto request = read_request(line);
    if (!request) {
        if (hooks_.refused)
            hooks_.refused();
        enqueue(std::make_shared<const std::string>(
            write_answer(request.error().id, std::unexpected(std::move(request.error().error)))));
        return;
    }
    ++pending_;
    // A copy: what the request leads to may end the session and with it the hooks.
    if (const auto hook = hooks_.request)
        hook(*this, std::move(*request));
}

void Session::answer(const boost::json::value& id, const Outcome& outcome) {
    if (pending_ > 0)
        --pending_;
    if (state_ != State::open)
        return;
    enqueue(std::make_shared<const std::string>(write_answer(id, outcome)));
    go_on();
}

void Session::publish(std::shared_ptr<const std::string> line) {
    if (state_ == State::open)
        enqueue(std::move(line));
}

void Session::enqueue(std::shared_ptr<const std::string> line) {
    if (state_ != State::open)
        return;
    if (output_size_ + line->size() > settings_.output_max) {
        too_slow();
        return;
    }
    output_size_ += line->size();
    output_.push_back(std::move(line));
    write();
}

void Session::too_slow() {
    reason_ = End::too_slow;
    send_away({Code::too_slow, "too much is waiting to be read; follow again and ask for what was missed",
               nullptr});
}

void Session::send_away(Error error) {
    if (state_ != State::open)
        return;
    state_ = State::leaving;
    if (reason_ == End::left)
        reason_ = End::sent_away;
    // The line that is under way must be finished; the others make room for the last one.
    if (output_.size() > 1)
        output_.resize(writing_ ? 1 : 0);
    output_.push_back(
        std::make_shared<const std::string>(write_answer(nullptr, std::unexpected(std::move(error)))));
    farewell_.expires_after(settings_.farewell);
    farewell_.async_wait([self = shared_from_this()](error_code error_or_end) {
        if (!error_or_end)
            self->close(self->reason_);
    });
    write();
}

void Session::write() {
    if (writing_ || output_.empty() || state_ == State::closed)
        return;
    writing_ = true;
    asio::async_write(socket_, asio::buffer(*output_.front()),
                      [self = shared_from_this(), line = output_.front()](
                          error_code error, std::size_t size) { self->on_written(error, size); });
}

void Session::on_written(error_code error, std::size_t size) {
    writing_ = false;
    if (state_ == State::closed)
        return;
    if (error) {
        close(reason_);
        return;
    }
    output_size_ -= std::min(output_size_, size);
    output_.pop_front();
    if (output_.empty() && state_ == State::leaving) {
        close(reason_);
        return;
    }
    write();
    go_on();
}

void Session::close(End end) {
    if (state_ == State::closed)
        return;
    state_ = State::closed;
    error_code ignored;
    farewell_.cancel();
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
    // The hooks refer to the server, which may forget this session now: hold on to it until they are done.
    const auto self = shared_from_this();
    const Hooks hooks = std::exchange(hooks_, {});
    if (hooks.end)
        hooks.end(*this, end);
}

} // namespace tandem::api
