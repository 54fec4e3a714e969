#pragma once

#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/selectivity/index.hpp>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// The selectivity of a layer and what it was measured with.
struct selectivity_report {
    double epsilon = 1e-6;
    std::string signed_values; ///< undefined, rectify or shift
    std::vector<std::int64_t> class_labels;
    std::vector<std::uint64_t> class_counts;
    double null_mean = 0.0;
    repscope::selectivity_result measured;
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
    std::optional<selectivity_report> selectivity;
    repscope::dimensionality_result dimensionality;
};

/// The "dimensionality" of a LAYER object.
nlohmann::ordered_json to_json(const repscope::dimensionality_result& measured);

/// The LAYER object. Numbers that are not finite become null when it is written.
nlohmann::ordered_json to_json(const layer_report& layer);

/// The table for people: a row per layer.
std::string layer_table(const std::vector<layer_report>& layers);

/// What a reader should know about these numbers: labels that seem to belong to other rows, units without an
/// index, counts limited by the samples. A sentence each.
std::vector<std::string> notes_on(const layer_report& layer);

} // namespace program
