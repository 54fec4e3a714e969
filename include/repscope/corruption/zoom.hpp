#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/scratch.hpp"
#include "repscope/corruption/severity.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace repscope {
inline namespace v0 {
namespace corruption {
namespace detail {

/// Nearest integer, the even one of two that are as near.
[[nodiscard]] inline double round_half_even(double value) noexcept {
    const double below = std::floor(value);
    const double rest = value - below;
    if (rest != 0.5) return rest < 0.5 ? below : below + 1.0;
    return 0.5 * below == std::floor(0.5 * below) ? below : below + 1.0;
}

/// Where each of `side` samples of an enlarged line lies: between samples `first` and `second` of the line,
/// at a share of `weight` of the second.
struct zoom_axis {
    std::vector<std::uint32_t> first;
    std::vector<std::uint32_t> second;
    std::vector<double> weight;

    /// The middle ceil(side / factor) samples are enlarged by `factor`, ends on ends, and the middle of that
    /// is kept.
    zoom_axis(std::size_t side, double factor) : first(side), second(side), weight(side) {
        const auto n = static_cast<double>(side);
        const double crop = std::ceil(n / factor);
        const double enlarged = round_half_even(crop * factor);
        const double top = std::floor((n - crop) / 2.0);
        const double trim = std::floor((enlarged - n) / 2.0);
        const double step = enlarged > 1.0 ? (crop - 1.0) / (enlarged - 1.0) : 0.0;
        for (std::size_t i = 0; i < side; ++i) {
            const double place = (static_cast<double>(i) + trim) * step;
            const double below = std::floor(place);
            first[i] = static_cast<std::uint32_t>(top + (below < crop - 1.0 ? below : crop - 1.0));
            second[i] =
                static_cast<std::uint32_t>(top + (below + 1.0 < crop - 1.0 ? below + 1.0 : crop - 1.0));
            weight[i] = place - below;
        }
    }
};

/// The enlargement of an image by one factor.
struct zoom_grid {
    zoom_axis rows;
    zoom_axis columns;
    zoom_grid(std::size_t height, std::size_t width, double factor)
        : rows(height, factor), columns(width, factor) {}
};

/// Enlarges (height, width, channels) values about their middle, linearly, and calls `finish(y, row)` with
/// each row.
template <typename Real, typename Finish>
void clip_zoom(const Real* values, std::size_t height, std::size_t width, std::size_t channels,
               const zoom_grid& grid, scratch& memory, Finish&& finish) {
    const scratch::frame frame(memory);
    const std::size_t row = width * channels;
    double* blended = memory.take<double>(row);
    double* done = memory.take<double>(row);
    for (std::size_t y = 0; y < height; ++y) {
        const Real* above = values + grid.rows.first[y] * row;
        const Real* below = values + grid.rows.second[y] * row;
        const double share = grid.rows.weight[y];
        for (std::size_t x = 0; x < row; ++x)
            blended[x] =
                static_cast<double>(above[x]) * (1.0 - share) + static_cast<double>(below[x]) * share;
        for (std::size_t x = 0; x < width; ++x) {
            const double* left = blended + grid.columns.first[x] * channels;
            const double* right = blended + grid.columns.second[x] * channels;
            const double part = grid.columns.weight[x];
            for (std::size_t c = 0; c < channels; ++c)
                done[x * channels + c] = left[c] * (1.0 - part) + right[c] * part;
        }
        finish(y, done);
    }
}

/// The enlargements of `zoom_blur` but for the first, which leaves the image alone.
[[nodiscard]] inline std::vector<zoom_grid> zoom_grids(std::size_t height, std::size_t width,
                                                       zoom_parameters p) {
    std::vector<zoom_grid> grids;
    // The step as NumPy takes it: the difference of the first two factors.
    const double step = (1.0 + p.step) - 1.0;
    for (int i = 1; i < p.count; ++i) grids.emplace_back(height, width, 1.0 + i * step);
    return grids;
}

template <pixel T>
void zoom_blur(const picture<T>& image, const std::vector<zoom_grid>& grids, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t row = image.row_size();
    float* values = memory.take<float>(image.size());
    float* sums = memory.take<float>(image.size());
    for (std::size_t i = 0; i < image.size(); ++i) sums[i] = values[i] = to_single(image.pixels[i]);
    for (const zoom_grid& grid : grids) {
        clip_zoom(values, image.height, image.width, image.channels, grid, memory,
                  [&](std::size_t y, const double* done) {
                      float* sum = sums + y * row;
                      for (std::size_t x = 0; x < row; ++x) sum[x] += static_cast<float>(done[x]);
                  });
    }
    // The image itself, the first enlargement, which is the image again, and the others.
    const auto count = static_cast<float>(grids.size() + 2);
    for (std::size_t i = 0; i < image.size(); ++i) out[i] = from_unit<T>((values[i] + sums[i]) / count);
}

} // namespace detail

/// Zoom blur: the mean of the image and of its enlargements by 1 + i step, i = 0 ... count-1.
///
/// `images`: (height, width, channels) or a batch. The enlargement by 1 is the image, which so counts twice.
/// Deterministic; single precision, as the reference. Throws `value_error` for images that are none (see
/// `image_like`) and for factors that are not in [1, 8]. O(elements x count).
template <image_like Images>
[[nodiscard]] corrupted<Images> zoom_blur(const Images& images, zoom_parameters parameters) {
    constexpr std::string_view name = "corruption::zoom_blur";
    if (!(parameters.count >= 1 && parameters.step >= 0.0 &&
          1.0 + parameters.step * parameters.count <= 8.0)) {
        repscope::detail::throw_value_error(name, "wanted at least 1 factor, all of them in [1, 8], got " +
                                                      std::to_string(parameters.count) + " with step " +
                                                      std::to_string(parameters.step));
    }
    std::vector<detail::zoom_grid> grids;
    detail::scratch memory;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            grids = detail::zoom_grids(shape.height, shape.width, parameters);
        },
        [&](const auto& image, std::size_t, auto* out) { detail::zoom_blur(image, grids, memory, out); });
}

} // namespace corruption
} // namespace v0
} // namespace repscope
