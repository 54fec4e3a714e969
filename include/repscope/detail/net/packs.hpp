#pragma once

#include "repscope/detail/target/simd.hpp"

#include <cstddef>
#include <cstring>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

// Uses the compiler's vectors and not its vectorizer: the speed of every layer depends on an accumulator tile
// that stays in registers, which no vectorizer guarantees.
inline constexpr bool fused = repscope::detail::has_fused;
inline constexpr std::size_t vector_bytes = fused ? repscope::detail::vector_bytes : 16;

/// `width` numbers at a time.
template <typename T, std::size_t Bytes = vector_bytes, bool Fused = fused>
struct pack {
    using scalar = T;
    using type = repscope::detail::simd_vector<T, Bytes / sizeof(T)>;
    static constexpr std::size_t width = Bytes / sizeof(T);

    static type load(const T* from) noexcept { return repscope::detail::load_vector<type>(from); }
    static void store(T* to, type value) noexcept { std::memcpy(to, &value, sizeof value); }
    static type broadcast(T value) noexcept { return repscope::detail::broadcast<type>(value); }
    static type multiply_add(type a, type b, type c) noexcept {
        return repscope::detail::multiply_add<Fused>(a, b, c);
    }
    /// z, or 0 if z < 0; NaN remains.
    static type rectified(type z) noexcept { return z < type{} ? type{} : z; }
    /// `value` if z > 0, else 0.
    static type where_positive(type z, type value) noexcept { return z > type{} ? value : type{}; }
    /// Sum of all numbers, halves first.
    static T sum(type value) noexcept {
        T values[width];
        store(values, value);
        for (std::size_t half = width / 2; half > 0; half /= 2) {
            for (std::size_t i = 0; i < half; ++i) values[i] += values[i + half];
        }
        return values[0];
    }
};

/// The same operations on one number, for the remaining channels of a pack.
template <typename T>
struct single {
    using scalar = T;
    using type = T;
    static constexpr std::size_t width = 1;

    static T load(const T* from) noexcept { return *from; }
    static void store(T* to, T value) noexcept { *to = value; }
    static T broadcast(T value) noexcept { return value; }
    static T multiply_add(T a, T b, T c) noexcept { return a * b + c; }
    static T rectified(T z) noexcept { return z < T(0) ? T(0) : z; }
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

/// to[i] = from[i] if value[i] > 0, else 0.
template <typename T>
inline void copy_where_positive(std::size_t count, const T* value, const T* from, T* to) noexcept {
    for_channels<T>(count, [&]<typename Ops>(std::size_t i) {
        Ops::store(to + i, Ops::where_positive(Ops::load(value + i), Ops::load(from + i)));
    });
}

using repscope::detail::unrolled;

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
