// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/https/brain_line.hh"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>

#include <climits>
#include <map>
#include <optional>
#include <utility>

namespace tandem::https {

namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

namespace {

constexpr std::size_t answer_size_max = 16 * 1024 * 1024;
constexpr std::size_t waiting_max = 256;

api::Outcome outcome_of(json::object& message) {
    if (json::value* result = message.if_contains("result"))
        return std::move(*result);
    api::Error error{api::Code::internal_error, "an answer that is not understood", nullptr};
    if (const json::value* told = message.if_contains("error"); told != nullptr && told->is_object()) {
        const json::object& object = told->get_object();
        if (const auto* code = object.if_contains("code"); code != nullptr && code->is_int64() &&
                                                           code->get_int64() >= INT_MIN &&
                                                           code->get_int64() <= INT_MAX)
            error.code = static_cast<api::Code>(code->get_int64());
        if (const auto* text = object.if_contains("message"); text != nullptr && text->is_string())
            error.message.assign(text->get_string().data(), text->get_string().size());
    }
    return std::unexpected(std::move(error));
}

} // namespace

class BrainLine::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, std::string path, std::chrono::milliseconds patience)
        : socket_{io}
        , watch_{io}
        , path_{std::move(path)}
        , patience_{patience} {}

    void ask(Call call, Answered answered);
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    enum class State : std::uint8_t { away, connecting, there };
    struct Waiting {
        Answered answered;
        Clock::time_point until;
    };

    void connect();
    void write();
    void read();
    void on_line(std::string line);
    void lose(Away why);
    void watch();

    Protocol::socket socket_;
    asio::steady_timer watch_;
    std::string path_;
    std::chrono::milliseconds patience_;
    State state_{State::away};
    std::uint64_t life_{0}; ///< of the connection: what an earlier one leaves behind is nothing to this
    std::string output_;
    std::string writing_;
    std::string input_;
    std::map<std::int64_t, Waiting> waiting_;
    std::int64_t last_id_{0};
    bool watching_{false};
};

void BrainLine::Impl::ask(Call call, Answered answered) {
    if (waiting_.size() >= waiting_max) {
        asio::post(socket_.get_executor(),
                   [answered = std::move(answered)] { answered(std::unexpected(Away::busy)); });
        return;
    }
    const std::int64_t id = ++last_id_;
    output_ +=
        api::write_request({id, std::move(call.method), std::move(call.params), std::move(call.caller)});
    waiting_.emplace(id, Waiting{std::move(answered), Clock::now() + patience_});
    if (state_ == State::away)
        connect();
    else if (state_ == State::there)
        write();
    watch();
}

void BrainLine::Impl::connect() {
    state_ = State::connecting;
    const std::uint64_t life = ++life_;
    error_code ignored;
    socket_.close(ignored);
    socket_ = Protocol::socket{socket_.get_executor()};
    constexpr std::size_t path_size_max = 107;
    if (path_.size() > path_size_max) {
        asio::post(socket_.get_executor(), [self = shared_from_this()] { self->lose(Away::unreachable); });
        return;
    }
    socket_.async_connect(Protocol::endpoint{path_}, [self = shared_from_this(), life](error_code error) {
        if (life != self->life_)
            return;
        if (error)
            return self->lose(Away::unreachable);
        self->state_ = State::there;
        self->input_.clear();
        self->writing_.clear();
        self->write();
        self->read();
    });
}

void BrainLine::Impl::write() {
    if (!writing_.empty() || output_.empty())
        return;
    writing_ = std::exchange(output_, {});
    asio::async_write(socket_, asio::buffer(writing_),
                      [self = shared_from_this(), life = life_](error_code error, std::size_t) {
                          if (life != self->life_)
                              return;
                          self->writing_.clear();
                          if (error)
                              return self->lose(Away::lost);
                          self->write();
                      });
}

void BrainLine::Impl::read() {
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, answer_size_max), '\n',
                           [self = shared_from_this(), life = life_](error_code error, std::size_t size) {
                               if (life != self->life_)
                                   return;
                               if (error)
                                   return self->lose(Away::lost);
                               std::string line = self->input_.substr(0, size);
                               self->input_.erase(0, size);
                               self->on_line(std::move(line));
                           });
}

void BrainLine::Impl::on_line(std::string line) {
    json::error_code failure;
    json::value message = json::parse(line, failure);
    if (failure || !message.is_object())
        return lose(Away::lost);
    json::object& object = message.get_object();
    const json::value* id = object.if_contains("id");
    if (id != nullptr && id->is_null()) // the last word before the brain closes: it has too many clients
        return lose(Away::busy);
    const auto found = id != nullptr && id->is_int64() ? waiting_.find(id->get_int64()) : waiting_.end();
    std::optional<Answered> answered;
    if (found != waiting_.end()) {
        answered = std::move(found->second.answered);
        waiting_.erase(found);
    }
    read();
    if (answered)
        (*answered)(outcome_of(object));
}

void BrainLine::Impl::lose(Away why) {
    ++life_;
    state_ = State::away;
    error_code ignored;
    socket_.close(ignored);
    output_.clear();
    for (auto& [id, waiting] : std::exchange(waiting_, {}))
        waiting.answered(std::unexpected(why));
}

void BrainLine::Impl::watch() {
    if (watching_ || waiting_.empty())
        return;
    watching_ = true;
    watch_.expires_at(waiting_.begin()->second.until); // the oldest: all have the same patience
    watch_.async_wait([self = shared_from_this()](error_code error) {
        self->watching_ = false;
        if (error)
            return;
        while (!self->waiting_.empty() && self->waiting_.begin()->second.until <= Clock::now()) {
            const Answered late = std::move(self->waiting_.begin()->second.answered);
            self->waiting_.erase(self->waiting_.begin());
            late(std::unexpected(Away::silent));
        }
        self->watch();
    });
}

void BrainLine::Impl::stop() {
    ++life_;
    state_ = State::away;
    waiting_.clear();
    watch_.cancel();
    error_code ignored;
    socket_.close(ignored);
}

BrainLine::BrainLine(asio::io_context& io, std::string socket_path, std::chrono::milliseconds patience)
    : impl_{std::make_shared<Impl>(io, std::move(socket_path), patience)} {}

BrainLine::~BrainLine() {
    impl_->stop();
}

void BrainLine::ask(Call call, Answered answered) {
    impl_->ask(std::move(call), std::move(answered));
}

} // namespace tandem::https
