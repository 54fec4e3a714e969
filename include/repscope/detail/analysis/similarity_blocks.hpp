#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/measure_interval.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/analysis/similarity_report.hpp"
#include "repscope/detail/analysis/layer_memory.hpp"
#include "repscope/detail/analysis/layer_needs.hpp"
#include "repscope/detail/analysis/row_blocks.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/geometry/class_mean_rsa.hpp"
#include "repscope/geometry/linear_cka.hpp"
#include "repscope/geometry/linear_cka_interval.hpp"
#include "repscope/geometry/procrustes.hpp"
#include "repscope/moments/activation_counts.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/selectivity/activation_uniformity.hpp"
#include "repscope/statistics/block_jackknife.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

/// Rows (samples, units) of a layer: the values of the units, and the values for measures of units, which are
/// other ones if negative activations are rectified.
struct similarity_rows {
    tensor_view<const double, 2> values;
    tensor_view<const double, 2> selective;
};

namespace detail {

/// The states that the similarity of two layers is computed from; null if no measure needs one.
struct similarity_states {
    const covariance* x = nullptr;
    const covariance* y = nullptr;
    const cross_covariance* xy = nullptr;
    const class_sums* sums_x = nullptr;
    const class_sums* sums_y = nullptr;
    const activation_counts* active_x = nullptr;
    const activation_counts* active_y = nullptr;
};

[[nodiscard]] inline similarity_report similarity_of(const similarity_states& states, measure_set measures,
                                                     const thread_source& threads) {
    similarity_report report;
    if (states.xy != nullptr) {
        const scatter_matrix a = states.x->centered(), b = states.y->centered();
        if (measures.contains(measure::cka)) report.cka = linear_cka(a, b, *states.xy);
        if (measures.contains(measure::procrustes))
            report.procrustes = procrustes_distance(a.trace(), b.trace(), *states.xy, threads);
    }
    if (measures.contains(measure::class_mean_rsa))
        report.class_mean_rsa = class_mean_rsa(*states.sums_x, *states.sums_y);
    if (!measures.contains(measure::activation_uniformity)) return report;
    report.uniformity = activation_uniformity(*states.active_x);
    report.perturbed_uniformity = activation_uniformity(*states.active_y);
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t c = 0; c < report.uniformity.size(); ++c) {
        const double change = report.perturbed_uniformity[c] - report.uniformity[c];
        if (repscope::detail::is_nan(change)) continue;
        sum += change;
        ++count;
    }
    if (count != 0) report.uniformity_change = sum / static_cast<double>(count);
    return report;
}

/// The moments of two layers for one block of samples.
class similarity_block {
  public:
    similarity_block(std::size_t units, measure_set measures, std::size_t classes, bool rectify) {
        if (measures.contains_any({measure::cka, measure::procrustes})) moments_.emplace(units, units);
        const class_options of_classes{.rectify = rectify};
        if (measures.contains(measure::class_mean_rsa)) {
            sums_x_.emplace(units, classes, of_classes);
            sums_y_.emplace(units, classes, of_classes);
        }
        if (!measures.contains(measure::activation_uniformity)) return;
        active_x_.emplace(units, classes);
        active_y_.emplace(units, classes);
    }

    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }

    void update(const similarity_rows& x, const similarity_rows& y, std::span<const std::int32_t> labels,
                thread_pool& pool) {
        samples_ += x.values.extent(0);
        if (moments_) moments_->update(x.values, y.values, {.threads = pool});
        if (sums_x_) sums_x_->update(x.selective, labels, {.threads = pool});
        if (sums_y_) sums_y_->update(y.selective, labels, {.threads = pool});
        if (active_x_) active_x_->update(x.selective, labels, {.threads = pool});
        if (active_y_) active_y_->update(y.selective, labels, {.threads = pool});
    }
    void merge(const similarity_block& other) {
        samples_ += other.samples_;
        if (moments_) moments_->merge(*other.moments_);
        if (sums_x_) sums_x_->merge(*other.sums_x_);
        if (sums_y_) sums_y_->merge(*other.sums_y_);
        if (active_x_) active_x_->merge(*other.active_x_);
        if (active_y_) active_y_->merge(*other.active_y_);
    }

    [[nodiscard]] similarity_states states() const noexcept {
        similarity_states result;
        if (moments_) {
            result.x = &moments_->x;
            result.y = &moments_->y;
            result.xy = &moments_->xy;
        }
        const auto address = [](const auto& state) { return state ? &*state : nullptr; };
        result.sums_x = address(sums_x_);
        result.sums_y = address(sums_y_);
        result.active_x = address(active_x_);
        result.active_y = address(active_y_);
        return result;
    }

  private:
    std::uint64_t samples_ = 0;
    std::optional<paired_moments> moments_{};
    std::optional<class_sums> sums_x_{}, sums_y_{};
    std::optional<activation_counts> active_x_{}, active_y_{};
};

/// Moments of the blocks of the samples of two layers, for intervals by `block_jackknife`.
class similarity_blocks {
  public:
    similarity_blocks(std::size_t units, const layer_accumulator_options& options)
        : measures_(possible_measures(options) & similarity_measures), rectify_(is_rectified(options)),
          x_(inference_blocks, units), y_(inference_blocks, units),
          selective_x_(inference_blocks, rectify_ ? units : 0),
          selective_y_(inference_blocks, rectify_ ? units : 0),
          blocks_(inference_blocks,
                  similarity_block(units, measures_, (std::max<std::size_t>)(1, options.classes), rectify_)) {
    }

    /// The names of the measures with an interval, in order.
    [[nodiscard]] static std::vector<std::string_view> names(measure_set measures) {
        std::vector<std::string_view> result;
        if (measures.contains(measure::cka)) result.insert(result.end(), {"cka", "cka_unbiased"});
        if (measures.contains(measure::procrustes)) result.push_back("procrustes");
        if (measures.contains(measure::class_mean_rsa)) result.push_back("class_mean_rsa");
        if (measures.contains(measure::activation_uniformity))
            result.push_back("activation_uniformity_change");
        return result;
    }

    /// Bytes for `samples` samples, with the copies that the jackknife holds.
    [[nodiscard]] static double bytes_needed(std::uint64_t samples, std::size_t units,
                                             const layer_accumulator_options& options) {
        const measure_set measures = possible_measures(options) & similarity_measures;
        constexpr double blocks = inference_blocks, copies = 8;
        const auto u = static_cast<double>(units);
        const double n =
            samples == 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(samples);
        const double of_classes = 2 * static_cast<double>((std::max<std::size_t>)(1, options.classes)) * u;
        double state = 0;
        if (measures.contains(measure::class_mean_rsa)) state += of_classes;
        if (measures.contains(measure::activation_uniformity)) state += of_classes;
        double doubles =
            (blocks + copies) * state + blocks * row_blocks::portion * u * (is_rectified(options) ? 4 : 2);
        if (measures.contains_any({measure::cka, measure::procrustes}))
            doubles += 4 * ((std::min)(n, blocks * u) + copies * (std::min)(n, u)) * u;
        return doubles * sizeof(double);
    }

    /// Adds rows of both layers; row i has the index `first_sample` + places[i].
    void update(const similarity_rows& x, const similarity_rows& y, std::span<const std::int32_t> labels,
                std::uint64_t first_sample, std::span<const std::size_t> places, thread_pool& pool) {
        for (std::size_t i = 0; i < x.values.extent(0); ++i) {
            const std::size_t k = sample_block(first_sample + places[i], inference_blocks);
            const std::int32_t label = labels.empty() ? 0 : labels[i];
            const bool is_complete = x_.add(k, &x.values(i, 0), label);
            (void)y_.add(k, &y.values(i, 0), label);
            if (rectify_) {
                (void)selective_x_.add(k, &x.selective(i, 0), label);
                (void)selective_y_.add(k, &y.selective(i, 0), label);
            }
            if (is_complete) add_rows(k, pool);
        }
    }

    /// The measures with their intervals. Consumes the moments.
    [[nodiscard]] std::vector<measure_interval> intervals(thread_pool& pool) {
        std::vector<similarity_block> filled;
        std::uint64_t samples = 0;
        for (std::size_t k = 0; k < blocks_.size(); ++k) {
            if (x_.count(k) != 0) add_rows(k, pool);
            samples += blocks_[k].samples();
            if (blocks_[k].samples() != 0) filled.push_back(std::move(blocks_[k]));
        }
        blocks_.clear();
        std::vector<measure_interval> result;
        for (const std::string_view name : names(measures_)) result.push_back({name, {}});
        // CKA of any two samples is 1: parts of so few samples agree without being certain.
        if (filled.size() < 2 || samples < 5) return result;
        const auto estimates =
            block_jackknife(std::span<const similarity_block>(filled), [&](const similarity_block& state) {
                const similarity_report report = similarity_of(state.states(), measures_, pool);
                std::vector<double> values;
                if (report.cka) values.insert(values.end(), {report.cka->plain, report.cka->unbiased});
                if (report.procrustes) values.push_back(*report.procrustes);
                if (report.class_mean_rsa) values.push_back(*report.class_mean_rsa);
                if (measures_.contains(measure::activation_uniformity))
                    values.push_back(report.uniformity_change);
                return values;
            });
        for (std::size_t k = 0; k < result.size(); ++k) result[k].value = estimates[k];
        return result;
    }

  private:
    void add_rows(std::size_t k, thread_pool& pool) {
        const similarity_rows x{x_.rows(k), rectify_ ? selective_x_.rows(k) : x_.rows(k)};
        const similarity_rows y{y_.rows(k), rectify_ ? selective_y_.rows(k) : y_.rows(k)};
        blocks_[k].update(x, y, x_.classes(k), pool);
        x_.clear(k);
        y_.clear(k);
        selective_x_.clear(k);
        selective_y_.clear(k);
    }

    measure_set measures_;
    bool rectify_;
    row_blocks x_, y_, selective_x_, selective_y_;
    std::vector<similarity_block> blocks_;
};

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
