// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/hand.hh"

#include "control/app/clock.hh"
#include "control/app/realtime.hh"

#include <poll.h>
#include <pthread.h>

#include <cerrno>
#include <utility>

namespace tandem::app {

Hand::Hand(contract::Page& page, netlink::BatchSocket socket, std::vector<GroupEffects> groups,
           ToHand& commands, FromHand& results, HandNotes& notes, const EndedTerms& terms)
    : page_(page)
    , socket_(std::move(socket))
    , groups_(std::move(groups))
    , commands_(commands)
    , results_(results)
    , notes_(notes)
    , terms_(terms) {}

Hand::~Hand() {
    stop();
}

void Hand::start() {
    running_ = true;
    thread_ = std::thread{[this] { run(); }};
}

void Hand::stop() {
    if (!thread_.joinable())
        return;
    while (!commands_.send({.act = Act::stop})) // full: it is being emptied
        std::this_thread::yield();
    thread_.join();
}

void Hand::run() {
    ::pthread_setname_np(::pthread_self(), "tandem-hand");
    become_realtime(hand_priority); // the pulse has reported whether this is possible
    while (running_) {
        pollfd waiting{commands_.descriptor(), POLLIN, 0};
        ::poll(&waiting, 1, -1);
        commands_.settle();
        HandCommand command;
        while (running_ && commands_.receive(command))
            carry_out(command);
    }
}

void Hand::carry_out(const HandCommand& command) {
    if (command.act == Act::stop) {
        running_ = false;
        return;
    }
    const bool rising = command.act == Act::raise || command.act == Act::announce ||
                        command.act == Act::renew ||
                        (command.act == Act::stand && command.standing == contract::Standing::active);
    if (rising && terms_.ended(command.group, command.epoch))
        return;
    GroupEffects& group = groups_[command.group];
    switch (command.act) {
    case Act::raise: {
        const int error = socket_.send(group.rise);
        results_.send({command.group, error, command.epoch});
        return note(command, error);
    }
    case Act::lower:
        return note(command, socket_.send(group.fall));
    case Act::vacate:
        return note(command, socket_.send(group.vacate));
    case Act::seal:
        return note(command, socket_.send(group.seal));
    case Act::renew: {
        const int error = socket_.send(group.renew);
        if (error != 0)
            note(command, error);
        return;
    }
    case Act::announce: {
        bool whole = true;
        for (announce::Announcer& announcement : group.announcements)
            whole = announcement.send() == announcement.size() && whole;
        return note(command, whole ? 0 : EIO);
    }
    case Act::stand:
        page_.grants[command.group].role.write({.epoch = command.epoch, .standing = command.standing});
        return;
    case Act::stop:
        return;
    }
}

void Hand::note(const HandCommand& command, int error) {
    notes_.send({command.act, command.group, error, command.epoch, now()});
}

} // namespace tandem::app
