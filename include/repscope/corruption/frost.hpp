#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/corruption/zoom.hpp"
#include "repscope/tensor/array.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace v0 {
namespace corruption {

/// Which part of which texture lies over an image: its top left corner.
struct frost_crop {
    std::size_t texture = 0;
    std::size_t row = 0;
    std::size_t column = 0;
};

/// A picture of frost or ice: bytes (height, width, 3).
using frost_texture = array<std::uint8_t, 3>;

namespace detail {

template <pixel T>
void frost(const picture<T>& image, frost_parameters p, const frost_texture& texture, frost_crop crop,
           T* out) {
    constexpr double scale = std::is_same_v<T, std::uint8_t> ? 1.0 : 1.0 / 255.0;
    constexpr double most = std::is_same_v<T, std::uint8_t> ? 255.0 : 1.0;
    const auto clipped = [](double value) { return static_cast<T>(value > most ? most : value); };
    for (std::size_t y = 0; y < image.height; ++y) {
        const std::uint8_t* ice =
            texture.data_handle() + ((crop.row + y) * texture.extent(1) + crop.column) * 3;
        const T* from = image.row(y);
        T* to = out + y * image.row_size();
        if (image.channels == 3) {
            for (std::size_t x = 0; x < image.row_size(); ++x) {
                to[x] = clipped(p.image_weight * static_cast<double>(from[x]) +
                                p.frost_weight * (static_cast<double>(ice[x]) * scale));
            }
        } else {
            for (std::size_t x = 0; x < image.width; ++x) {
                const double grey = 0.299 * static_cast<double>(ice[3 * x]) +
                                    0.587 * static_cast<double>(ice[3 * x + 1]) +
                                    0.114 * static_cast<double>(ice[3 * x + 2]);
                to[x] =
                    clipped(p.image_weight * static_cast<double>(from[x]) + p.frost_weight * (grey * scale));
            }
        }
    }
}

/// Where the samples of a resized line lie, in 11-bit fixed point, as OpenCV's bilinear resize of bytes has
/// it.
struct resize_axis {
    std::vector<std::size_t> first;
    std::vector<std::int32_t> second_weight;

    resize_axis(std::size_t from, std::size_t to, double factor) : first(to), second_weight(to) {
        for (std::size_t i = 0; i < to; ++i) {
            auto place = static_cast<float>((static_cast<double>(i) + 0.5) * (1.0 / factor) - 0.5);
            float below = std::floor(place);
            place -= below;
            if (below < 0.0F) below = place = 0.0F;
            first[i] = static_cast<std::size_t>(below);
            if (first[i] + 1 >= from) {
                first[i] = from - 1;
                place = 0.0F;
            }
            second_weight[i] =
                static_cast<std::int32_t>(round_half_even(static_cast<double>(place) * 2048.0));
        }
    }
};

} // namespace detail

/// A texture resized by `factor`, bilinearly and without smoothing, in OpenCV's fixed point. Throws
/// `value_error` when the texture is no (height, width, 3) or nothing would be left. O(elements).
[[nodiscard]] inline frost_texture resize_texture(const frost_texture& texture, double factor) {
    constexpr std::string_view name = "corruption::resize_texture";
    if (texture.extent(2) != 3 || texture.size() == 0) {
        repscope::detail::throw_shape_error(name, "wanted a texture (height, width, 3)", texture.extents());
    }
    const double high =
        factor > 0.0 ? detail::round_half_even(static_cast<double>(texture.extent(0)) * factor) : 0.0;
    const double wide =
        factor > 0.0 ? detail::round_half_even(static_cast<double>(texture.extent(1)) * factor) : 0.0;
    if (!(high >= 1.0 && wide >= 1.0 && high <= 1e6 && wide <= 1e6)) {
        repscope::detail::throw_value_error(
            name, "wanted a factor that leaves sides of 1 to 1e6 pixels, got " + std::to_string(factor));
    }
    if (factor == 1.0) return texture;
    const detail::resize_axis rows(texture.extent(0), static_cast<std::size_t>(high), factor);
    const detail::resize_axis columns(texture.extent(1), static_cast<std::size_t>(wide), factor);
    frost_texture result({rows.first.size(), columns.first.size(), 3});
    const auto across = [&](std::size_t y, std::size_t x, std::size_t c) {
        const std::size_t next = (std::min)(columns.first[x] + 1, texture.extent(1) - 1);
        const std::int32_t weight = columns.second_weight[x];
        return texture(y, columns.first[x], c) * (2048 - weight) + texture(y, next, c) * weight;
    };
    for (std::size_t y = 0; y < rows.first.size(); ++y) {
        const std::size_t next = (std::min)(rows.first[y] + 1, texture.extent(0) - 1);
        const std::int32_t weight = rows.second_weight[y];
        for (std::size_t x = 0; x < columns.first.size(); ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
                const std::int32_t above = ((2048 - weight) * (across(rows.first[y], x, c) >> 4)) >> 16;
                const std::int32_t below = (weight * (across(next, x, c) >> 4)) >> 16;
                result(y, x, c) = static_cast<std::uint8_t>((above + below + 2) >> 2);
            }
        }
    }
    return result;
}

/// Frost: image_weight x + frost_weight texture, clipped to [0, 255].
///
/// `images`: (height, width, 3), (height, width, 1) or a batch; with one channel the texture is reduced to
/// its brightness. `textures`: bytes (height, width, 3), already of the size at which they are laid over the
/// image (see `resize_texture`); `crops`: one an image. Float images take texture / 255. Throws `value_error`
/// for images that are none (see `image_like`), other numbers of channels, another number of crops, and a
/// crop that is not inside a texture. O(elements).
template <image_like Images>
[[nodiscard]] corrupted<Images> frost(const Images& images, frost_parameters parameters,
                                      std::span<const frost_texture> textures,
                                      std::span<const frost_crop> crops) {
    constexpr std::string_view name = "corruption::frost";
    if (!(parameters.image_weight >= 0.0 && parameters.frost_weight >= 0.0)) {
        repscope::detail::throw_value_error(name, "wanted weights of at least 0, got " +
                                                      std::to_string(parameters.image_weight) + " and " +
                                                      std::to_string(parameters.frost_weight));
    }
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            detail::require_colours(name, shape.channels);
            detail::require_draws(name, "crops", shape.count, crops.size());
            for (const frost_crop& crop : crops) {
                const bool inside = crop.texture < textures.size() && textures[crop.texture].extent(2) == 3 &&
                                    shape.height <= textures[crop.texture].extent(0) &&
                                    crop.row <= textures[crop.texture].extent(0) - shape.height &&
                                    shape.width <= textures[crop.texture].extent(1) &&
                                    crop.column <= textures[crop.texture].extent(1) - shape.width;
                if (!inside) {
                    repscope::detail::throw_value_error(
                        name, "wanted crops inside a texture (height, width, 3), got texture " +
                                  std::to_string(crop.texture) + ", row " + std::to_string(crop.row) +
                                  ", column " + std::to_string(crop.column));
                }
            }
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::frost(image, parameters, textures[crops[index].texture], crops[index], out);
        });
}

} // namespace corruption
} // namespace v0
} // namespace repscope
