#pragma once

#include "repscope/corruption/blur.hpp"
#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/corruption/snow.hpp"
#include "repscope/corruption/zoom_blur.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/boundary.hpp"
#include "repscope/detail/corruption/canny.hpp"
#include "repscope/detail/corruption/gaussian.hpp"

#include <algorithm>
#include <array>
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

/// Equalizes the histogram of a gray image over 0 ... 255. An image of one value is unchanged.
inline void equalize(std::uint8_t* values, std::size_t count) noexcept {
    std::array<std::int32_t, 256> histogram{};
    for (std::size_t i = 0; i < count; ++i) ++histogram[values[i]];
    std::size_t first = 0;
    while (histogram[first] == 0) ++first;
    const auto rest = static_cast<std::int32_t>(count) - histogram[first];
    if (rest == 0) return;
    const float scale = 255.0F / static_cast<float>(rest);
    std::array<std::uint8_t, 256> table{};
    std::int32_t sum = 0;
    for (std::size_t k = first + 1; k < 256; ++k) {
        sum += histogram[k];
        table[k] =
            static_cast<std::uint8_t>(round_half_even(static_cast<double>(static_cast<float>(sum) * scale)));
    }
    for (std::size_t i = 0; i < count; ++i) values[i] = table[values[i]];
}

/// to(y, x) = kernel(above, here, below, left, x, right) over a gray image mirrored about its outermost
/// pixels.
template <typename T, typename Kernel>
void each_neighborhood(const T* image, std::size_t height, std::size_t width, Kernel&& kernel) {
    for (std::size_t y = 0; y < height; ++y) {
        const T* above = image + (y == 0 ? 1 : y - 1) * width;
        const T* here = image + y * width;
        const T* below = image + (y + 1 == height ? height - 2 : y + 1) * width;
        kernel(y * width, above, here, below, std::size_t{1}, std::size_t{0}, std::size_t{1});
        for (std::size_t x = 1; x + 1 < width; ++x)
            kernel(y * width + x, above, here, below, x - 1, x, x + 1);
        kernel(y * width + width - 1, above, here, below, width - 2, width - 1, width - 2);
    }
}

/// The shading of water: the distance to its edges, equalized and embossed from one side. `shaded` is
/// (height, width).
inline void water_relief(const std::uint8_t* liquid, std::size_t height, std::size_t width, scratch& memory,
                         std::uint8_t* shaded) {
    const scratch::frame frame(memory);
    const std::size_t area = height * width;
    auto* spread = memory.take<std::uint8_t>(area);
    {
        const scratch::frame inner(memory);
        find_edges(liquid, height, width, 50, 150, memory, spread);
        auto* distances = memory.take<std::int32_t>(area);
        edge_distances(spread, height, width, memory, distances);
        constexpr std::int32_t most = 20 << 16;
        for (std::size_t i = 0; i < area; ++i) distances[i] = distances[i] < most ? distances[i] : most;
        // Overwrites the edges.
        each_neighborhood(distances, height, width,
                          [&](std::size_t at, const std::int32_t* a, const std::int32_t* b,
                              const std::int32_t* c, std::size_t l, std::size_t m, std::size_t r) {
                              const std::int32_t sum =
                                  (a[l] + a[m] + a[r]) + (b[l] + b[m] + b[r]) + (c[l] + c[m] + c[r]);
                              const double mean = static_cast<double>(sum) / 65536.0 * (1.0 / 9.0);
                              spread[at] =
                                  static_cast<std::uint8_t>(static_cast<int>(static_cast<float>(mean)));
                          });
    }
    equalize(spread, area);
    each_neighborhood(spread, height, width,
                      [&](std::size_t at, const std::uint8_t* a, const std::uint8_t* b, const std::uint8_t* c,
                          std::size_t l, std::size_t m, std::size_t r) {
                          const std::int32_t sum = -2 * a[l] - a[m] - b[l] + b[m] + b[r] + c[m] + 2 * c[r];
                          shaded[at] = static_cast<std::uint8_t>(std::clamp(sum, 0, 255));
                      });
}

/// Thickness of the water times `strength`, from a layer of bytes and its relief; 0 everywhere without water.
inline void water_mask(const std::uint8_t* liquid, const std::uint8_t* shaded, std::size_t height,
                       std::size_t width, double strength, float* mask) {
    const std::size_t area = height * width;
    each_neighborhood(shaded, height, width,
                      [&](std::size_t at, const std::uint8_t* a, const std::uint8_t* b, const std::uint8_t* c,
                          std::size_t l, std::size_t m, std::size_t r) {
                          const std::int32_t sum =
                              (a[l] + a[m] + a[r]) + (b[l] + b[m] + b[r]) + (c[l] + c[m] + c[r]);
                          const auto mean = static_cast<float>((2 * sum + 9) / 18);
                          mask[at] = static_cast<float>(liquid[at]) * mean;
                      });
    float thickest = 0.0F;
    for (std::size_t i = 0; i < area; ++i) thickest = mask[i] > thickest ? mask[i] : thickest;
    if (thickest == 0.0F) return;
    const auto factor = static_cast<float>(strength);
    for (std::size_t i = 0; i < area; ++i) mask[i] = mask[i] / thickest * factor;
}

/// The constants that all images share.
struct spatter_plan {
    spatter_parameters parameters;
    std::vector<double> layer_weights;
    std::vector<double> mud_weights;

    explicit spatter_plan(spatter_parameters p)
        : parameters(p), layer_weights(gaussian_weights(p.sigma)),
          mud_weights(p.mud ? gaussian_weights(p.strength) : std::vector<double>{1.0}) {}
};

inline constexpr std::array<double, 3> water_color{175 / 255.0, 238 / 255.0, 238 / 255.0};
inline constexpr std::array<double, 3> mud_color{63 / 255.0, 42 / 255.0, 20 / 255.0};

/// The color of each channel; with one channel its brightness.
[[nodiscard]] constexpr std::array<float, 3> channel_colors(const std::array<double, 3>& color,
                                                            std::size_t channels) noexcept {
    const std::array<float, 3> rgb{static_cast<float>(color[0]), static_cast<float>(color[1]),
                                   static_cast<float>(color[2])};
    if (channels == 3) return rgb;
    const float gray = gray_of(rgb[0], rgb[1], rgb[2]);
    return {gray, gray, gray};
}

/// `load(y, row)` writes row y of the layer.
template <pixel T, typename Load>
void spatter(const picture<T>& image, const spatter_plan& plan, Load&& load, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const spatter_parameters& p = plan.parameters;
    const std::size_t area = image.area();
    const std::size_t width = image.width;
    const std::size_t channels = image.channels;
    // The layer: bytes of water, which overflow above 1 as in the reference, or 1 for mud.
    auto* liquid = memory.take<std::uint8_t>(area);
    separable_filter<double>(load, image.height, width, 1, plan.layer_weights, beyond::clamp, memory,
                             [&](std::size_t y, const double* row) {
                                 std::uint8_t* to = liquid + y * width;
                                 if (p.mud) {
                                     for (std::size_t x = 0; x < width; ++x)
                                         to[x] = static_cast<std::uint8_t>(
                                             (row[x] < p.threshold ? 0.0 : row[x]) > p.threshold);
                                     return;
                                 }
                                 for (std::size_t x = 0; x < width; ++x) {
                                     const double kept = row[x] < p.threshold ? 0.0 : row[x];
                                     to[x] = static_cast<std::uint8_t>(static_cast<int>(kept * 255.0));
                                 }
                             });
    if (!p.mud) {
        auto* shaded = memory.take<std::uint8_t>(area);
        water_relief(liquid, image.height, width, memory, shaded);
        auto* mask = memory.take<float>(area);
        water_mask(liquid, shaded, image.height, width, p.strength, mask);
        const auto colors = channel_colors(water_color, channels);
        for (std::size_t i = 0; i < area; ++i)
            for (std::size_t c = 0; c < channels; ++c)
                out[i * channels + c] =
                    from_unit<T>(to_single(image.pixels[i * channels + c]) + mask[i] * colors[c]);
        return;
    }
    const auto colors = channel_colors(mud_color, channels);
    auto* mask = memory.take<float>(width);
    separable_filter<double, true>(
        [&](std::size_t y, double* to) {
            for (std::size_t x = 0; x < width; ++x) to[x] = static_cast<double>(liquid[y * width + x]);
        },
        image.height, width, 1, plan.mud_weights, beyond::clamp, memory,
        [&](std::size_t y, const double* row) {
            for (std::size_t x = 0; x < width; ++x) {
                const auto thick = static_cast<float>(row[x]);
                mask[x] = thick < 0.8F ? 0.0F : thick;
            }
            const T* from = image.row(y);
            T* to = out + y * image.row_size();
            for (std::size_t x = 0; x < width; ++x) {
                for (std::size_t c = 0; c < channels; ++c) {
                    const float kept = to_single(from[x * channels + c]) * (1.0F - mask[x]);
                    to[x * channels + c] = from_unit<T>(kept + colors[c] * mask[x]);
                }
            }
        });
}

} // namespace detail

/// Spatter, one of the four extra corruptions: water drops, which brighten, or mud, which covers.
///
/// `images`: (height, width, 3), (height, width, 1) or a batch; `layers`: height x width draws from N(loc,
/// scale^2) per image. The layer is blurred by `sigma` and set to 0 below `threshold`. Water: the layer as
/// bytes (which overflow above 1, as in the reference) times a shading from the distance to its edges, scaled
/// to a maximum of `strength` and added in pale turquoise. Mud: the nonzero part of the layer, smoothed by a
/// Gaussian of `strength` and set to 0 below 0.8, replaces the image by brown. The layer is bytes also over
/// float images. Without any drop the image is unchanged (the reference divides 0 by 0 and would make it
/// black). Throws `value_error` for an input that is not an image (see `image_like`), other numbers of
/// channels or draws, and sigmas outside [0, 10000]. O(elements + height x width x sigma).
template <image_like Images>
[[nodiscard]] corrupted<Images> spatter(const Images& images, spatter_parameters parameters,
                                        std::span<const double> layers) {
    constexpr std::string_view name = "corruption::spatter";
    detail::require_sigma(name, parameters.sigma);
    detail::require_sigma(name, parameters.strength);
    const detail::spatter_plan plan(parameters);
    detail::scratch memory;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            detail::require_colors(name, shape.channels);
            detail::require_draws(name, "draws of the layer", shape.count * shape.height * shape.width,
                                  layers.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            const double* layer = layers.data() + index * image.area();
            const auto load = [&](std::size_t y, double* to) {
                std::copy_n(layer + y * image.width, image.width, to);
            };
            detail::spatter(image, plan, load, memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
