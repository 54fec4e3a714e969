#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// One axis of a box resampling as Pillow computes it: every output pixel is the mean of the input pixels
/// whose centers are in its box, in 22-bit fixed point.
struct box_axis {
    struct window {
        std::uint32_t first;
        std::uint32_t count;
        std::int32_t weight;
    };
    std::vector<window> windows;

    box_axis(std::size_t from, std::size_t to) : windows(to) {
        const double scale = static_cast<double>(from) / static_cast<double>(to);
        const double stretch = scale < 1.0 ? 1.0 : scale;
        const double support = 0.5 * stretch;
        for (std::size_t i = 0; i < to; ++i) {
            const double center = (static_cast<double>(i) + 0.5) * scale;
            const double low = center - support + 0.5;
            const double high = center + support + 0.5;
            std::size_t first = low < 0.0 ? 0 : static_cast<std::size_t>(low);
            std::size_t last = (std::min)(static_cast<std::size_t>(high), from);
            const auto inside = [&](std::size_t k) {
                const double x = (static_cast<double>(k) - center + 0.5) * (1.0 / stretch);
                return x > -0.5 && x <= 0.5;
            };
            while (first < last && !inside(first)) ++first;
            while (last > first && !inside(last - 1)) --last;
            const auto count = static_cast<std::uint32_t>(last - first);
            windows[i] = {
                static_cast<std::uint32_t>(first), count,
                static_cast<std::int32_t>(0.5 + 1.0 / static_cast<double>(count) * (1 << fraction_bits))};
        }
    }

    static constexpr int fraction_bits = 32 - 8 - 2;

    [[nodiscard]] static std::uint8_t rounded(std::int32_t sum, std::int32_t weight) noexcept {
        const std::int32_t value = (sum * weight + (1 << (fraction_bits - 1))) >> fraction_bits;
        return static_cast<std::uint8_t>(value > 255 ? 255 : value);
    }
};

/// Along the rows, then along the columns, with bytes in between.
inline void box_resize(const picture<std::uint8_t>& image, const box_axis& columns, const box_axis& rows,
                       scratch& memory, std::uint8_t* out) {
    const scratch::frame frame(memory);
    const std::size_t channels = image.channels;
    const std::size_t width = columns.windows.size();
    const std::size_t row = width * channels;
    auto* narrow = memory.take<std::uint8_t>(image.height * row);
    for (std::size_t y = 0; y < image.height; ++y) {
        std::uint8_t* to = narrow + y * row;
        for (const auto& window : columns.windows) {
            const std::uint8_t* from = image.row(y) + window.first * channels;
            if (window.count == 1) { // its own mean
                for (std::size_t c = 0; c < channels; ++c) *to++ = from[c];
                continue;
            }
            for (std::size_t c = 0; c < channels; ++c) {
                std::int32_t sum = 0;
                for (std::size_t k = 0; k < window.count; ++k) sum += from[k * channels + c];
                *to++ = box_axis::rounded(sum, window.weight);
            }
        }
    }
    auto* sums = memory.take<std::int32_t>(row);
    for (const auto& window : rows.windows) {
        const std::uint8_t* from = narrow + window.first * row;
        if (window.count == 1) {
            std::memcpy(out, from, row);
        } else {
            for (std::size_t x = 0; x < row; ++x) sums[x] = from[x];
            for (std::size_t k = 1; k < window.count; ++k)
                for (std::size_t x = 0; x < row; ++x) sums[x] += from[k * row + x];
            for (std::size_t x = 0; x < row; ++x) out[x] = box_axis::rounded(sums[x], window.weight);
        }
        out += row;
    }
}

/// Reduces the sides to a share and enlarges the result again.
struct pixelate_plan {
    std::size_t coarse_height;
    std::size_t coarse_width;
    box_axis down_rows;
    box_axis down_columns;
    box_axis up_rows;
    box_axis up_columns;

    pixelate_plan(std::size_t height, std::size_t width, double share)
        : coarse_height(coarse(height, share)), coarse_width(coarse(width, share)),
          down_rows(height, coarse_height), down_columns(width, coarse_width), up_rows(coarse_height, height),
          up_columns(coarse_width, width) {}

    [[nodiscard]] static std::size_t coarse(std::size_t side, double share) noexcept {
        const auto pixels = static_cast<std::size_t>(static_cast<double>(side) * share);
        return pixels == 0 ? 1 : pixels;
    }
};

template <pixel T>
void pixelate(const picture<T>& image, const pixelate_plan& plan, scratch& memory, T* out) {
    with_byte_pixels(image, memory, out, [&](const picture<std::uint8_t>& bytes, std::uint8_t* to) {
        const scratch::frame frame(memory);
        auto* coarse = memory.take<std::uint8_t>(plan.coarse_height * plan.coarse_width * bytes.channels);
        box_resize(bytes, plan.down_columns, plan.down_rows, memory, coarse);
        box_resize({coarse, plan.coarse_height, plan.coarse_width, bytes.channels}, plan.up_columns,
                   plan.up_rows, memory, to);
    });
}

} // namespace detail

/// Pixelate: reduces each side to floor(side x share) pixels, each the mean of its box, and enlarges them to
/// blocks.
///
/// `images`: (height, width, channels) or a batch. Deterministic, in Pillow's fixed point. Computes in bytes:
/// float images are rounded to bytes first and returned as bytes / 255. Throws `value_error` for an input
/// that is not an image (see `image_like`) and a share outside (0, 1]. O(elements).
template <image_like Images>
[[nodiscard]] corrupted<Images> pixelate(const Images& images, double share) {
    constexpr std::string_view name = "corruption::pixelate";
    if (!(share > 0.0 && share <= 1.0)) {
        errors::throw_value_error(name, "expected a share in (0, 1], got " + errors::text_of(share));
    }
    std::vector<detail::pixelate_plan> plan;
    detail::scratch memory;
    return detail::each_image(
        name, images,
        [&](const detail::image_shape& shape) { plan.emplace_back(shape.height, shape.width, share); },
        [&](const auto& image, std::size_t, auto* out) {
            detail::pixelate(image, plan.front(), memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
