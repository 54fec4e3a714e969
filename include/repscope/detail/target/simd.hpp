#pragma once

#include "repscope/detail/target/name.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__AVX__)
#include <immintrin.h>
#endif

// The vectors of the target; only this file of the library names its instructions. Operations are those of
// the compiler's vectors, element by element and with the rounding of single numbers. A function here is a
// template with one portable body; an instruction replaces it if compilers translate the portable body to
// slower code.
namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Bytes of the widest vectors of floating-point numbers.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif

/// Bytes of the widest vectors of 16-bit integers with products of pairs; 0: not used by this file.
#if defined(__AVX512BW__)
inline constexpr std::size_t pair_bytes = 64;
#elif defined(__AVX2__)
inline constexpr std::size_t pair_bytes = 32;
#else
inline constexpr std::size_t pair_bytes = 0;
#endif

/// Whether a multiplication and an addition are one instruction with one rounding.
#if defined(__AVX512F__) || (defined(__AVX__) && defined(__FMA__))
inline constexpr bool has_fused = true;
#else
inline constexpr bool has_fused = false;
#endif

template <typename T, std::size_t Count>
struct vector_of {
    typedef T type __attribute__((vector_size(Count * sizeof(T))));
};

/// `Count` numbers. Pass vectors that are wider than `vector_bytes` by reference: their calling convention
/// depends on the target.
template <typename T, std::size_t Count>
using simd_vector = typename vector_of<T, Count>::type;

template <typename Vector, typename T>
[[nodiscard]] inline Vector load_vector(const T* from) noexcept {
    Vector value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

/// `value` in every element.
template <typename Vector, typename T>
[[nodiscard]] inline Vector broadcast(T value) noexcept {
#if defined(__AVX512F__)
    if constexpr (sizeof(Vector) == 64 && std::is_same_v<T, float>) return _mm512_set1_ps(value);
    if constexpr (sizeof(Vector) == 64 && std::is_same_v<T, double>) return _mm512_set1_pd(value);
#endif
#if defined(__AVX__)
    if constexpr (sizeof(Vector) == 32 && std::is_same_v<T, float>) return _mm256_set1_ps(value);
    if constexpr (sizeof(Vector) == 32 && std::is_same_v<T, double>) return _mm256_set1_pd(value);
#endif
    Vector all{};
    for (std::size_t i = 0; i < sizeof(Vector) / sizeof(T); ++i) all[i] = value;
    return all;
}

/// a b + c; with one rounding if `Fused`, for vectors of 32 bytes or more.
template <bool Fused, typename Vector>
[[nodiscard]] inline Vector multiply_add(Vector a, Vector b, Vector c) noexcept {
#if defined(__AVX512F__)
    if constexpr (Fused && std::is_same_v<Vector, simd_vector<float, 16>>) return _mm512_fmadd_ps(a, b, c);
    if constexpr (Fused && std::is_same_v<Vector, simd_vector<double, 8>>) return _mm512_fmadd_pd(a, b, c);
#endif
#if defined(__AVX__) && defined(__FMA__)
    if constexpr (Fused && std::is_same_v<Vector, simd_vector<float, 8>>) return _mm256_fmadd_ps(a, b, c);
    if constexpr (Fused && std::is_same_v<Vector, simd_vector<double, 4>>) return _mm256_fmadd_pd(a, b, c);
#endif
    return a * b + c;
}

/// Calls `body` with the constants 0 ... Count - 1: a loop that is unrolled at every level of optimization,
/// as arrays in registers require. The bodies must be `always_inline` too.
template <std::size_t Count, typename Body>
__attribute__((always_inline)) inline void unrolled(Body&& body) noexcept {
    [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        (body(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<Count>{});
}

/// Converts floats to as many doubles.
template <typename Floats, typename Doubles>
inline void widen(const Floats& values, Doubles& into) noexcept {
    static_assert(2 * sizeof(Floats) == sizeof(Doubles));
#if defined(__AVX512F__)
    if constexpr (sizeof(Doubles) == 64) {
        into = _mm512_maskz_cvtps_pd(0xff, values); // without a mask g++ 12 warns about its own header
        return;
    }
#endif
#if defined(__AVX__)
    if constexpr (sizeof(Doubles) == 32) {
        into = _mm256_cvtps_pd(values); // g++ makes three instructions of the portable spelling
        return;
    }
#endif
    into = __builtin_convertvector(values, Doubles);
}

/// Whether halves are converted by an instruction.
#if defined(__AVX512F__) || (defined(__AVX__) && defined(__F16C__))
inline constexpr bool has_half_conversion = true;
#else
inline constexpr bool has_half_conversion = false;
#endif

/// Converts as many IEEE halves as a vector has floats, given by their bits, if `has_half_conversion`.
template <typename Shorts, typename Floats>
inline void widen_halves(const Shorts& bits, Floats& into) noexcept {
    static_assert(2 * sizeof(Shorts) == sizeof(Floats) && sizeof(Floats) == vector_bytes);
#if defined(__AVX512F__)
    into = _mm512_maskz_cvtph_ps(0xffff, reinterpret_cast<__m256i>(bits));
#elif defined(__AVX__) && defined(__F16C__)
    into = _mm256_cvtph_ps(reinterpret_cast<__m128i>(bits));
#else
    into = __builtin_convertvector(bits, Floats); // not called
#endif
}

/// Fills `into` with copies of two 16-bit integers. The result is not returned: the calling convention of a
/// vector wider than the registers of the target depends on the target, and g++ warns about it.
template <typename Shorts>
inline void broadcast_pair(const std::int16_t* pair, Shorts& into) noexcept {
    std::int32_t both = 0;
    std::memcpy(&both, pair, sizeof both);
    into = reinterpret_cast<Shorts>(simd_vector<std::int32_t, sizeof(Shorts) / 4>{} + both);
}

/// sums[i] += a[2 i] b[2 i] + a[2 i + 1] b[2 i + 1], of 16-bit integers in 32 bits.
template <typename Shorts, typename Ints>
inline void add_pair_products(const Shorts& a, const Shorts& b, Ints& sums) noexcept {
    static_assert(sizeof(Shorts) == sizeof(Ints));
#if defined(__AVX512BW__)
    if constexpr (sizeof(Ints) == 64) {
        sums += reinterpret_cast<Ints>(
            _mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
        return;
    }
#endif
#if defined(__AVX2__)
    if constexpr (sizeof(Ints) == 32) {
        sums += reinterpret_cast<Ints>(
            _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
        return;
    }
#endif
    for (std::size_t i = 0; i < sizeof(Ints) / sizeof(std::int32_t); ++i)
        sums[i] += std::int32_t{a[2 * i]} * b[2 * i] + std::int32_t{a[2 * i + 1]} * b[2 * i + 1];
}

/// Whether any bit is set.
template <typename Ints>
[[nodiscard]] inline bool any_set(const Ints& values) noexcept {
#if defined(__AVX512F__)
    if constexpr (sizeof(Ints) == 64) {
        const auto all = reinterpret_cast<__m512i>(values);
        return _mm512_test_epi64_mask(all, all) != 0;
    }
#endif
#if defined(__AVX__)
    if constexpr (sizeof(Ints) == 32) {
        const auto all = reinterpret_cast<__m256i>(values);
        return _mm256_testz_si256(all, all) == 0;
    }
#endif
    std::uint64_t parts[sizeof values / sizeof(std::uint64_t)];
    std::memcpy(parts, &values, sizeof parts);
    std::uint64_t any = 0;
    for (const std::uint64_t part : parts) any |= part;
    return any != 0;
}

/// Whether a[i] <= b[i] or c[i] <= d[i] for any i, of 32-bit integers.
template <typename Ints>
[[nodiscard]] inline bool any_at_most(const Ints& a, const Ints& b, const Ints& c, const Ints& d) noexcept {
#if defined(__AVX512F__)
    if constexpr (sizeof(Ints) == 64) {
        const auto left = _mm512_cmple_epi32_mask(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
        const auto right =
            _mm512_cmple_epi32_mask(reinterpret_cast<__m512i>(c), reinterpret_cast<__m512i>(d));
        return (left | right) != 0;
    }
#endif
    return any_set((a <= b) | (c <= d));
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
