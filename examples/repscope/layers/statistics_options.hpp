#pragma once

#include "dumps/labels.hpp"

#include <repscope/analysis/layer_options.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>

namespace program {

/// How a layer is measured.
struct statistics_options {
    const label_set* labels = nullptr; ///< null: dimensionality only
    bool unpaired = false;             ///< a perturbed layer has other samples
    std::size_t gram_samples = 0;      ///< samples of the Gram matrix of a layer (--similarity); 0: none
    /// Classes, samples and threads are set by `accumulator_options`.
    repscope::analysis::layer_accumulator_options layer{};

    /// Maximum bytes for one layer.
    [[nodiscard]] std::size_t memory() const noexcept { return layer.max_bytes; }

    /// The measures of a perturbed layer.
    [[nodiscard]] repscope::analysis::measure_set compared_measures() const noexcept {
        using namespace repscope::analysis;
        return layer.measures.without(unit_measures | neighbor_measures);
    }

    /// Whether the differences of a comparison are measured.
    [[nodiscard]] bool needs_difference() const noexcept {
        return layer.measures.contains_any(repscope::analysis::covariance_measures);
    }

    /// The options of the accumulator of `rows` rows.
    [[nodiscard]] repscope::analysis::layer_accumulator_options
    accumulator_options(std::size_t rows, repscope::thread_source threads) const {
        repscope::analysis::layer_accumulator_options options = layer;
        options.threads = threads;
        options.classes = labels == nullptr ? 0 : labels->class_labels.size();
        options.samples = rows;
        return options;
    }
};

} // namespace program
