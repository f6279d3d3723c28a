// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/io/dpdk/gcm.hh"

#include "dataplane/seal/nonce.hh"
#include "dataplane/seal/seal.hh"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include <array>
#include <cstring>

namespace tandem::dpdk {
using seal::Nonce;
using seal::nonce_of;

struct Gcm::Impl {
    struct Manager {
        void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
    };
    std::unique_ptr<IMB_MGR, Manager> manager{alloc_mb_mgr(0)};
    alignas(64) gcm_key_data key{};
    alignas(64) gcm_context_data context{};
    Nonce iv{};

    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        OPENSSL_cleanse(&key, sizeof key);
        OPENSSL_cleanse(iv.data(), iv.size());
    }
};

std::optional<Gcm> Gcm::make(const contract::DatagramKey& key) {
    auto impl = std::make_unique<Impl>();
    if (!impl->manager || (impl->manager->features & IMB_FEATURE_AESNI) == 0)
        return std::nullopt;
    IMB_ARCH chosen = IMB_ARCH_NONE;
    init_mb_mgr_auto(impl->manager.get(), &chosen);
    if (chosen == IMB_ARCH_NONE || imb_get_errno(impl->manager.get()) != 0)
        return std::nullopt;
    IMB_AES128_GCM_PRE(impl->manager.get(), key.key.data(), &impl->key);
    impl->iv = key.iv;
    return Gcm{std::move(impl)};
}

Gcm::Gcm(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Gcm::Gcm(Gcm&&) noexcept = default;
Gcm& Gcm::operator=(Gcm&&) noexcept = default;
Gcm::~Gcm() = default;

void Gcm::seal(std::uint64_t sequence, std::span<const std::uint8_t> header, std::span<std::uint8_t> text,
               std::uint8_t* tag) noexcept {
    const Nonce nonce = nonce_of(impl_->iv, sequence);
    IMB_AES128_GCM_ENC(impl_->manager.get(), &impl_->key, &impl_->context, text.data(), text.data(),
                       text.size(), nonce.data(), header.data(), header.size(), tag, seal::tag_size);
}

std::optional<std::size_t> Gcm::open(std::uint64_t sequence, std::span<const std::uint8_t> header,
                                     std::span<const std::uint8_t> sealed,
                                     std::span<std::uint8_t> out) noexcept {
    if (sealed.size() < seal::tag_size || out.size() < sealed.size() - seal::tag_size)
        return std::nullopt;
    const auto text = sealed.first(sealed.size() - seal::tag_size);
    const Nonce nonce = nonce_of(impl_->iv, sequence);
    std::array<std::uint8_t, seal::tag_size> tag{};
    IMB_AES128_GCM_DEC(impl_->manager.get(), &impl_->key, &impl_->context, out.data(), text.data(),
                       text.size(), nonce.data(), header.data(), header.size(), tag.data(), tag.size());
    if (CRYPTO_memcmp(tag.data(), sealed.data() + text.size(), tag.size()) != 0) {
        OPENSSL_cleanse(out.data(), text.size());
        return std::nullopt;
    }
    return text.size();
}

} // namespace tandem::dpdk
