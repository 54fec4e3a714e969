#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/corruption/kind.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/detail/corruption/samplers.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/streams.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

/// Options of `apply`.
struct apply_options {
    thread_source threads = 1;                      ///< images processed in parallel; never changes a byte
    int severity = 1;                               ///< 1 (least) ... 5
    corruption::variant variant = variant::nearest; ///< whose parameters
    std::uint64_t seed = 0;                         ///< seed of the random draws
    std::uint32_t index = 0;                        ///< index of the first image in its data set
    std::span<const frost_texture>
        frost_textures{}; ///< bytes (height, width, 3); none: `procedural_frost_textures()`
};

/// The published set whose image size is nearest, by the ratio of the smaller sides: imagenet from 120 pixels
/// on, tiny from 46.
[[nodiscard]] constexpr variant nearest_variant(std::size_t height, std::size_t width) noexcept {
    const std::size_t side = (std::min)(height, width);
    // The geometric means of 32 and 64 and of 64 and 224, squared.
    if (side * side < 32 * 64) return variant::cifar;
    return side * side < 64 * 224 ? variant::tiny : variant::imagenet;
}

namespace detail {

template <kind Which, pixel T>
void apply_each(const sampler_context& setup, const apply_options& options, const T* pixels, T* out) {
    const sampler<Which> corruption(setup);
    const std::uint32_t stream = streams::id(streams::purpose::corruption, static_cast<std::uint32_t>(Which),
                                             static_cast<std::uint32_t>(options.severity));
    scoped_pool pool(options.threads);
    std::vector<scratch> memory(pool->size());
    const image_shape& shape = setup.shape;
    pool->for_each(shape.count, [&](std::size_t image, std::size_t worker) {
        const scratch::frame frame(memory[worker]);
        const std::size_t first = image * shape.size();
        corruption(picture<T>{pixels + first, shape.height, shape.width, shape.channels},
                   draw_source{options.seed, stream, options.index + static_cast<std::uint32_t>(image)},
                   memory[worker], out + first);
    });
}

template <pixel T>
void apply_kind(kind which, const sampler_context& setup, const apply_options& options, const T* pixels,
                T* out) {
    switch (which) {
    case kind::gaussian_noise:
        return apply_each<kind::gaussian_noise>(setup, options, pixels, out);
    case kind::shot_noise:
        return apply_each<kind::shot_noise>(setup, options, pixels, out);
    case kind::impulse_noise:
        return apply_each<kind::impulse_noise>(setup, options, pixels, out);
    case kind::defocus_blur:
        return apply_each<kind::defocus_blur>(setup, options, pixels, out);
    case kind::glass_blur:
        return apply_each<kind::glass_blur>(setup, options, pixels, out);
    case kind::motion_blur:
        return apply_each<kind::motion_blur>(setup, options, pixels, out);
    case kind::zoom_blur:
        return apply_each<kind::zoom_blur>(setup, options, pixels, out);
    case kind::snow:
        return apply_each<kind::snow>(setup, options, pixels, out);
    case kind::frost:
        return apply_each<kind::frost>(setup, options, pixels, out);
    case kind::fog:
        return apply_each<kind::fog>(setup, options, pixels, out);
    case kind::brightness:
        return apply_each<kind::brightness>(setup, options, pixels, out);
    case kind::contrast:
        return apply_each<kind::contrast>(setup, options, pixels, out);
    case kind::elastic_transform:
        return apply_each<kind::elastic_transform>(setup, options, pixels, out);
    case kind::pixelate:
        return apply_each<kind::pixelate>(setup, options, pixels, out);
    case kind::jpeg_compression:
        return apply_each<kind::jpeg_compression>(setup, options, pixels, out);
    case kind::speckle_noise:
        return apply_each<kind::speckle_noise>(setup, options, pixels, out);
    case kind::gaussian_blur:
        return apply_each<kind::gaussian_blur>(setup, options, pixels, out);
    case kind::spatter:
        return apply_each<kind::spatter>(setup, options, pixels, out);
    case kind::saturate:
        return apply_each<kind::saturate>(setup, options, pixels, out);
    }
}

} // namespace detail

/// Corrupts an image, or every image of a batch, by the method of the published data sets, with independent
/// random draws.
///
/// `images`: (height, width, channels) or (n, height, width, channels), bytes or `float` in [0, 1], sides of
/// at least 8. They have 1 or 3 channels, or any number for corruptions that do not depend on color. The
/// result has the same type and shape. Floats are not rounded to bytes, except inside motion_blur, pixelate
/// and jpeg_compression, which are defined on bytes, and in the layers of snow and spatter.
///
/// The result is a pure function of the image, the name, severity, variant and seed, and of the image's
/// index, which is `index` for the first image of a batch and increases by 1. The bytes are the same for one
/// image alone and in a batch, for any number of threads, and for every compiler (without contraction of a *
/// b + c and without -ffast-math).
///
/// Throws `value_error` for an unknown name (the message lists the known ones, the nearest first), a severity
/// outside 1 ... 5, an input that is not an image, floats outside [0, 1], a number of channels that does not
/// fit, and indices of 2^32 and above. Throws `shape_error` for an invalid texture. Cost: see
/// docs/results/speed.md.
template <image_like Images>
[[nodiscard]] corrupted<Images> apply(kind which, const Images& images, const apply_options& options) {
    using scalar = element_type_of<Images>;
    constexpr std::string_view function = "corruption::apply";
    if (options.severity < 1 || options.severity > severities) {
        errors::throw_value_error(function,
                                  "expected a severity in 1 ... 5, got " + errors::text_of(options.severity));
    }
    const auto view = as_view(images);
    const auto shape = detail::shape_of(function, tensor_view<const scalar, static_rank<Images>>(view));
    if (detail::needs_colors(which))
        detail::require_colors(std::string(function) + "(" + std::string(name_of(which)) + ")",
                               shape.channels);
    if (shape.count - 1 > (std::numeric_limits<std::uint32_t>::max)() - options.index) {
        errors::throw_value_error(function, "expected indices of images below 2^32, got " +
                                                errors::text_of(options.index) + " + " +
                                                errors::text_of(shape.count - 1));
    }
    const variant whose =
        options.variant == variant::nearest ? nearest_variant(shape.height, shape.width) : options.variant;
    std::vector<scalar> copy;
    const scalar* pixels = detail::dense_pixels(tensor_view<const scalar, static_rank<Images>>(view), copy);
    detail::require_intensities(function, pixels, view.size());
    corrupted<Images> result(view.extents());
    const detail::sampler_context setup{static_cast<std::size_t>(whose) - 1,
                                        static_cast<std::size_t>(options.severity) - 1, shape,
                                        options.frost_textures};
    detail::apply_kind(which, setup, options, pixels, result.data_handle());
    return result;
}

/// The same by name: `apply("fog", images, {.severity = 3, .seed = 1})`.
template <image_like Images>
[[nodiscard]] corrupted<Images> apply(std::string_view name, const Images& images,
                                      const apply_options& options) {
    return apply(kind_from_name(name), images, options);
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
