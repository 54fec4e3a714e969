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
    power_law,            ///< `power_law_exponent` of the spectrum
    rankme,               ///< `rank_me` of the uncentered spectrum
    activation_frequency, ///< of every unit: share of samples with a value above 0
    class_purity,
    label_entropy,
    mono_score,
    d_prime,
    auc, ///< from a reservoir of samples, as the next two
    precision_at_k,
    mutual_information,
    gini,
    sparseness,       ///< over samples
    class_sparseness, ///< over class means
    two_nn,           ///< from a reservoir of samples, as the next three
    levina_bickel,
    correlation_dimension,
    local_pca,
    nc1, ///< tr(Sigma_W Sigma_B^+) / C
    nc1_trace,
    nc2,
    cdnv,
    within_participation_ratio,
    between_participation_ratio, ///< plain and corrected
    lidar,
    class_separation, ///< plain and corrected
    cka,              ///< of a layer and the same layer for perturbed inputs, as the next three
    procrustes,
    class_mean_rsa,
    activation_uniformity
};

/// A set of measures. A layer's states and evaluation depend on it: only the moments that its measures need
/// are accumulated.
class measure_set {
  public:
    constexpr measure_set() noexcept = default;
    /// The set of these measures.
    constexpr measure_set(std::initializer_list<measure> measures) noexcept {
        for (const measure each : measures) bits_ |= bit(each);
    }

    /// Whether the set has no measure.
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    /// Whether the measure is in the set.
    [[nodiscard]] constexpr bool contains(measure one) const noexcept { return (bits_ & bit(one)) != 0; }
    /// Whether the sets have a measure in common.
    [[nodiscard]] constexpr bool contains_any(measure_set others) const noexcept {
        return (bits_ & others.bits_) != 0;
    }
    /// Returns the measures that are not in `others`.
    [[nodiscard]] constexpr measure_set without(measure_set others) const noexcept {
        others.bits_ = bits_ & ~others.bits_;
        return others;
    }
    /// Adds a measure.
    constexpr void insert(measure one) noexcept { bits_ |= bit(one); }
    /// Returns the measures of both sets.
    [[nodiscard]] friend constexpr measure_set operator|(measure_set a, measure_set b) noexcept {
        a.bits_ |= b.bits_;
        return a;
    }
    /// Returns the measures that are in both sets.
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

/// Measures of the eigenvalues of the covariance. `measure::rankme` has eigenvalues of its own.
inline constexpr measure_set spectrum_measures{measure::components, measure::effective_rank,
                                               measure::stable_rank, measure::power_law};

/// Measures of the covariance.
inline constexpr measure_set covariance_measures =
    spectrum_measures | measure_set{measure::participation_ratio};

/// Measures of the dimensionality, which need the products of all pairs of units.
inline constexpr measure_set dimensionality_measures = covariance_measures | measure_set{measure::rankme};

/// Measures that need classes.
inline constexpr measure_set labeled_measures{measure::selectivity,
                                              measure::class_purity,
                                              measure::label_entropy,
                                              measure::mono_score,
                                              measure::d_prime,
                                              measure::auc,
                                              measure::precision_at_k,
                                              measure::mutual_information,
                                              measure::gini,
                                              measure::class_sparseness,
                                              measure::nc1,
                                              measure::nc1_trace,
                                              measure::nc2,
                                              measure::cdnv,
                                              measure::within_participation_ratio,
                                              measure::between_participation_ratio,
                                              measure::lidar,
                                              measure::class_separation,
                                              measure::class_mean_rsa,
                                              measure::activation_uniformity};

/// Measures of every unit other than its selectivity.
inline constexpr measure_set unit_measures{measure::activation_frequency,
                                           measure::class_purity,
                                           measure::label_entropy,
                                           measure::mono_score,
                                           measure::d_prime,
                                           measure::auc,
                                           measure::precision_at_k,
                                           measure::mutual_information,
                                           measure::gini,
                                           measure::sparseness,
                                           measure::class_sparseness};

/// Measures of every unit that need samples.
inline constexpr measure_set sampled_unit_measures{measure::auc, measure::precision_at_k,
                                                   measure::mutual_information};

/// Measures of intrinsic dimension by the neighbors of samples.
inline constexpr measure_set neighbor_measures{measure::two_nn, measure::levina_bickel,
                                               measure::correlation_dimension, measure::local_pca};

/// Measures of the geometry of classes that need the scatter within classes.
inline constexpr measure_set class_scatter_measures{measure::nc1, measure::within_participation_ratio,
                                                    measure::between_participation_ratio, measure::lidar};

/// Measures of the geometry of classes that need class moments of the values.
inline constexpr measure_set geometry_class_measures =
    class_scatter_measures | measure_set{measure::nc1_trace, measure::nc2, measure::cdnv};

/// Measures of the geometry of classes.
inline constexpr measure_set geometry_measures =
    geometry_class_measures | measure_set{measure::class_separation};

/// Measures of the similarity of two layers for the same inputs, of `layer_similarity`.
inline constexpr measure_set similarity_measures{measure::cka, measure::procrustes, measure::class_mean_rsa,
                                                 measure::activation_uniformity};

/// Measures that a layer has unless others are chosen.
inline constexpr measure_set default_measures{measure::selectivity, measure::participation_ratio,
                                              measure::components, measure::effective_rank,
                                              measure::stable_rank};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
