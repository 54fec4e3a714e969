#pragma once

#include "repscope/attack/fab.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/attack/worst_case.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// The nearest misclassified points of samples.
template <typename Scalar>
struct minimum_norm_result {
    array<Scalar, 4> adversarial; ///< the clean input where no point was found
    /// Norm of the perturbation: 0 for misclassified samples, infinity where no point was found.
    std::vector<double> distance;
};

/// Share of samples with a distance above `eps`: the robust accuracy in a ball of this radius. Does not rise
/// with eps. NaN without samples. O(samples).
[[nodiscard]] inline double robust_accuracy_at(std::span<const double> distances, double eps) noexcept {
    std::size_t held = 0;
    for (const double distance : distances) held += distance > eps ? 1U : 0U;
    return static_cast<double>(held) / static_cast<double>(distances.size());
}

/// The distance of each sample to the nearest misclassified point that `fab` finds. Arguments, errors and
/// cost as for `fab` without `early_stop`.
template <typename Model, tensor_like Images, labels_like Labels>
    requires logit_differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] minimum_norm_result<element_type_of<Images>>
minimum_norm(Model&& model, const Images& images, const Labels& labels, fab_options options) {
    options.early_stop = false;
    auto found = fab(model, images, labels, options);
    return {std::move(found.adversarial), std::move(found.distance)};
}

/// Options of `bisect_minimum_norm`.
struct bisection_options {
    norm ball = norm::linf; ///< of the distances; that of the attack
    double max_eps = 0;     ///< largest radius
    std::size_t rounds = 8; ///< radii are multiples of max_eps / 2^rounds
};

namespace detail {

/// Bisection over the radii of a grid, for all samples of an interval at once.
template <typename Scalar, typename Attack>
class radius_bisection {
  public:
    radius_bisection(Attack& attack, const tensor_view<const Scalar, 4>& x, std::vector<int> labels,
                     const bisection_options& options)
        : attack_(&attack), x_(x), labels_(std::move(labels)), options_(&options) {
        found_.adversarial = array<Scalar, 4>(x.extents());
        found_.distance.assign(x.extent(0), std::numeric_limits<double>::infinity());
    }

    [[nodiscard]] minimum_norm_result<Scalar> run() {
        std::vector<std::size_t> all(x_.extent(0));
        for (std::size_t n = 0; n < all.size(); ++n) all[n] = n;
        const array<Scalar, 4> clean = gather(x_, all);
        std::copy_n(clean.data_handle(), clean.size(), found_.adversarial.data_handle());
        if (all.empty()) return std::move(found_);
        const std::size_t cells = std::size_t{1} << options_->rounds;
        search(fooled_at(all, cells).first, 0, cells);
        return std::move(found_);
    }

  private:
    using samples = std::vector<std::size_t>;

    [[nodiscard]] double radius(std::size_t cell) const noexcept {
        return options_->max_eps * static_cast<double>(cell) /
               static_cast<double>(std::size_t{1} << options_->rounds);
    }

    /// Attacks with the radius of a cell: the samples that are fooled, and the others.
    [[nodiscard]] std::pair<samples, samples> fooled_at(const samples& attacked, std::size_t cell) {
        const array<Scalar, 4> rows = gather(x_, attacked);
        std::vector<int> labels;
        for (const std::size_t n : attacked) labels.push_back(labels_[n]);
        const result<Scalar> next =
            (*attack_)(tensor_view<const Scalar, 4>(rows.data_handle(), rows.extents()),
                       std::span<const int>(labels), radius(cell));
        check_result("attack::bisect_minimum_norm", next, rows.extents());
        std::pair<samples, samples> split;
        const std::size_t size = attacked.empty() ? 0 : rows.size() / attacked.size();
        std::vector<double> delta(size);
        for (std::size_t r = 0; r < attacked.size(); ++r) {
            const std::size_t n = attacked[r];
            (next.success[r] ? split.first : split.second).push_back(n);
            if (!next.success[r]) continue;
            const Scalar *const point = next.adversarial.data_handle() + r * size, *const clean =
                                                                                       rows.data_handle() +
                                                                                       r * size;
            for (std::size_t i = 0; i < size; ++i) {
                delta[i] = static_cast<double>(point[i]) - static_cast<double>(clean[i]);
            }
            const double distance = norm_of(options_->ball, delta);
            if (!(distance < found_.distance[n])) continue;
            found_.distance[n] = distance;
            std::copy_n(point, size, found_.adversarial.data_handle() + n * size);
        }
        return split;
    }

    /// Samples that are fooled at radius `high` and not at `low`.
    void search(const samples& between, std::size_t low, std::size_t high) {
        if (between.empty() || high - low < 2) return;
        const std::size_t middle = low + (high - low) / 2;
        const auto [inside, outside] = fooled_at(between, middle);
        search(inside, low, middle);
        search(outside, middle, high);
    }

    Attack* attack_;
    tensor_view<const Scalar, 4> x_;
    std::vector<int> labels_;
    const bisection_options* options_;
    minimum_norm_result<Scalar> found_;
};

} // namespace detail

/// The distance of each sample by bisection over the radius of any attack.
///
/// `attack(x, labels, eps)` returns a `result<Scalar>`; `x` is a `tensor_view<const Scalar, 4>`, `labels` a
/// span. Samples of the same interval are attacked together, so that the draws of an attack depend on the
/// place of a sample in that batch. The distance is the norm of the smallest perturbation found, which may be
/// below the radius; infinity if the attack fails at `max_eps`. Assumes that an attack that fails at a radius
/// also fails at smaller ones. Throws `shape_error` when labels and samples differ in number, and
/// `value_error` unless `max_eps` is finite and above 0 and `rounds` is in 1 ... 30. Cost: rounds + 1 attacks
/// per sample.
template <tensor_like Images, labels_like Labels, typename Attack>
[[nodiscard]] minimum_norm_result<element_type_of<Images>>
bisect_minimum_norm(Attack&& attack, const Images& images, const Labels& labels,
                    const bisection_options& options) {
    using scalar = element_type_of<Images>;
    constexpr const char* function = "attack::bisect_minimum_norm";
    const tensor_view<const scalar, 4> x = as_activations(images, layout::unstated, function);
    const auto y = as_view<1>(labels);
    if (y.extent(0) != x.extent(0)) {
        errors::throw_shape_error(function, "expected " + errors::text_of(x.extent(0)) + " labels, got " +
                                                errors::text_of(y.extent(0)));
    }
    if (!(options.max_eps > 0) || !repscope::detail::is_finite(options.max_eps)) {
        errors::throw_value_error(function, "expected a finite max_eps above 0, got " +
                                                errors::text_of(options.max_eps));
    }
    if (options.rounds < 1 || options.rounds > 30) {
        errors::throw_value_error(function,
                                  "expected 1 to 30 rounds, got " + errors::text_of(options.rounds));
    }
    std::vector<int> checked(x.extent(0));
    for (std::size_t n = 0; n < checked.size(); ++n) checked[n] = static_cast<int>(y(n));
    return detail::radius_bisection<scalar, std::remove_reference_t<Attack>>(attack, x, std::move(checked),
                                                                             options)
        .run();
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
