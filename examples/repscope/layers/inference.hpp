#pragma once

#include "layers/inference_report.hpp"
#include "layers/statistics_options.hpp"

#include <repscope/dimensionality/hutch_plus_plus.hpp>
#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/moments/blocked_class_sums.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/selectivity/permutation_test.hpp>

#include <cstddef>
#include <optional>

namespace program {

/// What a layer's estimates need beyond its other statistics: blocks of class sums, gathered with them, and
/// for a layer of more samples than units, or for shuffled labels, further passes.
class layer_inference {
  public:
    /// Throws `repscope::error` when `memory` does not hold the blocks.
    layer_inference(std::size_t rows, std::size_t units, const statistics_options& options,
                    repscope::thread_pool& pool, std::size_t first_label = 0);

    /// Bytes that it takes beyond what `layer_statistics` does.
    static double bytes(std::size_t rows, std::size_t units, const statistics_options& options);

    /// Rows of the first pass, from row `first` on; `values` as selectivity takes them.
    void add(const repscope::tensor_view<const double, 2>& values, std::size_t first);
    /// After the first pass: takes the products that the jackknife starts from.
    void start_second_pass(repscope::scatter_matrix&& products);
    /// Whether all rows are needed once more; asked between passes.
    [[nodiscard]] bool needs_another_pass() const;
    /// Rows of such a pass, in order: `values`, and the same as selectivity takes them.
    void add_again(const repscope::tensor_view<const double, 2>& values,
                   const repscope::tensor_view<const double, 2>& selective);
    void end_pass() { first_again_ = false; }
    /// Of a sketched layer, which has no second pass.
    void take_sketch(const repscope::covariance_sketch& sketch);

    void finish(layer_report& report) const;

  private:
    [[nodiscard]] bool jackknife_wants_rows() const;

    statistics_options options_;
    repscope::thread_pool& pool_;
    bool first_again_ = true; ///< the jackknife takes the first of the further passes
    std::optional<repscope::blocked_class_sums> blocks_;
    std::optional<repscope::participation_ratio_jackknife> jackknife_;
    std::optional<repscope::selectivity_permutation_test> permutation_;
    std::optional<repscope::sketched_participation_ratio> sketched_;
    std::size_t probes_ = 0;
};

} // namespace program
