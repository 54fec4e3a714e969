#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/severity.hpp"

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Number of pixels that are converted to hue, saturation and value at a time; compilers vectorize loops of a
/// fixed length with one step each.
inline constexpr std::size_t hsv_pixels = 64;

struct hsv_block {
    double h[hsv_pixels];
    double s[hsv_pixels];
    double v[hsv_pixels];
};

/// Converts red, green and blue to hue, saturation and value in (h, s, v), all on [0, 1]; gray has hue 0.
inline void rgb_to_hsv(hsv_block& block) noexcept {
    for (std::size_t i = 0; i < hsv_pixels; ++i) {
        const double r = block.h[i];
        const double g = block.s[i];
        const double b = block.v[i];
        const double rg_most = r > g ? r : g;
        const double most = rg_most > b ? rg_most : b;
        const double rg_least = r < g ? r : g;
        const double least = rg_least < b ? rg_least : b;
        const double range = most - least;
        const bool gray = range == 0.0;
        // If several channels are the largest, the last one decides.
        const double from = b == most ? r : g == most ? b : g;
        const double to = b == most ? g : g == most ? r : b;
        const double sector = b == most ? 4.0 : g == most ? 2.0 : 0.0;
        const double divisor = gray ? 1.0 : range;
        const double turn = (sector + (from - to) / divisor) / 6.0;
        block.h[i] = gray ? 0.0 : turn < 0.0 ? turn + 1.0 : turn;
        block.s[i] = range / (gray ? 1.0 : most);
        block.v[i] = most;
    }
}

/// The way back.
inline void hsv_to_rgb(hsv_block& block) noexcept {
    for (std::size_t i = 0; i < hsv_pixels; ++i) {
        const double six = block.h[i] * 6.0;
        const double whole = static_cast<double>(static_cast<int>(six));
        const double f = six - whole;
        const double s = block.s[i];
        const double v = block.v[i];
        const double p = v * (1.0 - s);
        const double q = v * (1.0 - f * s);
        const double t = v * (1.0 - (1.0 - f) * s);
        // Sector 6 equals sector 0.
        const double k = whole == 6.0 ? 0.0 : whole;
        block.h[i] = k == 0.0 || k == 5.0 ? v : k == 1.0 ? q : k == 4.0 ? t : p;
        block.s[i] = k == 1.0 || k == 2.0 ? v : k == 0.0 ? t : k == 3.0 ? q : p;
        block.v[i] = k == 3.0 || k == 4.0 ? v : k == 2.0 ? t : k == 5.0 ? q : p;
    }
}

/// Converts an RGB image to hue, saturation and value, applies `change(block)`, and converts it back.
template <pixel T, typename Change>
void through_hsv(const picture<T>& image, T* out, Change&& change) {
    hsv_block block{};
    for (std::size_t first = 0; first < image.area(); first += hsv_pixels) {
        const std::size_t count = image.area() - first < hsv_pixels ? image.area() - first : hsv_pixels;
        const T* from = image.pixels + 3 * first;
        for (std::size_t i = 0; i < count; ++i) {
            block.h[i] = to_unit(from[3 * i]);
            block.s[i] = to_unit(from[3 * i + 1]);
            block.v[i] = to_unit(from[3 * i + 2]);
        }
        rgb_to_hsv(block);
        change(block);
        hsv_to_rgb(block);
        T* to = out + 3 * first;
        for (std::size_t i = 0; i < count; ++i) {
            to[3 * i] = from_unit<T>(block.h[i]);
            to[3 * i + 1] = from_unit<T>(block.s[i]);
            to[3 * i + 2] = from_unit<T>(block.v[i]);
        }
    }
}

template <pixel T>
void brightness(const picture<T>& image, double amount, T* out) {
    if (image.channels == 1) { // gray has only a value
        for (std::size_t i = 0; i < image.size(); ++i)
            out[i] = from_unit<T>(clip01(to_unit(image.pixels[i]) + amount));
        return;
    }
    through_hsv(image, out, [amount](hsv_block& block) {
        for (std::size_t i = 0; i < hsv_pixels; ++i) block.v[i] = clip01(block.v[i] + amount);
    });
}

template <pixel T>
void saturate(const picture<T>& image, saturate_parameters p, T* out) {
    if (image.channels == 1) {
        std::memcpy(out, image.pixels, image.size() * sizeof(T));
        return;
    }
    through_hsv(image, out, [p](hsv_block& block) {
        for (std::size_t i = 0; i < hsv_pixels; ++i) block.s[i] = clip01(block.s[i] * p.factor + p.summand);
    });
}

} // namespace detail

/// Brightness: `amount` is added to the value of every pixel's hue, saturation and value, clipped to [0, 1].
///
/// `images`: (height, width, 3), (height, width, 1) or a batch; with one channel the amount is added to it.
/// Deterministic; converts there and back in double, as the reference does. Throws `value_error` for an input
/// that is not an image (see `image_like`), other numbers of channels, and an amount that is not finite.
/// O(elements).
template <image_like Images>
[[nodiscard]] corrupted<Images> brightness(const Images& images, double amount) {
    constexpr std::string_view name = "corruption::brightness";
    if (!(amount >= -1.0 && amount <= 1.0)) {
        errors::throw_value_error(name, "expected an amount in [-1, 1], got " + errors::text_of(amount));
    }
    return detail::each_image(
        name, images, [&](const detail::image_shape& shape) { detail::require_colors(name, shape.channels); },
        [&](const auto& image, std::size_t, auto* out) { detail::brightness(image, amount, out); });
}

/// Saturate, one of the four extra corruptions: saturation becomes saturation x factor + summand, clipped to
/// [0, 1].
///
/// Shapes, cost and errors as for `brightness`; an image with one channel is unchanged. Grey pixels of an RGB
/// image have hue 0, so a summand above 0 tints them red, as in the reference.
template <image_like Images>
[[nodiscard]] corrupted<Images> saturate(const Images& images, saturate_parameters parameters) {
    constexpr std::string_view name = "corruption::saturate";
    if (!(parameters.factor >= 0.0 && parameters.factor <= 1e6 && parameters.summand >= -1.0 &&
          parameters.summand <= 1.0)) {
        errors::throw_value_error(name, "expected a factor in [0, 1e6] and a summand in [-1, 1], got " +
                                            errors::text_of(parameters.factor) + " and " +
                                            errors::text_of(parameters.summand));
    }
    return detail::each_image(
        name, images, [&](const detail::image_shape& shape) { detail::require_colors(name, shape.channels); },
        [&](const auto& image, std::size_t, auto* out) { detail::saturate(image, parameters, out); });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
