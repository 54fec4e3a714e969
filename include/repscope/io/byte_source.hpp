#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Bytes that can be read at any place, by several threads at once: a file, a member of an archive, memory.
/// Errors are `format_error`s that name where the bytes come from.
class byte_source {
  public:
    virtual ~byte_source() = default;

    /// Fills `bytes` from the given place; throws when the source ends before.
    virtual void read(std::size_t offset, std::span<std::byte> bytes) const = 0;
    /// Bytes that it holds.
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    /// Whether reading from front to back is much cheaper than in another order: a compressed stream has to
    /// begin anew for what lies behind.
    [[nodiscard]] virtual bool in_order() const noexcept { return false; }
    /// Throws unless all bytes are what was stored, where the source has a checksum. What has not been read
    /// yet is read for it.
    virtual void verify() const {}

    /// The first `most` bytes, or all when there are fewer.
    [[nodiscard]] std::vector<std::byte> beginning(std::size_t most) const {
        std::vector<std::byte> bytes((std::min)(most, size()));
        read(0, bytes);
        return bytes;
    }

  protected:
    byte_source() = default;
    byte_source(const byte_source&) = default;
    byte_source(byte_source&&) = default;
    byte_source& operator=(const byte_source&) = default;
    byte_source& operator=(byte_source&&) = default;
};

/// Bytes in memory of the caller's, which must outlive it.
class memory_source final : public byte_source {
  public:
    /// Errors refer to it by `name`.
    memory_source(std::span<const std::byte> bytes, std::string name)
        : bytes_(bytes), name_(std::move(name)) {}

    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) {
            throw format_error(name_ + ": ended early, at byte " + errors::text_of(bytes_.size()));
        }
        std::copy_n(bytes_.data() + offset, bytes.size(), bytes.data());
    }
    [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }

  private:
    std::span<const std::byte> bytes_;
    std::string name_;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
