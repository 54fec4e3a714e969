#pragma once

#include "repscope/analysis/state_file.hpp"
#include "repscope/bytes.hpp"
#include "repscope/detail/analysis/layer_inference.hpp"
#include "repscope/detail/analysis/layer_moments.hpp"
#include "repscope/detail/analysis/layer_needs.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

namespace detail {

/// The sections of moments. `next_place`: index of the sample after those of the moments.
template <product_backend Backend>
[[nodiscard]] std::vector<saved_section> sections_of(const layer_moments<Backend>& moments,
                                                     std::uint64_t next_place) {
    std::vector<saved_section> sections;
    byte_writer bytes;
    const auto add = [&](const char* kind) { sections.push_back({kind, bytes.take()}); };
    const auto save = [&](const char* kind, const auto& state) {
        if (!state) return;
        state->save(bytes);
        add(kind);
    };
    moments.covariance.save(bytes);
    add("covariance");
    save("class_sums", moments.sums);
    save("value_histogram", moments.histogram);
    save("rectified_spread", moments.rectified_variances);
    save("covariance_sketch", moments.sketch);
    save("spread", moments.variances);
    save("activation_counts", moments.active);
    save("class_moments", moments.selective_classes);
    save("plain_class_moments", moments.plain_classes);
    save("directions", moments.directions);
    save("plain_reservoir", moments.plain_reservoir);
    save("reservoir", moments.selective_reservoir);
    if (moments.has_reservoir()) {
        bytes.put(next_place);
        add("next_place");
    }
    return sections;
}

/// Writes sections: their number, then kind, size and bytes of each.
inline void put_sections(std::span<const saved_section> sections, byte_writer& out) {
    out.put(static_cast<std::uint32_t>(sections.size()));
    for (const saved_section& section : sections) {
        out.put_text(section.kind);
        out.put(static_cast<std::uint64_t>(section.payload.size()));
        out.put_bytes(section.payload);
    }
}

/// Reads what `put_sections` wrote; the sections refer to the bytes of `in`.
[[nodiscard]] inline std::vector<state_section> take_sections(byte_reader& in) {
    const auto count = in.get<std::uint32_t>();
    std::vector<state_section> sections;
    for (std::uint32_t k = 0; k < count; ++k) {
        std::string kind = in.get_text();
        const auto size = in.get<std::uint64_t>();
        sections.push_back({std::move(kind), in.take(static_cast<std::size_t>(size))});
    }
    return sections;
}

/// The sections of moments and of the states of estimates. Rows that wait in the blocks of samples enter
/// their moments on a pool; without one they are stored beside them, for states that get more rows.
template <product_backend Backend>
[[nodiscard]] std::vector<saved_section> sections_of(const layer_moments<Backend>& moments,
                                                     const std::optional<layer_inference<Backend>>& inference,
                                                     std::uint64_t next_place, thread_pool* pool) {
    std::vector<saved_section> sections = sections_of(moments, next_place);
    if (!inference) return sections;
    byte_writer bytes;
    const auto add = [&](const char* kind) { sections.push_back({kind, bytes.take()}); };
    if (inference->blocks) {
        inference->blocks->save(bytes);
        add("class_blocks");
    }
    if (const auto& blocks = inference->moments) {
        for (std::size_t k = 0; k < inference_blocks; ++k)
            put_sections(pool == nullptr ? sections_of(blocks->complete_portions(k), 0)
                                         : sections_of(blocks->block(k, *pool), 0),
                         bytes);
        add("block_moments");
        if (pool == nullptr) {
            blocks->waiting_rows().save(bytes);
            add("block_rows");
        }
    }
    bytes.put(next_place);
    bytes.put_all(std::span<const std::uint32_t>(inference->labels));
    add("inference");
    return sections;
}

/// Reads the states of a layer from its sections.
class section_reader {
  public:
    section_reader(std::span<const state_section> sections, std::string name)
        : sections_(sections), name_(std::move(name)) {}

    [[nodiscard]] bool has(std::string_view kind) const { return find(kind).has_value(); }

    /// Returns the result of `read` for the section of this kind.
    template <typename Read>
    [[nodiscard]] auto load(std::string_view kind, Read&& read) const {
        const auto payload = find(kind);
        require(payload.has_value(), "no section " + std::string(kind));
        byte_reader in(*payload, name_ + ", " + std::string(kind));
        auto state = read(in);
        require(in.left() == 0,
                std::string(kind) + " is followed by " + errors::text_of(in.left()) + " bytes");
        return state;
    }

    /// Throws `format_error` unless a condition holds.
    void require(bool holds, const std::string& complaint) const {
        if (!holds) throw format_error(name_ + ": " + complaint);
    }

  private:
    [[nodiscard]] std::optional<std::span<const std::byte>> find(std::string_view kind) const {
        for (const state_section& section : sections_) {
            if (section.kind == kind) return section.payload;
        }
        return std::nullopt;
    }

    std::span<const state_section> sections_;
    std::string name_;
};

template <product_backend Backend>
[[nodiscard]] layer_moments<Backend> load_moments(const section_reader& sections,
                                                  const layer_accumulator_options& options) {
    const covariance_options of_covariance{.max_bytes = options.max_bytes, .products = options.products};
    repscope::covariance covariance = sections.load(
        "covariance", [&](byte_reader& in) { return repscope::covariance::load(in, of_covariance); });
    const std::size_t units = covariance.units();
    layer_accumulator_options empty = options; // for states that are replaced: nothing is sketched
    empty.classes = 0;
    empty.inference = false;
    empty.measures = {measure::participation_ratio};
    layer_moments<Backend> moments(units, empty);
    moments.covariance = std::move(covariance);
    const bool sketched = sections.has("covariance_sketch");
    sections.require(!sketched || (options.inference && options.trace != trace_method::exact),
                     "a sketch, expected a covariance");
    if (sketched) {
        moments.sketch = sections.load("covariance_sketch",
                                       [](byte_reader& in) { return repscope::covariance_sketch::load(in); });
    }
    sections.require(!moments.sketch ||
                         (moments.sketch->units() == units && moments.covariance.samples() == 0 &&
                          moments.sketch->probes() == inference_probes),
                     "states of different units, classes or samples");
    moments.has_covariance = needs_scatter(options) && !sketched;
    if (!moments.has_covariance)
        moments.variances = sections.load("spread", [](byte_reader& in) { return class_moments::load(in); });
    const std::uint64_t samples = moments.samples();
    const auto require_fit = [&](const auto& state, std::size_t classes) {
        sections.require(state.units() == units && state.classes() == classes && state.samples() == samples,
                         "states of different units, classes or samples");
    };
    if (moments.variances) require_fit(*moments.variances, 1);
    sections.require(moments.has_covariance || moments.covariance.samples() == 0,
                     "a covariance that no measure needs");
    sections.require(!sketched || moments.sketch->samples() == samples,
                     "states of different units, classes or samples");
    const bool rectify = is_rectified(options);
    const auto require_form = [&](const auto& state) {
        sections.require(state.options().rectify == rectify,
                         rectify ? "states of plain activations, expected rectified ones"
                                 : "states of rectified activations, expected plain ones");
    };
    const std::size_t classes = (std::max<std::size_t>)(1, options.classes);
    const auto load = [&](const char* kind, bool is_needed, auto& state) {
        if (!is_needed) return;
        using state_type = typename std::remove_reference_t<decltype(state)>::value_type;
        state = sections.load(kind, [](byte_reader& in) { return state_type::load(in); });
    };
    load("activation_counts", needs_counts(options), moments.active);
    if (moments.active) require_fit(*moments.active, classes);
    load("class_moments", needs_selective_classes(options), moments.selective_classes);
    if (moments.selective_classes) {
        require_fit(*moments.selective_classes, classes);
        require_form(*moments.selective_classes);
    }
    load("plain_class_moments", needs_value_classes(options), moments.plain_classes);
    if (moments.plain_classes) require_fit(*moments.plain_classes, classes);
    load("directions", needs_directions(options), moments.directions);
    if (const auto& state = moments.directions) {
        sections.require(state->units() == units && state->classes() == classes &&
                             state->samples() + state->silent_samples() == samples,
                         "states of different units, classes or samples");
    }
    load("reservoir", needs_selective_reservoir(options), moments.selective_reservoir);
    load("plain_reservoir", needs_value_reservoir(options), moments.plain_reservoir);
    for (const auto* state : {&moments.selective_reservoir, &moments.plain_reservoir}) {
        if (!*state) continue;
        sections.require((*state)->units() == units && (*state)->samples() == samples &&
                             (*state)->capacity() == options.reservoir,
                         "states of different units, classes or samples");
    }
    if (moments.has_reservoir()) {
        moments.next_place =
            sections.load("next_place", [](byte_reader& in) { return in.get<std::uint64_t>(); });
    }
    load("class_sums", needs_sums(options), moments.sums);
    if (moments.sums) {
        require_fit(*moments.sums, classes);
        require_form(*moments.sums);
    }
    if (!needs_selectivity(options)) return moments;
    moments.histogram =
        sections.load("value_histogram", [](byte_reader& in) { return value_histogram::load(in); });
    sections.require(moments.histogram->units() == units && moments.histogram->samples() == samples,
                     "states of different units, classes or samples");
    if (!rectify) return moments;
    moments.rectified_variances =
        sections.load("rectified_spread", [](byte_reader& in) { return class_moments::load(in); });
    require_fit(*moments.rectified_variances, 1);
    return moments;
}

template <product_backend Backend>
[[nodiscard]] layer_inference<Backend> load_inference(const section_reader& sections,
                                                      const layer_moments<Backend>& moments,
                                                      const layer_accumulator_options& options) {
    const std::size_t units = moments.covariance.units();
    layer_accumulator_options empty = options;
    empty.classes = 0;
    empty.inference = false;
    layer_inference<Backend> inference(units, empty);
    if (sections.has("block_moments")) {
        row_blocks rows(inference_blocks, units);
        if (sections.has("block_rows")) {
            const bool fits = sections.load("block_rows", [&](byte_reader& in) {
                return rows.load(in, (std::max<std::size_t>)(1, options.classes));
            });
            sections.require(fits, "rows of blocks that are not below a portion or have other classes");
        }
        inference.moments = sections.load("block_moments", [&](byte_reader& in) {
            const layer_accumulator_options of_blocks = options_of_blocks(units, options);
            std::vector<layer_moments<Backend>> blocks;
            for (std::size_t k = 0; k < inference_blocks; ++k) {
                const std::vector<state_section> parts = take_sections(in);
                blocks.push_back(load_moments<Backend>(section_reader(parts, in.name()), of_blocks));
                sections.require(blocks.back().covariance.units() == units,
                                 "states of different units, classes or samples");
            }
            return layer_blocks<Backend>(units, options, std::move(blocks), std::move(rows));
        });
        sections.require(inference.moments->samples() == moments.samples(),
                         "states of different units, classes or samples");
    }
    if (needs_selectivity(options)) {
        inference.blocks =
            sections.load("class_blocks", [](byte_reader& in) { return blocked_class_sums::load(in); });
        const auto& blocks = *inference.blocks;
        sections.require(blocks.units() == units && blocks.classes() == options.classes &&
                             blocks.samples() == moments.samples() && blocks.blocks() == inference_blocks &&
                             blocks.options().rectify == is_rectified(options),
                         "states of different units, classes or samples");
    }
    inference.labels = sections.load("inference", [&](byte_reader& in) {
        inference.next_place = in.get<std::uint64_t>();
        std::vector<std::uint32_t> labels(in.left() / sizeof(std::uint32_t));
        in.get_all(std::span(labels));
        return labels;
    });
    const bool fits = std::all_of(inference.labels.begin(), inference.labels.end(),
                                  [&](std::uint32_t label) { return label < options.classes; });
    sections.require(fits && inference.labels.size() == (is_permuted(options) ? moments.samples() : 0),
                     "expected one label per sample for permutations");
    return inference;
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
