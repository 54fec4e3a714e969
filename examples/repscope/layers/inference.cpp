#include "layers/inference.hpp"

#include "dumps/labels.hpp"
#include "layers/accumulator.hpp"
#include "layers/report.hpp"

#include <repscope/statistics/multiple_testing.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace program {

namespace {

constexpr std::size_t block_count = 20;

// As many as Benjamini and Hochberg's procedure at .05 needs to reject a single unit of so many.
std::size_t most_permutations(std::size_t units) { return std::min<std::size_t>(20 * units, 10'000'000); }

bool permutes(const statistics_options& options) {
    return options.inference.wanted && options.labels != nullptr &&
           options.inference.null == null_method::permutation;
}

double bytes_of_permutation(std::size_t rows, std::size_t units, const statistics_options& options) {
    return repscope::selectivity_permutation_test::bytes_of_permutation(
        rows, options.labels->class_labels.size(), units);
}

// What shuffled labels may take: half of what the layer leaves, and what a permutation needs in any case.
std::size_t bytes_for_permutations(std::size_t rows, std::size_t units, const statistics_options& options) {
    const double needed = min_bytes(rows, units, options);
    const double spare = std::max(0.0, static_cast<double>(options.memory) - needed) / 2;
    return static_cast<std::size_t>(std::ceil(bytes_of_permutation(rows, units, options) + spare));
}

} // namespace

bool is_sketched(std::size_t rows, std::size_t units, const inference_options& options) {
    constexpr std::size_t max_exact = 8192;
    if (!options.wanted || options.method == trace_method::exact) return false;
    return options.method == trace_method::sketch || std::min(rows, units) > max_exact;
}

layer_inference::layer_inference(std::size_t rows, std::size_t units, const statistics_options& options,
                                 repscope::thread_pool& pool, std::size_t first_label)
    : options_(options), pool_(pool) {
    if (options.labels == nullptr) return;
    blocks_.emplace(
        units, options.labels->class_labels.size(),
        repscope::class_blocks_options{.blocks = block_count,
                                       .rectify = options.negatives == repscope::negative_policy::rectify,
                                       .max_bytes = options.memory});
    if (!permutes(options)) return;
    permutation_.emplace(
        units, std::span(options.labels->classes).subspan(first_label, rows),
        repscope::selectivity_permutation_options{.permutations = options.inference.permutations,
                                                  .max_permutations = most_permutations(units),
                                                  .epsilon = options.epsilon,
                                                  .negatives = options.negatives,
                                                  .max_bytes = bytes_for_permutations(rows, units, options)});
}

double layer_inference::bytes(std::size_t rows, std::size_t units, const statistics_options& options) {
    if (!options.inference.wanted) return 0.0;
    const auto u = static_cast<double>(units);
    double doubles = is_sketched(rows, units, options.inference) ? 0.0 : 64.0 * u; // rows that are turned
    if (options.labels != nullptr) {
        doubles += static_cast<double>(block_count * options.labels->class_labels.size()) * u;
    }
    if (permutes(options)) {
        // The largest twentieth of a unit's indices, and a permutation.
        doubles += (static_cast<double>(options.inference.permutations) / 20 + 8) * u +
                   bytes_of_permutation(rows, units, options) / sizeof(double);
    }
    return doubles * sizeof(double);
}

void layer_inference::add(const repscope::tensor_view<const double, 2>& values, std::size_t first) {
    if (!blocks_) return;
    const std::size_t rows = values.extent(0);
    const label_set& labels = *options_.labels;
    const auto classes = std::span(labels.classes).subspan(first, rows);
    if (labels.keeps_all()) {
        blocks_->update(values, classes,
                        {.threads = pool_, .first_index = options_.inference.first_index + first});
    } else {
        blocks_->update(values, classes,
                        {.threads = pool_,
                         .first_index = options_.inference.first_index,
                         .places = std::span(labels.kept).subspan(first, rows)});
    }
}

void layer_inference::start_second_pass(repscope::scatter_matrix&& products) {
    jackknife_.emplace(std::move(products));
}

bool layer_inference::jackknife_wants_rows() const {
    return first_again_ && jackknife_ && jackknife_->needs_second_pass();
}

bool layer_inference::needs_another_pass() const {
    return jackknife_wants_rows() || (permutation_ && permutation_->needs_pass());
}

void layer_inference::add_again(const repscope::tensor_view<const double, 2>& values,
                                const repscope::tensor_view<const double, 2>& selective) {
    if (jackknife_wants_rows()) jackknife_->update(values, {.threads = pool_});
    if (permutation_) permutation_->update(selective, {.threads = pool_});
}

void layer_inference::take_sketch(const repscope::covariance_sketch& sketch) {
    sketched_ = repscope::participation_ratio(sketch);
    probes_ = sketch.probes();
}

void layer_inference::finish(layer_report& report) const {
    inference_report& own = report.inference.emplace();
    if (blocks_) {
        own.cross_fit = repscope::cross_fit_selectivity(
            *blocks_, {.threads = pool_, .epsilon = options_.epsilon, .negatives = options_.negatives});
        own.blocks = block_count;
        own.state_bytes =
            repscope::blocked_class_sums::bytes_needed(blocks_->units(), blocks_->classes(), block_count);
        if (permutation_) {
            own.null = "permutation";
            auto permuted = permutation_->result();
            own.p_value = std::move(permuted.p_value);
            own.null_95 = std::move(permuted.null_95);
            own.permutations = options_.inference.permutations;
            own.max_permutations =
                *std::max_element(permuted.permutations.begin(), permuted.permutations.end());
            own.passes = permutation_->passes();
        } else {
            own.p_value = report.selectivity->p_values;
        }
        std::vector<double> tested = own.p_value;
        std::erase_if(tested, [](double p) { return std::isnan(p); });
        own.tested_units = tested.size();
        for (const double q : repscope::benjamini_hochberg(tested))
            own.significant_units += q <= 0.05 ? 1U : 0U;
    }
    if (sketched_) {
        own.method = "sketch";
        // What is not measured is NaN, and a count that is not a dash in the table.
        report.dimensionality.participation_ratio = sketched_->naive;
        report.dimensionality.participation_ratio_unbiased = sketched_->unbiased;
        report.dimensionality.stable_rank = std::nan("");
        report.dimensionality.components_fraction.fill(std::nan(""));
        own.probes = probes_;
        own.participation_ratio = {
            sketched_->naive,  sketched_->unbiased, std::nan(""), sketched_->unbiased_error_log, {},
            sketched_->samples};
        const double reach = repscope::normal_quantile(0.975) * sketched_->unbiased_error_log;
        own.participation_ratio.ci = {sketched_->unbiased * std::exp(-reach),
                                      sketched_->unbiased * std::exp(reach)};
    } else {
        own.method = "exact";
        own.participation_ratio = jackknife_->estimate();
    }
}

} // namespace program
