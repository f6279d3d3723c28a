// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// libnl's sockets and caches with owners. Internal to the files that ask the kernel what is there.

#include "dataplane/wire/address.hh"
#include "netlink/kernel.hh"

#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <sys/socket.h>

namespace tandem::netlink {

struct SocketDeleter {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct CacheDeleter {
    void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};
using SocketOwner = std::unique_ptr<nl_sock, SocketDeleter>;
using CacheOwner = std::unique_ptr<nl_cache, CacheDeleter>;

/// libnl has numbers of its own; only the few that an operator can act on are told apart.
inline Error library_error(int result, const std::string& what) {
    const int number = result < 0 ? -result : result;
    const int code = number == NLE_PERM || number == NLE_NOACCESS ? EPERM
                     : number == NLE_NOMEM                        ? ENOMEM
                                                                  : EIO;
    return {code, what + ": " + nl_geterror(result)};
}

inline std::expected<SocketOwner, Error> connect_route() {
    SocketOwner socket(nl_socket_alloc());
    if (socket == nullptr)
        return std::unexpected(Error{ENOMEM, "cannot allocate a netlink socket"});
    if (const int result = nl_connect(socket.get(), NETLINK_ROUTE); result < 0)
        return std::unexpected(library_error(result, "cannot connect to route netlink"));
    return socket;
}

/// Fills a cache by a function of libnl; `list` names what is listed, for the error.
template <typename Fill>
std::expected<CacheOwner, Error> dump(const char* list, Fill fill) {
    nl_cache* cache = nullptr;
    if (const int result = fill(&cache); result < 0)
        return std::unexpected(library_error(result, std::string("cannot list ") + list));
    return CacheOwner(cache);
}

/// Calls `visit` with each object of the cache as a `T*`.
template <typename T, typename Visit>
void for_each(nl_cache& cache, Visit visit) {
    for (nl_object* object = nl_cache_get_first(&cache); object != nullptr;
         object = nl_cache_get_next(object))
        visit(reinterpret_cast<T*>(object));
}

/// An address from octets of the kernel; family `none` if length and family do not fit.
inline wire::IpAddress address_from(int family, std::span<const std::uint8_t> bytes) {
    wire::IpAddress result;
    const auto kind = family == AF_INET    ? wire::Family::ipv4
                      : family == AF_INET6 ? wire::Family::ipv6
                                           : wire::Family::none;
    wire::IpAddress candidate;
    candidate.family = kind;
    if (candidate.size() == 0 || candidate.size() != bytes.size())
        return result;
    std::ranges::copy(bytes, candidate.octets.begin());
    return candidate;
}

inline wire::IpAddress address_from(const nl_addr* address) {
    if (address == nullptr)
        return {};
    return address_from(nl_addr_get_family(address),
                        {static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(address)),
                         static_cast<std::size_t>(nl_addr_get_len(address))});
}

} // namespace tandem::netlink
