#pragma once

#include "repscope/version.hpp"

#include <concepts>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The possible elements of a tensor: an arithmetic type, or a small class that represents a real number
/// (`Eigen::half`, `Eigen::bfloat16`), trivially copyable and explicitly convertible to `float`. Complex
/// numbers, strings and containers are not allowed.
template <typename T>
concept real_scalar = std::is_arithmetic_v<T> ||
    (std::is_class_v<T>&& std::is_trivially_copyable_v<T>&& requires(const T& value) {
        static_cast<float>(value);
    });

/// The possible types of a label: any integer type except `bool`.
template <typename T>
concept label_scalar = std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool>;

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
