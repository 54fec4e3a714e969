#pragma once

#include "repscope/random/portable_math.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Poisson draws for every byte of an image: the distribution functions of the means byte / 255 x photons,
/// inverted by a lookup in a coarse table and a step or two.
class poisson_table {
  public:
    explicit poisson_table(double photons) : photons_(photons) {
        std::vector<double> weights;
        const double widest = 20.0 * std::sqrt(photons) + 40.0;
        weights.reserve(static_cast<std::size_t>(widest));
        cumulative_.reserve(levels / 2 * static_cast<std::size_t>(widest));
        for (std::size_t level = 0; level < levels; ++level) append(mean_of(level), weights);
        start_[levels] = cumulative_.size();
    }

    /// The number of events at which the distribution function of the level reaches `u`, a number in (0, 1).
    [[nodiscard]] double draw(std::size_t level, double u) const noexcept {
        const double* reached = cumulative_.data() + start_[level];
        std::size_t k = guide_[level * buckets + static_cast<std::size_t>(u * static_cast<double>(buckets))];
        while (reached[k] < u) ++k;
        return first_[level] + static_cast<double>(k);
    }

    /// The same for any intensity: the events of the level below it, plus those of the remaining intensity.
    [[nodiscard]] double draw(float intensity, double u, double v) const noexcept {
        const double x = static_cast<double>(intensity);
        const auto level = static_cast<std::size_t>(x * 255.0 + 1e-4);
        const double rest = (x - static_cast<double>(level) / 255.0) * photons_;
        double count = draw(level, u);
        // A byte's intensity in single precision is within 1e-7 of the level.
        if (rest > 1e-6 * photons_) {
            double probability = portable::exp(-rest);
            for (double k = 1.0; v > probability && k < 100.0; k += 1.0) {
                v -= probability;
                probability *= rest / k;
                count += 1.0;
            }
        }
        return count;
    }

  private:
    static constexpr std::size_t levels = 256;
    static constexpr std::size_t buckets = 64;

    [[nodiscard]] double mean_of(std::size_t level) const noexcept {
        return static_cast<double>(level) / 255.0 * photons_;
    }

    /// Probabilities relative to that of the mode, as far as they matter, so that no mean is too large.
    void append(double mean, std::vector<double>& weights) {
        constexpr double negligible = 1e-17;
        const double mode = std::floor(mean);
        weights.clear();
        double weight = 1.0;
        double first = mode;
        while (first > 0.0 && weight > negligible) {
            weight *= first / mean;
            first -= 1.0;
            weights.push_back(weight);
        }
        std::reverse(weights.begin(), weights.end());
        weights.push_back(1.0);
        weight = 1.0;
        for (double k = mode + 1.0; mean > 0.0 && weight > negligible; k += 1.0) {
            weight *= mean / k;
            weights.push_back(weight);
        }
        double sum = 0.0;
        for (const double w : weights) sum += w;
        const std::size_t level = start_count_++;
        start_[level] = cumulative_.size();
        first_[level] = first;
        const double scale = 1.0 / sum;
        double reached = 0.0;
        for (const double w : weights) {
            reached += w;
            cumulative_.push_back(reached * scale);
        }
        cumulative_.back() = 1.0; // without the rounding error of the sum
        std::size_t k = 0;
        for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
            const double edge = static_cast<double>(bucket) / static_cast<double>(buckets);
            while (cumulative_[start_[level] + k] < edge) ++k;
            guide_[level * buckets + bucket] = static_cast<std::uint32_t>(k);
        }
    }

    double photons_;
    std::size_t start_count_ = 0;
    std::array<std::size_t, levels + 1> start_{};
    std::array<double, levels> first_{};
    std::array<std::uint32_t, levels * buckets> guide_{};
    std::vector<double> cumulative_;
};

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
