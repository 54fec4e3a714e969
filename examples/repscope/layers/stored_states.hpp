#pragma once

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/analysis/state_file.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// Counts of a layer's input that are not moments.
struct input_counts {
    /// Samples whose activations are all 0; none where a state file lacks the counts.
    std::optional<std::uint64_t> zero_samples{};
    /// Files that were joined as batches.
    std::optional<std::uint64_t> batches{};
};

/// The states of a layer in a state file.
struct stored_states {
    repscope::analysis::layer_accumulator moments;
    input_counts input{};

    /// Adds the states of other samples of the layer. Throws `repscope::error` if they do not fit.
    void merge(const stored_states& other);
};

/// The sections of a state file for these states.
std::vector<repscope::analysis::saved_section> save_states(repscope::analysis::layer_accumulator& moments,
                                                           const input_counts& input);

/// Adds the section of the counts, if there are any, to those of the moments.
void add_input_section(const input_counts& input, std::vector<repscope::analysis::saved_section>& sections);

/// Returns the states of a layer of a state file; `file` is its name in errors. Throws
/// `repscope::format_error` if one is missing, is not a state, or belongs to other units, classes or another
/// number of samples.
stored_states load_states(const repscope::analysis::stored_layer& layer,
                          const repscope::analysis::layer_accumulator_options& options,
                          const std::string& file);

} // namespace program
