#pragma once

#include "repscope/error.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// The result of a training step.
struct training_progress {
    std::size_t epoch = 0, step = 0, steps = 0; ///< counted from 0 through all epochs; `steps` of them in all
    double rate = 0;                            ///< learning rate
    double loss = 0;                            ///< mean cross-entropy of the batch
    double penalty = 0;                         ///< value of the penalty, which is added to the loss
    bool end_of_epoch = false;                  ///< whether this was the last step of its epoch
};

/// Options of `train`.
struct training_options {
    thread_source threads = 1; ///< threads to use; changes no bit of the result
    std::size_t epochs = 3;    ///< passes over the data
    std::size_t batch = 128;   ///< samples per step
    std::uint64_t seed = 0;    ///< seed of the order of the samples
};

/// One network in training, with its memory and its optimizer.
template <network_like Network, optimizer_for<Network> Optimizer>
class trainer {
  public:
    using scalar = typename Network::scalar;

    /// `network` must outlive the trainer.
    trainer(Network& network, Optimizer optimizer, const thread_source& threads = 1)
        : network_(&network), optimizer_(std::move(optimizer)), ws_(threads) {}

    /// One step on a batch: mean cross-entropy plus `penalty(taps, labels)`, both with their gradients; batch
    /// norm takes the statistics of the batch and moves the running ones. Nothing is allocated after the
    /// first step.
    template <penalty_for<scalar> Penalty = no_penalty>
    training_progress step(const tensor_view<const scalar, 4>& x, std::span<const int> labels, double rate,
                           Penalty&& penalty = {}) {
        constexpr bool penalized = !std::is_same_v<std::remove_cvref_t<Penalty>, no_penalty>;
        training_progress done{.rate = rate};
        const auto logits = network_->forward_training(x, ws_);
        losses_.resize(x.extent(0));
        const scalar weight = scalar(1) / static_cast<scalar>(x.extent(0));
        softmax_cross_entropy(logits, labels, losses_, {}, ws_.logit_gradient(), weight);
        for (const double loss : losses_) done.loss += loss;
        done.loss /= static_cast<double>(losses_.size());
        if constexpr (penalized) done.penalty = penalty(network_->taps(ws_), labels);
        network_->backward(ws_, penalized);
        optimizer_.step(*network_, ws_.parameter_gradient(), rate);
        network_->update_state(ws_);
        return done;
    }

  private:
    Network* network_;
    Optimizer optimizer_;
    typename Network::workspace ws_;
    std::vector<double> losses_;
};

/// Images in memory as a source of batches: value * scale, for any element type and order of the
/// axes of `images` (samples, channels, rows, columns).
template <typename T>
struct image_source {
    tensor_view<const T, 4> images; ///< (samples, channels, rows, columns)
    double scale = 1;               ///< factor of each value

    /// Number of samples.
    [[nodiscard]] std::size_t size() const noexcept { return images.extent(0); }
    /// (channels, rows, columns)
    [[nodiscard]] std::array<std::size_t, 3> extents() const noexcept {
        return {images.extent(1), images.extent(2), images.extent(3)};
    }
    /// Writes the samples with these indices to `to`.
    template <typename Scalar>
    void read(std::span<const std::uint32_t> samples, const tensor_view<Scalar, 4>& to) const {
        const auto factor = static_cast<Scalar>(scale);
        for (std::size_t n = 0; n < samples.size(); ++n) {
            for (std::size_t c = 0; c < images.extent(1); ++c) {
                for (std::size_t y = 0; y < images.extent(2); ++y) {
                    const T* from = &images(samples[n], c, y, std::size_t{0});
                    Scalar* row = &to(n, c, y, std::size_t{0});
                    for (std::size_t x = 0; x < images.extent(3); ++x) {
                        row[static_cast<std::ptrdiff_t>(x) * to.stride(3)] =
                            static_cast<Scalar>(from[static_cast<std::ptrdiff_t>(x) * images.stride(3)]) *
                            factor;
                    }
                }
            }
        }
    }
};

/// Reads a data set in epochs. Every epoch takes the samples in a new random order, in batches, and omits the
/// last incomplete one.
///
/// `source` has `size()`, `extents()` (channels, rows, columns) and `read(indices, batch)`, as `image_source`
/// does; `labels` one per sample. `visit(x, labels, chosen, progress)` gets a batch (batch, channels, rows,
/// columns) of `Scalar`, its labels, the indices of its samples in the data set, and a `training_progress`
/// with its counts. The order depends on the seed alone. Throws `shape_error` if labels and samples differ in
/// number or do not fill one batch.
template <typename Scalar, batch_source<Scalar> Source, typename Visit>
void for_each_batch(const Source& source, std::span<const int> labels, const training_options& options,
                    Visit&& visit) {
    const std::size_t samples = source.size(), batch = options.batch;
    if (labels.size() != samples) {
        errors::throw_shape_error("net::train", "expected " + errors::text_of(samples) + " labels, got " +
                                                    errors::text_of(labels.size()));
    }
    if (batch == 0 || samples < batch) {
        errors::throw_shape_error("net::train", "expected at least one batch of " + errors::text_of(batch) +
                                                    " samples, got " + errors::text_of(samples));
    }
    const auto extents = source.extents();
    std::vector<Scalar> pixels(batch * extents[0] * extents[1] * extents[2]);
    const tensor_view<Scalar, 4> x(pixels.data(), {batch, extents[0], extents[1], extents[2]});
    std::vector<int> batch_labels(batch);
    std::vector<std::uint32_t> order(samples);
    const std::size_t steps_per_epoch = samples / batch;
    std::size_t step = 0;
    for (std::size_t epoch = 0; epoch < options.epochs; ++epoch) {
        random_stream random(options.seed,
                             streams::id(streams::purpose::shuffle, static_cast<std::uint32_t>(epoch)));
        permutation(order, random);
        for (std::size_t i = 0; i < steps_per_epoch; ++i, ++step) {
            const auto chosen = std::span<const std::uint32_t>(order).subspan(i * batch, batch);
            source.read(chosen, x);
            for (std::size_t n = 0; n < batch; ++n) batch_labels[n] = labels[chosen[n]];
            visit(tensor_view<const Scalar, 4>(x), std::span<const int>(batch_labels), chosen,
                  training_progress{.epoch = epoch,
                                    .step = step,
                                    .steps = steps_per_epoch * options.epochs,
                                    .end_of_epoch = i + 1 == steps_per_epoch});
        }
    }
}

/// An observer of a training that does nothing.
struct no_observer {
    /// Does nothing.
    void operator()(const training_progress&) const noexcept {}
};

/// Trains `network` for some epochs; see `for_each_batch` for `source`, `labels` and the order of samples.
///
/// `schedule(step)` gives the learning rate and counts steps through all epochs; `penalty` is added to the
/// loss (see `layer_tap`); `observe(const training_progress&)` is called after every step. Order and result
/// depend on the seed alone, not on the threads. Throws as `for_each_batch`, and `value_error` for a label
/// above the network's classes.
template <network_like Network, batch_source<typename Network::scalar> Source,
          optimizer_for<Network> Optimizer, schedule_like Schedule,
          penalty_for<typename Network::scalar> Penalty = no_penalty, typename Observer = no_observer>
void train(Network& network, const Source& source, std::span<const int> labels, Optimizer optimizer,
           const Schedule& schedule, const training_options& options, Penalty&& penalty = {},
           Observer&& observe = {}) {
    using scalar = typename Network::scalar;
    trainer<Network, Optimizer> run(network, std::move(optimizer), options.threads);
    for_each_batch<scalar>(source, labels, options,
                           [&](const tensor_view<const scalar, 4>& x, std::span<const int> batch_labels,
                               std::span<const std::uint32_t>, training_progress place) {
                               training_progress done =
                                   run.step(x, batch_labels, schedule(place.step), penalty);
                               done.epoch = place.epoch;
                               done.step = place.step;
                               done.steps = place.steps;
                               done.end_of_epoch = place.end_of_epoch;
                               observe(std::as_const(done));
                           });
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
