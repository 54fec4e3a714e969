#pragma once

#include "repscope/detail/target/simd.hpp"
#include "repscope/version.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Element types in files.
enum class dtype {
    boolean,
    int8,
    uint8,
    int16,
    uint16,
    int32,
    uint32,
    int64,
    uint64,
    float16,
    bfloat16,
    float32,
    float64
};

/// Bytes of an element.
[[nodiscard]] constexpr std::size_t size_of(dtype type) noexcept {
    switch (type) {
    case dtype::boolean:
    case dtype::int8:
    case dtype::uint8:
        return 1;
    case dtype::int16:
    case dtype::uint16:
    case dtype::float16:
    case dtype::bfloat16:
        return 2;
    case dtype::int32:
    case dtype::uint32:
    case dtype::float32:
        return 4;
    case dtype::int64:
    case dtype::uint64:
    case dtype::float64:
        return 8;
    }
    return 0;
}

/// Whether elements are integers, bool included.
[[nodiscard]] constexpr bool is_integer(dtype type) noexcept {
    return type != dtype::float16 && type != dtype::bfloat16 && type != dtype::float32 &&
           type != dtype::float64 && type != dtype::boolean;
}

/// A type and its byte order.
struct element_format {
    dtype type = dtype::float32; ///< type of an element
    bool big_endian = false;     ///< byte order, else little-endian

    /// In the notation of NumPy: "<f4", ">i2", "|u1".
    [[nodiscard]] std::string name() const {
        std::string_view letters;
        switch (type) {
        case dtype::boolean:
            return "|b1";
        case dtype::int8:
            return "|i1";
        case dtype::uint8:
            return "|u1";
        case dtype::int16:
            letters = "i2";
            break;
        case dtype::uint16:
            letters = "u2";
            break;
        case dtype::int32:
            letters = "i4";
            break;
        case dtype::uint32:
            letters = "u4";
            break;
        case dtype::int64:
            letters = "i8";
            break;
        case dtype::uint64:
            letters = "u8";
            break;
        case dtype::float16:
            letters = "f2";
            break;
        case dtype::bfloat16:
            letters = "bf16";
            break;
        case dtype::float32:
            letters = "f4";
            break;
        case dtype::float64:
            letters = "f8";
            break;
        }
        return (big_endian ? ">" : "<") + std::string(letters);
    }

    /// Whether statistics read elements of this type as `float`; otherwise they read `double`.
    [[nodiscard]] constexpr bool reads_as_float() const noexcept {
        return size_of(type) <= 2 || type == dtype::float32;
    }

    friend bool operator==(const element_format&, const element_format&) = default;
};

/// The type with this NumPy name without a byte order ("f4", "u1"), or "bf16"; no value for other names.
[[nodiscard]] inline std::optional<dtype> dtype_named(std::string_view letters) noexcept {
    for (const dtype type :
         {dtype::boolean, dtype::int8, dtype::uint8, dtype::int16, dtype::uint16, dtype::int32, dtype::uint32,
          dtype::int64, dtype::uint64, dtype::float16, dtype::bfloat16, dtype::float32, dtype::float64}) {
        if (element_format{type, false}.name().substr(1) == letters) return type;
    }
    return std::nullopt;
}

/// The format with this name: "f4" and "<f4" are little-endian, ">f4" is big-endian, "|u1"; no value for
/// other names.
[[nodiscard]] inline std::optional<element_format> element_format_named(std::string_view name) noexcept {
    element_format format;
    if (!name.empty() && std::string_view("<>|").find(name.front()) != std::string_view::npos) {
        format.big_endian = name.front() == '>';
        const bool no_order = name.front() == '|';
        name.remove_prefix(1);
        if (no_order && !name.ends_with('1')) return std::nullopt;
    }
    const auto type = dtype_named(name);
    if (!type) return std::nullopt;
    format.type = *type;
    if (size_of(*type) == 1) format.big_endian = false;
    return format;
}

namespace detail {

inline constexpr bool machine_is_big_endian = std::endian::native == std::endian::big;

[[nodiscard]] constexpr std::uint8_t swap_bytes(std::uint8_t x) noexcept { return x; }
[[nodiscard]] constexpr std::uint16_t swap_bytes(std::uint16_t x) noexcept {
    return static_cast<std::uint16_t>((x >> 8U) | (x << 8U));
}
[[nodiscard]] constexpr std::uint32_t swap_bytes(std::uint32_t x) noexcept {
    x = ((x >> 8U) & 0x00ff00ffU) | ((x & 0x00ff00ffU) << 8U);
    return (x >> 16U) | (x << 16U);
}
[[nodiscard]] constexpr std::uint64_t swap_bytes(std::uint64_t x) noexcept {
    return (static_cast<std::uint64_t>(swap_bytes(static_cast<std::uint32_t>(x))) << 32U) |
           swap_bytes(static_cast<std::uint32_t>(x >> 32U));
}

/// The value of an IEEE half, exactly. Without branches, so that runs of halves are decoded by vector
/// instructions.
[[nodiscard]] constexpr float float_of_half(std::uint16_t half) noexcept {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16U;
    const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fffU) << 13U;
    // The biases of the exponents differ by 112; infinities and NaNs get the exponent of infinities and NaNs.
    const std::uint32_t rebias = magnitude >= (31U << 23U) ? 224U << 23U : 112U << 23U;
    // A subnormal is its fraction with the implicit bit, minus this bit. This is exact, and no float is
    // subnormal, which some programs make the processor treat as zero.
    const auto subnormal =
        std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude + (113U << 23U)) - 0x1p-14F);
    // Selected by a mask: behind a condition the subtraction would prevent vectorization.
    const std::uint32_t is_subnormal = 0U - static_cast<std::uint32_t>(magnitude < (1U << 23U));
    const std::uint32_t bits = (subnormal & is_subnormal) | ((magnitude + rebias) & ~is_subnormal);
    return std::bit_cast<float>(bits | sign);
}

[[nodiscard]] constexpr float float_of_bfloat16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

/// `count` elements with bits of type `Bits`, decoded by `value`.
template <typename Bits, typename Target, typename Value>
void decode_run(const std::byte* from, std::size_t count, bool swap, Target* to, Value&& value) {
    const auto bits_at = [from](std::size_t i) {
        Bits bits;
        std::memcpy(&bits, from + i * sizeof(Bits), sizeof(Bits));
        return bits;
    };
    if (swap) {
        for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<Target>(value(swap_bytes(bits_at(i))));
    } else {
        for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<Target>(value(bits_at(i)));
    }
}

/// Decodes `count` halves of the machine's byte order by the instruction that converts them.
inline void decode_halves(const std::byte* from, std::size_t count, float* to) {
    constexpr std::size_t width = repscope::detail::vector_bytes / sizeof(float);
    using shorts = repscope::detail::simd_vector<std::uint16_t, width>;
    std::size_t i = 0;
    for (; i + width <= count; i += width) {
        repscope::detail::simd_vector<float, width> values;
        repscope::detail::widen_halves(
            repscope::detail::load_vector<shorts>(from + i * sizeof(std::uint16_t)), values);
        std::memcpy(to + i, &values, sizeof values);
    }
    decode_run<std::uint16_t>(from + i * sizeof(std::uint16_t), count - i, false, to + i, float_of_half);
}

} // namespace detail

/// Decodes `count` elements at `from` into `to`. The values are exact, except for integers above 2^53 read as
/// `double`, and if `Target` is narrower than the type. `bool`: every byte except 0 is 1. O(count).
template <typename Target>
void decode(const std::byte* from, std::size_t count, const element_format& format, Target* to) {
    using namespace detail;
    const bool swap = format.big_endian != machine_is_big_endian;
    const auto as = [&]<typename T>(std::type_identity<T>) {
        using bits = std::conditional_t<
            sizeof(T) == 1, std::uint8_t,
            std::conditional_t<sizeof(T) == 2, std::uint16_t,
                               std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
        decode_run<bits>(from, count, swap, to, [](bits b) { return std::bit_cast<T>(b); });
    };
    switch (format.type) {
    case dtype::boolean:
        decode_run<std::uint8_t>(from, count, false, to, [](std::uint8_t b) { return b != 0 ? 1 : 0; });
        break;
    case dtype::int8:
        as(std::type_identity<std::int8_t>{});
        break;
    case dtype::uint8:
        as(std::type_identity<std::uint8_t>{});
        break;
    case dtype::int16:
        as(std::type_identity<std::int16_t>{});
        break;
    case dtype::uint16:
        as(std::type_identity<std::uint16_t>{});
        break;
    case dtype::int32:
        as(std::type_identity<std::int32_t>{});
        break;
    case dtype::uint32:
        as(std::type_identity<std::uint32_t>{});
        break;
    case dtype::int64:
        as(std::type_identity<std::int64_t>{});
        break;
    case dtype::uint64:
        as(std::type_identity<std::uint64_t>{});
        break;
    case dtype::float16:
        if constexpr (std::is_same_v<Target, float> && repscope::detail::has_half_conversion) {
            if (!swap) {
                decode_halves(from, count, to);
                break;
            }
        }
        decode_run<std::uint16_t>(from, count, swap, to, float_of_half);
        break;
    case dtype::bfloat16:
        decode_run<std::uint16_t>(from, count, swap, to, float_of_bfloat16);
        break;
    case dtype::float32:
        as(std::type_identity<float>{});
        break;
    case dtype::float64:
        as(std::type_identity<double>{});
        break;
    }
}

/// The dtype with the representation of the C++ type T; no value for other types.
template <typename T>
[[nodiscard]] constexpr std::optional<dtype> dtype_of() noexcept {
    if constexpr (std::same_as<T, float>)
        return dtype::float32;
    else if constexpr (std::same_as<T, double>)
        return dtype::float64;
    else if constexpr (std::integral<T> && !std::same_as<T, bool>) {
        constexpr std::array<dtype, 4> signed_types{dtype::int8, dtype::int16, dtype::int32, dtype::int64};
        constexpr std::array<dtype, 4> unsigned_types{dtype::uint8, dtype::uint16, dtype::uint32,
                                                      dtype::uint64};
        constexpr auto index = static_cast<std::size_t>(std::countr_zero(sizeof(T)));
        return std::is_signed_v<T> ? signed_types[index] : unsigned_types[index];
    } else {
        return std::nullopt;
    }
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
