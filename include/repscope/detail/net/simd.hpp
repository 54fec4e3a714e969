#pragma once

#include "repscope/version.hpp"

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__AVX__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

// The compiler's vectors, not its vectorizer: an accumulator tile that stays in registers is what the speed
// of every layer rests on, and no vectorizer promises that. The target is part of the type, so that two
// translation units compiled for different processors never share a kernel.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
inline constexpr bool fused = true;
#elif defined(__AVX__) && defined(__FMA__)
inline constexpr std::size_t vector_bytes = 32;
inline constexpr bool fused = true;
#else
inline constexpr std::size_t vector_bytes = 16;
inline constexpr bool fused = false;
#endif

template <typename T, std::size_t Bytes>
struct vector_type;
template <>
struct vector_type<float, 16> {
    typedef float type __attribute__((vector_size(16)));
};
template <>
struct vector_type<double, 16> {
    typedef double type __attribute__((vector_size(16)));
};
template <>
struct vector_type<float, 32> {
    typedef float type __attribute__((vector_size(32)));
};
template <>
struct vector_type<double, 32> {
    typedef double type __attribute__((vector_size(32)));
};
template <>
struct vector_type<float, 64> {
    typedef float type __attribute__((vector_size(64)));
};
template <>
struct vector_type<double, 64> {
    typedef double type __attribute__((vector_size(64)));
};

/// `width` numbers at a time.
template <typename T, std::size_t Bytes = vector_bytes, bool Fused = fused>
struct pack {
    using scalar = T;
    using type = typename vector_type<T, Bytes>::type;
    static constexpr std::size_t width = Bytes / sizeof(T);

    static type load(const T* from) noexcept {
        type value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }
    static void store(T* to, type value) noexcept { std::memcpy(to, &value, sizeof value); }
    static type broadcast(T value) noexcept {
#if defined(__AVX512F__)
        if constexpr (Bytes == 64 && std::is_same_v<T, float>) return _mm512_set1_ps(value);
        if constexpr (Bytes == 64 && std::is_same_v<T, double>) return _mm512_set1_pd(value);
#endif
#if defined(__AVX__) && defined(__FMA__)
        if constexpr (Bytes == 32 && std::is_same_v<T, float>) return _mm256_set1_ps(value);
        if constexpr (Bytes == 32 && std::is_same_v<T, double>) return _mm256_set1_pd(value);
#endif
        type all;
        for (std::size_t i = 0; i < width; ++i) all[i] = value;
        return all;
    }
    static type multiply_add(type a, type b, type c) noexcept {
#if defined(__AVX512F__)
        if constexpr (Fused && Bytes == 64 && std::is_same_v<T, float>) return _mm512_fmadd_ps(a, b, c);
        if constexpr (Fused && Bytes == 64 && std::is_same_v<T, double>) return _mm512_fmadd_pd(a, b, c);
#endif
#if defined(__AVX__) && defined(__FMA__)
        if constexpr (Fused && Bytes == 32 && std::is_same_v<T, float>) return _mm256_fmadd_ps(a, b, c);
        if constexpr (Fused && Bytes == 32 && std::is_same_v<T, double>) return _mm256_fmadd_pd(a, b, c);
#endif
        return a * b + c;
    }
    /// `value` where z > 0, else 0.
    static type where_positive(type z, type value) noexcept { return z > type{} ? value : type{}; }
    /// All numbers added up, halves first.
    static T sum(type value) noexcept {
        T values[width];
        store(values, value);
        for (std::size_t half = width / 2; half > 0; half /= 2) {
            for (std::size_t i = 0; i < half; ++i) values[i] += values[i + half];
        }
        return values[0];
    }
};

/// The same operations on one number, for the channels that do not fill a pack.
template <typename T>
struct single {
    using scalar = T;
    using type = T;
    static constexpr std::size_t width = 1;

    static T load(const T* from) noexcept { return *from; }
    static void store(T* to, T value) noexcept { *to = value; }
    static T broadcast(T value) noexcept { return value; }
    static T multiply_add(T a, T b, T c) noexcept { return a * b + c; }
    static T where_positive(T z, T value) noexcept { return z > T(0) ? value : T(0); }
};

/// Calls `body.template operator()<Ops>(first)` for packs of channels, the widest first, and then for single
/// channels.
template <typename T, typename Body>
inline void for_channels(std::size_t channels, Body&& body) {
    std::size_t first = 0;
    for (; first + pack<T>::width <= channels; first += pack<T>::width)
        body.template operator()<pack<T>>(first);
    if constexpr (vector_bytes > 32) {
        using half = pack<T, vector_bytes / 2>;
        for (; first + half::width <= channels; first += half::width) body.template operator()<half>(first);
    }
    for (; first < channels; ++first) body.template operator()<single<T>>(first);
}

/// to[i] = from[i] where value[i] > 0, else 0.
template <typename T>
inline void copy_where_positive(std::size_t count, const T* value, const T* from, T* to) noexcept {
    for_channels<T>(count, [&]<typename Ops>(std::size_t i) {
        Ops::store(to + i, Ops::where_positive(Ops::load(value + i), Ops::load(from + i)));
    });
}

/// Calls `body` with the constants 0 ... Count - 1: a loop that is unrolled at every level of optimization,
/// as arrays must be that are to live in registers. The bodies have to be `always_inline` too.
template <std::size_t Count, typename Body>
__attribute__((always_inline)) inline void unrolled(Body&& body) noexcept {
    [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        (body(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<Count>{});
}

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
