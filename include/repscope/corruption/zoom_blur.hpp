#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/row_window.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Nearest integer; of two equally near ones, the even one.
[[nodiscard]] inline double round_half_even(double value) noexcept {
    const double below = std::floor(value);
    const double rest = value - below;
    if (rest != 0.5) return rest < 0.5 ? below : below + 1.0;
    return 0.5 * below == std::floor(0.5 * below) ? below : below + 1.0;
}

/// Positions of `side` samples of an enlarged line: between samples `first` and `second` of the line, with
/// `weight` for the second.
struct zoom_axis {
    std::vector<std::uint32_t> first;
    std::vector<std::uint32_t> second;
    std::vector<double> weight;

    /// The middle ceil(side / factor) samples are enlarged by `factor` with their ends aligned, and the
    /// middle of the result is kept.
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

/// Memory for one row of an enlarged image.
struct zoom_row {
    double* blended;
    double* values; ///< the row
    zoom_row(std::size_t row, scratch& memory)
        : blended(memory.take<double>(row)), values(memory.take<double>(row)) {}
};

/// Writes row `y` of an image enlarged linearly about its middle into `row.values`. `line(y)` gives row y of
/// the image, width x channels values.
template <typename Line>
void enlarge_row(std::size_t y, std::size_t width, std::size_t channels, const zoom_grid& grid, Line&& line,
                 const zoom_row& row) {
    const auto* above = line(grid.rows.first[y]);
    const auto* below = line(grid.rows.second[y]);
    const double share = grid.rows.weight[y];
    for (std::size_t x = 0; x < width * channels; ++x)
        row.blended[x] =
            static_cast<double>(above[x]) * (1.0 - share) + static_cast<double>(below[x]) * share;
    for (std::size_t x = 0; x < width; ++x) {
        const double* left = row.blended + grid.columns.first[x] * channels;
        const double* right = row.blended + grid.columns.second[x] * channels;
        const double part = grid.columns.weight[x];
        for (std::size_t c = 0; c < channels; ++c)
            row.values[x * channels + c] = left[c] * (1.0 - part) + right[c] * part;
    }
}

/// The enlargements of `zoom_blur` except the first, whose factor is 1.
[[nodiscard]] inline std::vector<zoom_grid> zoom_grids(std::size_t height, std::size_t width,
                                                       zoom_parameters p) {
    std::vector<zoom_grid> grids;
    // The step as in NumPy: the difference of the first two factors.
    const double step = (1.0 + p.step) - 1.0;
    for (int i = 1; i < p.count; ++i) grids.emplace_back(height, width, 1.0 + i * step);
    return grids;
}

/// The first and last image row on which row `y` of the enlargements depends.
struct zoom_reach {
    std::size_t first;
    std::size_t last;

    zoom_reach(std::size_t y, const std::vector<zoom_grid>& grids) : first(y), last(y) {
        for (const zoom_grid& grid : grids) {
            first = (std::min)(first, static_cast<std::size_t>(grid.rows.first[y]));
            last = (std::max)(last, static_cast<std::size_t>(grid.rows.second[y]));
        }
    }
};

template <pixel T>
void zoom_blur(const picture<T>& image, const std::vector<zoom_grid>& grids, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t row = image.row_size();
    std::size_t kept = 0;
    // Both ends of the range increase with y, so no row is needed again after it was passed.
    for (std::size_t y = 0; y < image.height; ++y) {
        const zoom_reach reach(y, grids);
        kept = (std::max)(kept, reach.last - reach.first + 1);
    }
    row_window<float> rows(kept, row, memory);
    float* sums = memory.take<float>(row);
    const zoom_row enlarged(row, memory);
    // The sum of the image, its first enlargement, which equals the image, and the other enlargements.
    const auto count = static_cast<float>(grids.size() + 2);
    for (std::size_t y = 0; y < image.height; ++y) {
        rows.load_until(zoom_reach(y, grids).last + 1, [&](std::size_t loaded, float* to) {
            const T* from = image.row(loaded);
            for (std::size_t x = 0; x < row; ++x) to[x] = to_single(from[x]);
        });
        const float* values = rows.row(y);
        std::copy_n(values, row, sums);
        for (const zoom_grid& grid : grids) {
            enlarge_row(
                y, image.width, image.channels, grid, [&](std::size_t line) { return rows.row(line); },
                enlarged);
            for (std::size_t x = 0; x < row; ++x) sums[x] += static_cast<float>(enlarged.values[x]);
        }
        for (std::size_t x = 0; x < row; ++x) out[y * row + x] = from_unit<T>((values[x] + sums[x]) / count);
    }
}

} // namespace detail

/// Zoom blur: the mean of the image and of its enlargements by 1 + i step, i = 0 ... count-1.
///
/// `images`: (height, width, channels) or a batch. The enlargement by 1 equals the image, which therefore
/// counts twice. Deterministic; computed in single precision, as in the reference. Throws `value_error` for
/// an input that is not an image (see `image_like`) and for factors that are not in [1, 8]. O(elements x
/// count).
template <image_like Images>
[[nodiscard]] corrupted<Images> zoom_blur(const Images& images, zoom_parameters parameters) {
    constexpr std::string_view name = "corruption::zoom_blur";
    if (!(parameters.count >= 1 && parameters.step >= 0.0 &&
          1.0 + parameters.step * parameters.count <= 8.0)) {
        errors::throw_value_error(name, "expected at least 1 factor, all of them in [1, 8], got " +
                                            errors::text_of(parameters.count) + " with step " +
                                            errors::text_of(parameters.step));
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
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
