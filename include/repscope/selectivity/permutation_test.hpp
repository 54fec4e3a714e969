#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `selectivity_permutation` and `selectivity_permutation_test`.
struct selectivity_permutation_options {
    /// Threads to use; the result is bit-identical for any value. The test takes this option with each
    /// `update` instead.
    thread_source threads = 1;
    /// Permutations of every unit.
    std::size_t permutations = 999;
    /// Maximum number of permutations of a unit that fewer than 10 have reached: see
    /// `selectivity_permutation_test`. 0: no more than `permutations`.
    std::size_t max_permutations = 0;
    /// The false discovery rate for which further permutations are made.
    double q = 0.05;
    std::uint64_t seed = 0;                                 ///< seed of the permutations
    double epsilon = 1e-6;                                  ///< added to the denominator of the index
    negative_policy negatives = negative_policy::undefined; ///< treatment of negative class means
    /// What the axes of the activations mean; rank 3 needs it. The test takes this option with each `update`
    /// instead.
    layout axes = layout::unstated;
    /// Maximum bytes for labels and sums of concurrent permutations; a smaller value needs more passes. Never
    /// changes a bit of the result.
    std::size_t max_bytes = std::size_t{1} << 30U;
};

/// Class selectivity under shuffled labels; the vectors have one entry per unit.
struct selectivity_permutation_result {
    /// The plain index with the given labels; NaN for an undefined unit.
    std::vector<double> index;
    /// (1 + permutations whose index is at least `index`) / (1 + permutations); NaN for an undefined unit.
    std::vector<double> p_value;
    /// Permutations of each unit.
    std::vector<std::size_t> permutations;
    /// Mean and 95 % quantile of the index over the first `permutations` (see the options) whose index is
    /// defined; NaN if there are none.
    std::vector<double> null_mean;
    std::vector<double> null_95; ///< 95 % quantile; see `null_mean`
};

namespace detail {

/// The largest of the p-values (NaN is skipped) that Benjamini and Hochberg's procedure rejects at level `q`;
/// -1 without one.
[[nodiscard]] inline double largest_rejected(std::vector<double> p, double q) {
    std::erase_if(p, [](double value) { return is_nan(value); });
    std::sort(p.begin(), p.end());
    for (std::size_t i = p.size(); i > 0; --i) {
        if (p[i - 1] * static_cast<double>(p.size()) <= q * static_cast<double>(i)) return p[i - 1];
    }
    return -1;
}

} // namespace detail

/// The permutation test of `selectivity_permutation` for samples that arrive in portions, several times. All
/// labels are given first, and each pass over the samples handles as many permutations as `max_bytes` holds.
///
/// If `max_permutations` is above `permutations`, the test is adaptive. The p-values of N permutations are
/// not below 1 / (N + 1), and over many units Benjamini and Hochberg's procedure needs smaller ones. After
/// the permutations of all units, units whose index was reached fewer than 10 times get three times as many
/// more. This repeats until the procedure rejects every one of them at level `q` or `max_permutations` is
/// reached. Under the null hypothesis a p-value of at most a has a probability of at most a for each unit: a
/// unit stops only when further permutations could not have given it a smaller p-value.
///
/// While `needs_pass()` is true, give all samples to `update`, in the order of the labels; then call
/// `result()`. The bits of the result depend neither on portions and threads nor on the number of passes.
/// Source of the adaptive test: Besag and Clifford 1991; for many tests Sandve, Ferkingstad and Nygard 2011.
class selectivity_permutation_test {
  public:
    /// `labels`: the class of each sample, as for `class_selectivity`. Throws `value_error` without units or
    /// permutations, with fewer than two classes that have samples, and if `max_bytes` does not hold one
    /// permutation.
    template <labels_like Labels>
    selectivity_permutation_test(std::size_t units, const Labels& labels,
                                 const selectivity_permutation_options& options = {})
        : units_(units), options_(options) {
        constexpr const char* name = "selectivity_permutation_test";
        const std::size_t most = (std::max)(options.permutations, options.max_permutations);
        if (options.permutations == 0 || most > 10'000'000) {
            errors::throw_value_error(name, "expected 1 to 10000000 permutations, got " +
                                                errors::text_of(options.permutations == 0 ? 0 : most));
        }
        if (!(options.q > 0 && options.q < 1)) {
            errors::throw_value_error(name, "expected a share in (0, 1), got " + errors::text_of(options.q));
        }
        if (units == 0) errors::throw_value_error(name, "expected at least one unit");
        const auto y = as_view<1>(labels);
        counts_.resize(detail::classes_of(y));
        detail::check_labels(name, y, y.extent(0), counts_.size());
        for (std::size_t i = 0; i < y.extent(0); ++i) {
            own_.push_back(static_cast<std::uint32_t>(y(i)));
            counts_[own_.back()] += 1;
        }
        const auto used =
            std::count_if(counts_.begin(), counts_.end(), [](double count) { return count > 0; });
        if (used < 2) {
            errors::throw_value_error(name, "expected at least 2 classes with samples, got " +
                                                errors::text_of(used));
        }
        const double each = bytes_of_permutation(samples(), counts_.size(), units);
        const double fitting = static_cast<double>(options.max_bytes) / each;
        if (fitting < 1) {
            errors::throw_value_error(name, "expected " + errors::text_of(static_cast<std::uint64_t>(each)) +
                                                " bytes for a permutation, max_bytes is " +
                                                errors::text_of(options.max_bytes));
        }
        // The given labels come first, as an additional permutation.
        stage_end_ = options.permutations + 1;
        active_.resize(units);
        std::iota(active_.begin(), active_.end(), std::size_t{0});
        trials_.resize(units);
        sum_.resize(units);
        defined_.resize(units);
        hits_.resize(units);
        largest_.resize(units);
        index_.resize(units);
    }

    /// Size of the labels and sums of one permutation in bytes.
    [[nodiscard]] static double bytes_of_permutation(std::size_t samples, std::size_t classes,
                                                     std::size_t units) noexcept {
        return sizeof(double) * static_cast<double>(classes) * static_cast<double>(units) +
               sizeof(std::uint32_t) * static_cast<double>(samples);
    }

    /// Number of samples.
    [[nodiscard]] std::size_t samples() const noexcept { return own_.size(); }
    /// Number of passes over the samples so far.
    [[nodiscard]] std::size_t passes() const noexcept { return passes_; }
    /// Whether another pass over the samples is needed.
    [[nodiscard]] bool needs_pass() const noexcept { return done_ < stage_end_; }

    /// Adds the next samples of a pass, (samples, units, ...) as for `class_selectivity`; a pass ends with
    /// the last sample, and the next portion starts the next pass.
    ///
    /// Throws `shape_error` if the units differ, `value_error` if no pass is needed, for more samples than
    /// remain, and for an activation that is not finite. After a throw the state is unchanged. Copies the
    /// rows to double; O(samples x units x permutations of this pass).
    template <tensor_like Activations>
    void update(const Activations& activations, const update_options& options = {}) {
        constexpr const char* name = "selectivity_permutation_test::update";
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        }
        const std::size_t left = needs_pass() ? samples() - seen_ : 0;
        if (x.extent(0) > left) {
            errors::throw_value_error(name, "expected at most the " + errors::text_of(left) +
                                                " samples that are left of a pass, got " +
                                                errors::text_of(x.extent(0)));
        }
        const scoped_pool pool(options.threads);
        std::vector<double> rows(x.extent(0) * units_);
        detail::unit_rows_into(name, x, 0, x.extent(0), options_.negatives == negative_policy::rectify, *pool,
                               rows.data(), seen_);
        add(rows.data(), x.extent(0), *pool);
    }

    /// Throws `value_error` while a pass is needed.
    [[nodiscard]] selectivity_permutation_result result() const {
        if (needs_pass()) {
            errors::throw_value_error("selectivity_permutation_test::result",
                                      "expected all passes over the samples first");
        }
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        selectivity_permutation_result result;
        result.index = index_;
        for (std::size_t u = 0; u < units_; ++u) {
            const std::size_t defined = defined_[u];
            result.null_mean.push_back(defined == 0 ? nan : sum_[u] / static_cast<double>(defined));
            result.null_95.push_back(nan);
            if (defined != 0) {
                std::vector<double> tail = largest_[u];
                std::sort(tail.rbegin(), tail.rend());
                result.null_95.back() = tail[defined - (defined * 19 - 1) / 20 - 1];
            }
        }
        result.p_value = p_values();
        result.permutations = trials_;
        return result;
    }

  private:
    // Sums are kept in tiles of units, each (classes, width), so that those of a tile stay in cache.
    static constexpr std::size_t tile = 256;

    // Permutations of the current pass.
    [[nodiscard]] std::size_t in_pass() const noexcept {
        const double each = bytes_of_permutation(samples(), counts_.size(), active_.size());
        const auto fitting =
            static_cast<std::size_t>((std::min)(static_cast<double>(options_.max_bytes) / each, 1e7));
        return (std::min)((std::max<std::size_t>)(fitting, 1), stage_end_ - done_);
    }

    void begin_pass(thread_pool& pool) {
        const std::size_t n = samples();
        labels_.resize(in_pass() * n);
        sums_.assign(in_pass() * counts_.size() * active_.size(), 0);
        pool.for_each(in_pass(), [&](std::size_t g) {
            const auto labels = std::span(labels_).subspan(g * n, n);
            std::copy(own_.begin(), own_.end(), labels.begin());
            if (done_ + g == 0) return;
            random_stream random(options_.seed, streams::id(streams::purpose::permutation, 1),
                                 static_cast<std::uint32_t>(done_ + g - 1));
            shuffle(labels, random);
        });
    }

    void add(const double* rows, std::size_t count, thread_pool& pool) {
        if (count == 0) return;
        if (seen_ == 0) begin_pass(pool);
        const std::size_t now = in_pass(), classes = counts_.size(), units = active_.size();
        std::vector<double> columns;
        if (units < units_) {
            columns.resize(count * units);
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t k = 0; k < units; ++k)
                    columns[i * units + k] = rows[i * units_ + active_[k]];
            }
            rows = columns.data();
        }
        pool.for_each(now * block_count(units, tile), [&](std::size_t task) {
            const std::size_t g = task % now, first = task / now * tile;
            const std::size_t width = (std::min)(tile, units - first);
            double* sums = sums_.data() + g * classes * units + first * classes;
            const std::uint32_t* labels = labels_.data() + g * samples() + seen_;
            for (std::size_t i = 0; i < count; ++i) {
                double* sum = sums + labels[i] * width;
                const double* row = rows + i * units + first;
                for (std::size_t u = 0; u < width; ++u) sum[u] += row[u];
            }
        });
        seen_ += count;
        if (seen_ == samples()) end_pass(pool);
    }

    void end_pass(thread_pool& pool) {
        const std::size_t now = in_pass(), classes = counts_.size(), units = active_.size();
        const std::size_t kept = options_.permutations - (options_.permutations * 19 - 1) / 20;
        pool.for_each(block_count(units, tile), [&](std::size_t task) {
            const std::size_t first = task * tile, width = (std::min)(tile, units - first);
            std::vector<double> means(classes);
            for (std::size_t k = first; k < first + width; ++k) {
                const std::size_t u = active_[k];
                for (std::size_t g = 0; g < now; ++g) {
                    const double* sums = sums_.data() + g * classes * units + first * classes + (k - first);
                    const double index = index_of(sums, width, means);
                    if (done_ + g == 0) {
                        index_[u] = index;
                        continue;
                    }
                    ++trials_[u];
                    if (detail::is_nan(index)) continue;
                    if (index >= index_[u] - 1e-12) ++hits_[u]; // equal up to rounding
                    if (done_ + g > options_.permutations) continue;
                    ++defined_[u];
                    sum_[u] += index;
                    keep_largest(largest_[u], index, kept);
                }
            }
        });
        done_ += now;
        seen_ = 0;
        ++passes_;
        if (done_ == stage_end_) end_stage();
    }

    // Decides whether units need more permutations, which units, and how many.
    void end_stage() {
        constexpr std::size_t few = 10, growth = 4;
        const std::size_t last = (std::max)(options_.permutations, options_.max_permutations) + 1;
        if (stage_end_ >= last) return;
        const std::vector<double> p = p_values();
        const double rejected = detail::largest_rejected(p, options_.q);
        std::erase_if(active_, [&](std::size_t u) { return detail::is_nan(p[u]) || hits_[u] >= few; });
        if (std::all_of(active_.begin(), active_.end(), [&](std::size_t u) { return p[u] <= rejected; }))
            return;
        stage_end_ = (std::min)(last, growth * (stage_end_ - 1) + 1);
    }

    [[nodiscard]] std::vector<double> p_values() const {
        std::vector<double> p(units_, std::numeric_limits<double>::quiet_NaN());
        for (std::size_t u = 0; u < units_; ++u) {
            if (detail::is_nan(index_[u])) continue;
            p[u] = static_cast<double>(1 + hits_[u]) / static_cast<double>(1 + trials_[u]);
        }
        return p;
    }

    // For one unit, from its sums, which are `stride` apart.
    [[nodiscard]] double index_of(const double* sums, std::size_t stride, std::vector<double>& means) const {
        for (std::size_t c = 0; c < means.size(); ++c) {
            means[c] = sums[c * stride] / counts_[c]; // 0 / 0 is NaN: a class without samples
        }
        if (options_.negatives == negative_policy::shift) {
            detail::shift_class_means(means, *std::max_element(counts_.begin(), counts_.end()));
        }
        return class_selectivity_index(means, options_.epsilon).index;
    }

    // A heap with the smallest value in front.
    static void keep_largest(std::vector<double>& heap, double value, std::size_t kept) {
        const auto above = [](double a, double b) { return a > b; };
        if (heap.size() == kept) {
            if (value <= heap.front()) return;
            std::pop_heap(heap.begin(), heap.end(), above);
            heap.pop_back();
        }
        heap.push_back(value);
        std::push_heap(heap.begin(), heap.end(), above);
    }

    std::size_t units_;
    selectivity_permutation_options options_;
    std::vector<std::uint32_t> own_;
    std::vector<double> counts_;
    std::size_t done_ = 0;      ///< permutations; number 0 has the given labels
    std::size_t stage_end_ = 1; ///< number of permutations after which further permutations are decided
    std::size_t passes_ = 0;
    std::size_t seen_ = 0;            ///< samples of this pass
    std::vector<std::size_t> active_; ///< units that get the permutations of this stage
    std::vector<std::size_t> trials_; ///< permutations of each unit
    std::vector<std::uint32_t> labels_;
    std::vector<double> sums_;
    std::vector<double> index_, sum_;
    std::vector<std::size_t> defined_, hits_;
    std::vector<std::vector<double>> largest_;
};

/// How often shuffled labels give each unit a class selectivity index at least as large as the observed one:
/// an exact test of whether the unit's values depend on the classes.
///
/// `activations`, `labels` as for `class_selectivity`. All units share the shuffles, which come from a fixed
/// random stream, so p-values are the same every time. Use `benjamini_hochberg` to adjust those of several
/// units. Needs all samples at once; `selectivity_permutation_test` takes them in portions and gives the same
/// bits. Needs samples x units doubles and `max_bytes` of memory, O(permutations x samples x units).
/// `max_permutations` makes it adaptive, as `selectivity_permutation_test` states. `selectivity_p_values`
/// approximates it from one pass. Throws as `class_selectivity` does, and `value_error` without permutations.
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] selectivity_permutation_result
selectivity_permutation(const Activations& activations, const Labels& labels,
                        const selectivity_permutation_options& options = {}) {
    constexpr const char* name = "selectivity_permutation";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    const auto y = as_view<1>(labels);
    detail::check_labels(name, y, x.extent(0), detail::classes_of(y));
    selectivity_permutation_test test(x.extent(1), labels, options);
    const scoped_pool pool(options.threads);
    while (test.needs_pass()) test.update(x, {.threads = *pool});
    return test.result();
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
