#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// The loss of a sample that `inference_model` reports.
enum class loss_function { cross_entropy, margin };

/// Returns the class of the largest logit of a sample; of equal ones, the lowest. `logits` (samples, classes)
/// has at least one class. A NaN is never larger. O(classes).
template <typename Scalar>
[[nodiscard]] std::size_t argmax(const tensor_view<const Scalar, 2>& logits, std::size_t sample) noexcept {
    std::size_t best = 0;
    for (std::size_t c = 1; c < logits.extent(1); ++c) {
        if (logits(sample, c) > logits(sample, best)) best = c;
    }
    return best;
}

/// Writes `argmax` of every sample to `predicted`. Throws `shape_error` without classes, and when `predicted`
/// is shorter than the samples. O(samples classes).
template <typename Scalar>
void argmax(const tensor_view<const Scalar, 2>& logits, std::span<int> predicted) {
    if (predicted.size() < logits.extent(0) || logits.extent(1) == 0) {
        errors::throw_shape_error("net::argmax",
                                  "expected at least 1 class and at most " +
                                      errors::text_of(predicted.size()) + " samples",
                                  logits.extents());
    }
    for (std::size_t n = 0; n < logits.extent(0); ++n) predicted[n] = static_cast<int>(argmax(logits, n));
}

namespace detail {

/// The common part of the losses: the checks, and a loop over the samples with their label and most likely
/// class. That class (the lowest of the largest logits) is written to `predicted` unless empty.
template <typename Scalar, typename Body>
void for_each_loss(const char* function, const tensor_view<const Scalar, 2>& logits,
                   std::span<const int> labels, std::span<double> losses, std::span<int> predicted,
                   const tensor_view<Scalar, 2>& gradient, Body&& body) {
    const std::size_t samples = logits.extent(0), classes = logits.extent(1);
    const auto check = [&](std::size_t got, const char* what) {
        if (got == samples) return;
        errors::throw_shape_error(function, "expected " + errors::text_of(samples) + " " + what + ", got " +
                                                errors::text_of(got));
    };
    check(labels.size(), "labels");
    if (!losses.empty()) check(losses.size(), "losses");
    if (!predicted.empty()) check(predicted.size(), "predictions");
    if (!gradient.empty() && gradient.extents() != logits.extents()) {
        errors::throw_shape_error(function, "expected a gradient of shape " + format_shape(logits.extents()),
                                  gradient.extents());
    }
    for (std::size_t n = 0; n < samples; ++n) {
        if (labels[n] < 0 || static_cast<std::size_t>(labels[n]) >= classes) {
            errors::throw_value_error(function, "expected labels from 0 to " + errors::text_of(classes - 1) +
                                                    ", got " + errors::text_of(labels[n]) + " at position " +
                                                    errors::text_of(n));
        }
        const std::size_t best = argmax(logits, n);
        if (!predicted.empty()) predicted[n] = static_cast<int>(best);
        body(n, static_cast<std::size_t>(labels[n]), best);
    }
}

} // namespace detail

/// Softmax cross-entropy of each sample: loss = log sum_j exp(z_j) - z_label, in [0, inf).
///
/// `logits` (samples, classes), `labels` one per sample. Fills `losses` and `predicted` (the lowest of the
/// largest logits) unless they are empty. Fills `gradient` (samples, classes), unless empty, with `weight`
/// times the derivative softmax(z) - one_hot(label). Throws `shape_error` if lengths differ and `value_error`
/// for a label outside 0 ... classes-1, with its position. O(samples classes).
template <typename Scalar>
void softmax_cross_entropy(const tensor_view<const Scalar, 2>& logits, std::span<const int> labels,
                           std::span<double> losses, std::span<int> predicted,
                           const tensor_view<Scalar, 2>& gradient = {}, Scalar weight = Scalar(1)) {
    const std::size_t classes = logits.extent(1);
    const auto one = [&](std::size_t n, std::size_t label, std::size_t best) {
        const Scalar largest = logits(n, best);
        Scalar sum = 0;
        for (std::size_t j = 0; j < classes; ++j) sum += std::exp(logits(n, j) - largest);
        if (!losses.empty()) {
            losses[n] = static_cast<double>(std::log(sum)) - static_cast<double>(logits(n, label) - largest);
        }
        if (gradient.empty()) return;
        for (std::size_t j = 0; j < classes; ++j) {
            const Scalar probability = std::exp(logits(n, j) - largest) / sum;
            gradient(n, j) = weight * (j == label ? probability - Scalar(1) : probability);
        }
    };
    detail::for_each_loss("net::softmax_cross_entropy", logits, labels, losses, predicted, gradient, one);
}

/// Margin of each sample: loss = max_{j != label} z_j - z_label, which is above 0 for a misclassified sample.
///
/// Unlike the cross-entropy its gradient does not vanish for confident predictions: if an attack succeeds
/// much more often with it, gradients of the cross-entropy had vanished. Arguments and errors as for
/// `softmax_cross_entropy`, and `shape_error` for fewer than two classes; the derivative is 1 at the largest
/// other logit (the lowest class of equals), -1 at the label. Carlini and Wagner 2017.
template <typename Scalar>
void margin_loss(const tensor_view<const Scalar, 2>& logits, std::span<const int> labels,
                 std::span<double> losses, std::span<int> predicted,
                 const tensor_view<Scalar, 2>& gradient = {}) {
    const std::size_t classes = logits.extent(1);
    if (classes < 2) {
        errors::throw_shape_error("net::margin_loss", "expected at least 2 classes", logits.extents());
    }
    const auto one = [&](std::size_t n, std::size_t label, std::size_t) {
        std::size_t other = label == 0 ? 1 : 0;
        for (std::size_t j = other + 1; j < classes; ++j) {
            if (j != label && logits(n, j) > logits(n, other)) other = j;
        }
        if (!losses.empty()) losses[n] = static_cast<double>(logits(n, other) - logits(n, label));
        if (gradient.empty()) return;
        for (std::size_t j = 0; j < classes; ++j) gradient(n, j) = Scalar(0);
        gradient(n, other) = Scalar(1);
        gradient(n, label) = Scalar(-1);
    };
    detail::for_each_loss("net::margin_loss", logits, labels, losses, predicted, gradient, one);
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
