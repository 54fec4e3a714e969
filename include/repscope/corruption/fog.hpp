#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/detail/corruption/arena.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Side of the height map of an image: the next power of two.
[[nodiscard]] constexpr std::size_t fog_side(std::size_t height, std::size_t width) noexcept {
    return std::bit_ceil((std::max)(height, width));
}

/// Number of draws for the height map of an image: one for each point except one.
[[nodiscard]] constexpr std::size_t fog_draws(std::size_t height, std::size_t width) noexcept {
    const std::size_t side = fog_side(height, width);
    return side * side - 1;
}

/// A fractal landscape of side x side heights by the diamond-square rule on a torus.
///
/// `draws(stream, first, count, wibble, to)` writes draws first, first + 1, ..., uniform in [-wibble,
/// wibble]. Level k has wibble = 100 / decay^k. It uses draws for the squares (stream 0), then for the
/// diamonds in rows of corners (1), then for those in columns of corners (2). Each stream is read in order.
/// `noise`: memory for 3 side / 2 draws. Returns the wibble of the next level.
template <typename Draws>
double diamond_square(double* map, std::size_t side, double decay, Draws& draws, double* noise) {
    map[0] = 0.0;
    double wibble = 100.0;
    std::size_t first = 0;
    for (std::size_t step = side; step >= 2; step /= 2, wibble /= decay) {
        const std::size_t half = step / 2;
        const std::size_t mask = side - 1;
        const std::size_t points = side / step;
        const std::size_t level = points * points;
        for (std::size_t y = 0; y < side; y += step) {
            const double* top = map + y * side;
            const double* bottom = map + ((y + step) & mask) * side;
            double* center = map + (y + half) * side + half;
            draws(0, first + y / step * points, points, wibble, noise);
            const double* squares = noise;
            for (std::size_t x = 0; x < side; x += step) {
                const std::size_t next = (x + step) & mask;
                center[x] = ((top[x] + bottom[x]) + (top[next] + bottom[next])) / 4.0 + wibble * *squares++;
            }
        }
        for (std::size_t y = 0; y < side; y += step) {
            double* corners = map + y * side;
            const double* above = map + ((y + side - half) & mask) * side;
            double* centers = map + (y + half) * side;
            const double* corners_below = map + ((y + step) & mask) * side;
            draws(1, first + level + y / step * points, points, wibble, noise + points);
            draws(2, first + 2 * level + y / step * points, points, wibble, noise + 2 * points);
            const double* beside = noise + points;
            const double* below = noise + 2 * points;
            for (std::size_t x = 0; x < side; x += step) {
                const double around =
                    (centers[x + half] + above[x + half]) + (corners[x] + corners[(x + step) & mask]);
                corners[x + half] = around / 4.0 + wibble * *beside++;
            }
            for (std::size_t x = 0; x < side; x += step) {
                const double around =
                    (centers[x + half] + centers[(x + side - half) & mask]) + (corners[x] + corners_below[x]);
                centers[x] = around / 4.0 + wibble * *below++;
            }
        }
        first += 3 * level;
    }
    return wibble;
}

/// The last level of `diamond_square`, computed two rows at a time from the previous levels, so that a
/// quarter of the map is in memory.
template <typename Draws>
class fog_heights {
  public:
    /// The memory belongs to the caller's frame.
    fog_heights(std::size_t side, double decay, Draws& draws, scratch& memory)
        : points_(side / 2), draws_(draws), coarse_(memory.take<double>(points_ * points_)),
          before_(memory.take<double>(points_)), here_(memory.take<double>(points_)),
          noise_(memory.take<double>(3 * points_ / 2)),
          wibble_(diamond_square(coarse_, points_, decay, draws, noise_)) {}

    /// Starts with the first pair of rows.
    void restart() { make_centres(points_ - 1, before_); }

    /// Rows 2 r and 2 r + 1; r = 0, 1, ... after `restart`.
    void next_pair(std::size_t r, double* even, double* odd) {
        const std::size_t all = points_ * points_;
        const double* corners = coarse_ + r * points_;
        const double* corners_below = coarse_ + (r + 1 == points_ ? 0 : r + 1) * points_;
        make_centres(r, here_);
        draws_(1, 2 * all - 1 + r * points_, points_, wibble_, noise_);
        for (std::size_t x = 0; x < points_; ++x) {
            const std::size_t next = x + 1 == points_ ? 0 : x + 1;
            const double around = (here_[x] + before_[x]) + (corners[x] + corners[next]);
            even[2 * x] = corners[x];
            even[2 * x + 1] = around / 4.0 + wibble_ * noise_[x];
        }
        draws_(2, 3 * all - 1 + r * points_, points_, wibble_, noise_);
        for (std::size_t x = 0; x < points_; ++x) {
            const std::size_t last = x == 0 ? points_ - 1 : x - 1;
            const double around = (here_[x] + here_[last]) + (corners[x] + corners_below[x]);
            odd[2 * x] = around / 4.0 + wibble_ * noise_[x];
            odd[2 * x + 1] = here_[x];
        }
        std::swap(here_, before_);
    }

  private:
    /// The middles of the squares below row r of the corners.
    void make_centres(std::size_t r, double* to) {
        const double* top = coarse_ + r * points_;
        const double* bottom = coarse_ + (r + 1 == points_ ? 0 : r + 1) * points_;
        draws_(0, points_ * points_ - 1 + r * points_, points_, wibble_, noise_);
        for (std::size_t x = 0; x < points_; ++x) {
            const std::size_t next = x + 1 == points_ ? 0 : x + 1;
            to[x] = ((top[x] + bottom[x]) + (top[next] + bottom[next])) / 4.0 + wibble_ * noise_[x];
        }
    }

    std::size_t points_;
    Draws& draws_;
    double* coarse_;
    double* before_;
    double* here_;
    double* noise_;
    double wibble_;
};

/// Maps of a larger side are computed twice, once for their extremes and once for the image, instead of being
/// stored.
inline constexpr std::size_t max_stored_fog_side = 256;

/// `draws`: see `fog_heights`.
template <pixel T, typename Draws>
void fog(const picture<T>& image, fog_parameters p, Draws&& draws, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t side = fog_side(image.height, image.width);
    const bool stored = side <= max_stored_fog_side;
    double* map = memory.take<double>(stored ? side * side : 2 * side);
    fog_heights heights(side, p.decay, draws, memory);
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    heights.restart();
    for (std::size_t r = 0; r < side / 2; ++r) {
        double* even = stored ? map + 2 * r * side : map;
        heights.next_pair(r, even, even + side);
        for (std::size_t i = 0; i < 2 * side; ++i) {
            least = even[i] < least ? even[i] : least;
            most = even[i] > most ? even[i] : most;
        }
    }
    // Heights in [0, 1]; a flat map is 0.
    const double range = most - least > 0.0 ? most - least : 1.0;
    T brightest = image.pixels[0];
    for (std::size_t i = 0; i < image.size(); ++i)
        brightest = image.pixels[i] > brightest ? image.pixels[i] : brightest;
    const double intensity = to_unit(brightest);
    const double sum = intensity + p.thickness;
    heights.restart();
    for (std::size_t y = 0; y < image.height; ++y) {
        if (!stored && y % 2 == 0) heights.next_pair(y / 2, map, map + side);
        const double* row = map + (stored ? y : y % 2) * side;
        for (std::size_t x = 0; x < image.width; ++x) {
            const double thick = p.thickness * ((row[x] - least) / range);
            const std::size_t first = (y * image.width + x) * image.channels;
            for (std::size_t c = 0; c < image.channels; ++c)
                out[first + c] = from_unit<T>((to_unit(image.pixels[first + c]) + thick) * intensity / sum);
        }
    }
}

} // namespace detail

/// Number of draws that `fog` uses for one image.
[[nodiscard]] constexpr std::size_t fog_draw_count(std::size_t height, std::size_t width) noexcept {
    return detail::fog_draws(height, width);
}

/// Fog: x + thickness x height map, scaled so that the brightest element of the image is unchanged.
///
/// `images`: (height, width, channels) or a batch; `draws`: `fog_draw_count(height, width)` per image. The
/// height map is a diamond-square fractal on a torus whose side is the next power of two (32 for 32 x 32, 256
/// for 224 x 224); its top left part is used. Level k adds w times draws from U(-1, 1), with w = 100 /
/// decay^k. The draws are used in rows: first for the squares, then for the diamonds between corners of a
/// row, then for those between corners of a column. Throws `value_error` for an input that is not an image
/// (see `image_like`), another number of draws, a thickness below 0 or a decay below 1. O(side^2).
template <image_like Images>
[[nodiscard]] corrupted<Images> fog(const Images& images, fog_parameters parameters,
                                    std::span<const double> draws) {
    constexpr std::string_view name = "corruption::fog";
    if (!(parameters.thickness >= 0.0 && parameters.decay >= 1.0)) {
        errors::throw_value_error(name, "expected a thickness of at least 0 and a decay of at least 1, got " +
                                            errors::text_of(parameters.thickness) + " and " +
                                            errors::text_of(parameters.decay));
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
            const double* map_draws = draws.data() + index * count;
            const auto copy = [map_draws](std::size_t, std::size_t first, std::size_t size, double,
                                          double* to) { std::copy_n(map_draws + first, size, to); };
            detail::fog(image, parameters, copy, memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
