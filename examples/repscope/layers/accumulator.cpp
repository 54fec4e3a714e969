#include "layers/accumulator.hpp"

#include "render/text_table.hpp"

#include <repscope/error.hpp>
#include <repscope/parallel/blocks.hpp>
#include <repscope/tensor/as_view.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace program {

namespace {

std::size_t bytes_of_class_state(std::size_t units, const statistics_options& options) {
    if (options.labels == nullptr) return 0;
    const std::size_t bytes = units * options.labels->class_labels.size() * sizeof(double);
    const bool rectify = options.negatives == repscope::negative_policy::rectify;
    // The library holds up to sixteen copies of small class sums, and of large ones a single one.
    return std::max(bytes, std::min<std::size_t>(16 * bytes, std::size_t{64} << 20U)) +
           repscope::value_histogram::bytes_needed(units, !rectify);
}

// Rows that are handed over in one call. A call starts new blocks in the moments, so the calls are a function
// of the units alone; a batch is several of them.
std::size_t rows_of_call(std::size_t units) {
    constexpr std::size_t target = std::size_t{1} << 20U; // numbers: 8 MiB, sixteen blocks of the class sums
    return std::clamp<std::size_t>(target / units / 128 * 128, 128, 8192);
}

std::size_t row_bytes(std::size_t units, const statistics_options& options) {
    const bool rectify = options.labels != nullptr && options.negatives == repscope::negative_policy::rectify;
    return units * sizeof(double) * (rectify ? 2 : 1);
}

std::size_t rows_of_batch(std::size_t rows, std::size_t units, const statistics_options& options) {
    const std::size_t call = rows_of_call(units);
    const std::size_t wanted =
        options.batch == 0 ? 1 : repscope::block_count(std::min(options.batch, rows), call);
    const std::size_t fitting =
        std::max<std::size_t>(1, options.memory / 4 / (call * row_bytes(units, options)));
    return std::min(wanted, fitting) * call;
}

repscope::covariance_options bounded(std::size_t rows, std::size_t units, const statistics_options& options) {
    const double needed = min_bytes(rows, units, options);
    if (needed > static_cast<double>(options.memory)) {
        throw repscope::value_error("the statistics of " + std::to_string(units) + " units take " +
                                    byte_count(needed) + ", more than --memory allows (" +
                                    byte_count(static_cast<double>(options.memory)) + ")");
    }
    return {.max_bytes = std::numeric_limits<std::size_t>::max(), .products = options.products};
}

} // namespace

double min_bytes(std::size_t rows, std::size_t units, const statistics_options& options) {
    const double n = static_cast<double>(rows);
    const double u = static_cast<double>(units);
    // While it is gathered the matrix of a covariance, or its rows, stand once, and a second time when they
    // become a matrix; to evaluate it takes the matrix and a copy that the eigenvalue solver destroys, and
    // the rows twice.
    constexpr double probes = 256;
    const double state = is_sketched(rows, units, options.inference) ? (u + 2 * probes) * probes + 5 * u
                         : n <= u                                    ? 2 * n * u + 2 * n * n
                                                                     : 2 * u * u;
    const double batch =
        static_cast<double>(rows_of_call(units)) * static_cast<double>(row_bytes(units, options));
    return state * sizeof(double) + batch + static_cast<double>(bytes_of_class_state(units, options)) +
           layer_inference::bytes(rows, units, options);
}

layer_statistics::layer_statistics(std::size_t rows, std::size_t units, const statistics_options& options,
                                   repscope::thread_pool& pool, std::size_t first_label)
    : units_(units), options_(options), pool_(pool), first_label_(first_label),
      capacity_(rows_of_batch(rows, units, options)),
      states_{repscope::covariance(units, bounded(rows, units, options)), {}, {}, {}} {
    values_.resize(capacity_ * units);
    if (options.inference.wanted) inference_.emplace(rows, units, options, pool, first_label);
    if (is_sketched(rows, units, options.inference)) {
        sketch_.emplace(units);
        states_.spread.emplace(units, 1);
    }
    if (options.labels == nullptr) return;
    const bool rectify = options.negatives == repscope::negative_policy::rectify;
    states_.sums.emplace(units, options.labels->class_labels.size(),
                         repscope::class_options{.rectify = rectify});
    states_.histogram.emplace(units, repscope::histogram_options{.rectify = rectify});
    if (rectify) {
        rectified_.resize(capacity_ * units);
        states_.rectified_spread.emplace(units, 1);
    }
}

void layer_statistics::commit(std::size_t rows) {
    filled_ += rows;
    if (filled_ == capacity_) flush();
}

void layer_statistics::flush() {
    const std::size_t call = rows_of_call(units_);
    for (std::size_t first = 0; first < filled_; first += call) {
        hand_over(first, std::min(call, filled_ - first));
    }
    taken_ += filled_;
    filled_ = 0;
}

void layer_statistics::hand_over(std::size_t first, std::size_t rows) {
    const repscope::tensor_view<const double, 2> values(values_.data() + first * units_, {rows, units_});
    if (again_) {
        const double* selective = rectified_.empty() ? values_.data() : rectified_.data();
        inference_->add_again(values, {selective + first * units_, {rows, units_}});
        return;
    }
    if (sketch_) {
        sketch_->update(values, {.threads = pool_});
        states_.spread->update(values, std::vector<std::int32_t>(rows), {.threads = pool_});
    } else {
        states_.covariance.update(values, {.threads = pool_});
    }
    if (options_.labels == nullptr) return;
    const std::size_t label = first_label_ + taken_ + first;
    const auto classes = std::span(options_.labels->classes).subspan(label, rows);
    if (states_.rectified_spread) {
        const repscope::tensor_view<const double, 2> rectified(rectified_.data() + first * units_,
                                                               {rows, units_});
        states_.sums->update(rectified, classes, {.threads = pool_});
        states_.histogram->update(rectified, {.threads = pool_});
        states_.rectified_spread->update(rectified, std::vector<std::int32_t>(rows), {.threads = pool_});
        if (inference_) inference_->add(rectified, label);
    } else {
        states_.sums->update(values, classes, {.threads = pool_});
        states_.histogram->update(values, {.threads = pool_});
        if (inference_) inference_->add(values, label);
    }
}

void layer_statistics::finish(layer_report& report) {
    measure_terms terms{.negatives = options_.negatives, .epsilon = options_.epsilon};
    if (options_.labels != nullptr) {
        terms.class_labels = options_.labels->class_labels;
        terms.class_names = options_.labels->class_names;
    }
    terms.p_values = inference_ && options_.inference.null == null_method::saddlepoint;
    terms.threads = pool_;
    if (!inference_) {
        measure_states(std::move(states_), terms, report);
        return;
    }
    repscope::scatter_matrix products;
    measure_states(std::move(states_), terms, report, &products);
    if (sketch_)
        inference_->take_sketch(*sketch_);
    else
        inference_->start_second_pass(std::move(products));
    if (!needs_another_pass()) inference_->finish(report);
}

bool layer_statistics::needs_another_pass() const { return inference_ && inference_->needs_another_pass(); }

void layer_statistics::begin_pass() {
    taken_ = 0;
    again_ = true;
}

void layer_statistics::end_pass(layer_report& report) {
    inference_->end_pass();
    if (!needs_another_pass()) inference_->finish(report);
}

} // namespace program
