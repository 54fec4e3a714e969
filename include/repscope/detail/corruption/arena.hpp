#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Scratch memory of a kernel, reused from image to image so that it is allocated once. Not initialized. One
/// thread's.
class scratch {
  public:
    /// `count` elements at a multiple of 64 bytes, valid until the end of the current `frame`.
    template <typename T>
        requires std::is_trivial_v<T>
    [[nodiscard]] T* take(std::size_t count) {
        const std::size_t bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
        while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) {
            ++block_;
            used_ = 0;
        }
        if (block_ == blocks_.size()) {
            const std::size_t size = (std::max)(bytes, smallest_block);
            blocks_.push_back({std::make_unique_for_overwrite<line[]>(size / alignment), size});
            used_ = 0;
        }
        // Sized by lines, not by the bytes of the first one.
        std::byte* at = reinterpret_cast<std::byte*>(blocks_[block_].lines.get()) + used_;
        used_ += bytes;
        return reinterpret_cast<T*>(at);
    }

    /// Releases at its end the memory that was taken since its beginning.
    class frame {
      public:
        explicit frame(scratch& memory) noexcept
            : memory_(memory), block_(memory.block_), used_(memory.used_) {}
        frame(const frame&) = delete;
        frame& operator=(const frame&) = delete;
        ~frame() {
            memory_.block_ = block_;
            memory_.used_ = used_;
        }

      private:
        scratch& memory_;
        std::size_t block_;
        std::size_t used_;
    };

  private:
    static constexpr std::size_t alignment = 64;
    static constexpr std::size_t smallest_block = std::size_t{1} << 20U;

    struct line {
        alignas(alignment) std::byte bytes[alignment];
    };
    struct block {
        std::unique_ptr<line[]> lines;
        std::size_t size;
    };

    std::vector<block> blocks_;
    std::size_t block_ = 0;
    std::size_t used_ = 0;
};

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
