// SPDX-License-Identifier: GPL-3.0-or-later
// The quick cipher writes what OpenSSL reads, and reads what OpenSSL writes.

#include "dataplane/io/dpdk/gcm.hh"

#include "dataplane/seal/seal.hh"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <vector>

namespace {

using namespace tandem;
using Bytes = std::vector<std::uint8_t>;

constexpr contract::DatagramKey key{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                                    {21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}};
constexpr std::array sequences{std::uint64_t{1}, std::uint64_t{0x0102030405060708}, ~std::uint64_t{0}};

Bytes text_of(std::size_t size) {
    Bytes text(size);
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<std::uint8_t>(i * 7 + size);
    return text;
}

const Bytes header = text_of(16);

dpdk::Gcm gcm() {
    auto made = dpdk::Gcm::make(key);
    BOOST_REQUIRE(made.has_value());
    return std::move(*made);
}

/// Text and tag, by the quick cipher.
Bytes sealed_quickly(dpdk::Gcm& cipher, std::uint64_t sequence, const Bytes& text) {
    Bytes out = text;
    out.resize(text.size() + seal::tag_size);
    cipher.seal(sequence, header, std::span(out).first(text.size()), out.data() + text.size());
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(quick_gcm)

BOOST_AUTO_TEST_CASE(both_libraries_understand_each_other) {
    dpdk::Gcm cipher = gcm();
    seal::Sealer sealer{key};
    seal::Opener opener{key};
    for (const std::size_t size : {0, 1, 15, 16, 17, 255, 740, 1472, 9000, 65'475})
        for (const std::uint64_t sequence : sequences) {
            const Bytes text = text_of(size);
            const Bytes quick = sealed_quickly(cipher, sequence, text);
            Bytes other(size + seal::tag_size);
            BOOST_REQUIRE(sealer.seal(sequence, header, text, other) == other.size());
            BOOST_TEST((quick == other), "of " << size << " octets");
            Bytes plain(size + 1);
            BOOST_TEST((opener.open(sequence, header, quick, plain) == size));
            BOOST_TEST(std::equal(text.begin(), text.end(), plain.begin()));
            std::ranges::fill(plain, std::uint8_t{0});
            BOOST_TEST((cipher.open(sequence, header, other, plain) == size));
            BOOST_TEST(std::equal(text.begin(), text.end(), plain.begin()));
        }
}

BOOST_AUTO_TEST_CASE(nothing_is_opened_that_was_not_sealed_so) {
    dpdk::Gcm cipher = gcm();
    const Bytes text = text_of(100);
    const Bytes good = sealed_quickly(cipher, 5, text);
    Bytes plain(100, 0xee);
    BOOST_TEST(!cipher.open(6, header, good, plain));
    BOOST_TEST(std::ranges::all_of(plain, [](std::uint8_t octet) { return octet == 0; })); // wiped
    Bytes other_header = header;
    other_header[3] ^= 1U;
    BOOST_TEST(!cipher.open(5, other_header, good, plain));
    for (std::size_t at = 0; at < good.size(); ++at) {
        Bytes bad = good;
        bad[at] ^= 0x80U;
        BOOST_TEST(!cipher.open(5, header, bad, plain));
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        BOOST_TEST(!cipher.open(5, header, std::span(good).first(size), plain));
    Bytes small(99);
    BOOST_TEST(!cipher.open(5, header, good, small));
    contract::DatagramKey other = key;
    other.key[0] ^= 1U;
    BOOST_TEST(!dpdk::Gcm::make(other)->open(5, header, good, plain));
    BOOST_TEST((cipher.open(5, header, good, plain) == 100U));
}

BOOST_AUTO_TEST_SUITE_END()
