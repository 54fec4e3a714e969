#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace repscope {
inline namespace v0 {

/// In what the products of a covariance are computed. `float64`: all in double. `float32`: the products of a
/// block of rows in float, twice as fast, and the blocks summed in double; differences to the pilot are made
/// in double before they are rounded.
enum class product_precision { float64, float32 };

/// Sums of products of centred rows, the smaller of two matrices with the same nonzero eigenvalues: the
/// scatter matrix (units, units), or the Gram matrix (samples, samples) when there are fewer samples.
struct centred_products {
    std::uint64_t samples = 0;
    std::size_t units = 0;
    /// Rows of the matrix, min(samples, units).
    std::size_t order = 0;
    /// Row-major (order, order); the lower triangle, j <= i, is filled.
    std::vector<double> lower;
    /// D = sum over samples of |x - mean|^4.
    double fourth = 0;
    /// Mean of every unit and, of a scatter matrix only, the sum over samples of |x - mean|^2 (x - mean).
    std::vector<double> mean, third;

    /// T: its trace, the sum of squared centred entries.
    [[nodiscard]] double trace() const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < order; ++i) sum += lower[i * order + i];
        return sum;
    }
    /// R: its squared Frobenius norm.
    [[nodiscard]] double frobenius2() const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < order; ++i) {
            double row = 0;
            for (std::size_t j = 0; j < i; ++j) row += lower[i * order + j] * lower[i * order + j];
            sum += 2 * row + lower[i * order + i] * lower[i * order + i];
        }
        return sum;
    }
};

} // namespace v0
} // namespace repscope
