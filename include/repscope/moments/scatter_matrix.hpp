#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The precision of the products of a covariance. `float64`: all in double. `float32`: the products of a
/// block of rows in float, twice as fast, with sums over blocks in double. Differences to the pilot are
/// computed in double before they are rounded.
enum class product_precision { float64, float32 };

/// Sums of products of centered rows, in the smaller of two matrices with the same nonzero eigenvalues: the
/// scatter matrix (units, units), or the Gram matrix (samples, samples) for fewer samples.
struct scatter_matrix {
    std::uint64_t samples = 0; ///< number of samples
    std::size_t units = 0;     ///< number of units
    /// Number of rows of the matrix, min(samples, units).
    std::size_t order = 0;
    /// Row-major (order, order); the lower triangle, j <= i, is filled.
    std::vector<double> lower;
    /// D = sum over samples of |x - mean|^4.
    double fourth = 0;
    /// Bound on the rounding of the matrix: the Frobenius norm of its error is at most this number times its
    /// trace.
    double rounding = std::numeric_limits<double>::epsilon();
    /// Mean of every unit and, of a scatter matrix only, the sum over samples of |x - mean|^2 (x - mean).
    std::vector<double> mean, third;

    /// T: its trace, the sum of squared centered entries.
    [[nodiscard]] double trace() const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < order; ++i) sum += lower[i * order + i];
        return sum;
    }
    /// R: its squared Frobenius norm, or that of the matrix times `scale`.
    [[nodiscard]] double frobenius2(double scale = 1) const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < order; ++i) {
            double row = 0;
            for (std::size_t j = 0; j < i; ++j) {
                const double entry = scale * lower[i * order + j];
                row += entry * entry;
            }
            const double last = scale * lower[i * order + i];
            sum += 2 * row + last * last;
        }
        return sum;
    }
    /// An even power of two that brings the trace near 1, so that squares of entries neither overflow nor
    /// underflow. It changes no bit of a ratio. 1 without variance.
    [[nodiscard]] double unit_scale() const noexcept {
        const double t = trace();
        if (!(t > 0 && t <= (std::numeric_limits<double>::max)())) return 1;
        return std::ldexp(1.0, -2 * (std::clamp(std::ilogb(t), -1000, 1000) / 2));
    }
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
