#include "inference.hpp"

#include "labels.hpp"
#include "layer_report.hpp"

#include <repscope/robustness/multiple_testing.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace program {

namespace {

constexpr std::size_t block_count = 20;

} // namespace

bool is_sketched(std::size_t rows, std::size_t units, const inference_options& options) {
    constexpr std::size_t most_exact = 8192;
    if (!options.wanted || options.method == trace_method::exact) return false;
    return options.method == trace_method::sketch || std::min(rows, units) > most_exact;
}

layer_inference::layer_inference(std::size_t units, const statistics_options& options,
                                 repscope::thread_pool& pool)
    : options_(options), pool_(pool) {
    if (options.labels == nullptr) return;
    blocks_.emplace(units, options.labels->class_labels.size(),
                    repscope::class_blocks_options{
                        .blocks = block_count,
                        .rectify = options.signed_values == repscope::signed_policy::rectify,
                        .max_bytes = options.memory});
}

double layer_inference::bytes(std::size_t rows, std::size_t units, const statistics_options& options) {
    if (!options.inference.wanted) return 0.0;
    const auto u = static_cast<double>(units);
    double doubles = is_sketched(rows, units, options.inference) ? 0.0 : 64.0 * u; // rows that are turned
    if (options.labels != nullptr) {
        doubles += static_cast<double>(block_count * options.labels->class_labels.size()) * u;
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

void layer_inference::start_second_pass(repscope::centred_products&& products) {
    jackknife_.emplace(std::move(products));
}

bool layer_inference::needs_second_pass() const { return jackknife_ && jackknife_->needs_second_pass(); }

void layer_inference::add_again(const repscope::tensor_view<const double, 2>& values) {
    jackknife_->update(values, {.threads = pool_});
}

void layer_inference::take_sketch(const repscope::covariance_sketch& sketch) {
    sketched_ = repscope::participation_ratio(sketch);
    probes_ = sketch.probes();
}

void layer_inference::finish(layer_report& report) const {
    inference_report& own = report.inference.emplace();
    if (blocks_) {
        own.cross_fit = repscope::cross_fit(*blocks_, {.threads = pool_,
                                                       .epsilon = options_.epsilon,
                                                       .signed_values = options_.signed_values});
        own.blocks = block_count;
        own.state_bytes = repscope::class_blocks::bytes_needed(blocks_->units(), blocks_->classes(), block_count);
        std::vector<double> tested = own.cross_fit->p_value;
        std::erase_if(tested, [](double p) { return std::isnan(p); });
        own.tested_units = tested.size();
        for (const double q : repscope::benjamini_hochberg(tested)) own.significant_units += q <= 0.05 ? 1U : 0U;
    }
    if (sketched_) {
        own.method = "sketch";
        // What is not measured is NaN, and a count that is not a dash in the table.
        report.dimensionality.participation_ratio = sketched_->naive;
        report.dimensionality.participation_ratio_unbiased = sketched_->unbiased;
        report.dimensionality.stable_rank = std::nan("");
        report.dimensionality.components_fraction.fill(std::nan(""));
        own.probes = probes_;
        own.participation_ratio = {sketched_->naive, sketched_->unbiased,         std::nan(""),
                                   sketched_->unbiased_error_log, {}, sketched_->samples};
        const double reach = repscope::normal_quantile(0.975) * sketched_->unbiased_error_log;
        own.participation_ratio.ci = {sketched_->unbiased * std::exp(-reach),
                                      sketched_->unbiased * std::exp(reach)};
    } else {
        own.method = "exact";
        own.participation_ratio = jackknife_->estimate();
    }
}

} // namespace program
