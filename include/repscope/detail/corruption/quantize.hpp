#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/detail/corruption/arena.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// The image as bytes; only an image of floats is copied.
template <pixel T>
[[nodiscard]] picture<std::uint8_t> as_bytes(const picture<T>& image, scratch& memory) {
    if constexpr (std::is_same_v<T, std::uint8_t>) {
        return image;
    } else {
        auto* bytes = memory.take<std::uint8_t>(image.size());
        for (std::size_t i = 0; i < image.size(); ++i) bytes[i] = to_byte(image.pixels[i]);
        return {bytes, image.height, image.width, image.channels};
    }
}

/// Calls `kernel(bytes in, bytes out)` and stores the result as pixels of the image's type.
template <pixel T, typename Kernel>
void with_byte_pixels(const picture<T>& image, scratch& memory, T* out, Kernel&& kernel) {
    if constexpr (std::is_same_v<T, std::uint8_t>) {
        kernel(image, out);
    } else {
        const scratch::frame frame(memory);
        auto* bytes = memory.take<std::uint8_t>(image.size());
        kernel(as_bytes(image, memory), bytes);
        for (std::size_t i = 0; i < image.size(); ++i) out[i] = from_byte<T>(bytes[i]);
    }
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
