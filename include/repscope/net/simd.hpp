#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#if defined(__AVX__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace repscope {
inline namespace v0 {
namespace net::detail {

// The compiler's vectors, not its vectoriser: an accumulator tile that stays in registers is what the speed
// of every layer rests on, and no vectoriser promises that. The target is part of the type, so that two
// translation units compiled for different processors never share a kernel.
#if defined(__AVX__) && defined(__FMA__)
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
#if defined(__AVX__) && defined(__FMA__)
        if constexpr (Bytes == 32 && std::is_same_v<T, float>) return _mm256_set1_ps(value);
        if constexpr (Bytes == 32 && std::is_same_v<T, double>) return _mm256_set1_pd(value);
#endif
        type all;
        for (std::size_t i = 0; i < width; ++i) all[i] = value;
        return all;
    }
    static type multiply_add(type a, type b, type c) noexcept {
#if defined(__AVX__) && defined(__FMA__)
        if constexpr (Fused && Bytes == 32 && std::is_same_v<T, float>) return _mm256_fmadd_ps(a, b, c);
        if constexpr (Fused && Bytes == 32 && std::is_same_v<T, double>) return _mm256_fmadd_pd(a, b, c);
#endif
        return a * b + c;
    }
    /// `value` where z > 0, else 0.
    static type where_positive(type z, type value) noexcept { return z > type{} ? value : type{}; }
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

/// Calls `body.template operator()<Ops>(first)` for packs of channels and then for single channels.
template <typename T, typename Body>
inline void for_channels(std::size_t channels, Body&& body) {
    std::size_t first = 0;
    for (; first + pack<T>::width <= channels; first += pack<T>::width)
        body.template operator()<pack<T>>(first);
    for (; first < channels; ++first) body.template operator()<single<T>>(first);
}

} // namespace net::detail
} // namespace v0
} // namespace repscope
