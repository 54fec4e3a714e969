#pragma once

#include "repscope/error.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// An integer, or a class or enumeration that converts to one. `bool` and floating-point numbers are
/// excluded.
template <typename T>
concept index_like = (std::convertible_to<T, std::ptrdiff_t> ||
                      std::convertible_to<T, std::size_t>)&&!std::same_as<T, bool> &&
                     !std::is_floating_point_v<T> && !std::is_pointer_v<T>;

/// One extent of a tensor or one stride, converted from any integer type; `Index` is `std::size_t` or
/// `std::ptrdiff_t`.
///
/// Throws `shape_error` if the integer does not fit: an extent below 0, a stride beyond the largest index. A
/// conversion from `Index` itself has no check.
template <typename Index>
class index_value {
  public:
    template <index_like Integer>
    constexpr index_value(Integer value) // NOLINT(google-explicit-constructor)
        : value_(static_cast<Index>(value)) {
        if constexpr (std::integral<Integer> && !std::same_as<Integer, Index>) {
            // A value whose sign changes does not fit; a narrower type always fits.
            const bool negative = value < Integer(0);
            const bool fits = sizeof(Integer) <= sizeof(Index) || static_cast<Integer>(value_) == value;
            if (negative != (value_ < Index(0)) || !fits || (std::is_unsigned_v<Index> && negative)) {
                errors::throw_shape_error("tensor_view",
                                          (std::is_unsigned_v<Index>
                                               ? "expected an extent of at least 0, got "
                                               : "expected a stride that fits in an index, got ") +
                                              errors::text_of(value));
            }
        }
    }
    [[nodiscard]] constexpr operator Index() const noexcept {
        return value_;
    } // NOLINT(google-explicit-constructor)

  private:
    Index value_;
};

/// The extents or strides of a tensor from a list in braces, each of any integer type, or from a
/// `std::array`.
template <typename Index, std::size_t Rank>
class index_list {
  public:
    template <typename... Integers>
        requires(sizeof...(Integers) == Rank && (std::convertible_to<Integers, index_value<Index>> && ...))
    constexpr index_list(Integers... values) // NOLINT(google-explicit-constructor)
        : values_{static_cast<Index>(index_value<Index>(values))...} {}

    constexpr index_list(
        const std::array<Index, Rank>& values) noexcept // NOLINT(google-explicit-constructor)
        : values_(values) {}

    template <std::integral Integer>
        requires(!std::same_as<Integer, Index>)
    constexpr index_list(const std::array<Integer, Rank>& values) // NOLINT(google-explicit-constructor)
        : values_{} {
        for (std::size_t axis = 0; axis < Rank; ++axis) values_[axis] = index_value<Index>(values[axis]);
    }

    [[nodiscard]] constexpr const std::array<Index, Rank>& values() const noexcept { return values_; }

  private:
    std::array<Index, Rank> values_;
};

using extent_value = index_value<std::size_t>;
using stride_value = index_value<std::ptrdiff_t>;
template <std::size_t Rank>
using extent_list = index_list<std::size_t, Rank>;
template <std::size_t Rank>
using stride_list = index_list<std::ptrdiff_t, Rank>;

/// The numbers of a list in braces.
template <typename Index, std::size_t Rank>
[[nodiscard]] constexpr std::array<Index, Rank> to_array(const index_value<Index> (&values)[Rank]) noexcept {
    std::array<Index, Rank> result{};
    for (std::size_t axis = 0; axis < Rank; ++axis) result[axis] = values[axis];
    return result;
}

} // namespace detail

/// Number of elements of a tensor with these extents: 1 for rank 0, 0 if an extent is 0.
///
/// Throws `shape_error` if the product does not fit in a signed index, so that neither an allocation nor an
/// offset can wrap. Cost O(rank).
[[nodiscard]] constexpr std::size_t element_count(std::span<const std::size_t> extents) {
    constexpr auto limit = static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)());
    std::size_t count = 1;
    bool overflow = false;
    for (const std::size_t extent : extents) {
        if (extent == 0) return 0;
        if (count > limit / extent)
            overflow = true;
        else
            count *= extent;
    }
    if (overflow) {
        errors::throw_shape_error("element_count", "the product of the extents does not fit in an index",
                                  extents);
    }
    return count;
}

/// Strides, in elements, of a dense row-major (C order) tensor with these extents; modulo 2^64 if the number
/// of elements does not fit (see `element_count`).
template <std::size_t Rank>
[[nodiscard]] constexpr std::array<std::ptrdiff_t, Rank>
row_major_strides(const std::array<std::size_t, Rank>& extents) noexcept {
    std::array<std::ptrdiff_t, Rank> strides{};
    std::size_t step = 1;
    for (std::size_t axis = Rank; axis-- > 0;) {
        strides[axis] = static_cast<std::ptrdiff_t>(step);
        step *= extents[axis];
    }
    return strides;
}

/// Strides, in elements, of a dense column-major (Fortran order) tensor with these extents; modulo 2^64 if
/// the number of elements does not fit (see `element_count`).
template <std::size_t Rank>
[[nodiscard]] constexpr std::array<std::ptrdiff_t, Rank>
column_major_strides(const std::array<std::size_t, Rank>& extents) noexcept {
    std::array<std::ptrdiff_t, Rank> strides{};
    std::size_t step = 1;
    for (std::size_t axis = 0; axis < Rank; ++axis) {
        strides[axis] = static_cast<std::ptrdiff_t>(step);
        step *= extents[axis];
    }
    return strides;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
