#pragma once

#include <repscope/tensor/unit_values.hpp>

#include <cstddef>

namespace program {

/// The value of each unit for each sample, the mean over its positions, from a dense array (samples, units,
/// positions), by the library's own sums; `rectified`, unless null, gets the mean of max(a, 0). Both are
/// (samples, units).
template <typename T>
void unit_values(const T* maps, std::size_t samples, std::size_t units, std::size_t positions, double* values,
                 double* rectified) {
    for (std::size_t i = 0; i < samples; ++i) {
        const T* sample = maps + i * units * positions;
        repscope::unit_values<false>(sample, units, positions, values + i * units);
        if (rectified != nullptr) {
            repscope::unit_values<true>(sample, units, positions, rectified + i * units);
        }
    }
}

} // namespace program
