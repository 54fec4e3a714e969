#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/scratch.hpp"
#include "repscope/corruption/severity.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace repscope {
inline namespace v0 {
namespace corruption {
namespace detail {

/// Side of the height map of an image: the next power of two.
[[nodiscard]] constexpr std::size_t fog_side(std::size_t height, std::size_t width) noexcept {
    return std::bit_ceil((std::max)(height, width));
}

/// Numbers that the height map of an image takes: one each for all its points but one.
[[nodiscard]] constexpr std::size_t fog_draws(std::size_t height, std::size_t width) noexcept {
    const std::size_t side = fog_side(height, width);
    return side * side - 1;
}

/// A fractal landscape of side x side heights in [0, 1] by the diamond-square rule on a torus.
///
/// `draws`: for each level the squares, the diamonds in rows of corners and those in columns of corners,
/// uniform in
/// [-wibble, wibble], wibble = 100 / decay^level.
inline void diamond_square(double* map, std::size_t side, double decay, const double* draws) {
    map[0] = 0.0;
    double wibble = 100.0;
    for (std::size_t step = side; step >= 2; step /= 2, wibble /= decay) {
        const std::size_t half = step / 2;
        const std::size_t mask = side - 1;
        const std::size_t points = side / step;
        const double* squares = draws;
        const double* beside = squares + points * points;
        const double* below = beside + points * points;
        draws = below + points * points;
        for (std::size_t y = 0; y < side; y += step) {
            const double* top = map + y * side;
            const double* bottom = map + ((y + step) & mask) * side;
            double* centre = map + (y + half) * side + half;
            for (std::size_t x = 0; x < side; x += step) {
                const std::size_t next = (x + step) & mask;
                centre[x] = ((top[x] + bottom[x]) + (top[next] + bottom[next])) / 4.0 + wibble * *squares++;
            }
        }
        for (std::size_t y = 0; y < side; y += step) {
            double* corners = map + y * side;
            const double* above = map + ((y + side - half) & mask) * side;
            double* centres = map + (y + half) * side;
            const double* corners_below = map + ((y + step) & mask) * side;
            for (std::size_t x = 0; x < side; x += step) {
                const double around =
                    (centres[x + half] + above[x + half]) + (corners[x] + corners[(x + step) & mask]);
                corners[x + half] = around / 4.0 + wibble * *beside++;
            }
            for (std::size_t x = 0; x < side; x += step) {
                const double around =
                    (centres[x + half] + centres[(x + side - half) & mask]) + (corners[x] + corners_below[x]);
                centres[x] = around / 4.0 + wibble * *below++;
            }
        }
    }
    double least = map[0];
    for (std::size_t i = 0; i < side * side; ++i) least = map[i] < least ? map[i] : least;
    double most = 0.0;
    for (std::size_t i = 0; i < side * side; ++i) {
        map[i] -= least;
        most = map[i] > most ? map[i] : most;
    }
    if (most > 0.0)
        for (std::size_t i = 0; i < side * side; ++i) map[i] /= most;
}

template <pixel T>
void fog(const picture<T>& image, fog_parameters p, const double* draws, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t side = fog_side(image.height, image.width);
    double* map = memory.take<double>(side * side);
    diamond_square(map, side, p.decay, draws);
    T brightest = image.pixels[0];
    for (std::size_t i = 0; i < image.size(); ++i)
        brightest = image.pixels[i] > brightest ? image.pixels[i] : brightest;
    const double most = to_unit(brightest);
    const double sum = most + p.thickness;
    for (std::size_t y = 0; y < image.height; ++y) {
        for (std::size_t x = 0; x < image.width; ++x) {
            const double thick = p.thickness * map[y * side + x];
            const std::size_t first = (y * image.width + x) * image.channels;
            for (std::size_t c = 0; c < image.channels; ++c)
                out[first + c] = from_unit<T>((to_unit(image.pixels[first + c]) + thick) * most / sum);
        }
    }
}

} // namespace detail

/// How many draws `fog` takes for one image.
[[nodiscard]] constexpr std::size_t fog_draw_count(std::size_t height, std::size_t width) noexcept {
    return detail::fog_draws(height, width);
}

/// Fog: x + thickness x height map, scaled so that the brightest element of the image stays where it is.
///
/// `images`: (height, width, channels) or a batch; `draws`: `fog_draw_count(height, width)` an image. The
/// height map is a diamond-square fractal on a torus whose side is the next power of two (32 for 32 x 32, 256
/// for 224 x 224), of which the top left is used; level k takes, in rows, draws from U(-w, w) with w = 100 /
/// decay^k: for the squares, then the diamonds between corners of a row, then those between corners of a
/// column, and adds w x draw. Throws `value_error` for images that are none (see `image_like`), another
/// number of draws, a thickness below 0 or a decay below 1. O(side^2).
template <image_like Images>
[[nodiscard]] corrupted<Images> fog(const Images& images, fog_parameters parameters,
                                    std::span<const double> draws) {
    constexpr std::string_view name = "corruption::fog";
    if (!(parameters.thickness >= 0.0 && parameters.decay >= 1.0)) {
        repscope::detail::throw_value_error(
            name, "wanted a thickness of at least 0 and a decay of at least 1, got " +
                      std::to_string(parameters.thickness) + " and " + std::to_string(parameters.decay));
    }
    detail::scratch memory;
    std::size_t count = 0;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            count = detail::fog_draws(shape.height, shape.width);
            detail::require_draws(name, "draws", shape.count * count, draws.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::fog(image, parameters, draws.data() + index * count, memory, out);
        });
}

} // namespace corruption
} // namespace v0
} // namespace repscope
