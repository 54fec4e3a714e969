#pragma once

#include "repscope/detail/net/graph/layout.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A window along one axis.
struct window_axis {
    std::size_t in = 1, out = 1;
    std::size_t kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

    /// The index that a tap of a window reads; outside [0, in) it is padding.
    [[nodiscard]] std::ptrdiff_t position(std::size_t window, std::size_t tap) const noexcept {
        return static_cast<std::ptrdiff_t>(window * stride + tap * dilation) -
               static_cast<std::ptrdiff_t>(pad_begin);
    }
    [[nodiscard]] bool inside(std::ptrdiff_t position) const noexcept {
        return position >= 0 && position < static_cast<std::ptrdiff_t>(in);
    }
    [[nodiscard]] bool is_padded() const noexcept { return pad_begin + pad_end > 0; }
};

/// An index that enters a sum, and the tap that it meets.
struct tapped_index {
    std::size_t index = 0, tap = 0;
};

/// For each index of one side of a window, the indices of the other side.
using window_table = std::vector<std::vector<tapped_index>>;

/// The inputs of each output.
[[nodiscard]] inline window_table inputs_of(const window_axis& axis) {
    window_table table(axis.out);
    for (std::size_t o = 0; o < axis.out; ++o) {
        for (std::size_t k = 0; k < axis.kernel; ++k) {
            const std::ptrdiff_t i = axis.position(o, k);
            if (axis.inside(i)) table[o].push_back({static_cast<std::size_t>(i), k});
        }
    }
    return table;
}

/// The outputs that each input enters.
[[nodiscard]] inline window_table outputs_of(const window_axis& axis) {
    window_table table(axis.in);
    for (std::size_t o = 0; o < axis.out; ++o) {
        for (std::size_t k = 0; k < axis.kernel; ++k) {
            const std::ptrdiff_t i = axis.position(o, k);
            if (axis.inside(i)) table[static_cast<std::size_t>(i)].push_back({o, k});
        }
    }
    return table;
}

/// Maps in memory, (n, channels, rows, columns); a missing row axis has extent 1.
struct map_layout {
    std::size_t n = 1, c = 1, h = 1, w = 1;
    std::ptrdiff_t sample = 0, channel = 0, row = 0, pixel = 0, offset = 0;

    map_layout() = default;
    explicit map_layout(const layout& view)
        : n(view.extents[0]), c(view.extents[1]), h(view.rank() > 3 ? view.extents[2] : 1),
          w(view.extents.back()), sample(view.strides[0]), channel(view.strides[1]),
          row(view.rank() > 3 ? view.strides[2] : 0), pixel(view.strides.back()), offset(view.offset) {}

    /// Dense maps with adjacent channels.
    map_layout(std::size_t samples, std::size_t channels, std::size_t rows, std::size_t cols)
        : n(samples), c(channels), h(rows), w(cols),
          sample(static_cast<std::ptrdiff_t>(channels * rows * cols)), channel(1),
          row(static_cast<std::ptrdiff_t>(channels * cols)), pixel(static_cast<std::ptrdiff_t>(channels)) {}

    [[nodiscard]] std::ptrdiff_t at(std::size_t i, std::size_t y = 0, std::size_t x = 0) const noexcept {
        return offset + static_cast<std::ptrdiff_t>(i) * sample + static_cast<std::ptrdiff_t>(y) * row +
               static_cast<std::ptrdiff_t>(x) * pixel;
    }
    [[nodiscard]] bool channels_adjacent() const noexcept { return channel == 1 || c == 1; }
    /// Whether pixels of a row are adjacent too.
    [[nodiscard]] bool rows_dense() const noexcept {
        return channels_adjacent() && (pixel == static_cast<std::ptrdiff_t>(c) || w == 1);
    }
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
