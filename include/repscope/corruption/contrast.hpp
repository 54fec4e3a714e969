#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/detail/corruption/arena.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

template <pixel T>
void contrast(const picture<T>& image, double factor, scratch& memory, T* out) {
    const scratch::frame frame(memory);
    const std::size_t channels = image.channels;
    double* means = memory.take<double>(channels);
    // Sums pixel by pixel, in the order of the reference.
    for (std::size_t c = 0; c < channels; ++c) means[c] = 0.0;
    for (std::size_t i = 0; i < image.area(); ++i)
        for (std::size_t c = 0; c < channels; ++c) means[c] += to_unit(image.pixels[i * channels + c]);
    for (std::size_t c = 0; c < channels; ++c) means[c] /= static_cast<double>(image.area());
    for (std::size_t i = 0; i < image.area(); ++i) {
        for (std::size_t c = 0; c < channels; ++c) {
            const std::size_t at = i * channels + c;
            out[at] = from_unit<T>((to_unit(image.pixels[at]) - means[c]) * factor + means[c]);
        }
    }
}

} // namespace detail

/// Contrast: (x - m) factor + m, where m is the mean of the channel over the image.
///
/// `images`: (height, width, channels) or a batch. Deterministic. Throws `value_error` for an input that is
/// not an image (see `image_like`) and a factor outside [0, 1]. O(elements).
template <image_like Images>
[[nodiscard]] corrupted<Images> contrast(const Images& images, double factor) {
    constexpr std::string_view name = "corruption::contrast";
    if (!(factor >= 0.0 && factor <= 1.0)) {
        errors::throw_value_error(name, "expected a factor in [0, 1], got " + errors::text_of(factor));
    }
    detail::scratch memory;
    return detail::each_image(
        name, images, [](const detail::image_shape&) {},
        [&](const auto& image, std::size_t, auto* out) { detail::contrast(image, factor, memory, out); });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
