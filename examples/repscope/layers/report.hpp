#pragma once

#include "layers/inference_report.hpp"

#include <repscope/analysis/layer_report.hpp>
#include <repscope/analysis/measure_set.hpp>
#include <repscope/analysis/similarity_report.hpp>
#include <repscope/dimensionality/power_law.hpp>
#include <repscope/dimensionality/result.hpp>
#include <repscope/geometry/representation_drift.hpp>
#include <repscope/moments/scatter_matrix.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace program {

/// The name of a policy for negative activations: undefined, rectify or shift.
std::string policy_name(repscope::negative_policy policy);

/// The policy of that name; none for another name.
std::optional<repscope::negative_policy> policy_named(const std::string& name);

/// The selectivity of a layer, with the names of its classes.
struct selectivity_report : repscope::analysis::selectivity_report {
    std::vector<std::int64_t> class_labels;
    std::vector<std::string> class_names; ///< of labels that are names; empty for integers

    /// The label of a class as text.
    [[nodiscard]] std::string label_text(std::size_t k) const {
        return class_names.empty() ? std::to_string(class_labels[k]) : class_names[k];
    }
};

/// The same layer under a perturbation of the same inputs (--compare).
struct comparison_report {
    std::string file;
    std::string dtype;
    std::vector<std::size_t> shape;
    std::size_t zero_samples = 0; ///< samples whose activations are all 0
    std::optional<selectivity_report> selectivity;
    repscope::dimensionality_result dimensionality;
    std::optional<repscope::power_law_result> power_law;
    std::optional<double> rankme;
    std::optional<repscope::analysis::geometry_report> geometry;
    /// Of the rows perturbed - clean.
    repscope::dimensionality_result difference;
    /// sqrt(sum |perturbed - clean|^2 / sum |clean|^2) over all samples; NaN when the clean ones are all 0,
    /// and without measures of dimensionality.
    double relative_size = 0.0;
};

/// The same layer for other inputs (--unpaired).
struct drift_report {
    std::string file;
    std::size_t samples = 0;
    repscope::representation_drift_result measured;
};

/// Everything that is known of one layer: the LAYER object of the JSON files, a row of the tables.
struct layer_report {
    std::string name;
    std::optional<std::string> file;
    std::string dtype;
    std::vector<std::size_t> shape;
    std::string layout;
    std::string unit; ///< channel_mean or unit
    std::size_t samples = 0;
    std::size_t units = 0;
    /// Files that were joined as batches, 1 for a single file; none where it is not recorded.
    std::optional<std::size_t> batches;
    /// Samples whose activations are all 0; none where they were not counted.
    std::optional<std::size_t> zero_samples;
    repscope::analysis::measure_set measures = repscope::analysis::default_measures;
    std::optional<selectivity_report> selectivity;
    repscope::dimensionality_result dimensionality;
    std::optional<repscope::power_law_result> power_law;
    std::optional<double> rankme;
    std::optional<repscope::analysis::unit_report> unit_values;
    std::optional<repscope::analysis::geometry_report> geometry;
    std::optional<repscope::analysis::neighbor_report> neighbors;
    std::optional<comparison_report> comparison;
    std::optional<repscope::analysis::similarity_report> similarity; ///< to the perturbed layer
    std::optional<drift_report> drift;
    std::optional<inference_report> inference;
    /// Of the samples of --similarity, until the matrix of all layers is computed.
    std::optional<repscope::scatter_matrix> gram, perturbed_gram;
};

/// Fills the measured parts of `layer`; the labels and names are those of the classes.
void add_measures(repscope::analysis::layer_report&& measured, std::span<const std::int64_t> class_labels,
                  std::span<const std::string> class_names, layer_report& layer);

/// Notes on these numbers for a reader: labels that seem to belong to other rows, units without an
/// index, counts limited by the samples. A sentence each.
std::vector<std::string> notes_on(const layer_report& layer);

} // namespace program
