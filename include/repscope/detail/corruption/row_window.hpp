#pragma once

#include "repscope/detail/corruption/arena.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// The rows of an image that a filter needs at a time, converted once each and in order: a ring of rows
/// instead of a copy of the image in a wider type.
template <typename Real>
class row_window {
  public:
    /// Keeps the last `kept` rows, `stride` values each, starting with row `first`. The memory comes from
    /// `memory` and belongs to the caller's frame.
    row_window(std::size_t kept, std::size_t stride, scratch& memory, std::size_t first = 0)
        : places_(kept <= max_masked ? std::bit_ceil(kept) : kept), stride_(stride), next_(first),
          rows_(memory.take<Real>(places_ * stride)) {}

    /// Calls `load(y, row)` for every row before `end` that has not been loaded.
    template <typename Load>
    void load_until(std::size_t end, Load&& load) {
        for (; next_ < end; ++next_) load(next_, place(next_));
    }

    /// A row that was loaded at most `kept` rows ago.
    [[nodiscard]] const Real* row(std::size_t y) const noexcept { return place(y); }

  private:
    /// Small rings have a power of two of places, which spares a division; large ones are no larger than
    /// needed.
    static constexpr std::size_t max_masked = 64;

    [[nodiscard]] Real* place(std::size_t y) const noexcept {
        return rows_ + (places_ <= max_masked ? y & (places_ - 1) : y % places_) * stride_;
    }

    std::size_t places_;
    std::size_t stride_;
    std::size_t next_;
    Real* rows_;
};

/// Rows to keep for a filter that reaches `reach` rows both ways. Every rule of `beyond` and `mirror_101`
/// lead to rows within the reach.
[[nodiscard]] inline std::size_t rows_within(std::size_t reach, std::size_t height) noexcept {
    return (std::min)(height, 2 * reach + 1);
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
