#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/motion_blur.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/corruption/zoom_blur.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/row_window.hpp"

#include <algorithm>
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

/// The constants of snow that all images share.
struct snow_plan {
    snow_parameters parameters;
    zoom_grid grid;
    std::vector<double> trail;

    snow_plan(std::size_t height, std::size_t width, snow_parameters p)
        : parameters(p), grid(height, width, p.zoom), trail(trail_weights({p.radius, p.sigma})) {}
};

/// The brightness of a pixel as OpenCV weighs its channels.
[[nodiscard]] constexpr float gray_of(float r, float g, float b) noexcept {
    return (r * 0.299F + g * 0.587F) + b * 0.114F;
}

/// `load(y, row)` writes row y of the layer; each row is requested once, in order.
template <pixel T, typename Load>
void snow(const picture<T>& image, const snow_plan& plan, Load&& load, double angle, scratch& memory,
          T* out) {
    const scratch::frame frame(memory);
    const snow_parameters& p = plan.parameters;
    const std::size_t area = image.area();
    const std::size_t width = image.width;
    auto* flakes = memory.take<std::uint8_t>(area);
    auto* fallen = memory.take<std::uint8_t>(area);
    row_window<double> rows(2, width, memory, plan.grid.rows.first[0]);
    const zoom_row enlarged(width, memory);
    for (std::size_t y = 0; y < image.height; ++y) {
        rows.load_until(plan.grid.rows.second[y] + std::size_t{1}, load);
        enlarge_row(
            y, width, 1, plan.grid, [&](std::size_t line) { return rows.row(line); }, enlarged);
        for (std::size_t x = 0; x < width; ++x) {
            const double value = enlarged.values[x];
            flakes[y * width + x] = from_unit<std::uint8_t>(value < p.threshold ? 0.0 : value);
        }
    }
    motion_trail({flakes, image.height, width, 1}, plan.trail, angle, memory, fallen);
    const auto keep = static_cast<float>(p.keep);
    const auto rest = static_cast<float>(1.0 - p.keep);
    for (std::size_t i = 0; i < area; ++i) {
        // The layer, and the layer rotated by 180 degrees.
        const double one = unit_of_byte[fallen[i]];
        const double other = unit_of_byte[fallen[area - 1 - i]];
        if (image.channels == 1) {
            const float x = to_single(image.pixels[i]);
            const float white = x * 1.5F + 0.5F;
            const float pale = keep * x + rest * (x > white ? x : white);
            out[i] = from_unit<T>((static_cast<double>(pale) + one) + other);
            continue;
        }
        const T* from = image.pixels + 3 * i;
        const float rgb[3] = {to_single(from[0]), to_single(from[1]), to_single(from[2])};
        const float white = gray_of(rgb[0], rgb[1], rgb[2]) * 1.5F + 0.5F;
        for (std::size_t c = 0; c < 3; ++c) {
            const float pale = keep * rgb[c] + rest * (rgb[c] > white ? rgb[c] : white);
            out[3 * i + c] = from_unit<T>((static_cast<double>(pale) + one) + other);
        }
    }
}

} // namespace detail

/// Snow: a paler image under flakes that fall along a line, added twice, the second time rotated by 180
/// degrees.
///
/// `images`: (height, width, 3), (height, width, 1) or a batch; `layers`: height x width draws from N(loc,
/// scale^2) per image; `angles`: degrees, one per image, drawn from [-135, -45). The layer is enlarged about
/// its middle by `zoom`, set to 0 below `threshold`, converted to bytes and blurred along the angle. With g
/// the gray of a pixel, out = keep x + (1 - keep) max(x, 1.5 g + 0.5) + layer + rotated layer, clipped to [0,
/// 1]. The flakes consist of bytes for float images too. Throws `value_error` for an input that is not an
/// image (see `image_like`), other numbers of channels or draws, and parameters out of range. O(elements x
/// radius).
template <image_like Images>
[[nodiscard]] corrupted<Images> snow(const Images& images, snow_parameters parameters,
                                     std::span<const double> layers, std::span<const double> angles) {
    constexpr std::string_view name = "corruption::snow";
    detail::require_trail(name, {parameters.radius, parameters.sigma});
    if (!(parameters.zoom >= 1.0 && parameters.zoom <= 100.0 && parameters.keep >= 0.0 &&
          parameters.keep <= 1.0)) {
        errors::throw_value_error(name, "expected zoom in [1, 100] and keep in [0, 1], got " +
                                            errors::text_of(parameters.zoom) + " and " +
                                            errors::text_of(parameters.keep));
    }
    std::vector<detail::snow_plan> plan;
    detail::scratch memory;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            detail::require_colors(name, shape.channels);
            detail::require_draws(name, "draws of the layer", shape.count * shape.height * shape.width,
                                  layers.size());
            detail::require_draws(name, "angles", shape.count, angles.size());
            plan.emplace_back(shape.height, shape.width, parameters);
        },
        [&](const auto& image, std::size_t index, auto* out) {
            const double* layer = layers.data() + index * image.area();
            const auto load = [&](std::size_t y, double* to) {
                std::copy_n(layer + y * image.width, image.width, to);
            };
            detail::snow(image, plan.front(), load, angles[index], memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
