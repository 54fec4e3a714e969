#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/moments/labeled_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/class_sums.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Number of samples of every class for which a unit is active: its value, the mean of its positions, is
/// above a threshold. The state of activation frequencies, of class purity and of the uniformity of
/// activation.
///
/// The state needs classes x units doubles. Neither threads nor the division of samples into calls and states
/// change a bit.
class activation_counts {
  public:
    /// For `units` units and labels 0 .. `classes` - 1. Throws `value_error` if either is 0, or if
    /// `threshold` is not finite.
    explicit activation_counts(std::size_t units, std::size_t classes, double threshold = 0)
        : sums_(units, classes), threshold_(threshold) {
        if (!std::isfinite(threshold)) {
            errors::throw_value_error("activation_counts",
                                      "expected a finite threshold, got " + errors::text_of(threshold));
        }
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return sums_.units(); }
    /// Number of classes.
    [[nodiscard]] std::size_t classes() const noexcept { return sums_.classes(); }
    /// Activations above it are active.
    [[nodiscard]] double threshold() const noexcept { return threshold_; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept { return sums_.samples(); }
    /// Samples of class `c`.
    [[nodiscard]] std::uint64_t count(std::size_t c) const noexcept { return sums_.count(c); }
    /// Samples of class `c` for which unit `u` is active. Not checked.
    [[nodiscard]] std::uint64_t active(std::size_t c, std::size_t u) const noexcept {
        return static_cast<std::uint64_t>(std::llround(sums_.sum(c, u)));
    }
    /// Share of the samples of class `c` for which unit `u` is active; NaN without samples.
    [[nodiscard]] double frequency(std::size_t c, std::size_t u) const noexcept { return sums_.mean(c, u); }
    /// Share of all samples for which unit `u` is active; NaN without samples. O(classes).
    [[nodiscard]] double frequency(std::size_t u) const noexcept {
        double sum = 0;
        for (std::size_t c = 0; c < classes(); ++c) sum += sums_.sum(c, u);
        return sum / static_cast<double>(samples());
    }

    /// Adds samples, as `class_sums::update` does and with the same errors. After a throw the state is
    /// unchanged. One pass, O(elements).
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels, const update_options& options = {}) {
        constexpr std::string_view name = "activation_counts::update";
        class_sums added(units(), classes());
        detail::for_each_labeled_chunk(
            name, activations, labels, units(), classes(), options, 0,
            [&](double* rows, const std::vector<std::int64_t>& labels_of_rows, thread_pool& pool) {
                const std::size_t count = labels_of_rows.size();
                for (std::size_t i = 0; i < count * units(); ++i) rows[i] = rows[i] > threshold_ ? 1 : 0;
                added.update(tensor_view<const double, 2>(rows, {count, units()}), labels_of_rows,
                             {.threads = pool});
            });
        sums_.merge(added);
    }
    /// Selected if the activations are not a tensor; does not compile.
    template <typename T, labels_like Labels>
        requires(!tensor_like<T>)
    void update(const T&, const Labels&, const update_options& = {}) { detail::refuse_non_tensor<T>(); }

    /// Adds the samples of another state. Throws `shape_error` if units or classes differ, `value_error` if
    /// the thresholds do.
    void merge(const activation_counts& other) {
        if (threshold_ < other.threshold_ || threshold_ > other.threshold_) {
            errors::throw_value_error("activation_counts::merge", "expected a state with the threshold " +
                                                                      errors::text_of(threshold_) + ", got " +
                                                                      errors::text_of(other.threshold_));
        }
        sums_.merge(other.sums_);
    }

    /// Gives class `c` the number `numbers[c]`, as `class_sums::renumber_classes` does.
    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        sums_.renumber_classes(numbers, classes);
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put(threshold_);
        sums_.save(out);
    }
    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static activation_counts load(byte_reader& in) {
        const auto threshold = in.get<double>();
        if (!std::isfinite(threshold)) throw format_error(in.name() + ": not a state of activation counts");
        class_sums sums = class_sums::load(in);
        activation_counts state(sums.units(), sums.classes(), threshold);
        state.sums_ = std::move(sums);
        return state;
    }

  private:
    class_sums sums_; ///< of 1 for an active unit and 0 for an inactive one
    double threshold_;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
