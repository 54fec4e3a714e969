#pragma once

#include <repscope/dimensionality/jackknife.hpp>
#include <repscope/dimensionality/trace_estimators.hpp>
#include <repscope/moments/class_blocks.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/moments/covariance_sketch.hpp>
#include <repscope/numeric/thread_pool.hpp>
#include <repscope/selectivity/cross_fit.hpp>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace program {

struct label_set;
struct layer_report;
struct statistics_options;

/// How tr S^2, on which a participation ratio rests, is computed: exactly, from a sketch, or exactly while samples
/// or units are at most 8192.
enum class trace_method { exact, sketch, automatic };

/// `--inference`: estimates with their intervals.
struct inference_options {
    bool wanted = false;
    std::uint64_t first_index = 0; ///< place of the file's first sample in the whole data set
    trace_method method = trace_method::exact;
};

/// Whether a layer of this size is sketched.
bool is_sketched(std::size_t rows, std::size_t units, const inference_options& options);

/// The estimates of one layer.
struct inference_report {
    std::optional<repscope::cross_fit_result> cross_fit;
    std::size_t significant_units = 0; ///< by Benjamini and Hochberg, q = .05
    std::size_t tested_units = 0;
    std::size_t blocks = 0;
    std::size_t state_bytes = 0;
    /// With a sketch the standard error holds both that of the probes and nothing else.
    repscope::participation_ratio_estimate participation_ratio;
    std::string method; ///< exact or sketch
    std::size_t probes = 0;
};

/// What a layer's estimates need beyond its other statistics: blocks of class sums, gathered with them, and for a
/// layer of more samples than units a second pass.
class layer_inference {
  public:
    /// Throws `repscope::error` when `memory` does not hold the blocks.
    layer_inference(std::size_t units, const statistics_options& options, repscope::thread_pool& pool);

    /// Bytes that it takes beyond what `layer_statistics` does.
    static double bytes(std::size_t rows, std::size_t units, const statistics_options& options);

    /// Rows of the first pass, from row `first` on; `values` as selectivity takes them.
    void add(const repscope::tensor_view<const double, 2>& values, std::size_t first);
    /// After the first pass: takes the products that the jackknife starts from.
    void start_second_pass(repscope::centred_products&& products);
    [[nodiscard]] bool needs_second_pass() const;
    void add_again(const repscope::tensor_view<const double, 2>& values);
    /// Of a sketched layer, which has no second pass.
    void take_sketch(const repscope::covariance_sketch& sketch);

    void finish(layer_report& report) const;

  private:
    const statistics_options& options_;
    repscope::thread_pool& pool_;
    std::optional<repscope::class_blocks> blocks_;
    std::optional<repscope::participation_ratio_jackknife> jackknife_;
    std::optional<repscope::sketched_participation_ratio> sketched_;
    std::size_t probes_ = 0;
};

/// Adds the estimates to the LAYER object: `selectivity.cross_fit`, and se_log, ci, samples and method to
/// `dimensionality`, of which a sketch leaves all but the participation ratios null.
void add_inference(nlohmann::ordered_json& layer, const layer_report& report);

/// The table of estimates for people, with the size of the state behind them.
std::string inference_table(const std::vector<layer_report>& layers);

} // namespace program
