#pragma once

#include "repscope/moments/value_histogram.hpp"
#include "repscope/statistics/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// log of the number of ways to choose `chosen` of `samples`.
[[nodiscard]] inline double log_choose(double samples, double chosen) noexcept {
    return log_gamma(samples + 1) - log_gamma(chosen + 1) - log_gamma(samples - chosen + 1);
}

/// The distribution of the sum of `m` random values, without replacement, of a unit.
class subset_sum {
  public:
    /// `values`: at least two different ones.
    explicit subset_sum(const value_distribution& values) : values_(values) {
        for (std::size_t i = 0; i < values_.value.size(); ++i) {
            samples_ += values_.count[i];
            mean_ += values_.count[i] * values_.value[i];
        }
        mean_ /= samples_;
        for (std::size_t i = 0; i < values_.value.size(); ++i) {
            const double d = values_.value[i] - mean_;
            variance_ += values_.count[i] * d * d;
        }
        variance_ /= samples_;
        const double sd = std::sqrt(variance_);
        lowest_ = *std::min_element(values_.value.begin(), values_.value.end());
        for (double& value : values_.value) value = (value - mean_) / sd;
        for (double& width : values_.width) width /= sd;
    }

    /// The probability of a sum of at least `sum`; `m` is below the number of values.
    ///
    /// The saddlepoint approximation for a sum of independent choices, conditioned on their number. Lugannani
    /// and Rice's formula converts it to a probability (Skovgaard 1987; for samples of a finite population
    /// Robinson 1982). A value that contributes a large part of the variance at the saddlepoint makes the
    /// distribution bimodal. The probability is then a mixture of the cases with and without that value, up
    /// to `max_parts` parts in all. So sums of a few values are counted exactly. A probability above
    /// `precise_below` is not split. The values are middles of bins. The sum is lowered by two standard
    /// deviations of the resulting error, so that the choice that gave it counts as reaching it.
    [[nodiscard]] double upper_tail(double m, double sum, double precise_below = 1) const {
        population all{values_.count, samples_, m, (sum - m * mean_) / std::sqrt(variance_)};
        // All values above 0 are chosen: the sum is that of all values, which is exact.
        const bool complete = lowest_ >= 0 && sum >= samples_ * mean_ * (1 - 1e-9);
        if (complete) return std::exp(log_probability_of_largest(all));
        all.sum -= 2 * rounding(all);
        std::size_t parts = 1;
        const double whole = tail(all, parts);
        if (whole > precise_below) return whole;
        parts = max_parts;
        return tail(all, parts);
    }

  private:
    // The remaining choice: the counts of each value, their total, the number to choose, and the required sum
    // of standardized values.
    struct population {
        std::vector<double> count;
        double samples, chosen, sum;
    };

    // Each value is chosen with odds share / (1 - share) exp(eta + theta value); these are the sums over all
    // values.
    struct point {
        double theta = 0, eta = 0;
        double cumulant = 0;                        ///< log of the mean of exp(theta sum + eta chosen)
        double chosen = 0, first = 0;               ///< means of the number chosen and of their sum
        double counted = 0, mixed = 0, squared = 0; ///< their covariance

        [[nodiscard]] double objective(double t, double m) const noexcept {
            return theta * t + eta * m - cumulant;
        }
        [[nodiscard]] double determinant() const noexcept { return counted * squared - mixed * mixed; }
    };

    [[nodiscard]] point point_of(const population& left, double theta, double eta) const {
        const double share = left.chosen / left.samples;
        const double log_odds = std::log(share / (1 - share));
        point p;
        p.theta = theta;
        p.eta = eta;
        for (std::size_t i = 0; i < values_.value.size(); ++i) {
            const double y = values_.value[i];
            const double a = log_odds + eta + theta * y;
            // log(1 + e^a) and e^a / (1 + e^a) without overflow.
            const double e = std::exp(-std::abs(a));
            const double probability = a > 0 ? 1 / (1 + e) : e / (1 + e);
            p.cumulant += left.count[i] * ((a > 0 ? a : 0) + std::log1p(e));
            const double chosen = left.count[i] * probability;
            const double spread = left.count[i] * e / ((1 + e) * (1 + e));
            p.chosen += chosen;
            p.first += chosen * y;
            p.counted += spread;
            p.mixed += spread * y;
            p.squared += spread * y * y;
        }
        p.cumulant += left.samples * std::log(1 - share);
        return p;
    }

    // The saddlepoint: Newton's method on the concave objective. Whether it converged.
    [[nodiscard]] bool solve(const population& left, double binomial, point& at) const {
        constexpr int max_steps = 60, max_halvings = 30;
        const double precise = 1e-7 * std::sqrt(binomial), coarse = 1e-3 * std::sqrt(binomial);
        for (int step = 0; step < max_steps; ++step) {
            const double g1 = left.sum - at.first, g2 = left.chosen - at.chosen;
            const double off = (std::max)(std::abs(g1), std::abs(g2));
            if (off <= precise) return true;
            const double determinant = at.determinant();
            if (!(determinant > 1e-250)) return false;
            const double d1 = (at.counted * g1 - at.mixed * g2) / determinant;
            const double d2 = (at.squared * g2 - at.mixed * g1) / determinant;
            const double reached = at.objective(left.sum, left.chosen);
            double length = 1;
            bool better = false;
            for (int halving = 0; halving < max_halvings && !better; ++halving, length /= 2) {
                const point next = point_of(left, at.theta + length * d1, at.eta + length * d2);
                better = next.objective(left.sum, left.chosen) >= reached;
                if (better) at = next;
            }
            if (!better) return off <= coarse;
        }
        return false;
    }

    // The standard deviation of the error of a sum near that of `left`: each value has an error of up to half
    // the width of its bin.
    [[nodiscard]] double rounding(const population& left) const {
        point at = point_of(left, 0, 0);
        const double share = left.chosen / left.samples;
        (void)solve(left, left.samples * share * (1 - share), at);
        double squares = 0;
        for (std::size_t i = 0; i < values_.value.size(); ++i) {
            const double a = std::log(share / (1 - share)) + at.eta + at.theta * values_.value[i];
            const double chosen = a > 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
            squares += left.count[i] * chosen * values_.width[i] * values_.width[i] / 12;
        }
        return std::sqrt(squares);
    }

    [[nodiscard]] double tail(population& left, std::size_t& parts) const {
        const double tolerance = 1e-9 * (std::abs(left.sum) + 1);
        const double largest = extreme_sum(left, true), smallest = extreme_sum(left, false);
        if (left.sum > largest + tolerance) return 0;
        if (left.sum <= smallest + tolerance) return 1;
        const double log_largest = log_probability_of_largest(left);
        if (left.sum >= largest - tolerance) return std::exp(log_largest);
        const double share = left.chosen / left.samples;
        const double binomial = left.samples * share * (1 - share);
        point at = point_of(left, 0, 0);
        const bool solved = solve(left, binomial, at);
        const std::size_t dominant = parts > 1 ? dominant_value(left, at) : values_.value.size();
        if (dominant < values_.value.size()) {
            --parts;
            const double y = values_.value[dominant];
            left.count[dominant] -= 1;
            left.samples -= 1;
            const double without = tail(left, parts);
            left.chosen -= 1;
            left.sum -= y;
            const double with = tail(left, parts);
            left.count[dominant] += 1;
            left.samples += 1;
            left.chosen += 1;
            left.sum += y;
            return share * with + (1 - share) * without;
        }
        const double reached = at.objective(left.sum, left.chosen);
        const double least = std::exp(log_largest);
        // Chernoff's bound, which holds at any point with theta >= 0.
        const double bound =
            at.theta > 0 ? std::exp((std::min)(0.0, -reached - log_probability_of_count(left))) : 1.0;
        if (!solved) return (std::max)(bound, least);
        const double w = std::copysign(std::sqrt((std::max)(0.0, 2 * reached)), at.theta);
        if (std::abs(w) < 1e-3) return 0.5;
        const double v = at.theta * std::sqrt(at.determinant() / binomial);
        constexpr double root_two_pi = 2.5066282746310002;
        const double probability = normal_cdf(-w) + std::exp(-w * w / 2) / root_two_pi * (1 / v - 1 / w);
        return std::clamp(probability, least, (std::max)(least, bound));
    }

    // The value with the largest contribution of a single sample to the variance at the saddlepoint, if that
    // is a large part of it.
    [[nodiscard]] std::size_t dominant_value(const population& left, const point& at) const {
        constexpr double large = 0.12;
        const double share = left.chosen / left.samples;
        const double log_odds = std::log(share / (1 - share));
        const double slope = at.mixed / at.counted;
        const double variance = at.determinant() / at.counted;
        std::size_t dominant = values_.value.size();
        double most = large * variance;
        for (std::size_t i = 0; i < values_.value.size(); ++i) {
            if (left.count[i] == 0) continue;
            const double y = values_.value[i];
            const double e = std::exp(-std::abs(log_odds + at.eta + at.theta * y));
            const double part = e / ((1 + e) * (1 + e)) * (y - slope) * (y - slope);
            if (part > most) {
                most = part;
                dominant = i;
            }
        }
        return dominant;
    }

    // The log probability that independent choices have the required number.
    [[nodiscard]] static double log_probability_of_count(const population& left) noexcept {
        const double share = left.chosen / left.samples;
        return log_choose(left.samples, left.chosen) + left.chosen * std::log(share) +
               (left.samples - left.chosen) * std::log(1 - share);
    }

    [[nodiscard]] double extreme_sum(const population& left, bool largest) const noexcept {
        double sum = 0, remaining = left.chosen;
        const std::size_t size = values_.value.size();
        for (std::size_t k = 0; k < size && remaining > 0; ++k) {
            const std::size_t i = largest ? size - 1 - k : k;
            const double taken = (std::min)(remaining, left.count[i]);
            sum += taken * values_.value[i];
            remaining -= taken;
        }
        return sum;
    }

    [[nodiscard]] double log_probability_of_largest(const population& left) const noexcept {
        double ways = 0, remaining = left.chosen;
        for (std::size_t i = values_.value.size(); i-- > 0 && remaining > 0;) {
            const double taken = (std::min)(remaining, left.count[i]);
            ways = log_choose(left.count[i], taken);
            remaining -= taken;
        }
        return ways - log_choose(left.samples, left.chosen);
    }

    static constexpr std::size_t max_parts = 128;

    value_distribution values_;
    double samples_ = 0, mean_ = 0, variance_ = 0, lowest_ = 0;
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
