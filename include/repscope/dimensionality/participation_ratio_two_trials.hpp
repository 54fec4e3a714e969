#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/linalg/products.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The participation ratio of the common part of two noisy passes over the same samples.
///
/// For networks with internal noise: dropout, augmentation, injected noise. `first` and `second`: activations
/// of the same samples in the same order; the noise of the two is independent of each other and of the
/// sample. With X, Y the centered rows, H = X Y^T, T = tr H, R = sum H_ij H_ji, F = sum H_ij^2, D = sum
/// H_ii^2 and (n)_k = n (n - 1) ... (n - k + 1),
///
///     A = (T^2 - D) / (n)_2 + 2 (T^2 - 2 D) / (n)_3 + (T^2 + F + R - 6 D) / (n)_4
///     B = (R - D) / (n)_2 + 2 (R - 2 D) / (n)_3 + (T^2 + F + R - 6 D) / (n)_4
///
/// are unbiased for (tr Sigma)^2 and tr Sigma^2 of the signal with an unknown mean; for first = second the
/// result is `participation_ratio_unbiased`. NaN below 4 samples and if B is negative or 0 up to the rounding
/// of its sums; never clamped. Throws `shape_error` when the two differ, and as `participation_ratio` does.
/// O(samples x units x min(samples, units)); both passes are held in double.
template <tensor_like First, tensor_like Second>
[[nodiscard]] double participation_ratio_two_trials(const First& first, const Second& second,
                                                    const update_options& options = {}) {
    constexpr const char* name = "participation_ratio_two_trials";
    const auto a = as_activations(first, options.axes, name);
    const auto b = as_activations(second, options.axes, name);
    if (a.extent(0) != b.extent(0) || a.extent(1) != b.extent(1)) {
        errors::throw_shape_error(name, "expected two passes of " + format_shape(a.extents()), b.extents());
    }
    if (a.extent(0) < 2 || a.empty() || b.empty()) {
        errors::throw_shape_error(name, "expected at least 2 samples and 1 unit", a.extents());
    }
    const std::size_t samples = a.extent(0);
    const std::size_t units = a.extent(1);
    const scoped_pool pool(options.threads);
    const auto centered = [&](const auto& view) {
        std::vector<double> rows = detail::unit_rows(name, view, *pool);
        std::vector<double> mean(units);
        for (std::size_t i = 0; i < rows.size(); ++i) mean[i % units] += rows[i] - rows[i % units];
        const std::vector<double> about(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(units));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::size_t u = i % units;
            rows[i] = (rows[i] - about[u]) - mean[u] / static_cast<double>(samples);
        }
        // Scaled by a power of two, since fourth powers overflow and underflow early.
        double largest = 0;
        for (const double value : rows) largest = (std::max)(largest, std::abs(value));
        if (largest > 0) {
            const double scale = std::ldexp(1.0, -std::clamp(std::ilogb(largest), -1000, 1000));
            for (double& value : rows) value *= scale;
        }
        return rows;
    };
    const std::vector<double> x = centered(a);
    const std::vector<double> y = centered(b);
    double t = 0;
    double r = 0;
    double f = 0;
    double d = 0;
    double square = 0; // of the norm of H, or of M
    double of_x = 0;   // squared norms of X and Y
    double of_y = 0;
    for (const double value : x) of_x += value * value;
    for (const double value : y) of_y += value * value;
    for (std::size_t i = 0; i < samples; ++i) {
        double h = 0;
        for (std::size_t u = 0; u < units; ++u) h += x[i * units + u] * y[i * units + u];
        t += h;
        d += h * h;
    }
    // The same sums from the smaller of two matrices: H, or M = X^T Y. R = sum M_uv M_vu for both, but F is
    // then the product of the two scatter matrices.
    const bool thin = samples <= units;
    const std::size_t order = (std::min)(samples, units);
    const auto product = [&](const std::vector<double>& left, const std::vector<double>& right) {
        std::vector<double> result(order * order);
        constexpr std::size_t strip = 64;
        pool->for_each(block_count(order, strip), [&](std::size_t task) {
            const std::size_t row = task * strip;
            const std::size_t height = (std::min)(strip, order - row);
            if (thin) {
                eigen_products::gemm<factor::as_is, factor::transposed>(
                    height, order, units, 1.0, left.data() + row * units, units, right.data(), units, 0.0,
                    result.data() + row * order, order);
            } else {
                eigen_products::gemm<factor::transposed, factor::as_is>(
                    height, order, samples, 1.0, left.data() + row, units, right.data(), units, 0.0,
                    result.data() + row * order, order);
            }
        });
        return result;
    };
    const std::vector<double> h = product(x, y);
    for (std::size_t i = 0; i < order; ++i) {
        for (std::size_t j = 0; j < order; ++j) {
            r += h[i * order + j] * h[j * order + i];
            square += h[i * order + j] * h[i * order + j];
        }
    }
    if (thin) {
        f = square;
    } else {
        const std::vector<double> of_first = product(x, x);
        const std::vector<double> of_second = product(y, y);
        for (std::size_t i = 0; i < of_first.size(); ++i) f += of_first[i] * of_second[i];
    }
    const auto n = static_cast<double>(samples);
    if (samples < 4) return std::numeric_limits<double>::quiet_NaN();
    const double pairs = n * (n - 1);
    const double triples = pairs * (n - 2);
    const double shared = (t * t + f + r - 6 * d) / (triples * (n - 3));
    const double above = (t * t - d) / pairs + 2 * (t * t - 2 * d) / triples + shared;
    const double below = (r - d) / pairs + 2 * (r - 2 * d) / triples + shared;
    // The errors of H and M are at most rounding |X| |Y| in the Frobenius norm: those of R and D are at most
    // 2 rounding |X| |Y| times |H| (or |M|) and sqrt(D), those of T^2 and F at most 2 rounding |X|^2 |Y|^2.
    const double rounding =
        static_cast<double>((std::max)(samples, units) + 8) * std::numeric_limits<double>::epsilon();
    const double both = std::sqrt(of_x) * std::sqrt(of_y);
    const double of_r = 2 * rounding * both * std::sqrt(square);
    const double of_d = 2 * rounding * both * std::sqrt(d);
    const double error = (of_r + of_d) / pairs + 2 * (of_r + 2 * of_d) / triples +
                         (4 * rounding * both * both + of_r + 6 * of_d) / (triples * (n - 3));
    return below > error ? above / below : std::numeric_limits<double>::quiet_NaN();
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
