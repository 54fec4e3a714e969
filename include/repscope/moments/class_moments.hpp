#pragma once

#include "repscope/detail/moments/class_accumulator.hpp"

#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Count, sum and centered sum of squares of every unit's value for every class.
///
/// Like `class_sums`, with the squares for variances and error bars. They are centered on a pilot per unit
/// (the mean of the first block), so that a large offset costs no digits. Twice the memory.
class class_moments : public detail::class_accumulator<true> {
  public:
    /// For `units` units and labels 0 .. `classes` - 1. Throws `value_error` if either is 0.
    explicit class_moments(std::size_t units, std::size_t classes, class_options options = {})
        : class_accumulator("class_moments", units, classes, options) {}

    /// As `class_sums::update`.
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels, const update_options& options = {}) {
        update_with("class_moments::update", activations, labels, options);
    }
    /// Selected if the activations are not a tensor; does not compile.
    template <typename T, labels_like Labels>
        requires(!tensor_like<T>)
    void update(const T&, const Labels&, const update_options& = {}) { detail::refuse_non_tensor<T>(); }

    /// As `class_sums::update_blocks`.
    template <labels_like Labels, typename Fetch>
    void update_blocks(std::size_t samples, std::size_t positions, const Labels& labels,
                       const thread_source& threads, Fetch&& fetch) {
        update_blocks_with("class_moments::update_blocks", samples, positions, labels, threads, fetch);
    }

    /// Sum of (value - mean of the class)^2 over the samples of class `c`; 0 without samples.
    [[nodiscard]] double m2(std::size_t c, std::size_t u) const noexcept {
        if (count(c) == 0) return 0;
        const double s = about_pilot(c, u, 0);
        return (std::max)(0.0, about_pilot(c, u, 1) - s * s / static_cast<double>(count(c)));
    }

    /// Means of the classes less the mean over all samples, (classes, units); NaN for a class without
    /// samples. A large offset of a unit costs no digits. O(classes x units).
    [[nodiscard]] std::vector<double> centered_means() const {
        std::vector<double> grand(units());
        for (std::size_t c = 0; c < classes(); ++c)
            for (std::size_t u = 0; u < units(); ++u) grand[u] += about_pilot(c, u, 0);
        const auto n = static_cast<double>(samples());
        for (double& mean : grand) mean /= n;
        std::vector<double> means(classes() * units());
        for (std::size_t c = 0; c < classes(); ++c)
            for (std::size_t u = 0; u < units(); ++u)
                means[c * units() + u] = about_pilot(c, u, 0) / static_cast<double>(count(c)) - grand[u];
        return means;
    }

    /// Mean of unit `u` over all samples; NaN without samples. O(classes).
    [[nodiscard]] double unit_mean(std::size_t u) const noexcept {
        double s = 0;
        for (std::size_t c = 0; c < classes(); ++c) s += about_pilot(c, u, 0);
        return pilot(u) + s / static_cast<double>(samples());
    }

    /// Variance of unit `u` over all samples, divisor n - 1; NaN below two samples. O(classes).
    [[nodiscard]] double unit_variance(std::size_t u) const noexcept {
        double s = 0;
        double squares = 0;
        for (std::size_t c = 0; c < classes(); ++c) {
            s += about_pilot(c, u, 0);
            squares += about_pilot(c, u, 1);
        }
        const auto n = static_cast<double>(samples());
        return (std::max)(0.0, squares - s * s / n) / (n - 1);
    }

    /// As `class_sums::merge`.
    void merge(const class_moments& other) { merge_with("class_moments::merge", other); }

    /// Writes the state.
    void save(byte_writer& out) const { save_to(out); }
    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static class_moments load(byte_reader& in) { return load_state<class_moments>(in); }
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
