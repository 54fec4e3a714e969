#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/boundary.hpp"
#include "repscope/detail/corruption/gaussian.hpp"
#include "repscope/detail/corruption/row_convolution.hpp"
#include "repscope/detail/corruption/row_window.hpp"
#include "repscope/random/portable_math.hpp"

#include <algorithm>
#include <array>
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

inline void require_sigma(std::string_view function, double sigma) {
    if (!(sigma >= 0.0 && sigma <= 1e4)) {
        errors::throw_value_error(function,
                                  "expected sigma between 0 and 10000 pixels, got " + errors::text_of(sigma));
    }
}

/// Writes a row of an image as intensities on [0, 1].
template <pixel T>
void load_unit_row(const picture<T>& image, std::size_t y, double* to) {
    const T* from = image.row(y);
    for (std::size_t x = 0; x < image.row_size(); ++x) to[x] = to_unit(from[x]);
}

/// Blurs an image into another of pixels of the same type, or into itself.
template <pixel T>
void gaussian_blur(const picture<T>& image, const std::vector<double>& weights, scratch& memory, T* out) {
    const std::size_t row = image.row_size();
    separable_filter<double>([&](std::size_t y, double* to) { load_unit_row(image, y, to); }, image.height,
                             image.width, image.channels, weights, beyond::clamp, memory,
                             [&](std::size_t y, const double* done) {
                                 T* to = out + y * row;
                                 for (std::size_t x = 0; x < row; ++x) to[x] = from_unit<T>(done[x]);
                             });
}

/// A disk with an edge that a small Gaussian smooths: side x side weights in single precision, (2 reach +
/// 1)^2, computed as in the reference.
struct disk_kernel {
    std::size_t reach = 0;
    std::vector<float> weights;

    [[nodiscard]] float at(std::size_t dy, std::size_t dx) const noexcept {
        return weights[(reach + dy) * (2 * reach + 1) + reach + dx];
    }
};

[[nodiscard]] inline disk_kernel make_disk(disk_parameters p) {
    disk_kernel disk;
    disk.reach = p.radius <= 8.0 ? 8 : static_cast<std::size_t>(p.radius);
    const std::size_t side = 2 * disk.reach + 1;
    std::vector<float> hard(side * side);
    const auto reach = static_cast<double>(disk.reach);
    float inside = 0.0F;
    for (std::size_t k = 0; k < hard.size(); ++k) {
        const double y = static_cast<double>(k / side) - reach;
        const double x = static_cast<double>(k % side) - reach;
        hard[k] = x * x + y * y <= p.radius * p.radius ? 1.0F : 0.0F;
        inside += hard[k];
    }
    for (float& value : hard) value /= inside;

    const std::ptrdiff_t half = p.radius <= 8.0 ? 1 : 2;
    std::array<double, 3> exact{};
    double sum = 0.0;
    for (std::ptrdiff_t i = 0; i <= half; ++i) {
        const auto distance = static_cast<double>(i);
        exact[static_cast<std::size_t>(i)] =
            portable::exp(-distance * distance / (2.0 * p.alias_sigma * p.alias_sigma));
        sum += (i == 0 ? 1.0 : 2.0) * exact[static_cast<std::size_t>(i)];
    }
    std::array<float, 3> gaussian{};
    for (std::size_t i = 0; i < 3; ++i) gaussian[i] = static_cast<float>(exact[i] / sum);

    const auto smooth = [&](const std::vector<float>& from, bool along_rows) {
        std::vector<float> to(from.size());
        for (std::size_t y = 0; y < side; ++y) {
            for (std::size_t x = 0; x < side; ++x) {
                const auto at = [&](std::ptrdiff_t i) {
                    return along_rows ? from[y * side + mirror_101(static_cast<std::ptrdiff_t>(x) + i, side)]
                                      : from[mirror_101(static_cast<std::ptrdiff_t>(y) + i, side) * side + x];
                };
                float value = at(0) * gaussian[0];
                for (std::ptrdiff_t i = 1; i <= half; ++i)
                    value += (at(-i) + at(i)) * gaussian[static_cast<std::size_t>(i)];
                to[y * side + x] = value;
            }
        }
        return to;
    };
    disk.weights = smooth(smooth(hard, true), false);
    return disk;
}

/// Correlates every channel with a kernel that is symmetric in both directions; the image is mirrored about
/// its outermost pixels.
template <pixel T>
void defocus_blur(const picture<T>& image, const disk_kernel& disk, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t row = image.row_size();
    const std::size_t channels = image.channels;
    // Weights of 0 are skipped.
    std::size_t rows_used = 0;
    std::size_t columns_used = 0;
    for (std::size_t i = 0; i <= disk.reach; ++i) {
        for (std::size_t k = 0; k <= disk.reach; ++k) {
            if (disk.at(i, k) != 0.0F) rows_used = i + 1;
            if (disk.at(k, i) != 0.0F) columns_used = i + 1;
        }
    }
    const std::size_t margin = (columns_used - 1) * channels;
    row_window<double> rows(rows_within(rows_used - 1, image.height), row, memory);
    // Row y + dy plus row y - dy, for each dy, with margins.
    const std::size_t stride = row + 2 * margin;
    double* sums = memory.take<double>(rows_used * stride);
    double* done = memory.take<double>(row);
    auto* pairs = memory.take<pair_of_taps>(rows_used * columns_used);
    std::size_t pair_count = 0;
    for (std::size_t dy = 0; dy < rows_used; ++dy) {
        const double* center = sums + dy * stride + margin;
        for (std::size_t dx = 0; dx < columns_used; ++dx) {
            const auto weight = static_cast<double>(disk.at(dy, dx));
            if (weight == 0.0) continue;
            // The middle column has itself as its partner.
            pairs[pair_count++] = {center - dx * channels, center + dx * channels,
                                   dx == 0 ? 0.5 * weight : weight};
        }
    }
    for (std::size_t y = 0; y < image.height; ++y) {
        rows.load_until((std::min)(image.height, y + rows_used),
                        [&](std::size_t loaded, double* to) { load_unit_row(image, loaded, to); });
        for (std::size_t dy = 0; dy < rows_used; ++dy) {
            const auto step = static_cast<std::ptrdiff_t>(dy);
            const auto here = static_cast<std::ptrdiff_t>(y);
            const double* above = rows.row(mirror_101(here - step, image.height));
            const double* below = rows.row(mirror_101(here + step, image.height));
            double* sum = sums + dy * stride + margin;
            if (dy == 0) {
                for (std::size_t x = 0; x < row; ++x) sum[x] = above[x];
            } else {
                for (std::size_t x = 0; x < row; ++x) sum[x] = above[x] + below[x];
            }
            for (std::size_t dx = 1; dx < columns_used; ++dx) {
                const auto left = mirror_101(-static_cast<std::ptrdiff_t>(dx), image.width);
                const auto right = mirror_101(static_cast<std::ptrdiff_t>(image.width - 1 + dx), image.width);
                for (std::size_t c = 0; c < channels; ++c) {
                    sum[static_cast<std::ptrdiff_t>(c) - static_cast<std::ptrdiff_t>(dx * channels)] =
                        sum[left * channels + c];
                    sum[row - channels + dx * channels + c] = sum[right * channels + c];
                }
            }
        }
        weighted_sum(pairs, pair_count, row, done);
        for (std::size_t x = 0; x < row; ++x) out[y * row + x] = from_unit<T>(done[x]);
    }
}

/// Number of positions that one sweep of glass blur visits along a side.
[[nodiscard]] constexpr std::size_t glass_steps(std::size_t side, int max_delta) noexcept {
    const auto margin = 2 * static_cast<std::size_t>(max_delta);
    return side > margin ? side - margin : 0;
}

/// Number of random values of glass blur for an image, two per visited pixel.
[[nodiscard]] constexpr std::size_t glass_draws(std::size_t height, std::size_t width,
                                                glass_parameters p) noexcept {
    return 2 * static_cast<std::size_t>(p.iterations) * glass_steps(height, p.max_delta) *
           glass_steps(width, p.max_delta);
}

template <pixel T>
void glass_blur(const picture<T>& image, glass_parameters p, const std::vector<double>& weights,
                const std::int8_t* offsets, scratch& memory, T* out) {
    gaussian_blur(image, weights, memory, out);
    const auto channels = static_cast<std::ptrdiff_t>(image.channels);
    const auto row = static_cast<std::ptrdiff_t>(image.row_size());
    const std::size_t high = glass_steps(image.height, p.max_delta);
    const std::size_t wide = glass_steps(image.width, p.max_delta);
    const auto sweep = [&]<typename Copy>(Copy copy) {
        for (int iteration = 0; iteration < p.iterations; ++iteration) {
            for (std::size_t j = 0; j < high; ++j) {
                T* at = out + (image.height - static_cast<std::size_t>(p.max_delta) - j) * image.row_size() +
                        (image.width - static_cast<std::size_t>(p.max_delta)) * image.channels;
                for (std::size_t i = 0; i < wide; ++i) {
                    copy(at, at + offsets[1] * row + offsets[0] * channels);
                    offsets += 2;
                    at -= channels;
                }
            }
        }
    };
    if (high > 0 && wide > 0) {
        if (channels == 3) {
            sweep([](T* to, const T* from) {
                const T first = from[0];
                const T second = from[1];
                const T third = from[2];
                to[0] = first;
                to[1] = second;
                to[2] = third;
            });
        } else {
            sweep([channels](T* to, const T* from) {
                for (std::ptrdiff_t c = 0; c < channels; ++c) to[c] = from[c];
            });
        }
    }
    gaussian_blur(picture<T>{out, image.height, image.width, image.channels}, weights, memory, out);
}

} // namespace detail

/// Gaussian blur, one of the four extra corruptions: every channel is convolved with a Gaussian of `sigma`
/// pixels, cut at 4 sigma. The outermost pixels are repeated beyond the edges.
///
/// `images`: (height, width, channels) or a batch. Deterministic. Throws `value_error` for an input that is
/// not an image (see `image_like`) and for a sigma outside [0, 10000]. O(elements x sigma).
template <image_like Images>
[[nodiscard]] corrupted<Images> gaussian_blur(const Images& images, double sigma) {
    detail::require_sigma("corruption::gaussian_blur", sigma);
    const auto weights = detail::gaussian_weights(sigma);
    detail::scratch memory;
    return detail::each_image(
        "corruption::gaussian_blur", images, [](const detail::image_shape&) {},
        [&](const auto& image, std::size_t, auto* out) {
            detail::gaussian_blur(image, weights, memory, out);
        });
}

/// Defocus blur: every channel is correlated with a disk of `radius` pixels whose edge is smoothed by a
/// Gaussian of `alias_sigma` pixels. The image is mirrored about its outermost pixels.
///
/// The disk is not normalized again after smoothing. Shapes and errors as for `gaussian_blur`; throws
/// `value_error` also for a radius outside [0, 100] and an alias sigma that is not above 0. O(elements x
/// radius^2).
template <image_like Images>
[[nodiscard]] corrupted<Images> defocus_blur(const Images& images, disk_parameters parameters) {
    if (!(parameters.radius >= 0.0 && parameters.radius <= 100.0 && parameters.alias_sigma > 0.0)) {
        errors::throw_value_error("corruption::defocus_blur",
                                  "expected a radius between 0 and 100 and an alias sigma above 0, got " +
                                      errors::text_of(parameters.radius) + " and " +
                                      errors::text_of(parameters.alias_sigma));
    }
    const auto disk = detail::make_disk(parameters);
    detail::scratch memory;
    return detail::each_image(
        "corruption::defocus_blur", images, [](const detail::image_shape&) {},
        [&](const auto& image, std::size_t, auto* out) { detail::defocus_blur(image, disk, memory, out); });
}

/// Glass blur: a Gaussian blur, then `iterations` sweeps that copy each pixel from a nearby one in place,
/// from the bottom right to the top left, then another Gaussian blur.
///
/// `offsets`: dx, dy in [-max_delta, max_delta - 1] for each visited pixel of each iteration, in the order of
/// the visits. A sweep visits (height - 2 max_delta) x (width - 2 max_delta) pixels: rows and columns from
/// side - max_delta down to max_delta + 1. The published generator was meant to swap pixels but copies them;
/// this function copies them too. Between the blurs bytes are truncated to bytes; floats are kept. Shapes and
/// errors as for `gaussian_blur`; throws `value_error` also for another number of offsets, an offset out of
/// range, or a max_delta outside 1 ... 100. O(elements x (sigma + iterations)).
template <image_like Images>
[[nodiscard]] corrupted<Images> glass_blur(const Images& images, glass_parameters parameters,
                                           std::span<const std::int8_t> offsets) {
    constexpr std::string_view name = "corruption::glass_blur";
    detail::require_sigma(name, parameters.sigma);
    if (parameters.max_delta < 1 || parameters.max_delta > 100 || parameters.iterations < 0) {
        errors::throw_value_error(name, "expected max_delta in 1 ... 100 and iterations of at least 0, got " +
                                            errors::text_of(parameters.max_delta) + " and " +
                                            errors::text_of(parameters.iterations));
    }
    for (const std::int8_t offset : offsets) {
        if (offset < -parameters.max_delta || offset >= parameters.max_delta) {
            errors::throw_value_error(name, "expected offsets of -max_delta ... max_delta - 1, got " +
                                                errors::text_of(offset));
        }
    }
    const auto weights = detail::gaussian_weights(parameters.sigma);
    detail::scratch memory;
    std::size_t draws = 0;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            draws = detail::glass_draws(shape.height, shape.width, parameters);
            detail::require_draws(name, "offsets", shape.count * draws, offsets.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::glass_blur(image, parameters, weights, offsets.data() + index * draws, memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
