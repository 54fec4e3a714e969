#pragma once

#include "repscope/version.hpp"

#include <cstdint>
#include <initializer_list>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// A measure of a layer, or several that one function computes.
enum class measure : std::uint8_t {
    selectivity,         ///< `class_selectivity` with its mean under shuffled labels
    participation_ratio, ///< plain and unbiased; no eigenvalues are computed
    components,          ///< components that hold 90, 95 and 99 % of the variance
    effective_rank,      ///< of eigenvalues and of singular values
    stable_rank,
    power_law ///< `power_law_exponent` of the spectrum
};

/// A set of measures. A layer's states and evaluation depend on it: what no measure of the set needs is
/// neither accumulated nor computed.
class measure_set {
  public:
    constexpr measure_set() noexcept = default;
    constexpr measure_set(std::initializer_list<measure> measures) noexcept {
        for (const measure each : measures) bits_ |= bit(each);
    }

    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr bool contains(measure one) const noexcept { return (bits_ & bit(one)) != 0; }
    /// Whether the sets have a measure in common.
    [[nodiscard]] constexpr bool contains_any(measure_set others) const noexcept {
        return (bits_ & others.bits_) != 0;
    }
    constexpr void insert(measure one) noexcept { bits_ |= bit(one); }
    [[nodiscard]] friend constexpr measure_set operator|(measure_set a, measure_set b) noexcept {
        a.bits_ |= b.bits_;
        return a;
    }
    [[nodiscard]] friend constexpr measure_set operator&(measure_set a, measure_set b) noexcept {
        a.bits_ &= b.bits_;
        return a;
    }
    [[nodiscard]] friend constexpr bool operator==(measure_set, measure_set) noexcept = default;

  private:
    [[nodiscard]] static constexpr std::uint64_t bit(measure one) noexcept {
        return std::uint64_t{1} << static_cast<unsigned>(one);
    }

    std::uint64_t bits_ = 0;
};

/// Measures of the eigenvalues of the covariance.
inline constexpr measure_set spectrum_measures{measure::components, measure::effective_rank,
                                               measure::stable_rank, measure::power_law};

/// Measures of the covariance, which need the products of all pairs of units.
inline constexpr measure_set dimensionality_measures =
    spectrum_measures | measure_set{measure::participation_ratio};

/// Measures that a layer has unless others are chosen.
inline constexpr measure_set default_measures{measure::selectivity, measure::participation_ratio,
                                              measure::components, measure::effective_rank,
                                              measure::stable_rank};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
