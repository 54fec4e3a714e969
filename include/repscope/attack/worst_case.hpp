#pragma once

#include "repscope/attack/result.hpp"
#include "repscope/error.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/shape.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

namespace detail {

/// Replaces sample `to` of `worst` by sample `from` of `other` if the latter is worse by `criterion`, `best`
/// or `largest_loss`. `attack` is the index of `other` in the list of attacks.
template <typename Scalar>
void keep_worse(result<Scalar>& worst, std::size_t to, const result<Scalar>& other, std::size_t from,
                std::size_t attack, iterate criterion) {
    const bool by_success = criterion == iterate::best && other.success[from] != worst.success[to];
    if (by_success ? !other.success[from] : !(other.loss[from] > worst.loss[to])) return;
    const std::size_t size = other.adversarial.size() / other.loss.size();
    std::copy_n(other.adversarial.data_handle() + from * size, size,
                worst.adversarial.data_handle() + to * size);
    worst.loss[to] = other.loss[from];
    worst.predicted[to] = other.predicted[from];
    worst.success[to] = other.success[from];
    worst.ball[to] = attack;
}

/// Throws unless a result has one entry per sample of the given shape.
template <typename Scalar>
void check_result(const char* function, const result<Scalar>& attacked,
                  const std::array<std::size_t, 4>& extents) {
    if (attacked.adversarial.extents() == extents && attacked.loss.size() == extents[0] &&
        attacked.predicted.size() == extents[0] && attacked.success.size() == extents[0]) {
        return;
    }
    errors::throw_shape_error(function, "expected attacks on samples of shape " + format_shape(extents),
                              attacked.adversarial.extents());
}

/// Adds the cost of another attack to that of `worst`.
template <typename Scalar>
void add_cost(result<Scalar>& worst, const result<Scalar>& other) noexcept {
    worst.eps = (std::max)(worst.eps, other.eps);
    worst.forward_passes += other.forward_passes;
    worst.backward_passes += other.backward_passes;
}

/// Returns the samples with the given indices in one dense array.
template <typename Scalar>
[[nodiscard]] array<Scalar, 4> gather(const tensor_view<const Scalar, 4>& x,
                                      const std::vector<std::size_t>& samples) {
    array<Scalar, 4> dense({samples.size(), x.extent(1), x.extent(2), x.extent(3)});
    Scalar* to = dense.data_handle();
    for (const std::size_t n : samples) {
        for (std::size_t c = 0; c < x.extent(1); ++c) {
            for (std::size_t i = 0; i < x.extent(2); ++i) {
                for (std::size_t j = 0; j < x.extent(3); ++j) *to++ = x(n, c, i, j);
            }
        }
    }
    return dense;
}

} // namespace detail

/// Returns, for each sample, the worst of several attacks on the same samples; of equal ones, the first.
///
/// `criterion`: `iterate::largest_loss` compares losses; `iterate::best` takes an attack that fools the model
/// before one that does not, then compares losses. Losses are those of untargeted attacks, which raise them.
/// `result::ball` is the place of the attack in the list, `eps` is the largest one, `step_size` is 0, and
/// passes are added up. Throws `value_error` without attacks and for `iterate::last`, and `shape_error` when
/// the attacks have different shapes. O(size of the results).
template <typename Scalar>
[[nodiscard]] result<Scalar> worst_of(std::vector<result<Scalar>> results,
                                      iterate criterion = iterate::best) {
    constexpr const char* function = "attack::worst_of";
    if (results.empty()) errors::throw_value_error(function, "expected at least 1 attack, got 0");
    if (criterion == iterate::last) {
        errors::throw_value_error(function, "expected iterate::best or largest_loss, got last");
    }
    result<Scalar> worst = std::move(results.front());
    worst.step_size = 0;
    worst.ball.assign(worst.loss.size(), 0);
    for (std::size_t k = 1; k < results.size(); ++k) {
        detail::check_result(function, results[k], worst.adversarial.extents());
        detail::add_cost(worst, results[k]);
        for (std::size_t n = 0; n < worst.loss.size(); ++n) {
            detail::keep_worse(worst, n, results[k], n, k, criterion);
        }
    }
    return worst;
}

/// Outcome of `worst_case`.
template <typename Scalar>
struct worst_case_result {
    /// The worst attack of each sample, as from `worst_of` with `iterate::best`. `worst.robust_accuracy()` is
    /// the share of samples that no attack fools.
    result<Scalar> worst;
    /// The share of samples that none of attacks 0 to k fools, for each attack k. Does not rise. NaN without
    /// samples.
    std::vector<double> robust_accuracy;
};

/// Robust accuracy over several attacks: a sample is robust if no attack of the list fools the model.
///
/// `images` (samples, channels, rows, columns) or (samples, features), one of `labels` per sample. `attacks`
/// is a range of callables `attack(x, labels)`: `x` is a `tensor_view<const Scalar, 4>`, `labels` a span, and
/// the return value a `result<Scalar>`, such as that of `pgd`. The first attack runs on all samples, each
/// later one on the samples that are still robust, in one dense array. The random draws of a later attack
/// therefore depend on the position of a sample in that array. If no sample remains, the attack is not
/// called.
///
/// Throws `value_error` without attacks, `shape_error` when labels and samples differ in number or a result
/// has another shape than its samples, and what the attacks throw. Cost: that of the attacks, and a copy of
/// the robust samples. Croce and Hein 2020 (arXiv 2003.01690) evaluate attacks this way.
template <tensor_like Images, labels_like Labels, typename Attacks>
[[nodiscard]] worst_case_result<element_type_of<Images>> worst_case(const Images& images,
                                                                    const Labels& labels, Attacks&& attacks) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    constexpr const char* function = "attack::worst_case";
    const tensor_view<const scalar, 4> x = as_activations(images, layout::unstated, function);
    const auto y = as_view<1>(labels);
    const std::size_t samples = x.extent(0);
    if (y.extent(0) != samples) {
        errors::throw_shape_error(function, "expected " + errors::text_of(samples) + " labels, got " +
                                                errors::text_of(y.extent(0)));
    }
    worst_case_result<scalar> outcome;
    std::vector<std::size_t> robust(samples);
    std::vector<label> robust_labels(samples);
    for (std::size_t n = 0; n < samples; ++n) {
        robust[n] = n;
        robust_labels[n] = y(n);
    }
    std::size_t place = 0;
    for (auto& attack : attacks) {
        const std::span<const label> attacked_labels(robust_labels);
        if (place == 0) {
            outcome.worst = attack(x, attacked_labels);
            detail::check_result(function, outcome.worst, x.extents());
            outcome.worst.step_size = 0;
            outcome.worst.ball.assign(samples, 0);
        } else if (!robust.empty()) {
            const array<scalar, 4> rest = detail::gather(x, robust);
            const tensor_view<const scalar, 4> attacked(rest.data_handle(), rest.extents());
            const result<scalar> next = attack(attacked, attacked_labels);
            detail::check_result(function, next, rest.extents());
            detail::add_cost(outcome.worst, next);
            for (std::size_t i = 0; i < robust.size(); ++i) {
                detail::keep_worse(outcome.worst, robust[i], next, i, place, iterate::best);
            }
        }
        outcome.robust_accuracy.push_back(outcome.worst.robust_accuracy());
        ++place;
        std::erase_if(robust, [&](std::size_t n) { return bool(outcome.worst.success[n]); });
        robust_labels.clear();
        for (const std::size_t n : robust) robust_labels.push_back(y(n));
    }
    if (place == 0) errors::throw_value_error(function, "expected at least 1 attack, got 0");
    return outcome;
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
