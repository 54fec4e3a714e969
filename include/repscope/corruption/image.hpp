#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

/// Element type of an image: bytes 0 ... 255, or `float` intensities in [0, 1].
template <typename T>
concept pixel = std::same_as<T, std::uint8_t> || std::same_as<T, float>;

/// An image (height, width, channels) or a batch of them (n, height, width, channels), of any tensor type.
/// Sides are at least 8; channels are RGB where colors matter.
template <typename T>
concept image_like = tensor_like<T> && pixel<element_type_of<T>> &&
    (static_rank<T> == 3 || static_rank<T> == 4);

/// The images that every corruption returns: of the same type and shape, with their own memory.
template <image_like Images>
using corrupted = array<element_type_of<Images>, static_rank<Images>>;

/// Smallest height and width of an image, in pixels.
inline constexpr std::size_t smallest_side = 8;

namespace detail {

/// One dense image in row-major order, the input of the kernels.
template <pixel T>
struct picture {
    const T* pixels;
    std::size_t height;
    std::size_t width;
    std::size_t channels;

    [[nodiscard]] constexpr std::size_t row_size() const noexcept { return width * channels; }
    [[nodiscard]] constexpr std::size_t area() const noexcept { return height * width; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return height * width * channels; }
    [[nodiscard]] constexpr const T* row(std::size_t y) const noexcept { return pixels + y * row_size(); }
};

inline constexpr std::array<double, 256> unit_of_byte = [] {
    std::array<double, 256> values{};
    for (std::size_t k = 0; k < 256; ++k) values[k] = static_cast<double>(k) / 255.0;
    return values;
}();

inline constexpr std::array<float, 256> single_of_byte = [] {
    std::array<float, 256> values{};
    for (std::size_t k = 0; k < 256; ++k) values[k] = static_cast<float>(k) / 255.0F;
    return values;
}();

/// The intensity on [0, 1], in the precision of the reference.
[[nodiscard]] constexpr double to_unit(std::uint8_t value) noexcept { return unit_of_byte[value]; }
[[nodiscard]] constexpr double to_unit(float value) noexcept { return static_cast<double>(value); }
[[nodiscard]] constexpr float to_single(std::uint8_t value) noexcept { return single_of_byte[value]; }
[[nodiscard]] constexpr float to_single(float value) noexcept { return value; }

template <typename Real>
[[nodiscard]] constexpr Real clip01(Real value) noexcept {
    const Real above = value > Real(0) ? value : Real(0);
    return above < Real(1) ? above : Real(1);
}

/// Bytes are truncated, not rounded, as in the reference; floats are kept. Both are clipped to [0, 1].
template <pixel T, typename Real>
[[nodiscard]] constexpr T from_unit(Real value) noexcept {
    if constexpr (std::is_same_v<T, std::uint8_t>)
        return static_cast<std::uint8_t>(static_cast<int>(clip01(value) * Real(255)));
    else
        return static_cast<float>(clip01(value));
}

/// The byte nearest to an intensity, for kernels that convert float images to bytes.
[[nodiscard]] constexpr std::uint8_t to_byte(std::uint8_t value) noexcept { return value; }
[[nodiscard]] constexpr std::uint8_t to_byte(float value) noexcept {
    return static_cast<std::uint8_t>(static_cast<int>(value * 255.0F + 0.5F));
}
template <pixel T>
[[nodiscard]] constexpr T from_byte(std::uint8_t value) noexcept {
    if constexpr (std::is_same_v<T, std::uint8_t>)
        return value;
    else
        return single_of_byte[value];
}

/// The sides and channels of the images in a tensor.
struct image_shape {
    std::size_t count;
    std::size_t height;
    std::size_t width;
    std::size_t channels;

    [[nodiscard]] constexpr std::size_t size() const noexcept { return height * width * channels; }
};

template <typename T, std::size_t Rank>
[[nodiscard]] image_shape shape_of(std::string_view function, const tensor_view<const T, Rank>& images) {
    const auto& e = images.extents();
    const image_shape shape{Rank == 4 ? e[0] : 1, e[Rank - 3], e[Rank - 2], e[Rank - 1]};
    if (shape.height < smallest_side || shape.width < smallest_side || shape.channels == 0) {
        errors::throw_value_error(
            function,
            "expected images (height, width, channels) of at least 8 x 8 pixels and 1 channel, got shape " +
                format_shape(e));
    }
    if (shape.count == 0) {
        errors::throw_value_error(function, "expected at least 1 image, got shape " + format_shape(e));
    }
    return shape;
}

/// Throws `value_error` for the first float outside [0, 1].
template <pixel T>
void require_intensities(std::string_view function, const T* pixels, std::size_t count) {
    if constexpr (std::is_same_v<T, float>) {
        for (std::size_t i = 0; i < count; ++i) {
            if (!(pixels[i] >= 0.0F && pixels[i] <= 1.0F)) {
                errors::throw_value_error(function, "expected float images in [0, 1], got " +
                                                        errors::text_of(pixels[i]) + " at element " +
                                                        errors::text_of(i));
            }
        }
    }
}

/// All pixels in row-major order: the tensor's memory if it is dense, otherwise a copy in `memory`.
template <pixel T, std::size_t Rank>
[[nodiscard]] const T* dense_pixels(const tensor_view<const T, Rank>& images, std::vector<T>& memory) {
    if (is_row_major(images)) return images.data_handle();
    memory.reserve(images.size());
    std::array<std::size_t, Rank> index{};
    for (std::size_t k = 0; k < images.size(); ++k) {
        std::ptrdiff_t offset = 0;
        for (std::size_t axis = 0; axis < Rank; ++axis)
            offset += static_cast<std::ptrdiff_t>(index[axis]) * images.stride(axis);
        memory.push_back(images.data_handle()[offset]);
        for (std::size_t axis = Rank; axis-- > 0;) {
            if (++index[axis] < images.extent(axis)) break;
            index[axis] = 0;
        }
    }
    return memory.data();
}

[[noreturn]] inline void throw_channels(std::string_view function, std::size_t got) {
    errors::throw_value_error(function,
                              "expected 1 channel or 3 (red, green, blue), got " + errors::text_of(got));
}

/// Colors: gray or RGB.
inline void require_colors(std::string_view function, std::size_t channels) {
    if (channels != 1 && channels != 3) throw_channels(function, channels);
}

/// Checks for `count` draws per image; otherwise throws a `value_error` with the expected number.
inline void require_draws(std::string_view function, std::string_view what, std::size_t expected,
                          std::size_t got) {
    if (expected != got) {
        errors::throw_value_error(function, "expected " + errors::text_of(expected) + " " +
                                                std::string(what) + ", got " + errors::text_of(got));
    }
}

/// Calls `check(shape)`, then `kernel(picture, image, out)` for every image of a tensor, and returns the
/// results.
template <image_like Images, typename Check, typename Kernel>
[[nodiscard]] corrupted<Images> each_image(std::string_view function, const Images& images, Check&& check,
                                           Kernel&& kernel) {
    using scalar = element_type_of<Images>;
    constexpr std::size_t rank = static_rank<Images>;
    const tensor_view<const scalar, rank> view = as_view(images);
    const image_shape shape = shape_of(function, view);
    check(shape);
    std::vector<scalar> copy;
    const scalar* pixels = dense_pixels(view, copy);
    require_intensities(function, pixels, view.size());
    corrupted<Images> result(view.extents());
    for (std::size_t image = 0; image < shape.count; ++image) {
        const std::size_t first = image * shape.size();
        kernel(picture<scalar>{pixels + first, shape.height, shape.width, shape.channels}, image,
               result.data_handle() + first);
    }
    return result;
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
