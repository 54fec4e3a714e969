#pragma once

#include "layers/report.hpp"

#include <repscope/analysis/state_file.hpp>
#include <repscope/bytes.hpp>
#include <repscope/moments/class_moments.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/moments/value_histogram.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace program {

/// What a pass over samples of a layer leaves behind: all that its numbers are computed from.
struct layer_states {
    repscope::covariance covariance;
    std::optional<repscope::class_sums> sums; ///< with labels
    /// With labels: how often each unit takes values of each size, as the class sums take them.
    std::optional<repscope::value_histogram> histogram;
    /// Under the policy rectify: the variances of the rectified values, which the covariance does not see.
    /// Its classes do not matter.
    std::optional<repscope::class_moments> rectified_spread;
    /// Of a layer that is sketched, in place of its covariance: the variances of its values.
    std::optional<repscope::class_moments> spread{};
    /// Samples whose activations are all 0, and files that were joined as batches; none where a state file
    /// lacks them.
    std::optional<std::uint64_t> zero_samples{};
    std::optional<std::uint64_t> batches{};

    /// Adds what the states of other samples of the layer have seen. Throws `repscope::error` when they are
    /// states of something else.
    void merge(const layer_states& other);
};

/// How numbers are got from states.
struct measure_terms {
    repscope::negative_policy negatives = repscope::negative_policy::undefined;
    double epsilon = 1e-6;
    std::span<const std::int64_t> class_labels{}; ///< the label of each class; empty without labels
    std::span<const std::string> class_names{};   ///< of labels that are names; otherwise empty
    bool p_values = false;                        ///< whether those of `selectivity_p_values` are computed
    repscope::thread_source threads = 1;          ///< never changes a number
};

/// Fills the measured parts of `report`, the dimensionality but for a sketched layer. Uses the states up, for
/// a copy of a large covariance may not fit; `products`, unless null, gets what a jackknife starts from.
void measure_states(layer_states states, const measure_terms& terms, layer_report& report,
                    repscope::scatter_matrix* products = nullptr);

/// The byte forms of states, as sections of a state file; the sections look into it.
class saved_states {
  public:
    saved_states() = default;
    explicit saved_states(const layer_states& states);
    [[nodiscard]] std::vector<repscope::analysis::state_section> sections() const;

  private:
    void add(const char* kind, repscope::byte_writer& bytes);

    std::vector<std::string> kinds_;
    std::vector<std::vector<std::byte>> payloads_;
};

/// The states of a layer of a state file, which errors call `file`. Throws `repscope::format_error` when one
/// is missing, is none, or belongs to other units, classes or another number of samples.
layer_states load_states(const repscope::analysis::stored_layer& layer, std::size_t classes,
                         const std::string& file);

} // namespace program
