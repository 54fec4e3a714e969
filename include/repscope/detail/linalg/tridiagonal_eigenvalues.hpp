#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Eigenvalues of the symmetric matrix with the diagonal a, c and b beside it, the larger one in size first.
[[nodiscard]] inline std::pair<double, double> eigenvalues_of_two(double a, double b, double c) noexcept {
    const double sum = a + c, root = std::hypot(a - c, 2 * b);
    const double larger = sum < 0 ? (sum - root) / 2 : (sum + root) / 2;
    if (larger == 0) return {0.0, 0.0};
    // The product of both is a c - b^2; the larger of a and c is divided first.
    const double high = std::abs(a) > std::abs(c) ? a : c, low = std::abs(a) > std::abs(c) ? c : a;
    return {larger, (high / larger) * low - (b / larger) * b};
}

/// The QL algorithm without roots, on one unreduced part of a tridiagonal matrix.
class rational_ql {
  public:
    /// `square`: squares of the elements beside the diagonal, one fewer than those of the diagonal.
    rational_ql(double* diagonal, double* square, std::size_t size)
        : diagonal_(diagonal), square_(square), size_(size) {}

    /// Replaces the diagonal by the eigenvalues, in no order. Returns false if `sweeps`, which each sweep
    /// reduces by one, becomes 0.
    [[nodiscard]] bool run(std::size_t& sweeps) noexcept {
        std::size_t low = 0;
        while (low < size_) {
            std::size_t high = end_of_part(low);
            while (low <= high) {
                if (high == low) {
                    ++low;
                } else if (high == low + 1) {
                    const auto [first, second] =
                        eigenvalues_of_two(diagonal_[low], std::sqrt(square_[low]), diagonal_[high]);
                    diagonal_[low] = first;
                    diagonal_[high] = second;
                    low += 2;
                } else {
                    if (sweeps == 0) return false;
                    --sweeps;
                    high = sweep(low, high);
                    if (is_small(low)) ++low;
                }
            }
        }
        return true;
    }

  private:
    static constexpr double epsilon2 =
        std::numeric_limits<double>::epsilon() * std::numeric_limits<double>::epsilon() / 4;
    static constexpr double smallest = 1e-290, largest = 1e290;

    /// Whether the element beside diagonal elements i and i + 1 counts as 0.
    [[nodiscard]] bool is_small(std::size_t i) const noexcept {
        return square_[i] <= epsilon2 * std::abs(diagonal_[i] * diagonal_[i + 1]);
    }

    /// Last element of the part that begins at `low`.
    [[nodiscard]] std::size_t end_of_part(std::size_t low) const noexcept {
        std::size_t high = low;
        while (high + 1 < size_ && !is_small(high)) ++high;
        return high;
    }

    /// One sweep from `high` to `low`, with Wilkinson's shift. The sweep can divide the matrix: returns the
    /// first index above `low` whose off-diagonal element became small, or `high`.
    ///
    /// In Parlett's notation gamma = c pi and p = c pi^2. The pivots pi of the factors L D L^T do not depend
    /// on c, so two short chains of divisions advance beside each other.
    [[nodiscard]] std::size_t sweep(std::size_t low, std::size_t high) noexcept {
        double* const d = diagonal_;
        double* const e = square_;
        const double root = std::sqrt(e[low]);
        const double middle = (d[low + 1] - d[low]) / (2 * root);
        const double shift = d[low] - root / (middle + std::copysign(std::sqrt(middle * middle + 1), middle));
        std::size_t end = high;
        double c = 1, s = 0, gamma = d[high] - shift, pivot = gamma, p = gamma * gamma, above = 0;
        for (std::size_t i = high; i-- > low;) {
            const double b = e[i], r = p + b, delta = d[i] - shift;
            const double left = s * r; // element i + 1, unless i + 1 is the end
            const double c_before = c, gamma_before = gamma;
            c = p / r;
            s = b / r;
            if (p > smallest) [[likely]] {
                pivot = delta - b / pivot;
                gamma = c * pivot;
                p = gamma * pivot;
            } else {
                // The pivot is almost 0, and the next one almost infinite.
                gamma = c * delta - s * gamma;
                p = c > smallest ? gamma / c * gamma : c_before * b;
                pivot = c > smallest ? gamma / c : largest;
            }
            const double value = gamma_before + (d[i] - gamma);
            d[i + 1] = value;
            if (i + 1 != high) {
                e[i + 1] = left;
                if (left <= epsilon2 * std::abs(value * above)) end = i + 1;
            }
            above = value;
        }
        e[low] = s * p;
        d[low] = shift + gamma;
        return end;
    }

    double* diagonal_;
    double* square_;
    std::size_t size_;
};

/// Computes the eigenvalues, ascending, of the symmetric tridiagonal matrix with this diagonal and these
/// elements beside it, one fewer, all at most about 1 in size. Returns false if they do not converge.
///
/// Each has an error of a few roundings of the largest one. O(order^2). Source: the rational QL algorithm of
/// Pal, Walker and Kahan (Parlett 1980, section 8.15), as in LAPACK's dsterf.
[[nodiscard]] inline bool find_tridiagonal_eigenvalues(std::vector<double>& diagonal,
                                                       std::vector<double>& beside) {
    const std::size_t order = diagonal.size();
    std::size_t sweeps = 30 * order;
    for (std::size_t begin = 0; begin < order;) {
        std::size_t end = begin;
        constexpr double epsilon = std::numeric_limits<double>::epsilon() / 2;
        for (; end + 1 < order; ++end) {
            const double limit = std::sqrt(std::abs(diagonal[end])) * std::sqrt(std::abs(diagonal[end + 1]));
            if (std::abs(beside[end]) <= limit * epsilon) break;
        }
        for (std::size_t i = begin; i < end; ++i) beside[i] *= beside[i];
        // Convergence is fast at the end with the smaller element.
        const auto at = [](std::vector<double>& values, std::size_t i) {
            return values.begin() + static_cast<std::ptrdiff_t>(i);
        };
        if (std::abs(diagonal[end]) < std::abs(diagonal[begin])) {
            std::reverse(at(diagonal, begin), at(diagonal, end + 1));
            std::reverse(at(beside, begin), at(beside, end));
        }
        if (!rational_ql(diagonal.data() + begin, beside.data() + begin, end - begin + 1).run(sweeps))
            return false;
        begin = end + 1;
    }
    std::sort(diagonal.begin(), diagonal.end());
    return true;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
