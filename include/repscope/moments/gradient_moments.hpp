#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/shape.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Moments of gradient norms: the spread of the norm of the derivative of each unit with respect to the
/// input, over samples and, per sample, over units.
///
/// For each unit: count, mean and centered sums of the norm r and of r^2, and the number of zeros. For each
/// sample: sum_u r^2 / (sum_u r)^2, so that units that are dead at the end can be excluded from the spread
/// over units. 48 bytes per unit and 8 per sample. The result does not depend on threads; the division of
/// samples into calls and states changes it by 1e-12 at most.
class gradient_moments {
  public:
    /// For `units` units. `probes`: number of random directions per estimated norm; 0 means that the norms
    /// are exact. Throws `value_error` without units.
    explicit gradient_moments(std::size_t units, std::size_t probes = 0)
        : units_(units), probes_(probes), sums_(units), zeros_(units) {
        if (units == 0) errors::throw_value_error("gradient_moments", "expected at least 1 unit, got 0");
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Number of random probes; 0 for exact norms.
    [[nodiscard]] std::size_t probes() const noexcept { return probes_; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept { return ratios_.size(); }

    /// Adds samples: `norms` (samples, units) of float or double, 0 or above.
    ///
    /// Throws `shape_error` if the units do not fit. Throws `value_error` for a norm that is negative or not
    /// finite, with its sample and unit. After a throw the state is unchanged. O(elements).
    template <tensor_like Norms>
    void update(const Norms& norms) {
        const auto x = checked(norms);
        for (std::size_t i = 0; i < x.extent(0); ++i) {
            double sum = 0, squares = 0;
            for (std::size_t u = 0; u < units_; ++u) {
                const auto r = static_cast<double>(x(i, u));
                sum += r;
                squares += r * r;
            }
            add(x, i, sum > 0 ? squares / (sum * sum) : 0);
        }
    }

    /// The same for estimated norms. In addition it takes an unbiased estimate of the ratio sum_u r^2 /
    /// (sum_u r)^2 of each sample, and the variance of this estimate. The ratio is 0 for a sample without
    /// gradients and NaN without an estimate.
    template <tensor_like Norms>
    void update(const Norms& norms, std::span<const double> ratios, std::span<const double> variances) {
        const auto x = checked(norms);
        if (ratios.size() != x.extent(0) || variances.size() != x.extent(0)) {
            errors::throw_shape_error(name, "expected one ratio and one variance per sample, got " +
                                                errors::text_of(ratios.size()) + " and " +
                                                errors::text_of(variances.size()) + " for " +
                                                errors::text_of(x.extent(0)) + " samples");
        }
        for (const double variance : variances) ratio_variance_ += variance;
        for (std::size_t i = 0; i < x.extent(0); ++i) add(x, i, ratios[i]);
    }

    /// Mean norm of a unit over samples; 0 without samples.
    [[nodiscard]] double mean(std::size_t u) const noexcept { return sums_[u].mean; }
    /// Mean square of the norm of a unit; 0 without samples.
    [[nodiscard]] double mean_square(std::size_t u) const noexcept { return sums_[u].mean_square; }
    /// Sum of (r - mean)^2 over samples.
    [[nodiscard]] double m2(std::size_t u) const noexcept { return sums_[u].rr; }
    /// Sum of (r^2 - mean square)^2, and of its products with r - mean.
    [[nodiscard]] double square_m2(std::size_t u) const noexcept { return sums_[u].ss; }
    /// Sum of (r^2 - mean square) (r - mean).
    [[nodiscard]] double cross_m2(std::size_t u) const noexcept { return sums_[u].rs; }
    /// Number of samples for which the unit's gradient is exactly 0.
    [[nodiscard]] std::uint64_t zeros(std::size_t u) const noexcept { return zeros_[u]; }
    /// sum_u r^2 / (sum_u r)^2 of each sample, 0 if all gradients are 0.
    [[nodiscard]] std::span<const double> ratios() const noexcept { return ratios_; }
    /// Sum over samples of the estimated variance of the ratios; 0 for exact norms.
    [[nodiscard]] double ratio_variance() const noexcept { return ratio_variance_; }

    /// Adds the samples of another state, with the formulas of Chan, Golub and LeVeque 1983. Throws
    /// `shape_error` if the units differ, `value_error` if the probes do.
    void merge(const gradient_moments& other) {
        if (other.units_ != units_) {
            errors::throw_shape_error("gradient_moments::merge", "states of " + errors::text_of(units_) +
                                                                     " and " + errors::text_of(other.units_) +
                                                                     " units do not merge");
        }
        if (other.probes_ != probes_) {
            errors::throw_value_error("gradient_moments::merge",
                                      "states of " + errors::text_of(probes_) + " and " +
                                          errors::text_of(other.probes_) + " probes do not merge");
        }
        if (other.samples() == 0) return;
        const auto theirs = static_cast<double>(other.samples());
        const double all = static_cast<double>(samples()) + theirs;
        const double share = theirs / all, weight = static_cast<double>(samples()) * share;
        for (std::size_t u = 0; u < units_; ++u) {
            unit_sums& own = sums_[u];
            const unit_sums& added = other.sums_[u];
            const double r = added.mean - own.mean, s = added.mean_square - own.mean_square;
            own.mean += r * share;
            own.mean_square += s * share;
            own.rr += added.rr + r * r * weight;
            own.ss += added.ss + s * s * weight;
            own.rs += added.rs + r * s * weight;
            zeros_[u] += other.zeros_[u];
        }
        ratio_variance_ += other.ratio_variance_;
        const std::vector<double> copy = other.ratios_; // a state may be merged with itself
        ratios_.insert(ratios_.end(), copy.begin(), copy.end());
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(probes_);
        out.put<std::uint64_t>(ratios_.size());
        out.put(ratio_variance_);
        for (const unit_sums& own : sums_) {
            for (const double value : {own.mean, own.mean_square, own.rr, own.ss, own.rs}) out.put(value);
        }
        out.put_all(std::span<const std::uint64_t>(zeros_));
        out.put_all(std::span<const double>(ratios_));
    }
    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static gradient_moments load(byte_reader& in) {
        const auto units = in.get<std::uint64_t>();
        const auto probes = in.get<std::uint64_t>();
        const auto samples = in.get<std::uint64_t>();
        const auto ratio_variance = in.get<double>();
        // Checked before any allocation: there must be at least this many bytes after the header.
        in.need(element_count(std::array<std::size_t, 2>{units, 6 * sizeof(double)}));
        if (units == 0) throw format_error(in.name() + ": not a state of gradient moments");
        gradient_moments state(units, probes);
        state.ratio_variance_ = ratio_variance;
        for (unit_sums& own : state.sums_) {
            for (double* value : {&own.mean, &own.mean_square, &own.rr, &own.ss, &own.rs}) {
                *value = in.get<double>();
            }
        }
        in.get_all(std::span(state.zeros_));
        in.need(element_count(std::array<std::size_t, 2>{samples, sizeof(double)}));
        state.ratios_.resize(samples);
        in.get_all(std::span(state.ratios_));
        for (const std::uint64_t zeros : state.zeros_) {
            if (zeros > samples) throw format_error(in.name() + ": not a state of gradient moments");
        }
        return state;
    }

  private:
    static constexpr std::string_view name = "gradient_moments::update";

    struct unit_sums {
        double mean = 0, mean_square = 0;
        double rr = 0, ss = 0, rs = 0; // centered sums: of r, of r^2, of their product
    };

    template <tensor_like Norms>
    [[nodiscard]] auto checked(const Norms& norms) const {
        const auto x = as_view<2>(norms);
        if (x.extent(1) != units_) {
            errors::throw_shape_error(name, "expected (samples, " + errors::text_of(units_) + ")",
                                      x.extents());
        }
        for (std::size_t i = 0; i < x.extent(0); ++i) {
            for (std::size_t u = 0; u < units_; ++u) {
                const auto r = static_cast<double>(x(i, u));
                if (r >= 0 && detail::is_finite(r)) continue;
                errors::throw_value_error(
                    name, "expected finite norms of 0 or above, got " + errors::text_of(r) + " in sample " +
                              errors::text_of(samples() + i) + ", unit " + errors::text_of(u));
            }
        }
        return x;
    }

    /// Adds row i; the running form of Welford 1962.
    template <typename View>
    void add(const View& x, std::size_t i, double ratio) {
        ratios_.push_back(ratio);
        const double share = 1 / static_cast<double>(ratios_.size());
        for (std::size_t u = 0; u < units_; ++u) {
            const auto r = static_cast<double>(x(i, u));
            const double s = r * r;
            unit_sums& own = sums_[u];
            const double dr = r - own.mean, ds = s - own.mean_square;
            own.mean += dr * share;
            own.mean_square += ds * share;
            own.rr += dr * (r - own.mean);
            own.ss += ds * (s - own.mean_square);
            own.rs += dr * (s - own.mean_square);
            zeros_[u] += r == 0 ? 1 : 0;
        }
    }

    std::size_t units_;
    std::size_t probes_;
    std::vector<unit_sums> sums_;
    std::vector<std::uint64_t> zeros_;
    std::vector<double> ratios_;
    double ratio_variance_ = 0;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
