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

/// Bytes that several threads can read at any offset at once: a file, a member of an archive, memory. Errors
/// are `format_error`s that name the source of the bytes.
class byte_source {
  public:
    virtual ~byte_source() = default;

    /// Fills `bytes` from the given offset; throws if the source ends before.
    virtual void read(std::size_t offset, std::span<std::byte> bytes) const = 0;
    /// Number of its bytes.
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    /// Whether reading from front to back is much cheaper than in another order: a compressed stream restarts
    /// to read earlier bytes.
    [[nodiscard]] virtual bool in_order() const noexcept { return false; }
    /// Throws if the source has a checksum and the bytes do not match it. Reads the bytes that have not been
    /// read yet.
    virtual void verify() const {}

    /// The first `most` bytes, or all if there are fewer.
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

/// Bytes in memory of the caller, which must outlive this object.
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

/// Bytes in memory that belong to this object.
class owned_memory_source final : public byte_source {
  public:
    /// Errors refer to it by `name`.
    owned_memory_source(std::vector<std::byte> bytes, std::string name)
        : bytes_(std::move(bytes)), source_(bytes_, std::move(name)) {}
    // A copy would read the bytes of the original.
    owned_memory_source(const owned_memory_source&) = delete;
    owned_memory_source& operator=(const owned_memory_source&) = delete;

    void read(std::size_t offset, std::span<std::byte> bytes) const override { source_.read(offset, bytes); }
    [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }

  private:
    std::vector<std::byte> bytes_;
    memory_source source_;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
