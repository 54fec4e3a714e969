#pragma once

#include "repscope/tensor/scalar.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Eigen's dense objects with direct access (Matrix, Array, Map, Ref, Block, Transpose) in either storage
/// order, recognized by their members alone. Expressions have no `data()` and are excluded. Vectors are rank
/// 2, one extent 1.
template <typename T>
concept eigen_like = requires(const T& x) {
    { x.rows() } -> std::convertible_to<std::ptrdiff_t>;
    { x.cols() } -> std::convertible_to<std::ptrdiff_t>;
    { x.rowStride() } -> std::convertible_to<std::ptrdiff_t>;
    { x.colStride() } -> std::convertible_to<std::ptrdiff_t>;
    requires std::is_pointer_v<std::remove_cvref_t<decltype(x.data())>>;
    requires real_scalar<std::remove_cv_t<std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>>>;
};

template <eigen_like T>
[[nodiscard]] constexpr auto view_of_eigen(const T& x) {
    using element = std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>;
    return tensor_view<const element, 2>(
        x.data(), {static_cast<std::size_t>(x.rows()), static_cast<std::size_t>(x.cols())},
        {static_cast<std::ptrdiff_t>(x.rowStride()), static_cast<std::ptrdiff_t>(x.colStride())});
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
