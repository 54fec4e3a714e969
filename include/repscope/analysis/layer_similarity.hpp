#pragma once

#include "repscope/analysis/layer_accumulator.hpp"
#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/analysis/similarity_report.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/geometry/class_mean_rsa.hpp"
#include "repscope/geometry/linear_cka.hpp"
#include "repscope/geometry/procrustes.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/selectivity/activation_uniformity.hpp"
#include "repscope/tensor/slice.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// Gathers what the similarity of two layers needs beyond the states of their accumulators.
///
/// The rows are those of the accumulators, in the same order. The result has the same bits for any number of
/// threads, and for calls of any multiple of `layer_accumulator::rows_per_call` rows.
class layer_similarity {
  public:
    /// For two layers of `units` units, whose accumulators have the same `options`.
    layer_similarity(std::size_t units, const layer_accumulator_options& options)
        : measures_(detail::possible_measures(options)) {
        if (measures_.contains_any({measure::cka, measure::procrustes}))
            cross_.emplace(units, units, cross_covariance_options{.max_bytes = options.max_bytes});
    }

    /// Adds rows (samples, units) of both layers.
    ///
    /// Throws as `cross_covariance::update`. O(samples x units^2).
    void update(const tensor_view<const double, 2>& x, const tensor_view<const double, 2>& y,
                const thread_source& threads) {
        if (!cross_) return;
        const std::size_t call = layer_accumulator::rows_per_call(x.extent(1));
        for (std::size_t first = 0; first < x.extent(0); first += call) {
            const std::size_t count = (std::min)(call, x.extent(0) - first);
            cross_->update(samples(x, first, count), samples(y, first, count), {.threads = threads});
        }
    }

    /// The similarity, from the flushed states of both accumulators before `next_pass`.
    [[nodiscard]] similarity_report finish(const layer_accumulator& x, const layer_accumulator& y,
                                           const thread_source& threads) const {
        similarity_report report;
        if (cross_) {
            const scatter_matrix a = x.covariance().centered(), b = y.covariance().centered();
            if (measures_.contains(measure::cka)) report.cka = linear_cka(a, b, *cross_);
            if (measures_.contains(measure::procrustes))
                report.procrustes = procrustes_distance(a.trace(), b.trace(), *cross_, threads);
        }
        if (measures_.contains(measure::class_mean_rsa))
            report.class_mean_rsa = repscope::class_mean_rsa(x.sums(), y.sums());
        if (measures_.contains(measure::activation_uniformity)) {
            report.uniformity = activation_uniformity(x.active());
            report.perturbed_uniformity = activation_uniformity(y.active());
            double sum = 0;
            std::size_t count = 0;
            for (std::size_t c = 0; c < report.uniformity.size(); ++c) {
                const double change = report.perturbed_uniformity[c] - report.uniformity[c];
                if (std::isnan(change)) continue;
                sum += change;
                ++count;
            }
            if (count != 0) report.uniformity_change = sum / static_cast<double>(count);
        }
        return report;
    }

  private:
    measure_set measures_;
    std::optional<cross_covariance> cross_{};
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
