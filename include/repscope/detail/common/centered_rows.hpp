#pragma once

#include "repscope/version.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Mean of `rows`, each of `units` values, minus the first of them: a large offset costs no digits. Zeros
/// without rows.
[[nodiscard]] inline std::vector<double> mean_about_first(std::span<const double> rows, std::size_t units) {
    std::vector<double> mean(units);
    if (rows.empty()) return mean;
    for (std::size_t i = units; i < rows.size(); ++i) mean[i % units] += rows[i] - rows[i % units];
    for (double& m : mean) m /= static_cast<double>(rows.size() / units);
    return mean;
}

/// The rows relative to their mean; the mean itself would be rounded at the size of an offset.
[[nodiscard]] inline std::vector<double> centered_rows(std::span<const double> rows, std::size_t units) {
    const std::vector<double> mean = mean_about_first(rows, units);
    std::vector<double> result(rows.size());
    for (std::size_t i = 0; i < rows.size(); i += units) {
        for (std::size_t u = 0; u < units; ++u) result[i + u] = (rows[i + u] - rows[u]) - mean[u];
    }
    return result;
}

/// Replaces a row by its difference to the pilot; returns its squared length.
[[nodiscard]] inline double subtract(double* row, const double* pilot, std::size_t units) noexcept {
    double partial[8] = {};
    std::size_t u = 0;
    for (; u + 8 <= units; u += 8) {
        for (std::size_t k = 0; k < 8; ++k) {
            row[u + k] -= pilot[u + k];
            partial[k] += row[u + k] * row[u + k];
        }
    }
    for (; u < units; ++u) {
        row[u] -= pilot[u];
        partial[0] += row[u] * row[u];
    }
    return ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
           ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
