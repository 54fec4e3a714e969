#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/corruption/zoom_blur.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/boundary.hpp"
#include "repscope/detail/corruption/gaussian.hpp"
#include "repscope/detail/corruption/row_window.hpp"
#include "repscope/detail/corruption/smooth_field.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Solves a0 x + a1 y + a2 = value at three points, by elimination with row pivots.
[[nodiscard]] inline std::array<double, 3> solve_plane(std::array<std::array<double, 3>, 3> a,
                                                       std::array<double, 3> b) noexcept {
    for (std::size_t i = 0; i < 3; ++i) {
        std::size_t pivot = i;
        for (std::size_t j = i + 1; j < 3; ++j)
            if (std::abs(a[j][i]) > std::abs(a[pivot][i])) pivot = j;
        std::swap(a[i], a[pivot]);
        std::swap(b[i], b[pivot]);
        const double inverse = -1.0 / a[i][i];
        for (std::size_t j = i + 1; j < 3; ++j) {
            const double factor = a[j][i] * inverse;
            for (std::size_t k = i + 1; k < 3; ++k) a[j][k] += factor * a[i][k];
            b[j] += factor * b[i];
        }
    }
    for (std::size_t i = 3; i-- > 0;) {
        double sum = b[i];
        for (std::size_t k = i + 1; k < 3; ++k) sum -= a[i][k] * b[k];
        b[i] = sum / a[i][i];
    }
    return b;
}

/// x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5.
using affine_map = std::array<double, 6>;

/// The map from an output pixel to its position in the input, for the affine map that moves three points
/// around the middle by `moves` (dx, dy of each).
[[nodiscard]] inline affine_map affine_backwards(std::size_t height, std::size_t width,
                                                 const double* moves) noexcept {
    const auto middle_x = static_cast<float>(width / 2);
    const auto middle_y = static_cast<float>(height / 2);
    const auto arm = static_cast<float>((std::min)(height, width) / 3);
    const float points[3][2] = {
        {middle_x + arm, middle_y + arm}, {middle_x + arm, middle_y - arm}, {middle_x - arm, middle_y - arm}};
    std::array<std::array<double, 3>, 3> a{};
    std::array<double, 3> to_x{};
    std::array<double, 3> to_y{};
    for (std::size_t i = 0; i < 3; ++i) {
        a[i] = {static_cast<double>(points[i][0]), static_cast<double>(points[i][1]), 1.0};
        to_x[i] = static_cast<double>(points[i][0] + static_cast<float>(moves[2 * i]));
        to_y[i] = static_cast<double>(points[i][1] + static_cast<float>(moves[2 * i + 1]));
    }
    const auto x = solve_plane(a, to_x);
    const auto y = solve_plane(a, to_y);
    const double determinant = x[0] * y[1] - x[1] * y[0];
    const double inverse = determinant != 0.0 ? 1.0 / determinant : 0.0;
    const double m0 = y[1] * inverse;
    const double m4 = x[0] * inverse;
    const double m1 = x[1] * -inverse;
    const double m3 = y[0] * -inverse;
    return {m0, m1, -m0 * x[2] - m1 * y[2], m3, m4, -m3 * x[2] - m4 * y[2]};
}

/// A warped image in single precision, one row at a time. Positions are rounded to 1/32 of a pixel, values
/// are interpolated linearly, and the image is mirrored about its outermost pixels, as in OpenCV.
template <pixel T>
class affine_warp {
  public:
    /// The memory belongs to the caller's frame.
    affine_warp(const picture<T>& image, const affine_map& map, scratch& memory)
        : image_(image), map_(map), across_x_(memory.take<std::int64_t>(image.width)),
          across_y_(memory.take<std::int64_t>(image.width)) {
        for (std::size_t x = 0; x < image.width; ++x) {
            across_x_[x] = fixed(map[0] * static_cast<double>(x));
            across_y_[x] = fixed(map[3] * static_cast<double>(x));
        }
    }

    /// Row `y` of the warped image.
    void row(std::size_t y, float* out) const noexcept {
        const std::size_t channels = image_.channels;
        const auto last_x = static_cast<std::int64_t>(image_.width) - 1;
        const auto last_y = static_cast<std::int64_t>(image_.height) - 1;
        const std::int64_t down_x = fixed(map_[1] * static_cast<double>(y) + map_[2]) + 16;
        const std::int64_t down_y = fixed(map_[4] * static_cast<double>(y) + map_[5]) + 16;
        for (std::size_t x = 0; x < image_.width; ++x) {
            const std::int64_t place_x = (down_x + across_x_[x]) >> 5;
            const std::int64_t place_y = (down_y + across_y_[x]) >> 5;
            const auto part_x = static_cast<float>(place_x & 31) / 32.0F;
            const auto part_y = static_cast<float>(place_y & 31) / 32.0F;
            const std::int64_t left = place_x >> 5;
            const std::int64_t top = place_y >> 5;
            const float weights[4] = {(1.0F - part_y) * (1.0F - part_x), (1.0F - part_y) * part_x,
                                      part_y * (1.0F - part_x), part_y * part_x};
            std::size_t x0 = static_cast<std::size_t>(left);
            std::size_t x1 = x0 + 1;
            std::size_t y0 = static_cast<std::size_t>(top);
            std::size_t y1 = y0 + 1;
            if (left < 0 || left >= last_x || top < 0 || top >= last_y) {
                x0 = mirror_101(left, image_.width);
                x1 = mirror_101(left + 1, image_.width);
                y0 = mirror_101(top, image_.height);
                y1 = mirror_101(top + 1, image_.height);
            }
            const T* above = image_.row(y0);
            const T* below = image_.row(y1);
            for (std::size_t c = 0; c < channels; ++c) {
                *out++ = to_single(above[x0 * channels + c]) * weights[0] +
                         to_single(above[x1 * channels + c]) * weights[1] +
                         to_single(below[x0 * channels + c]) * weights[2] +
                         to_single(below[x1 * channels + c]) * weights[3];
            }
        }
    }

  private:
    [[nodiscard]] static std::int64_t fixed(double value) noexcept {
        return static_cast<std::int64_t>(round_half_even(value * 1024.0));
    }

    picture<T> image_;
    affine_map map_;
    std::int64_t* across_x_;
    std::int64_t* across_y_;
};

/// The input rows that the displaced row `y` depends on, with the image mirrored beyond its edges.
struct displaced_rows {
    std::size_t first;
    std::size_t last;

    displaced_rows(std::size_t y, const float* dy, std::size_t width, std::size_t height) noexcept {
        const auto ends = std::minmax_element(dy, dy + width);
        const auto place = [y](float move) {
            return std::floor(static_cast<double>(y) + static_cast<double>(move));
        };
        const double least = place(*ends.first);
        const double most = place(*ends.second) + 1.0;
        const auto side = static_cast<double>(height);
        if (!(least >= -side && most < 2.0 * side)) { // more than one reflection
            first = 0;
            last = height - 1;
            return;
        }
        double low = least;
        double high = most;
        if (least < 0.0) {
            low = 0.0;
            high = (std::max)(most, -least - 1.0);
        }
        if (most >= side) low = (std::min)(low, 2.0 * side - 1.0 - most);
        first = static_cast<std::size_t>((std::min)(low, side - 1.0));
        last = static_cast<std::size_t>(std::clamp(high, 0.0, side - 1.0));
    }
};

/// Samples row `y` of the image at (y + dy, x + dx) linearly, with the image mirrored beyond its edges.
/// `lines`: the rows of the image.
template <pixel T>
void sample_displaced(std::size_t y, std::size_t height, std::size_t width, std::size_t channels,
                      const float* const* lines, const float* dx, const float* dy, T* out) {
    const auto last_x = static_cast<std::ptrdiff_t>(width) - 1;
    const auto last_y = static_cast<std::ptrdiff_t>(height) - 1;
    for (std::size_t x = 0; x < width; ++x) {
        const double place_y = static_cast<double>(y) + static_cast<double>(dy[x]);
        const double place_x = static_cast<double>(x) + static_cast<double>(dx[x]);
        const double floor_y = std::floor(place_y);
        const double floor_x = std::floor(place_x);
        const double part_y = place_y - floor_y;
        const double part_x = place_x - floor_x;
        const auto top = static_cast<std::ptrdiff_t>(floor_y);
        const auto left = static_cast<std::ptrdiff_t>(floor_x);
        std::size_t y0 = static_cast<std::size_t>(top);
        std::size_t y1 = y0 + 1;
        std::size_t x0 = static_cast<std::size_t>(left);
        std::size_t x1 = x0 + 1;
        if (left < 0 || left >= last_x || top < 0 || top >= last_y) {
            y0 = index_beyond(top, height, beyond::reflect);
            y1 = index_beyond(top + 1, height, beyond::reflect);
            x0 = index_beyond(left, width, beyond::reflect);
            x1 = index_beyond(left + 1, width, beyond::reflect);
        }
        const float* corner[4] = {lines[y0] + x0 * channels, lines[y0] + x1 * channels,
                                  lines[y1] + x0 * channels, lines[y1] + x1 * channels};
        for (std::size_t c = 0; c < channels; ++c) {
            double sum = static_cast<double>(corner[0][c]) * (1.0 - part_y) * (1.0 - part_x);
            sum += static_cast<double>(corner[1][c]) * (1.0 - part_y) * part_x;
            sum += static_cast<double>(corner[2][c]) * part_y * (1.0 - part_x);
            sum += static_cast<double>(corner[3][c]) * part_y * part_x;
            *out++ = from_unit<T>(static_cast<float>(sum));
        }
    }
}

/// The constants that all images share: lengths in pixels and the smoothing of the fields.
struct elastic_plan {
    elastic_parameters parameters;
    field_smoother smoother;

    elastic_plan(std::size_t height, std::size_t width, elastic_parameters p)
        : parameters(p), smoother(height, width, p.sigma) {}
};

/// `fields`: draws for dx, then for dy; they are overwritten with the displacements.
template <pixel T>
void elastic_transform(const picture<T>& image, const elastic_plan& plan, const double* moves, float* fields,
                       scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t height = image.height;
    const std::size_t width = image.width;
    float* dx = fields;
    float* dy = fields + image.area();
    plan.smoother.apply(dx, plan.parameters.alpha, memory);
    plan.smoother.apply(dy, plan.parameters.alpha, memory);
    // Rows of the warped image are computed on demand and kept until no later row needs them.
    auto* needed_from = memory.take<std::size_t>(height);
    auto* needed_until = memory.take<std::size_t>(height);
    for (std::size_t y = 0; y < height; ++y) {
        const displaced_rows rows(y, dy + y * width, width, height);
        needed_from[y] = rows.first;
        needed_until[y] = y == 0 ? rows.last : (std::max)(needed_until[y - 1], rows.last);
    }
    for (std::size_t y = height - 1; y-- > 0;)
        needed_from[y] = (std::min)(needed_from[y], needed_from[y + 1]);
    std::size_t kept = 0;
    for (std::size_t y = 0; y < height; ++y) kept = (std::max)(kept, needed_until[y] - needed_from[y] + 1);
    row_window<float> rows(kept, image.row_size(), memory);
    auto* lines = memory.take<const float*>(height);
    const affine_warp<T> warped(image, affine_backwards(height, width, moves), memory);
    for (std::size_t y = 0; y < height; ++y) {
        rows.load_until(needed_until[y] + 1, [&](std::size_t loaded, float* to) {
            warped.row(loaded, to);
            lines[loaded] = to;
        });
        sample_displaced(y, height, width, image.channels, lines, dx + y * width, dy + y * width,
                         out + y * image.row_size());
    }
}

} // namespace detail

/// The lengths of `elastic_transform` in pixels: the published fractions times the smaller side of the image.
/// For `variant::imagenet` they are also multiplied by 244 / 224, an error of the published generator.
[[nodiscard]] constexpr elastic_parameters elastic_pixels(elastic_parameters fractions, variant whose,
                                                          std::size_t height, std::size_t width) noexcept {
    const std::size_t set = whose == variant::cifar ? 1 : whose == variant::tiny ? 2 : 0;
    const double side = static_cast<double>((std::min)(height, width)) * published::elastic_side[set] /
                        published::image_side[set];
    return {side * fractions.alpha, side * fractions.sigma, side * fractions.affine};
}

/// Elastic transform: an affine map that moves three points slightly, then a displacement of every pixel by a
/// smooth random field.
///
/// `images`: (height, width, channels) or a batch. `parameters`: in pixels (see `elastic_pixels`). `moves`:
/// (dx, dy) of three points, 6 values per image, from U(-affine, affine). `fields`: for each image height x
/// width draws from U(-1, 1) for dx, then as many for dy; they are smoothed by a Gaussian of sigma (cut at 3
/// sigma) and multiplied by alpha. Both maps go from the output to the input and interpolate linearly, the
/// first at places rounded to 1/32 pixel. Computed in single precision, as in the reference. Throws
/// `value_error` for an input that is not an image (see `image_like`), another number of draws, and lengths
/// below 0 or a sigma above 10000. O(elements + height x width x min(sigma, side)).
template <image_like Images>
[[nodiscard]] corrupted<Images> elastic_transform(const Images& images, elastic_parameters parameters,
                                                  std::span<const double> moves,
                                                  std::span<const double> fields) {
    constexpr std::string_view name = "corruption::elastic_transform";
    if (!(parameters.alpha >= 0.0 && parameters.sigma >= 0.0 && parameters.sigma <= 1e4)) {
        errors::throw_value_error(name, "expected an alpha of at least 0 and a sigma in [0, 10000], got " +
                                            errors::text_of(parameters.alpha) + " and " +
                                            errors::text_of(parameters.sigma));
    }
    std::vector<detail::elastic_plan> plan;
    detail::scratch memory;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            detail::require_draws(name, "moves", 6 * shape.count, moves.size());
            detail::require_draws(name, "draws of the fields", 2 * shape.count * shape.height * shape.width,
                                  fields.size());
            plan.emplace_back(shape.height, shape.width, parameters);
        },
        [&](const auto& image, std::size_t index, auto* out) {
            const detail::scratch::frame frame(memory);
            const std::size_t count = 2 * image.area();
            float* values = memory.take<float>(count);
            for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(fields[index * count + i]);
            detail::elastic_transform(image, plan.front(), moves.data() + 6 * index, values, memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
