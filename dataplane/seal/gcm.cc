// SPDX-License-Identifier: GPL-3.0-or-later

#include "dataplane/seal/nonce.hh"
#include "dataplane/seal/seal.hh"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <limits>

namespace tandem::seal {

namespace {

struct ContextDeleter {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

enum class Direction : std::uint8_t { open = 0, seal = 1 };

/// A context with the cipher in place, so that only key and nonce change later and nothing is allocated then.
/// Null if the library has no AES-128-GCM; every operation then fails.
Context make_context(Direction direction) {
    EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
    Context context{cipher != nullptr ? EVP_CIPHER_CTX_new() : nullptr};
    // GCM takes nonces of 12 octets unless told otherwise.
    if (context && EVP_CipherInit_ex2(context.get(), cipher, nullptr, nullptr, static_cast<int>(direction),
                                      nullptr) != 1)
        context.reset();
    EVP_CIPHER_free(cipher); // the context holds its own reference
    return context;
}

constexpr bool fits_int(std::size_t n) {
    return n <= static_cast<std::size_t>(std::numeric_limits<int>::max()) - tag_size;
}

/// Nonce, header and text through the cipher; all but the tag.
bool run(EVP_CIPHER_CTX* context, Direction direction, const Nonce& nonce,
         std::span<const std::uint8_t> header, std::span<const std::uint8_t> in, std::uint8_t* out) {
    int written = 0;
    if (EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), static_cast<int>(direction), nullptr) !=
        1)
        return false;
    if (!header.empty() &&
        EVP_CipherUpdate(context, nullptr, &written, header.data(), static_cast<int>(header.size())) != 1)
        return false;
    return in.empty() ||
           (EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1 &&
            static_cast<std::size_t>(written) == in.size());
}

/// What both directions hold: a keyed context and the iv.
struct Keyed {
    Direction direction;
    Context context{make_context(direction)};
    Nonce iv{};
    bool ready{false};

    Keyed(Direction d, const contract::DatagramKey& key)
        : direction(d) {
        rekey(key);
    }
    Keyed(const Keyed&) = delete;
    Keyed& operator=(const Keyed&) = delete;
    ~Keyed() { OPENSSL_cleanse(iv.data(), iv.size()); }

    bool rekey(const contract::DatagramKey& key) noexcept {
        iv = key.iv;
        ready = context && EVP_CipherInit_ex2(context.get(), nullptr, key.key.data(), nullptr,
                                              static_cast<int>(direction), nullptr) == 1;
        return ready;
    }
};

} // namespace

struct Sealer::Impl : Keyed {
    using Keyed::Keyed;
};

Sealer::Sealer(const contract::DatagramKey& key)
    : impl_(std::make_unique<Impl>(Direction::seal, key)) {}
Sealer::~Sealer() = default;
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;

bool Sealer::rekey(const contract::DatagramKey& key) noexcept {
    return impl_ && impl_->rekey(key);
}

std::size_t Sealer::seal(std::uint64_t sequence, std::span<const std::uint8_t> header,
                         std::span<const std::uint8_t> plain, std::span<std::uint8_t> out) noexcept {
    if (!impl_ || !impl_->ready || !fits_int(plain.size()) || !fits_int(header.size()) ||
        out.size() < plain.size() + tag_size)
        return 0;
    EVP_CIPHER_CTX* context = impl_->context.get();
    if (!run(context, Direction::seal, nonce_of(impl_->iv, sequence), header, plain, out.data()))
        return 0;
    std::uint8_t* tag = out.data() + plain.size();
    int written = 0;
    if (EVP_CipherFinal_ex(context, tag, &written) != 1 || written != 0 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, tag) != 1)
        return 0;
    return plain.size() + tag_size;
}

struct Opener::Impl : Keyed {
    using Keyed::Keyed;
};

Opener::Opener(const contract::DatagramKey& key)
    : impl_(std::make_unique<Impl>(Direction::open, key)) {}
Opener::~Opener() = default;
Opener::Opener(Opener&&) noexcept = default;
Opener& Opener::operator=(Opener&&) noexcept = default;

bool Opener::rekey(const contract::DatagramKey& key) noexcept {
    return impl_ && impl_->rekey(key);
}

std::optional<std::size_t> Opener::open(std::uint64_t sequence, std::span<const std::uint8_t> header,
                                        std::span<const std::uint8_t> sealed,
                                        std::span<std::uint8_t> out) noexcept {
    if (!impl_ || !impl_->ready || sealed.size() < tag_size || !fits_int(sealed.size()) ||
        !fits_int(header.size()) || out.size() < sealed.size() - tag_size)
        return std::nullopt;
    EVP_CIPHER_CTX* context = impl_->context.get();
    const auto text = sealed.first(sealed.size() - tag_size);
    std::array<std::uint8_t, tag_size> tag;
    for (std::size_t i = 0; i < tag_size; ++i)
        tag[i] = sealed[text.size() + i];
    std::uint8_t rest = 0; // Final writes nothing in GCM, but wants somewhere to write it
    int written = 0;
    if (!run(context, Direction::open, nonce_of(impl_->iv, sequence), header, text, out.data()) ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) != 1 ||
        EVP_CipherFinal_ex(context, &rest, &written) != 1) {
        // What was decrypted without being authentic must not reach anybody.
        if (!text.empty())
            OPENSSL_cleanse(out.data(), text.size());
        return std::nullopt;
    }
    return text.size();
}

} // namespace tandem::seal
