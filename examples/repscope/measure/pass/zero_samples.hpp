#pragma once

#include <algorithm>
#include <cstddef>

namespace program {

/// Returns whether all elements of a sample are 0. Ends at the first other element, so that it costs little.
template <typename Scalar>
bool is_zero_sample(const Scalar* sample, std::size_t elements) {
    return std::all_of(sample, sample + elements, [](Scalar v) { return v == Scalar(0); });
}

/// Number of samples, in a dense array (samples, elements), whose elements are all 0.
template <typename Scalar>
std::size_t count_zero_samples(const Scalar* values, std::size_t samples, std::size_t elements) {
    std::size_t count = 0;
    for (std::size_t k = 0; k < samples; ++k) {
        if (is_zero_sample(values + k * elements, elements)) ++count;
    }
    return count;
}

} // namespace program
