#pragma once

#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The sub-tensor at `index` along the first axis: one sample of (samples, ...). Not checked; O(Rank).
template <typename T, std::size_t Rank>
    requires(Rank >= 1)
[[nodiscard]] constexpr tensor_view<T, Rank - 1> sample(const tensor_view<T, Rank>& view,
                                                        std::size_t index) noexcept {
    std::array<std::size_t, Rank - 1> extents{};
    std::array<std::ptrdiff_t, Rank - 1> strides{};
    for (std::size_t axis = 1; axis < Rank; ++axis) {
        extents[axis - 1] = view.extent(axis);
        strides[axis - 1] = view.stride(axis);
    }
    return {view.data_handle() + static_cast<std::ptrdiff_t>(index) * view.stride(0), extents, strides};
}

/// Samples [first, first + count) along the first axis. Not checked; O(Rank).
template <typename T, std::size_t Rank>
    requires(Rank >= 1)
[[nodiscard]] constexpr tensor_view<T, Rank> samples(const tensor_view<T, Rank>& view, std::size_t first,
                                                     std::size_t count) noexcept {
    auto extents = view.extents();
    extents[0] = count;
    // Without samples the offset is 0: for a reversed view it would point before the memory.
    const std::ptrdiff_t offset = count == 0 ? 0 : static_cast<std::ptrdiff_t>(first) * view.stride(0);
    return {view.data_handle() + offset, extents, view.strides()};
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
