# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folder may include what: the layers of the design, as data.

A folder's rule is the one with the longest matching path. Project headers are named by their folder; `*.hh` names one
header. `system` is everything of the C library and the kernel; the C++ library is open to all."""

import dataclasses

PURE = ("wire", "contract")


@dataclasses.dataclass(frozen=True)
class Rule:
    project: tuple = ()       # folders (with what is below them) or single headers, besides the folder itself
    third_party: tuple = ()   # beginnings of what stands between < and >
    system: str = "no"        # "yes": any; "no": none; otherwise a tuple of headers


WIRE, SEAL, CONTRACT, TABLE = "dataplane/wire", "dataplane/seal", "dataplane/contract", "dataplane/table"
BYTES = (WIRE, SEAL, CONTRACT)
BOOST = ("boost/asio", "boost/json", "boost/system")

RULES = {
    # bytes, and what the processes agree on
    # inet_pton and inet_ntop: the text form of addresses is the C library's; vector instructions are the compiler's
    WIRE: Rule(system=("arpa/inet.h", "immintrin.h")),
    CONTRACT: Rule((WIRE,), system=("fcntl.h", "unistd.h", "sys/mman.h", "sys/stat.h", "sys/file.h")),
    SEAL: Rule((WIRE, CONTRACT), ("openssl/",)),
    # the packet path
    "dataplane/match": Rule((WIRE, CONTRACT, "dataplane/path/text_matcher.hh"), ("hs/",)),
    # madvise: large tables say that large pages are welcome
    "dataplane/table": Rule((WIRE,), system=("sys/mman.h",)),
    # vector instructions are the compiler's
    "dataplane/path": Rule((WIRE, CONTRACT, TABLE), system=("emmintrin.h", "immintrin.h")),
    "dataplane/state": Rule((WIRE, CONTRACT, TABLE), system=("emmintrin.h",)),
    "dataplane/io/halink": Rule(BYTES + ("dataplane/path",), (), "yes"),
    "dataplane/io/dpdk": Rule(BYTES + (TABLE, "dataplane/match", "dataplane/path", "dataplane/state", "dataplane/io/halink"),
                              ("rte_", "libmnl/", "nftables/", "openssl/crypto.h"), "yes"),
    "dataplane/io/nfqueue": Rule(BYTES + ("dataplane/match", "dataplane/path", "dataplane/state", "dataplane/table",
                                          "dataplane/io/halink"),
                                 ("libnetfilter_queue/", "libmnl/", "nftables/"), "yes"),
    "dataplane/io/pcap": Rule(BYTES + ("dataplane/match", "dataplane/path", "dataplane/state"), ("pcap",), "yes"),
    "dataplane": Rule(("dataplane",), ("CLI/", "fmt/"), "yes"),  # main.cc: the wiring
    # what is asked of the kernel
    "netlink": Rule((WIRE,), ("netlink/",), "yes"),
    # the control plane
    "control/ha": Rule(),
    # pure: which actions run when, and the texts in them
    "control/act": Rule(("control/ha/time.hh",)),
    "control/config": Rule(BYTES + ("dataplane/match/expression.hh", "dataplane/match/text_test.hh", "control/mail/address.hh",
                                    "control/act/template.hh"), ("toml++/",), "yes"),
    "control/announce": Rule(BYTES + ("netlink",), (), "yes"),
    "control/watch": Rule(BYTES + ("control/ha", "control/config/config.hh", "netlink/kernel.hh"),
                          ("boost/asio", "boost/system"), "yes"),
    # foreign programs: their output goes through a descriptor on the loop
    "control/spawn": Rule((WIRE, "control/watch/descriptor.hh", "control/watch/readable.hh"),
                          ("boost/asio", "boost/system"), "yes"),
    # how watch holds a descriptor on the loop is how everybody does
    "control/probe": Rule(BYTES + ("control/ha", "control/config/check_settings.hh", "control/config/sip_target.hh",
                                   "control/config/sip_uri.hh", "control/resolve", "control/watch/descriptor.hh",
                                   "control/watch/process.hh", "control/watch/readable.hh",
                                   "control/spawn/spawner.hh", "control/spawn/printable.hh"),
                          ("boost/asio", "boost/system", "openssl/"), "yes"),
    "control/resolve": Rule((WIRE, "control/ha"), ("ares", "boost/asio", "boost/system"), "yes"),
    "control/link": Rule(BYTES, BOOST + ("openssl/",), "yes"),
    # mail and web requests: libcurl and its threads; then the letters that wait
    "control/courier": Rule((), ("boost/asio", "boost/system", "curl/"), "yes"),
    "control/mail": Rule(("control/courier/courier.hh", "control/courier/request.hh"),
                         BOOST, "yes"),
    # lines are JSON; the settings are the file's
    "control/ledger": Rule(BYTES + ("control/ha", "control/config/ledger_settings.hh"), ("boost/json",), "yes"),
    # notifications: net-snmp and its thread; the settings and secrets are the file's
    "control/snmp": Rule((WIRE, "control/config/snmp_schema.hh", "control/config/snmp_settings.hh", "control/ledger/whole_file.hh"),
                         ("boost/asio", "net-snmp/", "openssl/sha.h"), "yes"),
    "control/status": Rule(BYTES + ("control/ha",), ("boost/json",)),
    "control/api": Rule(BYTES + ("control/ha",), BOOST, "yes"),
    # what is decided is as pure as Boost.Beast's parser and OpenSSL's digest are; the rest of the folder speaks TLS
    "control/https": Rule(BYTES + ("control/ha/time.hh", "control/api/message.hh", "control/config", "dataplane/match/text_test.hh"),
                          BOOST + ("boost/beast", "openssl/", "CLI/"), "yes"),
    "control/app": Rule(BYTES + ("control", "netlink"), BOOST + ("spdlog/", "fmt/", "openssl/"), "yes"),
    "control": Rule(BYTES + ("control", "netlink"), ("CLI/", "fmt/", "spdlog/"), "yes"),  # main.cc: the wiring
    # tools
    "tools/phone": Rule(system="yes"),
    "tools/tandemctl": Rule(BYTES + ("control/config", "control/ledger/query.hh", "control/status", "control/api", "netlink",
                                     "dataplane/state", "dataplane/table", "dataplane/path/decide.hh",
                                     "dataplane/io/pcap/filter.hh"),
                            BOOST + ("CLI/", "fmt/", "openssl/"), "yes"),
    "tools/verdicts": Rule(BYTES + ("control/app/policy.hh", "control/config", "dataplane/path", "dataplane/io/pcap",
                                    "tools/tandemctl/escape.hh"), BOOST + ("CLI/", "fmt/"), "yes"),
    "tools": Rule(BYTES + ("control", "netlink"), BOOST + ("CLI/", "fmt/"), "yes"),
    # tests may look everywhere
    "tests/bench/fastpath_dpdk": Rule(("dataplane", "tests"), ("rte_",), "yes"),
    "tests": Rule(("control", "dataplane", "netlink", "tools"),
                  ("boost/", "openssl/", "netlink/", "libnetfilter_queue/", "libmnl/", "nftables/", "pcap", "fmt/",
                   "spdlog/", "rte_"), "yes"),
}

THIRD_PARTY = ("boost/", "openssl/", "netlink/", "libnetfilter_queue/", "libmnl/", "nftables/", "libnftables", "pcap",
               "toml++/", "spdlog/", "fmt/", "CLI/", "rte_", "hs/", "curl/", "net-snmp/", "ares")
# C headers that are part of C++ anyway, and thus no sign of an adapter.
PLAIN = ("assert.h", "stdint.h", "stddef.h")


def rule_for(folder):
    """The rule of a folder, and the path it was written for."""
    best = max((path for path in RULES if folder == path or folder.startswith(path + "/")), key=len, default=None)
    return best, RULES.get(best)
