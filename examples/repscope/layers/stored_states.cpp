#include "layers/stored_states.hpp"

#include <repscope/bytes.hpp>
#include <repscope/error.hpp>

namespace program {

namespace analysis = repscope::analysis;

void stored_states::merge(const stored_states& other) {
    moments.merge(other.moments);
    if (input.zero_samples && other.input.zero_samples)
        *input.zero_samples += *other.input.zero_samples;
    else
        input.zero_samples.reset();
}

std::vector<analysis::saved_section> save_states(analysis::layer_accumulator& moments,
                                                 const input_counts& input) {
    std::vector<analysis::saved_section> sections = moments.save_sections();
    add_input_section(input, sections);
    return sections;
}

void add_input_section(const input_counts& input, std::vector<analysis::saved_section>& sections) {
    if (!input.zero_samples) return;
    repscope::byte_writer bytes;
    bytes.put(*input.zero_samples);
    bytes.put(input.batches.value_or(1));
    sections.push_back({"input", bytes.take()});
}

stored_states load_states(const analysis::stored_layer& layer,
                          const analysis::layer_accumulator_options& options, const std::string& file) {
    const std::string name = file + ": layer '" + layer.name + "'";
    const auto require = [&](bool holds, const std::string& complaint) {
        if (!holds) throw repscope::format_error(name + ": " + complaint);
    };
    stored_states states{analysis::layer_accumulator::load_sections(layer.sections, options, name)};
    const std::uint64_t samples = states.moments.samples();
    // Without labels every sample is measured.
    require(options.classes == 0 ? samples == layer.count : samples <= layer.count,
            "states of " + std::to_string(samples) + " samples, the shard has " +
                std::to_string(layer.count));
    const auto payload = analysis::find_section(layer, "input");
    if (!payload) return states;
    repscope::byte_reader in(*payload, name + ", input");
    states.input.zero_samples = in.get<std::uint64_t>();
    states.input.batches = in.get<std::uint64_t>();
    require(in.left() == 0, "input is followed by " + std::to_string(in.left()) + " bytes");
    require(*states.input.zero_samples <= samples, std::to_string(*states.input.zero_samples) + " of " +
                                                       std::to_string(samples) +
                                                       " samples are counted as all zero");
    return states;
}

} // namespace program
