#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/layer_report.hpp"
#include "repscope/analysis/state_file.hpp"
#include "repscope/bytes.hpp"
#include "repscope/detail/analysis/layer_dimensionality.hpp"
#include "repscope/detail/analysis/layer_geometry.hpp"
#include "repscope/detail/analysis/layer_inference.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/detail/analysis/layer_moments.hpp"
#include "repscope/detail/analysis/layer_needs.hpp"
#include "repscope/detail/analysis/layer_neighbors.hpp"
#include "repscope/detail/analysis/layer_sections.hpp"
#include "repscope/detail/analysis/layer_units.hpp"
#include "repscope/detail/common/check_class_numbers.hpp"
#include "repscope/detail/common/check_labels.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/dimensionality/rank_me.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// The measures of one layer from one pass over its samples: class selectivity, its mean under shuffled
/// labels, dimensionality, and with `inference` their estimates with intervals and p-values.
/// `options.measures` chooses among them.
///
///     repscope::analysis::layer_accumulator layer(units, {.classes = 10});
///     for (...) layer.update(activations, labels);
///     const repscope::analysis::layer_report report = layer.finish();
///
/// With inference a layer of more samples than units needs a second pass, and permutations need more:
///
///     do { for (...) layer.update(activations, labels); } while (layer.next_pass());
///
/// Rows are buffered and added to the moments in calls of a fixed number of rows. The result thus has the
/// same bits for any number of threads, division into calls, `batch` and `max_bytes`. `merge` adds the
/// samples of another accumulator; merged results agree with those of one pass to 1e-12. Needs the memory of
/// the moments and a buffer of 8 MiB or 128 rows, whichever is more. The first call with rows allocates the
/// buffer.
template <product_backend Backend>
class basic_layer_accumulator {
  public:
    /// For `units` units. Throws `value_error` without units, for a single class, without a measure (those
    /// that need labels do not count without classes), and if `max_bytes` is less than a known number of
    /// samples needs.
    explicit basic_layer_accumulator(std::size_t units, const layer_accumulator_options& options = {})
        : basic_layer_accumulator(options, detail::layer_moments<Backend>(checked(units, options), options)) {
        if (options.inference) inference_.emplace(units, options);
    }

    /// Returns the least number of bytes that the statistics of `samples` samples need during accumulation
    /// and evaluation.
    [[nodiscard]] static double bytes_needed(std::uint64_t samples, std::size_t units,
                                             const layer_accumulator_options& options = {}) {
        return detail::bytes_of_layer(samples, units, options);
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// The options of the constructor.
    [[nodiscard]] const layer_accumulator_options& options() const noexcept { return options_; }
    /// Number of samples of this pass, merged ones included.
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_before_batch() + filled_; }

    /// Adds labeled samples: `activations` (samples, units), (samples, channels, height, width), a channel
    /// read as its spatial mean, or as `options.axes` states; `labels` one integer per sample. In a further
    /// pass the labels are checked and not used.
    ///
    /// Throws `shape_error` if the extents do not fit. Throws `value_error` without classes, for a label
    /// outside 0 .. classes - 1 (with its position), for an activation that is NaN or infinite (with sample
    /// and unit), and if the moments would exceed their memory. A throw for bad input leaves the accumulator
    /// unchanged; for this, a call with more rows than the buffer holds reads its input twice. If squares of
    /// finite values overflow, every later call throws. O(samples x units x min(samples, units)).
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels,
                const layer_update_options& options = {}) {
        constexpr const char* name = "analysis::layer_accumulator::update";
        if (options_.classes == 0)
            errors::throw_value_error(name, "expected no labels, since options.classes is 0");
        const auto x = as_activations(activations, options.axes, name);
        const auto y = as_view<1>(labels);
        repscope::detail::check_labels(name, y, x.extent(0), options_.classes);
        std::vector<std::int32_t> classes(x.extent(0));
        for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int32_t>(y(i));
        add(name, x, classes, options.places);
    }

    /// Adds samples without labels to an accumulator without classes, or in a further pass. Otherwise as
    /// above.
    template <tensor_like Activations>
    void update(const Activations& activations, const layer_update_options& options = {}) {
        constexpr const char* name = "analysis::layer_accumulator::update";
        if (options_.classes != 0 && !is_evaluated())
            errors::throw_value_error(name, "expected labels, one per sample");
        add(name, as_activations(activations, options.axes, name), {}, options.places);
    }

    /// Adds the samples of another accumulator after those of this one. A further pass takes the samples in
    /// that order.
    ///
    /// Throws `shape_error` if units or classes differ, `value_error` if options that decide the states do,
    /// or after `next_pass`. After such a throw the accumulator is unchanged.
    void merge(const basic_layer_accumulator& other) {
        constexpr const char* name = "analysis::layer_accumulator::merge";
        if (other.filled_ != 0 || &other == this) {
            basic_layer_accumulator whole = other;
            whole.flush();
            merge(whole);
            return;
        }
        require_first_pass(name);
        other.require_first_pass(name);
        if ((options_.classes == 0) != (other.options_.classes == 0))
            errors::throw_value_error(name, "states with and without classes do not merge");
        if (detail::is_rectified(options_) != detail::is_rectified(other.options_))
            errors::throw_value_error(name, "a state of rectified and one of plain activations do not merge");
        if (options_.measures != other.options_.measures)
            errors::throw_value_error(name, "states of different measures do not merge");
        if (units_ != other.units_ || options_.classes != other.options_.classes) {
            errors::throw_shape_error(name, "expected a state of " + errors::text_of(units_) + " units and " +
                                                errors::text_of(options_.classes) + " classes, got " +
                                                errors::text_of(other.units_) + " and " +
                                                errors::text_of(other.options_.classes));
        }
        if (inference_.has_value() != other.inference_.has_value() ||
            moments_.sketch.has_value() != other.moments_.sketch.has_value() ||
            detail::is_permuted(options_) != detail::is_permuted(other.options_)) {
            errors::throw_value_error(name, "expected a state with the same estimates");
        }
        flush();
        moments_.merge(other.moments_);
        const scoped_pool pool(options_.threads);
        if (inference_) inference_->merge(*other.inference_, *pool);
    }

    /// Ends a pass over the samples. Returns whether another pass over all samples, in the same order, is
    /// needed.
    ///
    /// Throws `value_error` below 2 samples, with fewer than 2 classes that have samples, and if a further
    /// pass had another number of samples. O(min(samples, units)^3) after the first pass.
    [[nodiscard]] bool next_pass() {
        constexpr const char* name = "analysis::layer_accumulator::next_pass";
        flush();
        const scoped_pool pool(options_.threads);
        if (!is_evaluated()) {
            evaluate(*pool);
        } else if (needs_pass()) {
            require_all_samples(name);
            inference_->has_second_pass = true;
        }
        taken_ = 0;
        return needs_pass();
    }

    /// The report of all samples. Ends the pass, if `next_pass` has not. Consumes the states: afterwards the
    /// accumulator can only be assigned or destroyed.
    ///
    /// Throws as `next_pass`, and `value_error` if another pass is needed.
    [[nodiscard]] layer_report finish() {
        if ((!is_evaluated() && next_pass()) || needs_pass()) {
            errors::throw_value_error("analysis::layer_accumulator::finish",
                                      "expected another pass over the samples, which next_pass announces");
        }
        const scoped_pool pool(options_.threads);
        if (inference_) inference_->finish(options_, *pool, *report_);
        return *std::move(report_);
    }

    /// Adds the buffered rows to the moments. Called by every function that reads them; a call between rows
    /// begins a new block, which changes the last bits.
    void flush() {
        const std::size_t call = detail::rows_per_call(units_);
        for (std::size_t first = 0; first < filled_; first += call) {
            add_to_moments(first, (std::min)(call, filled_ - first));
        }
        taken_ += filled_;
        filled_ = 0;
        classes_.clear();
        places_.clear();
    }

    /// The second moments of the flushed rows; no samples for a sketched layer, without measures of
    /// dimensionality and after `next_pass`.
    [[nodiscard]] const repscope::covariance& covariance() const noexcept { return moments_.covariance; }

    /// The class sums and the counts of active samples of the flushed rows, of accumulators whose measures
    /// need them. Not checked.
    [[nodiscard]] const class_sums& sums() const noexcept { return *moments_.sums; }
    /// The counts of active samples; see `sums`.
    [[nodiscard]] const activation_counts& active() const noexcept { return *moments_.active; }

    /// Number of rows that enter the moments of a layer of `units` units together.
    [[nodiscard]] static std::size_t rows_per_call(std::size_t units) noexcept {
        return detail::rows_per_call(units);
    }

    // For callers that compute the values of units themselves, on several threads.

    /// Number of rows that still fit into the buffer, at least 1.
    [[nodiscard]] std::size_t room() const noexcept { return capacity_ - filled_; }
    /// Memory for the next rows, (room, units); several threads may write at once.
    [[nodiscard]] double* next_values() {
        if (values_.empty()) values_.resize(capacity_ * units_);
        return values_.data() + filled_ * units_;
    }
    /// The memory for the means of max(a, 0) over positions; null unless negative activations are rectified.
    [[nodiscard]] double* next_rectified() {
        if (!detail::is_rectified(options_)) return nullptr;
        if (rectified_.empty()) rectified_.resize(capacity_ * units_);
        return rectified_.data() + filled_ * units_;
    }
    /// States that the next `rows` rows have been written, at most `room()`. `classes`: class of each row,
    /// checked by the caller; empty without labels. `places`: as in `layer_update_options`.
    ///
    /// Flushes a full buffer. Throws `value_error` if it holds a value that is not finite.
    void commit(std::size_t rows, std::span<const std::int32_t> classes = {},
                std::span<const std::size_t> places = {}) {
        classes_.insert(classes_.end(), classes.begin(), classes.end());
        if (needs_places() && !is_evaluated() && rows != 0) {
            const std::uint64_t next = next_place();
            for (std::size_t i = 0; i < rows; ++i)
                places_.push_back(places.empty() ? static_cast<std::size_t>(next + i) : places[i]);
            moments_.next_place = places_.back() + std::uint64_t{1};
            if (inference_ && inference_->needs_places()) inference_->next_place = moments_.next_place;
        }
        filled_ += rows;
        if (filled_ == capacity_) flush();
    }
    /// Rows of this pass before the buffer; the position of a value that is not finite is counted from here.
    [[nodiscard]] std::uint64_t rows_taken() const noexcept { return taken_; }

    /// Gives class `c` the number `numbers[c]` among `classes` classes, also in the buffered rows; all others
    /// have no samples. Classes without samples beyond `numbers` are dropped. Changes no bit of the result
    /// but the order of the classes, so classes can be added as they appear.
    ///
    /// Throws `value_error` for a single class, without classes, after `next_pass`, with permutations, if a
    /// number is not below `classes` or occurs twice, and if a class with samples has none. O(classes x
    /// units).
    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        constexpr const char* name = "analysis::layer_accumulator::renumber_classes";
        require_first_pass(name);
        if (options_.classes == 0 || classes < 2 || detail::is_permuted(options_)) {
            errors::throw_value_error(name, "expected at least 2 classes, and no permutations");
        }
        repscope::detail::check_class_numbers(name, numbers, classes, options_.classes);
        for (const std::int32_t label : classes_) {
            if (static_cast<std::size_t>(label) < numbers.size()) continue;
            errors::throw_value_error(name, "expected a number for class " + errors::text_of(label) +
                                                ", which has samples");
        }
        moments_.renumber_classes(numbers, classes);
        if (inference_) inference_->renumber_classes(numbers, classes);
        for (std::int32_t& label : classes_)
            label = static_cast<std::int32_t>(numbers[static_cast<std::size_t>(label)]);
        options_.classes = classes;
    }

    /// Whether there are moments of blocks of samples, which the intervals of measures other than selectivity
    /// need. Without them these intervals are left out, and the report states the bytes that they need.
    [[nodiscard]] bool has_blocks() const noexcept { return inference_ && inference_->moments; }
    /// Frees the moments of blocks, for memory.
    void release_blocks() noexcept {
        if (inference_) inference_->moments.reset();
        options_.max_bytes_with_blocks = 1;
        if (!needs_places()) places_.clear();
    }

    /// Number of samples of this pass before the buffer, merged and loaded ones included.
    [[nodiscard]] std::uint64_t flushed_samples() const noexcept { return samples_before_batch(); }

    /// Returns the states of the rows before the buffer as sections of a state file, and changes nothing. The
    /// result of an accumulator that is loaded from them and gets the other rows has the same bits. Throws
    /// `value_error` after `next_pass`.
    [[nodiscard]] std::vector<saved_section> save_flushed_sections() const {
        require_first_pass("analysis::layer_accumulator::save_flushed_sections");
        const std::uint64_t next = places_.empty() ? next_place() : places_.front();
        return detail::sections_of(moments_, inference_, next, nullptr);
    }

    /// Returns the states as bytes, as sections of a state file. Throws `value_error` after `next_pass`.
    [[nodiscard]] std::vector<saved_section> save_sections() {
        require_first_pass("analysis::layer_accumulator::save");
        flush();
        const scoped_pool pool(options_.threads);
        return detail::sections_of(moments_, inference_, next_place(), &*pool);
    }

    /// Reads the bytes of `save_sections`; `options` must equal those of the saved accumulator.
    ///
    /// Throws `format_error`, whose text begins with `name`, if a section is missing, is not a state, or is a
    /// state of other units, classes or samples than the others.
    [[nodiscard]] static basic_layer_accumulator load_sections(std::span<const state_section> sections,
                                                               const layer_accumulator_options& options,
                                                               const std::string& name) {
        const detail::section_reader reader(sections, name);
        basic_layer_accumulator state(options, detail::load_moments<Backend>(reader, options));
        if (options.inference) state.inference_ = detail::load_inference(reader, state.moments_, options);
        return state;
    }

    /// Writes the states: number of sections, then kind, size and bytes of each. Throws as `save_sections`.
    void save(byte_writer& out) { detail::put_sections(save_sections(), out); }

    /// Reads the bytes of `save`; `options` must equal those of the saved accumulator. Throws `format_error`
    /// if the bytes are cut or are not such states.
    [[nodiscard]] static basic_layer_accumulator load(byte_reader& in,
                                                      const layer_accumulator_options& options = {}) {
        return load_sections(detail::take_sections(in), options, in.name());
    }

  private:
    basic_layer_accumulator(const layer_accumulator_options& options,
                            detail::layer_moments<Backend>&& moments)
        : units_(moments.covariance.units()), options_(options),
          capacity_(detail::rows_per_batch(units_, options)), moments_(std::move(moments)) {}

    static std::size_t checked(std::size_t units, const layer_accumulator_options& options) {
        constexpr const char* name = "analysis::layer_accumulator";
        if (units == 0) errors::throw_value_error(name, "expected at least 1 unit, got 0");
        if (options.classes == 1) errors::throw_value_error(name, "expected at least 2 classes, got 1");
        if (detail::possible_measures(options).empty())
            errors::throw_value_error(name, "expected a measure that can be computed, got none");
        if (options.samples == 0) return units;
        const double needed = bytes_needed(options.samples, units, options);
        if (needed > static_cast<double>(options.max_bytes)) {
            errors::throw_value_error(name, "expected max_bytes of at least " + errors::text_of(needed) +
                                                " for " + errors::text_of(units) + " units, got " +
                                                errors::text_of(options.max_bytes));
        }
        return units;
    }

    [[nodiscard]] bool is_evaluated() const noexcept { return report_.has_value(); }
    [[nodiscard]] bool needs_pass() const { return is_evaluated() && inference_ && inference_->needs_pass(); }
    [[nodiscard]] std::uint64_t samples_before_batch() const noexcept {
        return is_evaluated() ? taken_ : moments_.samples();
    }

    void require_first_pass(std::string_view function) const {
        if (is_evaluated())
            errors::throw_value_error(function, "expected an accumulator before next_pass or finish");
    }
    void require_all_samples(std::string_view function) const {
        if (taken_ == report_->samples) return;
        errors::throw_value_error(function, "expected " + errors::text_of(report_->samples) +
                                                " samples in each pass, got " + errors::text_of(taken_));
    }

    template <typename T>
    void add(const char* name, const activations_view<T>& x, std::span<const std::int32_t> classes,
             std::span<const std::size_t> places) {
        const std::size_t added = x.extent(0);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0)
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        if (!places.empty() && places.size() != added) {
            errors::throw_shape_error(name, "expected one place per sample, got " +
                                                errors::text_of(places.size()) + " places for " +
                                                errors::text_of(added) + " samples");
        }
        if (is_evaluated() && (!needs_pass() || samples() + added > report_->samples)) {
            errors::throw_value_error(
                name, "expected at most " + errors::text_of(needs_pass() ? report_->samples : 0) +
                          " samples in this pass, got " + errors::text_of(samples() + added));
        }
        const scoped_pool pool(options_.threads);
        const std::uint64_t before = samples();
        if (added > room()) check_finite(name, x, before, *pool);
        for (std::size_t first = 0; first < added;) {
            const std::size_t rows = (std::min)(room(), added - first);
            repscope::detail::unit_rows_into(name, x, first, rows, false, *pool, next_values(), before);
            if (double* const rectified = next_rectified())
                repscope::detail::unit_rows_into(name, x, first, rows, true, *pool, rectified, before);
            commit(rows, classes.empty() ? classes : classes.subspan(first, rows),
                   places.empty() ? places : places.subspan(first, rows));
            first += rows;
        }
    }

    /// Throws for the first sample with a value that is not finite, before any of them is added.
    template <typename T>
    void check_finite(const char* name, const activations_view<T>& x, std::uint64_t before,
                      thread_pool& pool) const {
        constexpr std::size_t block_values = std::size_t{1} << 18U;
        const std::size_t block_size = (std::max<std::size_t>)(1, block_values / units_);
        std::vector<double> rows((std::min)(block_size, x.extent(0)) * units_);
        for (std::size_t first = 0; first < x.extent(0); first += block_size) {
            const std::size_t count = (std::min)(block_size, x.extent(0) - first);
            repscope::detail::unit_rows_into(name, x, first, count, false, pool, rows.data(), before);
        }
    }

    /// Whether the places of buffered samples are kept, for blocks of samples or a reservoir.
    [[nodiscard]] bool needs_places() const noexcept {
        return (inference_ && inference_->needs_places()) || moments_.has_reservoir();
    }

    /// Index of the sample after those of the moments and of the buffer.
    [[nodiscard]] std::uint64_t next_place() const noexcept {
        return inference_ && inference_->needs_places() ? inference_->next_place : moments_.next_place;
    }

    void add_to_moments(std::size_t first, std::size_t rows) {
        using matrix = tensor_view<const double, 2>;
        const scoped_pool pool(options_.threads);
        const matrix values(values_.data() + first * units_, {rows, units_});
        const matrix selective =
            rectified_.empty() ? values : matrix(rectified_.data() + first * units_, {rows, units_});
        if (is_evaluated()) {
            if (inference_) inference_->update_again(values, selective, *pool);
            return;
        }
        const auto classes = options_.classes == 0
                                 ? std::span<const std::int32_t>()
                                 : std::span<const std::int32_t>(classes_).subspan(first, rows);
        const auto places = places_.empty() ? std::span<const std::size_t>()
                                            : std::span<const std::size_t>(places_).subspan(first, rows);
        moments_.update(values, selective, classes, options_.first_sample, places, *pool);
        if (inference_) inference_->update(values, selective, classes, places, options_, *pool);
    }

    void evaluate(thread_pool& pool) {
        layer_report report;
        report.samples = static_cast<std::size_t>(moments_.samples());
        report.units = units_;
        report.measures = options_.measures;
        report.dimensionality = detail::no_dimensionality();
        const measure_set measures = detail::possible_measures(options_);
        if (moments_.histogram) report.selectivity = moments_.selectivity(options_, pool);
        if (measures.contains_any(unit_measures))
            report.unit_values = detail::units_of(moments_, measures, pool);
        if (measures.contains_any(neighbor_measures))
            report.neighbors = detail::neighbors_of(moments_.value_reservoir(), measures, pool);
        if (measures.contains_any(geometry_measures))
            report.geometry = detail::geometry_of(moments_, measures);
        moments_.release_samples();
        evaluate_covariance(report, measures, pool);
        if (detail::is_permuted(options_)) inference_->begin_permutations(units_, options_);
        report_ = std::move(report);
    }

    /// The measures of the second moments, which are consumed.
    void evaluate_covariance(layer_report& report, measure_set measures, thread_pool& pool) {
        if (measures.contains(measure::rankme)) report.rankme = std::numeric_limits<double>::quiet_NaN();
        if (moments_.sketch) {
            inference_->take(*moments_.sketch);
        } else if (moments_.has_covariance) {
            const bool is_thin = moments_.covariance.is_thin();
            const auto add_others = [&](const auto& products) {
                if (measures.contains(measure::rankme))
                    report.rankme = rank_me(uncentered_spectrum(products, {.threads = pool}));
                if (measures.contains_any(class_scatter_measures))
                    detail::add_class_scatter(products, moments_, measures, pool, *report.geometry);
            };
            if (is_thin) add_others(moments_.covariance);
            scatter_matrix products = std::move(moments_.covariance).centered(Backend{});
            if (!is_thin) add_others(products);
            detail::add_dimensionality(products, measures, pool, report);
            if (detail::needs_ratio_estimate(options_)) inference_->take(std::move(products), options_.trace);
        }
    }

    std::size_t units_;
    layer_accumulator_options options_;
    std::size_t capacity_; ///< rows of the buffer
    std::size_t filled_ = 0;
    std::uint64_t taken_ = 0; ///< rows of this pass that were flushed
    std::vector<double> values_;
    std::vector<double> rectified_;
    std::vector<std::int32_t> classes_; ///< of the rows of the buffer, in the form of places_
    std::vector<std::size_t> places_;
    detail::layer_moments<Backend> moments_;
    std::optional<detail::layer_inference<Backend>> inference_{};
    std::optional<layer_report> report_{}; ///< after the first pass
};

/// `basic_layer_accumulator` with the products of Eigen.
using layer_accumulator = basic_layer_accumulator<eigen_products>;

} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
