#pragma once

#include "repscope/corruption/image.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

/// The effect of impulse noise on an element.
enum class impulse : std::uint8_t { none = 0, pepper = 1, salt = 2 };

namespace detail {

template <pixel T>
void add_noise(const picture<T>& image, const double* noise, T* out) {
    for (std::size_t i = 0; i < image.size(); ++i) out[i] = from_unit<T>(to_unit(image.pixels[i]) + noise[i]);
}

template <pixel T>
void shot_noise(const picture<T>& image, double photons, const double* counts, T* out) {
    for (std::size_t i = 0; i < image.size(); ++i) out[i] = from_unit<T>(counts[i] / photons);
}

template <pixel T>
void impulse_noise(const picture<T>& image, const impulse* impulses, T* out) {
    for (std::size_t i = 0; i < image.size(); ++i) {
        const double kept = to_unit(image.pixels[i]);
        const double flipped = impulses[i] == impulse::salt ? 1.0 : 0.0;
        out[i] = from_unit<T>(impulses[i] == impulse::none ? kept : flipped);
    }
}

template <pixel T>
void speckle_noise(const picture<T>& image, const double* noise, T* out) {
    for (std::size_t i = 0; i < image.size(); ++i) {
        const double x = to_unit(image.pixels[i]);
        out[i] = from_unit<T>(x + x * noise[i]);
    }
}

} // namespace detail

/// Gaussian noise: x + noise, clipped to [0, 1].
///
/// `images`: (height, width, channels) or a batch; `noise`: one value per element, drawn from N(0, sigma^2),
/// on the scale of [0, 1]. Bytes are truncated, not rounded, and may lose 1 even if the noise is 0. Throws
/// `value_error` if the input is not an image (see `image_like`; floats must be in [0, 1]) or there are not
/// as many draws. O(elements). Hendrycks and Dietterich 2019, like all corruptions here.
template <image_like Images>
[[nodiscard]] corrupted<Images> gaussian_noise(const Images& images, std::span<const double> noise) {
    return detail::each_image(
        "corruption::gaussian_noise", images,
        [&](const detail::image_shape& shape) {
            detail::require_draws("corruption::gaussian_noise", "draws of noise", shape.count * shape.size(),
                                  noise.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::add_noise(image, noise.data() + index * image.size(), out);
        });
}

/// Shot noise: counts / photons, clipped to [0, 1].
///
/// `counts`: one value per element, drawn from the Poisson distribution of mean x photons. Shapes, errors and
/// cost as for `gaussian_noise`; throws `value_error` also when `photons` is not above 0.
template <image_like Images>
[[nodiscard]] corrupted<Images> shot_noise(const Images& images, double photons,
                                           std::span<const double> counts) {
    if (!(photons > 0.0)) {
        errors::throw_value_error("corruption::shot_noise",
                                  "expected photons above 0, got " + errors::text_of(photons));
    }
    return detail::each_image(
        "corruption::shot_noise", images,
        [&](const detail::image_shape& shape) {
            detail::require_draws("corruption::shot_noise", "counts", shape.count * shape.size(),
                                  counts.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::shot_noise(image, photons, counts.data() + index * image.size(), out);
        });
}

/// Impulse noise: elements are replaced by 1 (salt) or 0 (pepper), the channels of a pixel independently.
///
/// `impulses`: one value per element. Shapes, errors and cost as for `gaussian_noise`.
template <image_like Images>
[[nodiscard]] corrupted<Images> impulse_noise(const Images& images, std::span<const impulse> impulses) {
    return detail::each_image(
        "corruption::impulse_noise", images,
        [&](const detail::image_shape& shape) {
            detail::require_draws("corruption::impulse_noise", "impulses", shape.count * shape.size(),
                                  impulses.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::impulse_noise(image, impulses.data() + index * image.size(), out);
        });
}

/// Speckle noise, one of the four extra corruptions: x + x noise, clipped to [0, 1].
///
/// `noise`: one value per element, drawn from N(0, sigma^2). Shapes, errors and cost as for `gaussian_noise`.
template <image_like Images>
[[nodiscard]] corrupted<Images> speckle_noise(const Images& images, std::span<const double> noise) {
    return detail::each_image(
        "corruption::speckle_noise", images,
        [&](const detail::image_shape& shape) {
            detail::require_draws("corruption::speckle_noise", "draws of noise", shape.count * shape.size(),
                                  noise.size());
        },
        [&](const auto& image, std::size_t index, auto* out) {
            detail::speckle_noise(image, noise.data() + index * image.size(), out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
