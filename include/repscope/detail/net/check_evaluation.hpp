#pragma once

#include "repscope/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// Throws `shape_error` if the number of labels, losses or predictions is not that of the samples; no losses
/// and no predictions are permitted.
inline void check_lengths(std::string_view function, std::size_t samples, std::size_t labels,
                          std::size_t losses, std::size_t predicted) {
    for (const std::size_t length :
         {labels, losses == 0 ? samples : losses, predicted == 0 ? samples : predicted}) {
        if (length == samples) continue;
        errors::throw_shape_error(function, "expected " + errors::text_of(samples) +
                                                " labels, losses and predictions, got " +
                                                errors::text_of(length));
    }
}

/// Throws `value_error` for a label outside the classes, with its position among all samples of a call.
inline void check_labels(std::string_view function, std::span<const int> labels, std::size_t classes) {
    for (std::size_t n = 0; n < labels.size(); ++n) {
        if (labels[n] >= 0 && static_cast<std::size_t>(labels[n]) < classes) continue;
        errors::throw_value_error(function, "expected labels from 0 to " + errors::text_of(classes - 1) +
                                                ", got " + errors::text_of(labels[n]) + " at position " +
                                                errors::text_of(n));
    }
}

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
