#pragma once

#include "repscope/attack/result.hpp"
#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/net/trainer.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// Strength of the attack in a step of training: rises linearly to 1 over the first `steps` steps, so that an
/// untrained network is not attacked with the full eps. It is always 1 for 0 steps.
struct epsilon_warmup {
    std::size_t steps = 0; ///< steps until the full strength

    /// The strength in a step, counted from 0.
    [[nodiscard]] double operator()(std::size_t step) const noexcept {
        return step >= steps ? 1.0 : static_cast<double>(step + 1) / static_cast<double>(steps);
    }
};

/// A network in training as a model (`differentiable`) for attacks; `statistics` selects those of its batch
/// norm.
///
/// With `mode::training` they are those of the current batch, as in the step that follows, so a sample's loss
/// depends on the other samples. Gradients are those of the sum of the losses, and an attack must not split
/// the batch (`batch` of at least its samples, no `early_stop`). With `mode::inference` they are the running
/// ones. Neither changes the running statistics.
template <net::network_like Network>
class training_mode_model {
  public:
    using scalar = typename Network::scalar;
    using images = tensor_view<const scalar, 4>;

    /// The network must outlive it; changes of its parameters take effect.
    training_mode_model(const Network& network, net::mode statistics, const thread_source& threads = 1)
        : network_(&network), statistics_(statistics), ws_(threads) {}

    /// The statistics of batch norm.
    [[nodiscard]] net::mode statistics() const noexcept { return statistics_; }
    /// Number of classes for inputs of this shape.
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const {
        return network_->classes(x);
    }
    /// Computes losses and their gradients; see `differentiable`.
    void operator()(const images& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const tensor_view<scalar, 4>& gradient) {
        if (statistics_ == net::mode::inference) {
            network_->evaluate(x, labels, losses, predicted, gradient, ws_);
            return;
        }
        const auto logits = network_->forward_training(x, ws_);
        const auto upstream = gradient.empty() ? tensor_view<scalar, 2>{} : ws_.logit_gradient();
        net::softmax_cross_entropy(logits, labels, losses, predicted, upstream);
        if (!gradient.empty()) network_->input_gradient(ws_, gradient);
    }

  private:
    const Network* network_;
    net::mode statistics_;
    typename Network::workspace ws_;
};

/// The state of adversarial training before a step.
struct adversarial_progress {
    double loss = 0;                   ///< mean cross-entropy of the adversarial samples of the step
    double fooled = 0;                 ///< share of the samples that are misclassified under attack
    std::uint64_t forward_passes = 0;  ///< of the attack, in samples
    std::uint64_t backward_passes = 0; ///< of the attack, in samples
};

/// Trains a network on adversarial versions of each batch: min E[max_{delta} CE(x + delta)]. Any attack can
/// be the inner maximum; the gradient treats its perturbation as a constant. Madry, Makelov, Schmidt, Tsipras
/// and Vladu 2018 (arXiv 1706.06083).
template <net::network_like Network, net::optimizer_for<Network> Optimizer>
class adversarial_trainer {
  public:
    using scalar = typename Network::scalar;
    using images = tensor_view<const scalar, 4>;

    /// `network` must outlive the trainer; `statistics` are those of batch norm under attack. The step itself
    /// uses the statistics of the adversarial batch and updates the running ones with them.
    adversarial_trainer(Network& network, Optimizer optimizer, net::mode statistics = net::mode::training,
                        const thread_source& threads = 1)
        : model_(network, statistics, threads), run_(network, std::move(optimizer), threads) {}

    /// One step. `find(model, x, labels)` attacks a `training_mode_model` and returns an `attack::result`,
    /// whose images are trained on. Throws `shape_error` if their shape is not that of `x`. Cost: that of the
    /// attack and of a plain step.
    template <typename Attack>
    adversarial_progress step(const images& x, std::span<const int> labels, double rate, Attack&& find) {
        const attack::result<scalar> found = find(model_, x, labels);
        if (found.adversarial.extents() != x.extents()) {
            errors::throw_shape_error("training::adversarial_trainer",
                                      "expected adversarial samples of shape " + format_shape(x.extents()),
                                      found.adversarial.extents());
        }
        adversarial_progress done{.fooled = 1 - found.robust_accuracy(),
                                  .forward_passes = found.forward_passes,
                                  .backward_passes = found.backward_passes};
        done.loss = run_.step(found.adversarial.view(), labels, rate).loss;
        return done;
    }

    /// The network as a model for attacks.
    [[nodiscard]] training_mode_model<Network>& model() noexcept { return model_; }

  private:
    training_mode_model<Network> model_;
    net::trainer<Network, Optimizer> run_;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
