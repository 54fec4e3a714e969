#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_interval.hpp"
#include "repscope/detail/analysis/geometry_values.hpp"
#include "repscope/detail/analysis/layer_geometry.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/detail/analysis/layer_moments.hpp"
#include "repscope/detail/analysis/row_blocks.hpp"
#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/error.hpp"
#include "repscope/statistics/block_jackknife.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// The name of the interval of the unbiased participation ratio. The interval is on the scale of logarithms.
inline constexpr std::string_view block_ratio_name = "log participation_ratio";

/// Moments of the blocks of a layer's samples, for intervals by `block_jackknife`. The block of a sample is a
/// hash of its index.
template <product_backend Backend>
class layer_blocks {
  public:
    layer_blocks(std::size_t units, const layer_accumulator_options& options)
        : options_(options_of_blocks(units, options)), rows_(inference_blocks, units),
          blocks_(inference_blocks, layer_moments<Backend>(units, options_)) {}
    /// Of loaded moments and rows that wait.
    layer_blocks(std::size_t units, const layer_accumulator_options& options,
                 std::vector<layer_moments<Backend>>&& blocks, row_blocks&& rows)
        : options_(options_of_blocks(units, options)), rows_(std::move(rows)), blocks_(std::move(blocks)) {}

    [[nodiscard]] std::uint64_t samples() const noexcept {
        std::uint64_t total = 0;
        for (std::size_t k = 0; k < blocks_.size(); ++k) total += blocks_[k].samples() + rows_.count(k);
        return total;
    }

    /// Adds rows (samples, units). Row i has the index `first_sample` + places[i].
    void update(const tensor_view<const double, 2>& values, std::span<const std::int32_t> labels,
                std::uint64_t first_sample, std::span<const std::size_t> places, thread_pool& pool) {
        for (std::size_t i = 0; i < values.extent(0); ++i) {
            const std::size_t block = sample_block(first_sample + places[i], inference_blocks);
            const double* const row = &values(i, 0);
            if (rows_.add(block, row, labels.empty() ? 0 : labels[i])) {
                add_rows(block, blocks_[block], pool);
                rows_.clear(block);
            }
        }
    }

    /// Adds the samples of another state; the rows that wait begin a new portion.
    void merge(const layer_blocks& other, thread_pool& pool) {
        for (std::size_t k = 0; k < blocks_.size(); ++k) {
            add_rows(k, blocks_[k], pool);
            rows_.clear(k);
            blocks_[k].merge(other.block(k, pool));
        }
    }

    /// Gives class `c` the number `numbers[c]` among `classes` classes, also in the rows that wait.
    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        for (layer_moments<Backend>& block : blocks_) block.renumber_classes(numbers, classes);
        rows_.renumber_classes(numbers);
        options_.classes = classes;
    }

    /// The moments of block `k`, with the rows that wait.
    [[nodiscard]] layer_moments<Backend> block(std::size_t k, thread_pool& pool) const {
        layer_moments<Backend> state = blocks_[k];
        add_rows(k, state, pool);
        return state;
    }

    /// The moments of block `k` without the rows that wait, and these rows.
    [[nodiscard]] const layer_moments<Backend>& complete_portions(std::size_t k) const noexcept {
        return blocks_[k];
    }
    [[nodiscard]] const row_blocks& waiting_rows() const noexcept { return rows_; }

    /// The measures with their intervals, NaN where a measure is undefined without a block. Consumes the
    /// moments.
    [[nodiscard]] std::vector<measure_interval> intervals(thread_pool& pool) {
        std::vector<layer_moments<Backend>> filled;
        for (std::size_t k = 0; k < blocks_.size(); ++k) {
            add_rows(k, blocks_[k], pool);
            if (blocks_[k].samples() != 0) filled.push_back(std::move(blocks_[k]));
        }
        blocks_.clear();
        std::vector<measure_interval> result;
        for (const std::string_view name : names()) result.push_back({name, {}});
        if (filled.size() < 2) return result;
        const auto estimates =
            block_jackknife(std::span<const layer_moments<Backend>>(filled),
                            [&](const layer_moments<Backend>& state) { return values_of(state, pool); });
        for (std::size_t k = 0; k < result.size(); ++k) result[k].value = estimates[k];
        return result;
    }

  private:
    void add_rows(std::size_t k, layer_moments<Backend>& state, thread_pool& pool) const {
        if (rows_.count(k) == 0) return;
        const auto values = rows_.rows(k);
        const auto labels = options_.classes == 0 ? std::span<const std::int32_t>() : rows_.classes(k);
        state.update(values, values, labels, 0, {}, pool);
    }

    [[nodiscard]] std::vector<std::string_view> names() const {
        std::vector<std::string_view> result;
        for (const named_value& each : geometry_values({}, options_.measures)) result.push_back(each.name);
        if (options_.measures.contains(measure::participation_ratio)) result.push_back(block_ratio_name);
        return result;
    }

    [[nodiscard]] std::vector<double> values_of(const layer_moments<Backend>& state,
                                                thread_pool& pool) const {
        geometry_report geometry;
        double ratio = std::numeric_limits<double>::quiet_NaN();
        try {
            if (options_.measures.contains_any(geometry_measures))
                geometry = geometry_of(state, options_.measures);
            if (state.has_covariance) {
                const bool is_thin = state.covariance.is_thin();
                const bool has_scatter = options_.measures.contains_any(class_scatter_measures);
                if (has_scatter && is_thin)
                    add_class_scatter(state.covariance, state, options_.measures, pool, geometry);
                const scatter_matrix products = state.covariance.centered(Backend{});
                if (state.samples() > 1) ratio = std::log(participation_ratio_unbiased(products));
                if (has_scatter && !is_thin)
                    add_class_scatter(products, state, options_.measures, pool, geometry);
            }
        } catch (const value_error&) {
            geometry = {}; // undefined: without a block, fewer than two classes have samples
        }
        std::vector<double> result;
        for (const named_value& each : geometry_values(geometry, options_.measures))
            result.push_back(each.value);
        if (options_.measures.contains(measure::participation_ratio)) result.push_back(ratio);
        return result;
    }

    layer_accumulator_options options_;
    row_blocks rows_;
    std::vector<layer_moments<Backend>> blocks_;
};

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
