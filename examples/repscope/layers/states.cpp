#include "layers/states.hpp"

#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/error.hpp>
#include <repscope/selectivity/null_model.hpp>
#include <repscope/selectivity/p_values.hpp>

#include <cmath>
#include <limits>
#include <utility>

namespace program {

namespace {

using repscope::negative_policy;

const char* name_of(negative_policy policy) {
    if (policy == negative_policy::rectify) return "rectify";
    return policy == negative_policy::shift ? "shift" : "undefined";
}

} // namespace

void layer_states::merge(const layer_states& other) {
    if (sums.has_value() != other.sums.has_value() ||
        rectified_spread.has_value() != other.rectified_spread.has_value()) {
        throw repscope::value_error("states with and without classes do not merge");
    }
    covariance.merge(other.covariance);
    if (sums) sums->merge(*other.sums);
    if (histogram) histogram->merge(*other.histogram);
    if (rectified_spread) rectified_spread->merge(*other.rectified_spread);
    if (zero_samples && other.zero_samples)
        *zero_samples += *other.zero_samples;
    else
        zero_samples.reset();
}

void measure_states(layer_states states, const measure_terms& terms, layer_report& report,
                    repscope::scatter_matrix* products) {
    report.samples =
        static_cast<std::size_t>(states.spread ? states.spread->samples() : states.covariance.samples());
    report.zero_samples = states.zero_samples;
    report.batches = states.batches;
    report.units = states.covariance.units();
    if (states.sums) {
        const repscope::class_sums& sums = *states.sums;
        selectivity_report& selectivity = report.selectivity.emplace();
        selectivity.epsilon = terms.epsilon;
        selectivity.negatives = name_of(terms.negatives);
        selectivity.class_labels.assign(terms.class_labels.begin(), terms.class_labels.end());
        selectivity.class_names.assign(terms.class_names.begin(), terms.class_names.end());
        selectivity.class_counts = sums.counts();
        selectivity.measured =
            repscope::class_selectivity(sums, {.epsilon = terms.epsilon, .negatives = terms.negatives});
        std::vector<double> variances =
            states.spread ? std::vector<double>(report.units) : states.covariance.unit_variances();
        for (std::size_t u = 0; u < report.units; ++u) {
            if (states.spread) variances[u] = states.spread->unit_variance(u);
            if (states.rectified_spread) variances[u] = states.rectified_spread->unit_variance(u);
        }
        selectivity.null_mean =
            repscope::selectivity_null_mean(selectivity.measured.index, sums, variances, *states.histogram,
                                            {.threads = terms.threads,
                                             .epsilon = terms.epsilon,
                                             .shift = terms.negatives == negative_policy::shift});
        if (terms.p_values) {
            selectivity.p_values = repscope::selectivity_p_values(sums, variances, *states.histogram,
                                                                  {.threads = terms.threads});
            for (std::size_t u = 0; u < report.units; ++u) {
                const double index = selectivity.measured.index[u];
                if (std::isnan(index)) selectivity.p_values[u] = index;
            }
        }
    }
    if (states.spread) return;
    if (products == nullptr) {
        report.dimensionality = repscope::dimensionality(std::move(states.covariance));
        return;
    }
    *products = std::move(states.covariance).centered();
    report.dimensionality = repscope::dimensionality(*products);
}

saved_states::saved_states(const layer_states& states) {
    repscope::byte_writer bytes;
    states.covariance.save(bytes);
    add("covariance", bytes);
    if (states.sums) {
        states.sums->save(bytes);
        add("class_sums", bytes);
        states.histogram->save(bytes);
        add("value_histogram", bytes);
    }
    if (states.rectified_spread) {
        states.rectified_spread->save(bytes);
        add("rectified_spread", bytes);
    }
    if (!states.zero_samples) return;
    bytes.put(*states.zero_samples);
    bytes.put(states.batches.value_or(1));
    add("input", bytes);
}

void saved_states::add(const char* kind, repscope::byte_writer& bytes) {
    kinds_.emplace_back(kind);
    payloads_.push_back(bytes.take());
}

std::vector<repscope::analysis::state_section> saved_states::sections() const {
    std::vector<repscope::analysis::state_section> all;
    for (std::size_t i = 0; i < kinds_.size(); ++i) all.push_back({kinds_[i], payloads_[i]});
    return all;
}

layer_states load_states(const repscope::analysis::stored_layer& layer, std::size_t classes,
                         const std::string& file) {
    const std::string whose = file + ": layer '" + layer.name + "'";
    const auto require = [&](bool holds, const std::string& complaint) {
        if (!holds) throw repscope::format_error(whose + ": " + complaint);
    };
    const auto load = [&](const char* kind, auto&& read) {
        const auto payload = repscope::analysis::find_section(layer, kind);
        require(payload.has_value(), std::string("no section ") + kind);
        repscope::byte_reader in(*payload, whose + ", " + kind);
        auto state = read(in);
        require(in.left() == 0,
                std::string(kind) + " is followed by " + std::to_string(in.left()) + " bytes");
        return state;
    };
    constexpr repscope::covariance_options unbounded{.max_bytes = std::numeric_limits<std::size_t>::max()};
    layer_states states{
        load("covariance", [&](auto& in) { return repscope::covariance::load(in, unbounded); }), {}, {}, {}};
    const std::size_t units = states.covariance.units();
    const std::uint64_t samples = states.covariance.samples();
    require(samples <= layer.count, "states of " + std::to_string(samples) + " samples, the shard has " +
                                        std::to_string(layer.count));
    if (repscope::analysis::find_section(layer, "input")) {
        const auto counts = load("input", [](auto& in) {
            const auto zero_samples = in.template get<std::uint64_t>();
            return std::pair(zero_samples, in.template get<std::uint64_t>());
        });
        require(counts.first <= samples, std::to_string(counts.first) + " of " + std::to_string(samples) +
                                             " samples are counted as all zero");
        states.zero_samples = counts.first;
        states.batches = counts.second;
    }
    if (classes == 0) {
        require(samples == layer.count, "states of " + std::to_string(samples) + " samples, the shard has " +
                                            std::to_string(layer.count));
        return states;
    }
    const auto require_fit = [&](const auto& state, std::size_t wanted) {
        require(state.units() == units && state.classes() == wanted && state.samples() == samples,
                "states of different units, classes or samples");
    };
    states.sums = load("class_sums", [](auto& in) { return repscope::class_sums::load(in); });
    require_fit(*states.sums, classes);
    states.histogram = load("value_histogram", [](auto& in) { return repscope::value_histogram::load(in); });
    require(states.histogram->units() == units && states.histogram->samples() == samples,
            "states of different units, classes or samples");
    if (states.sums->options().rectify) {
        states.rectified_spread =
            load("rectified_spread", [](auto& in) { return repscope::class_moments::load(in); });
        require_fit(*states.rectified_spread, 1);
    }
    return states;
}

} // namespace program
