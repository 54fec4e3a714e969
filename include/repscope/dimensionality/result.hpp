#pragma once

#include "repscope/version.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Every measure of dimensionality of one layer. The arrays are for 90, 95 and 99 % of the variance.
struct dimensionality_result {
    double participation_ratio = 0;                  ///< (sum of eigenvalues)^2 / sum of their squares
    double participation_ratio_unbiased = 0;         ///< without the bias of small samples
    std::array<std::size_t, 3> components{};         ///< `component_count`
    std::array<double, 3> components_interpolated{}; ///< `component_count_interpolated`
    /// `component_count` over all units, silent ones included.
    std::array<double, 3> components_fraction{};
    double effective_rank_eigenvalues = 0;     ///< exp of the entropy of the eigenvalues
    double effective_rank_singular_values = 0; ///< exp of the entropy of the singular values
    double stable_rank = 0;                    ///< sum of eigenvalues / largest eigenvalue
    /// Whether the 95 % count is above a quarter of the samples, so that more samples would give a larger
    /// count.
    bool limited_by_samples = false;
    /// Eigenvalues of the covariance, descending.
    std::vector<double> spectrum;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
