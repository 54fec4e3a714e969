#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace program {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
class sha256 {
  public:
    void update(std::span<const std::byte> bytes);

    /// The digest of everything so far, as 64 hexadecimal digits. The object is used up.
    [[nodiscard]] std::string hex_digest();

  private:
    void compress(const std::byte* block);

    std::array<std::uint32_t, 8> state_{0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU,
                                        0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U};
    std::array<std::byte, 64> pending_{};
    std::uint64_t length_ = 0;
};

} // namespace program
