#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/quantize.hpp"
#include "repscope/detail/corruption/row_convolution.hpp"
#include "repscope/detail/corruption/row_window.hpp"
#include "repscope/random/portable_math.hpp"
#include "repscope/random/portable_trigonometry.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// A trail of 2 ceil(radius) + 1 pixels that starts at the pixel, with weights of half a Gaussian that sum
/// to 1.
[[nodiscard]] inline std::vector<double> trail_weights(motion_parameters p) {
    const auto taps = 2 * static_cast<std::size_t>(std::ceil(p.radius)) + 1;
    std::vector<double> weights(taps);
    double sum = 0.0;
    for (std::size_t i = 0; i < taps; ++i) {
        const auto distance = static_cast<double>(i);
        weights[i] = portable::exp(-(distance * distance) / (2.0 * p.sigma * p.sigma)) /
                     (2.50662827463100024161235523934010416269302368164062 * p.sigma);
        sum += weights[i];
    }
    for (double& weight : weights) weight /= sum;
    return weights;
}

/// Blurs the bytes of (height, width, channels) along a line at `angle` degrees, with y downwards: out = sum
/// over i of k_i in(y + dy_i, x + dx_i) with whole pixels. The outermost pixels are repeated beyond the
/// edges. Uses sixteen bits internally, then floor(q / 257), as ImageMagick does for 8-bit images.
inline void motion_trail(const picture<std::uint8_t>& image, const std::vector<double>& weights, double angle,
                         scratch& memory, std::uint8_t* out) {
    const scratch::frame frame(memory);
    const std::size_t count = weights.size();
    const std::size_t row = image.row_size();
    const std::size_t channels = image.channels;
    const double radians = 3.14159265358979323846 * angle / 180.0;
    const double along_x = static_cast<double>(count) * portable::cos(radians);
    const double along_y = static_cast<double>(count) * portable::sin(radians);
    const double length = std::sqrt(along_x * along_x + along_y * along_y);
    auto* dx = memory.take<std::ptrdiff_t>(count);
    auto* dy = memory.take<std::ptrdiff_t>(count);
    std::ptrdiff_t reach = 0;
    std::ptrdiff_t up = 0;
    std::ptrdiff_t down = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto step = static_cast<double>(i);
        dx[i] = static_cast<std::ptrdiff_t>(std::ceil(step * along_x / length - 0.5));
        dy[i] = static_cast<std::ptrdiff_t>(std::ceil(step * along_y / length - 0.5));
        reach = (std::max)(reach, dx[i] < 0 ? -dx[i] : dx[i]);
        up = (std::max)(up, -dy[i]);
        down = (std::max)(down, dy[i]);
    }
    // Rows with margins to the left and right, on the scale of 16 bits.
    const std::size_t margin = static_cast<std::size_t>(reach) * channels;
    const std::size_t stride = row + 2 * margin;
    row_window<double> rows((std::min)(image.height, static_cast<std::size_t>(up + down) + 1), stride,
                            memory);
    const auto load = [&](std::size_t y, double* to) {
        const std::uint8_t* from = image.row(y);
        for (std::size_t x = 0; x < row; ++x) to[margin + x] = 257.0 * static_cast<double>(from[x]);
        for (std::size_t x = 0; x < margin; ++x) {
            to[x] = to[margin + x % channels];
            to[margin + row + x] = to[margin + row - channels + x % channels];
        }
    };
    auto* taps = memory.take<tap>(count);
    double* done = memory.take<double>(row);
    const auto last = static_cast<std::ptrdiff_t>(image.height) - 1;
    for (std::size_t y = 0; y < image.height; ++y) {
        rows.load_until((std::min)(image.height, y + static_cast<std::size_t>(down) + 1), load);
        for (std::size_t i = 0; i < count; ++i) {
            const auto from = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(y) + dy[i], 0, last);
            taps[i] = {rows.row(static_cast<std::size_t>(from)) + margin +
                           dx[i] * static_cast<std::ptrdiff_t>(channels),
                       weights[i]};
        }
        weighted_sum(taps, count, row, done);
        for (std::size_t x = 0; x < row; ++x) {
            const int quantum = static_cast<int>(done[x] + 0.5);
            out[y * row + x] = static_cast<std::uint8_t>((quantum < 65535 ? quantum : 65535) / 257);
        }
    }
}

template <pixel T>
void motion_blur(const picture<T>& image, const std::vector<double>& weights, double angle, scratch& memory,
                 T* out) {
    with_byte_pixels(image, memory, out, [&](const picture<std::uint8_t>& bytes, std::uint8_t* to) {
        motion_trail(bytes, weights, angle, memory, to);
    });
}

inline void require_trail(std::string_view function, motion_parameters p) {
    if (!(p.radius > 0.0 && p.radius <= 1000.0 && p.sigma > 0.0)) {
        errors::throw_value_error(function, "expected a radius in (0, 1000] and a sigma above 0, got " +
                                                errors::text_of(p.radius) + " and " +
                                                errors::text_of(p.sigma));
    }
}

} // namespace detail

/// Motion blur: a trail of 2 ceil(radius) + 1 pixels to one side, with the weights of half a Gaussian of
/// `sigma` pixels, at an angle.
///
/// `images`: (height, width, channels) or a batch; `angles`: degrees, one per image, drawn from [-45, 45).
/// Computes in bytes: float images are rounded to bytes first and returned as bytes / 255. Throws
/// `value_error` for an input that is not an image (see `image_like`), another number of angles, angles
/// beyond +-360 or not finite, a radius outside (0, 1000] or a sigma that is not above 0. O(elements x
/// radius).
template <image_like Images>
[[nodiscard]] corrupted<Images> motion_blur(const Images& images, motion_parameters parameters,
                                            std::span<const double> angles) {
    constexpr std::string_view name = "corruption::motion_blur";
    detail::require_trail(name, parameters);
    for (const double angle : angles) {
        if (!(angle >= -360.0 && angle <= 360.0)) {
            errors::throw_value_error(name, "expected angles in [-360, 360], got " + errors::text_of(angle));
        }
    }
    const auto weights = detail::trail_weights(parameters);
    detail::scratch memory;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            detail::require_draws(name, "angles", shape.count, angles.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::motion_blur(image, weights, angles[index], memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
