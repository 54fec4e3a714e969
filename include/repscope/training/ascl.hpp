#pragma once

#include "repscope/error.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"
#include "repscope/training/layers/projection_head.hpp"
#include "repscope/training/losses/divergence.hpp"
#include "repscope/training/losses/supervised_contrastive.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// The weights of adversarial supervised contrastive learning in the code of its authors.
struct ascl_options {
    contrast_options contrast{};  ///< of clean and adversarial latents
    double contrast_weight = 1;   ///< weight of the contrast in the loss
    double divergence_weight = 2; ///< of KL(clean || adversarial) over the number of classes
};

/// The state before a step.
struct ascl_progress {
    double adversarial = 0;  ///< mean cross-entropy of the adversarial samples
    contrast_value contrast; ///< of the step
    double divergence = 0;   ///< KL(clean || adversarial), mean over samples and classes
};

/// Trains a network on clean and adversarial samples. The loss is the cross-entropy of the adversarial
/// samples, the contrast of the latents of both, and twice the divergence of their predictions as a mean over
/// samples and classes:
///
///     loss = CE(adversarial) + contrast_weight contrast + divergence_weight KL(clean || adversarial) /
///     classes.
///
/// `projection` of the last layer with a tap gives the latents. Clean and adversarial samples pass batch norm
/// as two batches. Gradients pass through both sides of the divergence. Bui, Le, Tran, Zhao and Phung 2021
/// (arXiv 2101.10027).
template <net::network_like Network, net::optimizer_for<Network> Optimizer>
class ascl_trainer {
  public:
    using scalar = typename Network::scalar;
    using images = tensor_view<const scalar, 4>;

    /// Network and head must outlive the trainer; each has a separate optimizer with the same settings.
    ascl_trainer(Network& network, projection<scalar>& head, const Optimizer& optimizer,
                 const ascl_options& options, const thread_source& threads = 1)
        : network_(&network), head_(&head), optimizer_(optimizer), head_optimizer_(optimizer),
          options_(options), clean_(threads), adversarial_(threads) {
        if (!(options.contrast_weight >= 0) || !(options.divergence_weight >= 0)) {
            errors::throw_value_error("training::ascl_trainer",
                                      "expected weights of 0 or more, got " +
                                          errors::text_of(options.contrast_weight) + " and " +
                                          errors::text_of(options.divergence_weight));
        }
    }

    /// One step on samples and on their adversarial versions, of one shape.
    ascl_progress step(const images& clean, const images& adversarial, std::span<const int> labels,
                       double rate) {
        if (clean.extents() != adversarial.extents()) {
            errors::throw_shape_error("training::ascl_trainer",
                                      "expected adversarial samples of the clean ones' shape " +
                                          format_shape(clean.extents()),
                                      adversarial.extents());
        }
        const std::size_t n = clean.extent(0);
        ascl_progress done;
        const auto clean_logits = network_->forward_training(clean, clean_);
        const auto adversarial_logits = network_->forward_training(adversarial, adversarial_);
        predicted_.resize(2 * n);
        losses_.resize(n);
        const auto clean_gradient = clean_.logit_gradient(), gradient = adversarial_.logit_gradient();
        // The clean samples have no cross-entropy: only their predictions are needed.
        net::softmax_cross_entropy(clean_logits, labels, {}, std::span(predicted_).first(n), clean_gradient,
                                   scalar(0));
        net::softmax_cross_entropy(adversarial_logits, labels, std::span<double>(losses_),
                                   std::span(predicted_).last(n), gradient,
                                   scalar(1) / static_cast<scalar>(n));
        for (const double loss : losses_) done.adversarial += loss / static_cast<double>(n);
        const auto classes = static_cast<double>(clean_logits.extent(1));
        done.divergence = kl_divergence(clean_logits, adversarial_logits,
                                        options_.divergence_weight / classes, clean_gradient, gradient) /
                          classes;

        both_labels_.assign(labels.begin(), labels.end());
        both_labels_.insert(both_labels_.end(), labels.begin(), labels.end());
        latents_.resize(2 * n * head_->width());
        latent_gradient_.resize(latents_.size());
        head_gradient_.assign(head_->parameter_count(), scalar(0));
        const std::array<std::size_t, 2> extents{2 * n, head_->width()};
        const tensor_view<scalar, 2> z(latents_.data(), extents),
            z_gradient(latent_gradient_.data(), extents);
        const layer_tap<scalar> below = network_->taps(clean_).back(),
                                above = network_->taps(adversarial_).back();
        head_->forward(below, 0, z);
        head_->forward(above, n, z);
        done.contrast = supervised_contrastive_loss<scalar>(z, both_labels_, predicted_, options_.contrast,
                                                            options_.contrast_weight, z_gradient);
        head_->backward(below, 0, z, z_gradient, head_gradient_);
        head_->backward(above, n, z, z_gradient, head_gradient_);

        network_->backward(clean_, true);
        network_->backward(adversarial_, true);
        gradient_.resize(network_->parameter_count());
        for (std::size_t i = 0; i < gradient_.size(); ++i) {
            gradient_[i] = clean_.parameter_gradient()[i] + adversarial_.parameter_gradient()[i];
        }
        optimizer_.step(*network_, std::span<const scalar>(gradient_), rate);
        head_optimizer_.step(*head_, std::span<const scalar>(head_gradient_), rate);
        network_->update_state(clean_);
        network_->update_state(adversarial_);
        return done;
    }

  private:
    Network* network_;
    projection<scalar>* head_;
    Optimizer optimizer_, head_optimizer_;
    ascl_options options_;
    typename Network::workspace clean_, adversarial_;
    std::vector<int> predicted_, both_labels_;
    std::vector<double> losses_;
    std::vector<scalar> latents_, latent_gradient_, gradient_, head_gradient_;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
