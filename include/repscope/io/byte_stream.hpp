#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Bytes that are read once, from front to back: a pipe, a member of a tar archive, memory. Errors are
/// `format_error`s that name the stream.
class byte_stream {
  public:
    byte_stream(const byte_stream&) = delete;
    byte_stream& operator=(const byte_stream&) = delete;
    virtual ~byte_stream() = default;

    /// Name in error messages.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Number of bytes that were read.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    /// Reads bytes until `bytes` is full or the stream ends; returns their number.
    std::size_t read_up_to(std::span<std::byte> bytes) {
        const std::size_t front = (std::min)(bytes.size(), peeked_.size() - peeked_at_);
        std::copy_n(peeked_.data() + peeked_at_, front, bytes.data());
        peeked_at_ += front;
        const std::size_t count = front + fill(bytes.subspan(front));
        position_ += count;
        return count;
    }

    /// Fills `bytes`; throws `format_error` if the stream ends before.
    void read(std::span<std::byte> bytes) {
        if (read_up_to(bytes) != bytes.size()) throw_cut();
    }

    /// Reads `count` bytes and drops them; throws `format_error` if the stream ends before.
    void skip(std::uint64_t count) {
        constexpr std::size_t most = std::size_t{256} << 10U;
        std::vector<std::byte> dropped(static_cast<std::size_t>((std::min<std::uint64_t>)(count, most)));
        while (count > 0) {
            const auto now = static_cast<std::size_t>((std::min<std::uint64_t>)(count, dropped.size()));
            read(std::span(dropped).first(now));
            count -= now;
        }
    }

    /// Returns the next bytes, fewer than `most` only at the end of the stream; the next read returns them
    /// again.
    [[nodiscard]] std::span<const std::byte> peek(std::size_t most) {
        peeked_.erase(peeked_.begin(), peeked_.begin() + static_cast<std::ptrdiff_t>(peeked_at_));
        peeked_at_ = 0;
        if (peeked_.size() < most) {
            const std::size_t before = peeked_.size();
            peeked_.resize(most);
            peeked_.resize(before + fill(std::span(peeked_).subspan(before)));
        }
        return std::span<const std::byte>(peeked_).first((std::min)(most, peeked_.size()));
    }

  protected:
    /// `name` is the name in error messages.
    explicit byte_stream(std::string name) : name_(std::move(name)) {}

    /// Reads at least one byte and at most `bytes.size()`; returns their number, 0 at the end of the stream.
    [[nodiscard]] virtual std::size_t read_some(std::span<std::byte> bytes) = 0;

    /// Throws the `format_error` of a stream that ends too early.
    [[noreturn]] void throw_cut() const {
        throw format_error(name_ + ": cut short: ended at byte " + errors::text_of(position_));
    }

  private:
    std::size_t fill(std::span<std::byte> bytes) {
        std::size_t count = 0;
        while (count < bytes.size()) {
            const std::size_t now = read_some(bytes.subspan(count));
            if (now == 0) break;
            count += now;
        }
        return count;
    }

    std::string name_;
    std::uint64_t position_ = 0;
    std::vector<std::byte> peeked_;
    std::size_t peeked_at_ = 0;
};

/// A file, pipe or other descriptor, read by `read` only.
class descriptor_stream final : public byte_stream {
  public:
    /// Opens `path`; for a named pipe, waits for a writer. Throws `format_error` if it cannot be opened.
    explicit descriptor_stream(const std::string& path)
        : byte_stream(path), opened_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), descriptor_(opened_.get()) {
        if (descriptor_ < 0) {
            throw format_error(path + ": cannot be opened: " + repscope::detail::errno_text());
        }
        enlarge_pipe();
    }

    /// Reads an open descriptor, which stays open; errors refer to it by `name`.
    descriptor_stream(int descriptor, std::string name)
        : byte_stream(std::move(name)), descriptor_(descriptor) {
        enlarge_pipe();
    }

  protected:
    [[nodiscard]] std::size_t read_some(std::span<std::byte> bytes) override {
        constexpr std::size_t most = std::size_t{4} << 20U;
        for (;;) {
            const ssize_t count = ::read(descriptor_, bytes.data(), (std::min)(bytes.size(), most));
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) {
                throw format_error(name() + ": cannot be read: " + repscope::detail::errno_text());
            }
        }
    }

  private:
    /// A larger pipe needs fewer switches between its ends. Without effect on other descriptors.
    void enlarge_pipe() const noexcept {
#ifdef F_SETPIPE_SZ
        constexpr int bytes = 1 << 20;
        (void)::fcntl(descriptor_, F_SETPIPE_SZ, bytes);
#endif
    }

    repscope::detail::descriptor opened_;
    int descriptor_;
};

/// Bytes in memory of the caller, which must outlive this object.
class memory_stream final : public byte_stream {
  public:
    /// A stream of bytes in memory, which must outlive it.
    memory_stream(std::span<const std::byte> bytes, std::string name)
        : byte_stream(std::move(name)), bytes_(bytes) {}

  protected:
    [[nodiscard]] std::size_t read_some(std::span<std::byte> bytes) override {
        const std::size_t count = (std::min)(bytes.size(), bytes_.size());
        std::copy_n(bytes_.data(), count, bytes.data());
        bytes_ = bytes_.subspan(count);
        return count;
    }

  private:
    std::span<const std::byte> bytes_;
};

/// The next `size` bytes of a stream as a `byte_source` that is read from front to back. A read further ahead
/// drops the bytes between; a read further back throws `format_error`. Used by one thread at a time.
class forward_source final : public byte_source {
  public:
    /// Offset 0 is the next byte of `bytes`, which must outlive this object.
    forward_source(byte_stream& bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        if (offset < at_) {
            throw format_error(bytes_.name() + ": cannot be read backward, from byte " +
                               errors::text_of(at_) + " to " + errors::text_of(offset));
        }
        if (offset > size_ || bytes.size() > size_ - offset) {
            throw format_error(bytes_.name() + ": ended early, at byte " + errors::text_of(size_));
        }
        bytes_.skip(offset - at_);
        bytes_.read(bytes);
        at_ = offset + bytes.size();
    }
    [[nodiscard]] std::size_t size() const noexcept override { return size_; }
    [[nodiscard]] bool in_order() const noexcept override { return true; }
    /// Reads the bytes that have not been read yet.
    void verify() const override {
        bytes_.skip(size_ - at_);
        at_ = size_;
    }

  private:
    byte_stream& bytes_;
    std::size_t size_;
    mutable std::size_t at_ = 0;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
