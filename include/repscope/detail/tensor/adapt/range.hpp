#pragma once

#include "repscope/tensor/scalar.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <concepts>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Contiguous sequences of numbers: `std::vector`, `std::array`, `std::span`, and any container of their
/// form.
template <typename T>
concept contiguous_numbers = requires(const T& x) {
    requires std::contiguous_iterator<std::remove_cvref_t<decltype(x.begin())>>;
    requires std::is_pointer_v<std::remove_cvref_t<decltype(x.data())>>;
    { x.size() } -> std::convertible_to<std::size_t>;
    requires real_scalar<std::remove_cv_t<std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>>>;
};

template <contiguous_numbers T>
[[nodiscard]] constexpr auto view_of_range(const T& x) {
    using element = std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>;
    return tensor_view<const element, 1>(x.data(), {static_cast<std::size_t>(x.size())});
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
