#pragma once

#include "repscope/detail/common/finite.hpp"
#include "repscope/detail/gradient/check_samples.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/slice.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Frobenius norms of the derivative of a classifier's output with respect to its input, one per sample.
struct jacobian_norms {
    std::vector<double> probabilities;     ///< of the softmax
    std::vector<double> log_probabilities; ///< of its logarithm
    double mean_probabilities = 0;         ///< means over samples
    double mean_log_probabilities = 0;     ///< mean over samples
};

/// The input-output Jacobian of a classifier whose loss is the softmax cross-entropy.
///
/// `model` is a `differentiable`; `images` (samples, channels, rows, columns) or (samples, features), of
/// float or double; `classes` is its number of classes. For label j the loss is -log p_j, so `classes` calls
/// of the model give every row: d log p_j = -gradient_j and d p_j = -p_j gradient_j. Exact for any model that
/// can be attacked; with another loss the result has no meaning. Cost: `classes` forward and backward passes
/// per sample, `batch` samples at a time. Throws `value_error` without classes and for images or gradients
/// that are not finite, `shape_error` without samples. Novak et al. 2018 (the softmax).
template <typename Model, tensor_like Images>
    requires differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] jacobian_norms input_output_jacobian(Model&& model, const Images& images, std::size_t classes,
                                                   std::size_t batch = 128) {
    using scalar = element_type_of<Images>;
    constexpr const char* name = "input_output_jacobian";
    const auto x = as_activations(images, layout::unstated, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least 1 sample", x.extents());
    if (classes == 0 || batch == 0) {
        errors::throw_value_error(name, "expected at least 1 class and 1 sample per batch, got " +
                                            errors::text_of(classes) + " and " + errors::text_of(batch));
    }
    detail::check_finite_samples(name, x);
    jacobian_norms result;
    result.probabilities.resize(x.extent(0));
    result.log_probabilities.resize(x.extent(0));
    const std::size_t size = x.size() / x.extent(0);
    std::vector<scalar> gradient((std::min)(batch, x.extent(0)) * size);
    std::vector<int> labels, predicted;
    std::vector<double> losses;
    for (std::size_t first = 0; first < x.extent(0); first += batch) {
        const std::size_t count = (std::min)(batch, x.extent(0) - first);
        const auto part = samples(x, first, count);
        predicted.resize(count);
        losses.resize(count);
        for (std::size_t j = 0; j < classes; ++j) {
            labels.assign(count, static_cast<int>(j));
            model(part, std::span<const int>(labels), std::span(losses), std::span(predicted),
                  tensor_view<scalar, 4>(gradient.data(), part.extents()));
            for (std::size_t n = 0; n < count; ++n) {
                double squares = 0;
                for (std::size_t i = n * size; i < (n + 1) * size; ++i) {
                    squares += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
                }
                if (!detail::is_finite(squares) || !detail::is_finite(losses[n])) {
                    errors::throw_value_error(
                        name, "expected finite losses and gradients of the model, got NaN "
                              "or infinity for sample " +
                                  errors::text_of(first + n) + ", class " + errors::text_of(j));
                }
                const double p = std::exp(-losses[n]);
                result.probabilities[first + n] += p * p * squares;
                result.log_probabilities[first + n] += squares;
            }
        }
    }
    const double share = 1 / static_cast<double>(x.extent(0));
    for (std::size_t n = 0; n < x.extent(0); ++n) {
        result.probabilities[n] = std::sqrt(result.probabilities[n]);
        result.log_probabilities[n] = std::sqrt(result.log_probabilities[n]);
        result.mean_probabilities += share * result.probabilities[n];
        result.mean_log_probabilities += share * result.log_probabilities[n];
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
