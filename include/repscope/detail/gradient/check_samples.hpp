#pragma once

#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/tensor/layout.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Throws `value_error` that names the first sample with an element that is NaN or infinite: a ReLU would map
/// a NaN to 0, and later layers could not detect it.
template <typename Scalar>
void check_finite_samples(std::string_view function, const activations_view<Scalar>& x) {
    for (std::size_t n = 0; n < x.extent(0); ++n) {
        for (std::size_t c = 0; c < x.extent(1); ++c) {
            for (std::size_t y = 0; y < x.extent(2); ++y) {
                for (std::size_t column = 0; column < x.extent(3); ++column) {
                    if (is_finite(x(n, c, y, column))) continue;
                    errors::throw_value_error(function,
                                              "expected finite images, got NaN or infinity in sample " +
                                                  errors::text_of(n));
                }
            }
        }
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
