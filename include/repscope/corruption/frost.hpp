#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/corruption/zoom_blur.hpp"
#include "repscope/tensor/array.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

/// The part of a texture that covers an image: its top left corner.
struct frost_crop {
    std::size_t texture = 0; ///< index of the texture
    std::size_t row = 0;     ///< first row
    std::size_t column = 0;  ///< first column
};

/// A picture of frost or ice: bytes (height, width, 3).
using frost_texture = array<std::uint8_t, 3>;

namespace detail {

/// `ice_row(y)`: row y of the texture crop, width x 3 bytes.
template <pixel T, typename Ice>
void frost(const picture<T>& image, frost_parameters p, Ice&& ice_row, T* out) {
    constexpr double scale = std::is_same_v<T, std::uint8_t> ? 1.0 : 1.0 / 255.0;
    constexpr double most = std::is_same_v<T, std::uint8_t> ? 255.0 : 1.0;
    const auto clipped = [](double value) { return static_cast<T>(value > most ? most : value); };
    for (std::size_t y = 0; y < image.height; ++y) {
        const std::uint8_t* ice = ice_row(y);
        const T* from = image.row(y);
        T* to = out + y * image.row_size();
        if (image.channels == 3) {
            for (std::size_t x = 0; x < image.row_size(); ++x) {
                to[x] = clipped(p.image_weight * static_cast<double>(from[x]) +
                                p.frost_weight * (static_cast<double>(ice[x]) * scale));
            }
        } else {
            for (std::size_t x = 0; x < image.width; ++x) {
                const double gray = 0.299 * static_cast<double>(ice[3 * x]) +
                                    0.587 * static_cast<double>(ice[3 * x + 1]) +
                                    0.114 * static_cast<double>(ice[3 * x + 2]);
                to[x] =
                    clipped(p.image_weight * static_cast<double>(from[x]) + p.frost_weight * (gray * scale));
            }
        }
    }
}

/// Row `y` of a crop of a texture.
[[nodiscard]] inline const std::uint8_t* crop_row(const frost_texture& texture, const frost_crop& crop,
                                                  std::size_t y) noexcept {
    return texture.data_handle() + ((crop.row + y) * texture.extent(1) + crop.column) * 3;
}

/// Positions of the samples of a resized line in 11-bit fixed point, as in OpenCV's bilinear resize of bytes.
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

/// Both sides of a texture resized by `factor`. Throws as `resize_texture`.
[[nodiscard]] inline std::array<std::size_t, 2> resized_sides(const frost_texture& texture, double factor) {
    constexpr std::string_view name = "corruption::resize_texture";
    if (texture.extent(2) != 3 || texture.size() == 0) {
        errors::throw_shape_error(name, "expected a texture (height, width, 3)", texture.extents());
    }
    const double high = factor > 0.0 ? round_half_even(static_cast<double>(texture.extent(0)) * factor) : 0.0;
    const double wide = factor > 0.0 ? round_half_even(static_cast<double>(texture.extent(1)) * factor) : 0.0;
    if (!(high >= 1.0 && wide >= 1.0 && high <= 1e6 && wide <= 1e6)) {
        errors::throw_value_error(name, "expected a factor that leaves sides of 1 to 1e6 pixels, got " +
                                            errors::text_of(factor));
    }
    return {static_cast<std::size_t>(high), static_cast<std::size_t>(wide)};
}

/// A resized texture, one row at a time.
class resized_texture {
  public:
    /// Holds a reference to the texture. Throws as `resize_texture`.
    resized_texture(const frost_texture& texture, double factor)
        : resized_texture(texture, factor, resized_sides(texture, factor)) {}

    [[nodiscard]] std::size_t height() const noexcept { return rows_.first.size(); }
    [[nodiscard]] std::size_t width() const noexcept { return columns_.first.size(); }

    /// Columns [left, left + count) of row `y`, 3 bytes each.
    void row(std::size_t y, std::size_t left, std::size_t count, std::uint8_t* to) const noexcept {
        const frost_texture& texture = *texture_;
        const std::size_t next = (std::min)(rows_.first[y] + 1, texture.extent(0) - 1);
        const std::int32_t weight = rows_.second_weight[y];
        for (std::size_t x = left; x < left + count; ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
                const std::int32_t above = ((2048 - weight) * (across(rows_.first[y], x, c) >> 4)) >> 16;
                const std::int32_t below = (weight * (across(next, x, c) >> 4)) >> 16;
                *to++ = static_cast<std::uint8_t>((above + below + 2) >> 2);
            }
        }
    }

  private:
    resized_texture(const frost_texture& texture, double factor, const std::array<std::size_t, 2>& sides)
        : texture_(&texture), rows_(texture.extent(0), sides[0], factor),
          columns_(texture.extent(1), sides[1], factor) {}

    [[nodiscard]] std::int32_t across(std::size_t y, std::size_t x, std::size_t c) const noexcept {
        const frost_texture& texture = *texture_;
        const std::size_t next = (std::min)(columns_.first[x] + 1, texture.extent(1) - 1);
        const std::int32_t weight = columns_.second_weight[x];
        return texture(y, columns_.first[x], c) * (2048 - weight) + texture(y, next, c) * weight;
    }

    const frost_texture* texture_;
    resize_axis rows_;
    resize_axis columns_;
};

} // namespace detail

/// A texture resized by `factor`, bilinearly and without smoothing, in OpenCV's fixed point. Throws
/// `shape_error` if the texture is not (height, width, 3), `value_error` if the result would be empty.
/// O(elements).
[[nodiscard]] inline frost_texture resize_texture(const frost_texture& texture, double factor) {
    const detail::resized_texture resized(texture, factor);
    if (factor == 1.0) return texture;
    frost_texture result({resized.height(), resized.width(), 3});
    for (std::size_t y = 0; y < resized.height(); ++y)
        resized.row(y, 0, resized.width(), result.data_handle() + y * resized.width() * 3);
    return result;
}

/// Frost: image_weight x + frost_weight texture, clipped to [0, 255].
///
/// `images`: (height, width, 3), (height, width, 1) or a batch; with one channel the texture is reduced to
/// its brightness. `textures`: bytes (height, width, 3), already in their final size (see `resize_texture`);
/// `crops`: one per image. Float images use texture / 255. Throws `value_error` for an input that is not an
/// image (see `image_like`), other numbers of channels, another number of crops, and a crop that is not
/// inside a texture. O(elements).
template <image_like Images>
[[nodiscard]] corrupted<Images> frost(const Images& images, frost_parameters parameters,
                                      std::span<const frost_texture> textures,
                                      std::span<const frost_crop> crops) {
    constexpr std::string_view name = "corruption::frost";
    if (!(parameters.image_weight >= 0.0 && parameters.frost_weight >= 0.0)) {
        errors::throw_value_error(name, "expected weights of at least 0, got " +
                                            errors::text_of(parameters.image_weight) + " and " +
                                            errors::text_of(parameters.frost_weight));
    }
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) {
            detail::require_colors(name, shape.channels);
            detail::require_draws(name, "crops", shape.count, crops.size());
            for (const frost_crop& crop : crops) {
                const bool inside = crop.texture < textures.size() && textures[crop.texture].extent(2) == 3 &&
                                    shape.height <= textures[crop.texture].extent(0) &&
                                    crop.row <= textures[crop.texture].extent(0) - shape.height &&
                                    shape.width <= textures[crop.texture].extent(1) &&
                                    crop.column <= textures[crop.texture].extent(1) - shape.width;
                if (!inside) {
                    errors::throw_value_error(
                        name, "expected crops inside a texture (height, width, 3), got texture " +
                                  errors::text_of(crop.texture) + ", row " + errors::text_of(crop.row) +
                                  ", column " + errors::text_of(crop.column));
                }
            }
        },
        [&](const auto& image, std::size_t index, auto* out) {
            const frost_crop& crop = crops[index];
            const auto ice_row = [&](std::size_t y) {
                return detail::crop_row(textures[crop.texture], crop, y);
            };
            detail::frost(image, parameters, ice_row, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
