#pragma once

#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// One training environment: all of its samples, (samples, channels, rows, columns), and their labels.
template <typename Scalar>
struct environment {
    tensor_view<const Scalar, 4> x; ///< inputs
    std::span<const int> labels;    ///< one per sample
};

/// The terms of invariant risk minimization for one environment.
struct environment_risk {
    double risk = 0;     ///< mean cross-entropy
    double slope = 0;    ///< its derivative with respect to a factor w on all logits, at w = 1
    double accuracy = 0; ///< share of correct predictions
    [[nodiscard]] double penalty() const noexcept { return slope * slope; } ///< of IRMv1
};

/// Risk and IRMv1 penalty of one environment, and the gradient of a weighted sum of both.
///
/// `logits` (samples, classes); with one column a logit is that of class 1 against class 0. With the softmax
/// p of sample i, risk = mean_i (log sum_k exp z_ik - z_iy), slope = mean_i sum_k (p_ik - [k = y]) z_ik, and
/// penalty = slope^2. `gradient`, unless empty, receives risk_weight d risk / dz + penalty_weight d penalty /
/// dz, where d penalty / dz_ik = (2 slope / n) (p_ik - [k = y] + p_ik (z_ik - sum_j p_ij z_ij)). Throws
/// `shape_error` without samples and if lengths differ, `value_error` for a label without a class. O(samples
/// classes). Arjovsky, Bottou, Gulrajani and Lopez-Paz 2019 (arXiv 1907.02893), equation IRMv1.
template <typename Scalar>
environment_risk irm_penalty(const tensor_view<const Scalar, 2>& logits, std::span<const int> labels,
                             double risk_weight = 1, double penalty_weight = 0,
                             const tensor_view<Scalar, 2>& gradient = {}) {
    const std::size_t samples = logits.extent(0), columns = logits.extent(1);
    if (samples == 0 || columns == 0 || labels.size() != samples) {
        errors::throw_shape_error("training::irm_penalty",
                                  "expected samples, logits and one label per sample, got " +
                                      errors::text_of(labels.size()) + " labels",
                                  logits.extents());
    }
    if (!gradient.empty() && gradient.extents() != logits.extents()) {
        errors::throw_shape_error("training::irm_penalty",
                                  "expected a gradient of shape " + format_shape(logits.extents()),
                                  gradient.extents());
    }
    // A single logit is the second of two; the first is 0.
    const std::size_t classes = columns == 1 ? 2 : columns, first = classes - columns;
    const auto logit = [&](std::size_t i, std::size_t k) {
        return k < first ? 0.0 : static_cast<double>(logits(i, k - first));
    };
    const auto n = static_cast<double>(samples);
    std::vector<double> residual(samples * classes), mean_logit(samples);
    environment_risk found;
    for (std::size_t i = 0; i < samples; ++i) {
        if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= classes) {
            errors::throw_value_error("training::irm_penalty",
                                      "expected labels from 0 to " + errors::text_of(classes - 1) + ", got " +
                                          errors::text_of(labels[i]) + " at position " + errors::text_of(i));
        }
        const auto label = static_cast<std::size_t>(labels[i]);
        double* const p = residual.data() + i * classes;
        std::size_t best = 0;
        for (std::size_t k = 1; k < classes; ++k) {
            if (logit(i, k) > logit(i, best)) best = k;
        }
        double sum = 0;
        for (std::size_t k = 0; k < classes; ++k) sum += p[k] = std::exp(logit(i, k) - logit(i, best));
        for (std::size_t k = 0; k < classes; ++k) mean_logit[i] += (p[k] /= sum) * logit(i, k);
        found.risk += (std::log(sum) + logit(i, best) - logit(i, label)) / n;
        found.slope += (mean_logit[i] - logit(i, label)) / n;
        found.accuracy += best == label ? 1 / n : 0;
    }
    if (gradient.empty()) return found;
    const double curvature = penalty_weight * 2 * found.slope;
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t k = first; k < classes; ++k) {
            const double p = residual[i * classes + k];
            const double by_risk = p - (static_cast<std::size_t>(labels[i]) == k ? 1 : 0);
            const double by_slope = by_risk + p * (logit(i, k) - mean_logit[i]);
            gradient(i, k - first) = static_cast<Scalar>((risk_weight * by_risk + curvature * by_slope) / n);
        }
    }
    return found;
}

/// The weights of a run: loss = mean risk + weight(t) mean penalty + decay sum parameters^2, all divided by
/// weight(t) if that is above 1.
///
/// weight(t) is 1 in the first `anneal` steps and `penalty` from then on; with penalty 0 and anneal 0 this is
/// empirical risk minimization. The division keeps the step size of Adam in range, as in the code of its
/// authors.
struct irm_options {
    double penalty = 0;     ///< weight of the penalty after `anneal` steps
    std::size_t anneal = 0; ///< steps with the weight 1
    double decay = 0;       ///< weight of the squared parameters

    /// The weight of the penalty in a step, counted from 0.
    [[nodiscard]] double weight(std::size_t step) const noexcept { return step < anneal ? 1.0 : penalty; }
};

/// Trains a network on several environments, each of which is one batch.
template <net::network_like Network, net::optimizer_for<Network> Optimizer>
class irm_trainer {
  public:
    using scalar = typename Network::scalar;

    /// `network` must outlive the trainer. Throws `value_error` for a negative option.
    irm_trainer(Network& network, Optimizer optimizer, const irm_options& options,
                const thread_source& threads = 1)
        : network_(&network), optimizer_(std::move(optimizer)), options_(options), ws_(threads) {
        if (!(options.penalty >= 0) || !(options.decay >= 0)) {
            errors::throw_value_error("training::irm_trainer",
                                      "expected a penalty and a decay of 0 or more, got " +
                                          errors::text_of(options.penalty) + " and " +
                                          errors::text_of(options.decay));
        }
    }

    /// One step on all environments; returns the terms of each before the step. Throws `value_error` for
    /// fewer than two environments with a penalty: a single one gives no information on invariance.
    std::span<const environment_risk> step(std::span<const environment<scalar>> environments, double rate) {
        if (environments.empty() || (options_.penalty > 0 && environments.size() < 2)) {
            errors::throw_value_error("training::irm_trainer", "expected at least two environments, got " +
                                                                   errors::text_of(environments.size()));
        }
        const double weight = options_.weight(step_++), scale = weight > 1 ? 1 / weight : 1,
                     share = scale / static_cast<double>(environments.size());
        gradient_.assign(network_->parameter_count(), scalar(0));
        found_.clear();
        for (const environment<scalar>& each : environments) {
            const auto logits = network_->forward_training(each.x, ws_);
            found_.push_back(irm_penalty(logits, each.labels, share, share * weight, ws_.logit_gradient()));
            network_->backward(ws_);
            network_->update_state(ws_);
            for (std::size_t i = 0; i < gradient_.size(); ++i) gradient_[i] += ws_.parameter_gradient()[i];
        }
        std::size_t at = 0;
        const auto decay = static_cast<scalar>(2 * options_.decay * scale);
        std::as_const(*network_).visit_parameters([&](const std::string&, std::span<const scalar> values) {
            for (const scalar value : values) gradient_[at++] += decay * value;
        });
        optimizer_.step(*network_, std::span<const scalar>(gradient_), rate);
        return found_;
    }

    /// Risk and accuracy in another environment, with running statistics.
    [[nodiscard]] environment_risk evaluate(const environment<scalar>& where) {
        return irm_penalty(network_->forward(where.x, ws_), where.labels);
    }

  private:
    Network* network_;
    Optimizer optimizer_;
    irm_options options_;
    typename Network::workspace ws_;
    std::vector<scalar> gradient_;
    std::vector<environment_risk> found_;
    std::size_t step_ = 0;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
