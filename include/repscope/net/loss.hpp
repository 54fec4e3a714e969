#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

namespace repscope {
inline namespace v0 {
namespace net {

/// Softmax cross-entropy of each sample: loss = log sum_j exp(z_j) - z_label, in [0, inf).
///
/// `logits` (samples, classes), `labels` one a sample. Fills `losses` and `predicted` (the lowest of the
/// largest logits), where they are not empty, and `gradient` (samples, classes), where it is not empty, with
/// `weight` times the derivative softmax(z) - one_hot(label). Throws `shape_error` when lengths differ and
/// `value_error` for a label outside 0 ... classes-1, with its position. O(samples classes).
template <typename Scalar>
void softmax_cross_entropy(const tensor_view<const Scalar, 2>& logits, std::span<const int> labels,
                           std::span<double> losses, std::span<int> predicted,
                           const tensor_view<Scalar, 2>& gradient = {}, Scalar weight = Scalar(1)) {
    const std::size_t samples = logits.extent(0), classes = logits.extent(1);
    const auto check = [&](std::size_t got, const char* what) {
        if (got == samples) return;
        repscope::detail::throw_shape_error("net::softmax_cross_entropy",
                                            "wanted " + std::to_string(samples) + " " + what + ", got " +
                                                std::to_string(got));
    };
    check(labels.size(), "labels");
    if (!losses.empty()) check(losses.size(), "losses");
    if (!predicted.empty()) check(predicted.size(), "predictions");
    if (!gradient.empty() && gradient.extents() != logits.extents()) {
        repscope::detail::throw_shape_error("net::softmax_cross_entropy",
                                            "wanted a gradient of shape " + format_shape(logits.extents()),
                                            gradient.extents());
    }
    for (std::size_t n = 0; n < samples; ++n) {
        if (labels[n] < 0 || static_cast<std::size_t>(labels[n]) >= classes) {
            repscope::detail::throw_value_error("net::softmax_cross_entropy",
                                                "wanted labels from 0 to " + std::to_string(classes - 1) +
                                                    ", got " + std::to_string(labels[n]) + " at position " +
                                                    std::to_string(n));
        }
        const auto label = static_cast<std::size_t>(labels[n]);
        std::size_t best = 0;
        for (std::size_t j = 1; j < classes; ++j) {
            if (logits(n, j) > logits(n, best)) best = j;
        }
        const Scalar largest = logits(n, best);
        Scalar sum = 0;
        for (std::size_t j = 0; j < classes; ++j) sum += std::exp(logits(n, j) - largest);
        if (!losses.empty()) {
            losses[n] = static_cast<double>(std::log(sum)) - static_cast<double>(logits(n, label) - largest);
        }
        if (!predicted.empty()) predicted[n] = static_cast<int>(best);
        if (gradient.empty()) continue;
        for (std::size_t j = 0; j < classes; ++j) {
            const Scalar probability = std::exp(logits(n, j) - largest) / sum;
            gradient(n, j) = weight * (j == label ? probability - Scalar(1) : probability);
        }
    }
}

} // namespace net
} // namespace v0
} // namespace repscope
