#pragma once

#include "repscope/tensor/scalar.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Whether an element is the stored number; an accessor that scales, for example, returns another one.
template <typename T>
inline constexpr bool reads_memory_as_it_is = true;

template <typename T>
    requires requires { typename T::reference; }
inline constexpr bool reads_memory_as_it_is<T> = std::is_reference_v<typename T::reference>;

/// `std::mdspan`, its reference implementation, and `tensor_view`, recognized by their members alone.
template <typename T>
concept mdspan_like = requires(const T& x, std::size_t axis) {
    { T::rank() } -> std::convertible_to<std::size_t>;
    { x.extent(axis) } -> std::convertible_to<std::size_t>;
    { x.stride(axis) } -> std::convertible_to<std::ptrdiff_t>;
    requires reads_memory_as_it_is<T>;
    requires std::is_pointer_v<std::remove_cvref_t<decltype(x.data_handle())>>;
    requires real_scalar<
        std::remove_cv_t<std::remove_pointer_t<std::remove_cvref_t<decltype(x.data_handle())>>>>;
};

template <mdspan_like T>
[[nodiscard]] constexpr auto view_of_mdspan(const T& x) {
    using element = std::remove_pointer_t<std::remove_cvref_t<decltype(x.data_handle())>>;
    constexpr auto rank = static_cast<std::size_t>(T::rank());
    std::array<std::size_t, rank> extents{};
    std::array<std::ptrdiff_t, rank> strides{};
    for (std::size_t axis = 0; axis < rank; ++axis) {
        extents[axis] = static_cast<std::size_t>(x.extent(axis));
        strides[axis] = static_cast<std::ptrdiff_t>(x.stride(axis));
    }
    return tensor_view<const element, rank>(x.data_handle(), extents, strides);
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
