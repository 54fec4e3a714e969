#pragma once

#include "repscope/analysis/layer_accumulator.hpp"
#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/analysis/similarity_report.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/detail/analysis/similarity_blocks.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/tensor/slice.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// Gathers what the similarity of two layers needs beyond the states of their accumulators.
///
/// The rows are those of the accumulators, in the same order. The result has the same bits for any number of
/// threads, and for calls of any multiple of `layer_accumulator::rows_per_call` rows. With
/// `options.inference` the measures have intervals by `block_jackknife` if the moments of 20 blocks of
/// samples fit into `options.max_bytes_with_blocks`.
class layer_similarity {
  public:
    /// For two layers of `units` units, whose accumulators have the same `options`.
    layer_similarity(std::size_t units, const layer_accumulator_options& options)
        : measures_(detail::possible_measures(options) & similarity_measures), units_(units),
          options_(options) {
        if (measures_.contains_any(pair_measures))
            cross_.emplace(units, units, cross_covariance_options{.max_bytes = options.max_bytes});
        if (options.inference && has_blocks(options.samples, units, options)) blocks_.emplace(units, options);
    }

    /// Returns the least number of bytes for `samples` samples, with those of the blocks if they fit.
    [[nodiscard]] static double bytes_needed(std::uint64_t samples, std::size_t units,
                                             const layer_accumulator_options& options) {
        const bool adds_blocks = options.inference && has_blocks(samples, units, options);
        return bytes_without_blocks(units, options) +
               (adds_blocks ? detail::similarity_blocks::bytes_needed(samples, units, options) : 0);
    }

    /// Adds rows of both layers, with their classes, 0 .. options.classes - 1, and their indices relative to
    /// `options.first_sample`, one of each per row. Both are used with inference only.
    ///
    /// Throws as `cross_covariance::update`. O(samples x units^2).
    void update(const similarity_rows& x, const similarity_rows& y, std::span<const std::int32_t> labels,
                std::span<const std::size_t> places, const thread_source& threads) {
        const std::size_t call = layer_accumulator::rows_per_call(units_);
        const std::size_t rows = x.values.extent(0);
        for (std::size_t first = 0; cross_ && first < rows; first += call) {
            const std::size_t count = (std::min)(call, rows - first);
            cross_->update(samples(x.values, first, count), samples(y.values, first, count),
                           {.threads = threads});
        }
        if (!blocks_) return;
        const scoped_pool pool(threads);
        blocks_->update(x, y, labels, options_.first_sample, places, *pool);
    }

    /// The similarity, from the flushed states of both accumulators before `next_pass`. Consumes the moments
    /// of blocks.
    [[nodiscard]] similarity_report finish(const layer_accumulator& x, const layer_accumulator& y,
                                           const thread_source& threads) {
        detail::similarity_states states;
        if (cross_) {
            states.x = &x.covariance();
            states.y = &y.covariance();
            states.xy = &*cross_;
        }
        if (measures_.contains(measure::class_mean_rsa)) {
            states.sums_x = &x.sums();
            states.sums_y = &y.sums();
        }
        if (measures_.contains(measure::activation_uniformity)) {
            states.active_x = &x.active();
            states.active_y = &y.active();
        }
        const scoped_pool pool(threads);
        similarity_report report = detail::similarity_of(states, measures_, *pool);
        if (blocks_) {
            report.intervals = blocks_->intervals(*pool);
        } else if (options_.inference) {
            report.left_out = detail::similarity_blocks::names(measures_);
            report.block_bytes = detail::similarity_blocks::bytes_needed(x.samples(), units_, options_);
        }
        return report;
    }

  private:
    static constexpr measure_set pair_measures{measure::cka, measure::procrustes};

    // The cross covariance and its copy, and those of both covariances.
    [[nodiscard]] static double bytes_without_blocks(std::size_t units,
                                                     const layer_accumulator_options& options) {
        const auto extent = static_cast<double>(units + 2);
        return options.measures.contains_any(pair_measures) ? 4 * sizeof(double) * extent * extent : 0;
    }
    [[nodiscard]] static bool has_blocks(std::uint64_t samples, std::size_t units,
                                         const layer_accumulator_options& options) {
        return bytes_without_blocks(units, options) +
                   detail::similarity_blocks::bytes_needed(samples, units, options) <=
               detail::block_limit(options);
    }

    measure_set measures_;
    std::size_t units_;
    layer_accumulator_options options_;
    std::optional<cross_covariance> cross_{};
    std::optional<detail::similarity_blocks> blocks_{};
};

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
