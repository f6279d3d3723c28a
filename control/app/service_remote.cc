// SPDX-License-Identifier: GPL-3.0-or-later

// The gateway: the user that tandem-api runs as, who may ask through the socket for callers of its own.

#include "control/api/remote.hh"
#include "control/app/service.hh"

#include <pwd.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace tandem::app {

void Service::admit_gateway(api::Settings& settings, api::Methods& methods) {
    if (!parts_.config.api)
        return;
    const auto warn = [this](std::string text) {
        parts_.journal.add(Severity::warning, "api.unreachable", "", std::move(text));
    };
    const std::string& name = parts_.config.api->user;
    std::vector<char> room(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
        return warn("there is no user " + name + ": remote actions are refused");
    if (found->pw_uid == 0)
        return warn("[api] user is root: remote actions are refused; the program needs a user of its own");
    settings.gateway = found->pw_uid;
    settings.group = found->pw_gid;
    for (const std::string_view method : api::remote_methods)
        if (const auto exposed = methods.find(method); exposed != methods.end())
            exposed->second.exposure = api::Exposure::remote;
    // The way to the socket; what else is in the folder has modes of its own.
    if (chmod(parts_.config.node.run_dir.c_str(), 0711) != 0)
        warn(parts_.config.node.run_dir + ": tandem-api cannot enter it: " + std::strerror(errno));
}

} // namespace tandem::app
