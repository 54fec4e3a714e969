#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/as_view.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Throws with position and value of the first label outside 0 .. classes - 1.
template <label_scalar Label>
void check_labels(std::string_view function, const tensor_view<const Label, 1>& labels, std::size_t samples,
                  std::size_t classes) {
    if (labels.extent(0) != samples) {
        errors::throw_shape_error(function, "expected one label per sample, got " +
                                                errors::text_of(labels.extent(0)) + " labels for " +
                                                errors::text_of(samples) + " samples");
    }
    for (std::size_t i = 0; i < samples; ++i) {
        const Label label = labels(i);
        bool negative = false;
        if constexpr (std::is_signed_v<Label>) negative = label < 0;
        if (negative || static_cast<std::make_unsigned_t<Label>>(label) >= classes) {
            errors::throw_value_error(function, "expected labels in 0 .. " + errors::text_of(classes - 1) +
                                                    ", got " + errors::text_of(label) + " at position " +
                                                    errors::text_of(i));
        }
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
