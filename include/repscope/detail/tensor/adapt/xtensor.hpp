#pragma once

#include "repscope/tensor/scalar.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// xtensor's strided containers, adaptors and views, recognized by their members alone. Expressions have no
/// `data()` and are excluded.
template <typename T>
concept xtensor_like = requires(const T& x) {
    { x.shape().size() } -> std::convertible_to<std::size_t>;
    { x.shape()[0] } -> std::convertible_to<std::size_t>;
    { x.strides()[0] } -> std::convertible_to<std::ptrdiff_t>;
    { x.data_offset() } -> std::convertible_to<std::size_t>;
    requires std::is_pointer_v<std::remove_cvref_t<decltype(x.data())>>;
    requires real_scalar<std::remove_cv_t<std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>>>;
};

template <typename T>
using xtensor_shape_t = std::remove_cvref_t<decltype(std::declval<const T&>().shape())>;

/// xtensor_like with the rank in its type (`xt::xtensor`, its views and adaptors); `xt::xarray` has a rank at
/// run time.
template <typename T>
concept static_xtensor_like = xtensor_like<T> && requires {
    { std::tuple_size<xtensor_shape_t<T>>::value } -> std::convertible_to<std::size_t>;
};

/// The caller ensures that `x` has `Rank` axes.
template <std::size_t Rank, xtensor_like T>
[[nodiscard]] constexpr auto view_of_xtensor(const T& x) {
    using element = std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>;
    std::array<std::size_t, Rank> extents{};
    std::array<std::ptrdiff_t, Rank> strides{};
    for (std::size_t axis = 0; axis < Rank; ++axis) {
        extents[axis] = static_cast<std::size_t>(x.shape()[axis]);
        // xtensor gives an axis of one element stride 0; any stride is valid.
        strides[axis] = static_cast<std::ptrdiff_t>(x.strides()[axis]);
    }
    // A view's data() is the start of the underlying storage, not of the view.
    return tensor_view<const element, Rank>(x.data() + static_cast<std::ptrdiff_t>(x.data_offset()), extents,
                                            strides);
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
