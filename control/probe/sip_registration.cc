// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/probe/sip_registration.hh"

#include "control/probe/sip_account.hh"
#include "control/probe/sip_client.hh"
#include "control/probe/sip_link.hh"
#include "control/probe/sip_prober.hh"
#include "control/watch/descriptor.hh"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <utility>

namespace tandem::probe {
namespace {

constexpr std::size_t runs_max = 256;

/// The first line of the file. Nothing: it cannot be read, or has none.
std::optional<std::string> read_password(const config::RegistrationTarget& target) {
    std::string text;
    if (!target.password_variable.empty()) {
        const char* const value = std::getenv(target.password_variable.c_str());
        text = value == nullptr ? "" : value;
    } else {
        // A pipe without a writer must not keep the loop.
        const watch::Descriptor file(::open(target.password_file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        std::array<char, 512> line{};
        const ssize_t length = file ? ::read(file.get(), line.data(), line.size()) : -1;
        if (length > 0)
            text.assign(line.data(), static_cast<std::size_t>(length));
    }
    text = text.substr(0, text.find_first_of("\r\n"));
    return text.empty() ? std::nullopt : std::optional{text};
}

/// One run, from the look-up to the last thing that is taken back.
class Run : public std::enable_shared_from_this<Run> {
public:
    using Done = std::function<void(const SipAccount::Result& result, bool left)>;
    Run(boost::asio::io_context& io, std::shared_ptr<const config::RegistrationTarget> target,
        SipOrigin origin, SipCredentials credentials, Done done, std::function<void()> over)
        : io_(io)
        , timer_(io)
        , target_(std::move(target))
        , origin_(std::move(origin))
        , credentials_(std::move(credentials))
        , done_(std::move(done))
        , over_(std::move(over)) {}

    void begin(resolve::Resolver& resolver);
    /// Nobody wants to know any more.
    void abandon();
    /// The same, and there is no time left: what leaves at once leaves.
    void drop();

private:
    void located(const resolve::Located& located);
    void opened();
    void end(const std::string& why, bool left);
    void flush();
    void arm();

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<const config::RegistrationTarget> target_;
    SipOrigin origin_;
    SipCredentials credentials_;
    Done done_;
    std::function<void()> over_;
    resolve::Server server_;
    std::unique_ptr<SipLink> link_;
    std::optional<SipAccount> account_;
    bool finished_{false};
};

void Run::begin(resolve::Resolver& resolver) {
    timer_.expires_after(target_->step_timeout); // of the look-up and the connection
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self && !self->account_)
            self->end("connecting failed: no connection in time", !self->link_ ? false : true);
    });
    resolver.locate(wanted_of(target_->way(), origin_), std::hash<std::string>{}(random_text(8)),
                    [weak = weak_from_this()](const resolve::Located& found) {
                        if (const auto self = weak.lock(); self && !self->finished_)
                            self->located(found);
                    });
}

void Run::located(const resolve::Located& located) {
    if (located.servers.empty()) {
        end(located.detail.empty() ? "has no address that can be used" : located.detail,
            located.knowledge != resolve::Knowledge::none);
        return;
    }
    server_ = located.servers.front();
    const auto weak = weak_from_this();
    SipLink::Ears ears;
    ears.heard = [weak](std::string_view message) {
        if (const auto self = weak.lock(); self && self->account_) {
            self->account_->on_message(moment(), message);
            self->flush();
        }
    };
    ears.opened = [weak] {
        if (const auto self = weak.lock())
            self->opened();
    };
    ears.broken = [weak](const std::string& why) {
        const auto self = weak.lock();
        if (!self)
            return;
        if (!self->account_) {
            self->end("connecting failed: " + why, true);
            return;
        }
        self->account_->on_failure(why);
        self->flush();
    };
    ears.refused = [weak](std::string_view) {
        if (const auto self = weak.lock(); self && self->account_) {
            self->account_->on_failure("nobody has the port");
            self->flush();
        }
    };
    if (server_.transport == resolve::Transport::udp) {
        auto link = open_datagrams(io_, server_.address.family, origin_, std::move(ears));
        if (!link) {
            end(link.error(), false);
            return;
        }
        link_ = std::move(*link);
        opened();
        return;
    }
    std::shared_ptr<SipTlsContext> context;
    if (server_.transport == resolve::Transport::tls) {
        auto made = make_tls_context(target_->tls);
        if (!made) {
            end(made.error(), false);
            return;
        }
        context = std::move(*made);
    }
    const std::string& name = target_->tls.server_name;
    link_ = open_stream(io_, server_, origin_, std::move(context), name.empty() ? target_->way().host : name,
                        std::move(ears));
}

void Run::opened() {
    const config::SipUri& uri = target_->uri;
    config::SipUri registrar = uri;
    registrar.user.clear();
    SipAccount::Settings settings;
    settings.aor = uri.text();
    settings.registrar = registrar.text();
    settings.local = link_->local_for(server_);
    settings.via_transport = server_.transport == resolve::Transport::udp   ? "UDP"
                             : server_.transport == resolve::Transport::tcp ? "TCP"
                                                                            : "TLS";
    settings.reliability = link_->reliability();
    settings.credentials = credentials_;
    settings.step = target_->step_timeout;
    settings.max_forwards = target_->max_forwards;
    settings.user_agent = target_->user_agent;
    if (settings.local.empty()) {
        end("there is no way to it", false);
        return;
    }
    account_.emplace(std::move(settings), random_text);
    account_->begin(moment());
    flush();
}

void Run::end(const std::string& why, bool left) {
    if (std::exchange(finished_, true))
        return;
    timer_.cancel();
    const auto keep = shared_from_this();
    if (const auto tell = std::exchange(done_, nullptr))
        tell({false, why}, left);
    // Whatever calls us may still be in the link.
    boost::asio::post(io_, [keep] { keep->over_(); });
}

void Run::flush() {
    if (finished_)
        return;
    const auto keep = shared_from_this();
    for (const std::string& message : account_->take_output())
        if (const std::string why = link_->send(server_, message); !why.empty()) {
            account_->on_failure(why);
            break;
        }
    if (const auto result = account_->take_result())
        if (const auto tell = std::exchange(done_, nullptr))
            tell({result->well, result->detail + (result->well ? "" : ", " + place_text(server_))}, true);
    if (!account_->over()) {
        arm();
        return;
    }
    finished_ = true;
    timer_.cancel();
    boost::asio::post(io_, [keep] { keep->over_(); });
}

void Run::arm() {
    timer_.expires_at(std::chrono::steady_clock::time_point{account_->due().time_since_epoch()});
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        const auto self = weak.lock();
        if (error || !self || self->finished_)
            return;
        self->account_->on_time(moment());
        self->flush();
    });
}

void Run::abandon() {
    done_ = nullptr;
    if (!account_) {
        end({}, false);
        return;
    }
    account_->abandon(moment());
    flush();
}

void Run::drop() {
    done_ = nullptr;
    over_ = [] {};
    if (account_ && !finished_) {
        account_->abandon(moment());
        flush();
    }
    finished_ = true;
    timer_.cancel();
    link_.reset();
}

class RegistrationProber : public Prober {
public:
    RegistrationProber(boost::asio::io_context& io, Told told)
        : io_(io)
        , told_(std::move(told))
        , resolvers_(io) {}
    ~RegistrationProber() override {
        life_.reset();
        for (auto& [number, run] : runs_)
            run->drop();
    }

    std::optional<std::string> ask(CheckId check, const config::CheckSettings& settings,
                                   std::uint64_t number) override;
    void forget(CheckId check) override;

private:
    struct Asked {
        std::uint64_t run{0};
        std::optional<std::string> trouble;
    };
    boost::asio::io_context& io_;
    Told told_;
    Resolvers resolvers_;
    std::shared_ptr<int> life_{std::make_shared<int>()};
    std::uint64_t last_{0};
    std::map<std::uint64_t, std::shared_ptr<Run>>
        runs_; ///< those of forgotten checks too, until they are over
    std::map<CheckId, Asked> asked_;
};

std::optional<std::string> RegistrationProber::ask(CheckId check, const config::CheckSettings& settings,
                                                   std::uint64_t number) {
    if (asked_.contains(check) && runs_.contains(asked_[check].run))
        return "the run before is not over";
    if (runs_.size() >= runs_max)
        return "too many accounts are at work";
    const auto target = std::make_shared<const config::RegistrationTarget>(
        std::get<config::RegistrationTarget>(settings.target));
    SipCredentials credentials{target->user.empty() ? target->uri.user : target->user, {}};
    if (!target->password_file.empty() || !target->password_variable.empty()) {
        auto password = read_password(*target);
        if (!password)
            return "the password cannot be read";
        credentials.password = std::move(*password);
    }
    const std::uint64_t id = ++last_;
    const auto run = std::make_shared<Run>(
        io_, target, SipOrigin{settings.source, settings.interface}, std::move(credentials),
        [this, check, number](const SipAccount::Result& result, bool left) {
            const auto found = asked_.find(check);
            if (found == asked_.end())
                return;
            found->second.trouble.reset();
            if (left)
                told_({check, number, result.well ? Found::good : Found::bad, result.detail, moment()});
            else
                found->second.trouble = result.detail;
        },
        [this, id, life = std::weak_ptr<int>(life_)] {
            if (!life.expired())
                runs_.erase(id);
        });
    asked_[check].run = id;
    runs_[id] = run;
    run->begin(resolvers_.of(target->name_servers));
    const auto still = asked_.find(check);
    return still == asked_.end() ? std::nullopt : still->second.trouble;
}

void RegistrationProber::forget(CheckId check) {
    const auto found = asked_.find(check);
    if (found == asked_.end())
        return;
    const auto run = runs_.find(found->second.run);
    asked_.erase(found);
    if (run != runs_.end())
        std::shared_ptr<Run> {
            run->second
            } -> abandon();
}

} // namespace

std::unique_ptr<Prober> make_registration_prober(boost::asio::io_context& io, Prober::Told told) {
    return std::make_unique<RegistrationProber>(io, std::move(told));
}

} // namespace tandem::probe
