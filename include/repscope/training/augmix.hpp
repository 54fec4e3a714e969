#pragma once

#include "repscope/data/augment.hpp"
#include "repscope/data/batch_concatenation.hpp"
#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/portable_math.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"
#include "repscope/training/losses/divergence.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// Identifies the random draws of an augmented batch by seed, epoch, view and index of an image in the data
/// set; the batch size does not matter.
struct augment_draws {
    std::uint64_t seed = 0; ///< seed of the run
    std::size_t epoch = 0;  ///< counted from 0
    std::size_t view = 0;   ///< number of the version of an image
};

/// Settings of AugMix.
struct augmix_options {
    double severity = 3;    ///< strength of the transforms, up to 10
    std::size_t chains = 3; ///< number of mixed chains
    std::size_t depth = 3;  ///< maximum number of transforms in a chain; each has 1 to `depth`
};

namespace detail {

/// Calls `body(n, random, image)` for every sample of `x`, which holds numbers from 0 to 1, as bytes.
template <typename Scalar, typename Body>
inline void for_each_image(const char* function, const tensor_view<const Scalar, 4>& x,
                           std::span<const std::uint32_t> places, const augment_draws& draws,
                           thread_pool& pool, Body&& body) {
    if (places.size() != x.extent(0)) {
        errors::throw_shape_error(function,
                                  "expected a place in the data set for each image, got " +
                                      errors::text_of(places.size()),
                                  x.extents());
    }
    const auto stream = streams::id(streams::purpose::augment, static_cast<std::uint32_t>(draws.view),
                                    static_cast<std::uint32_t>(draws.epoch));
    std::vector<data::byte_image> images(pool.size());
    pool.for_each(x.extent(0), [&](std::size_t n, std::size_t worker) {
        data::byte_image& image = images[worker];
        image = {x.extent(1), x.extent(2), x.extent(3), std::move(image.pixels)};
        image.pixels.resize(image.channels * image.rows * image.columns);
        std::size_t at = 0;
        for (std::size_t c = 0; c < image.channels; ++c) {
            for (std::size_t row = 0; row < image.rows; ++row) {
                for (std::size_t column = 0; column < image.columns; ++column) {
                    const auto value = static_cast<double>(x(n, c, row, column));
                    image.pixels[at++] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 1.0) * 255 + .5);
                }
            }
        }
        random_stream random(draws.seed, stream, places[n]);
        body(n, random, image);
    });
}

/// Calls `body(number, pixel)` for the elements of image `n` of `to` and of an image of bytes.
template <typename Scalar, typename Body>
inline void along(const tensor_view<Scalar, 4>& to, std::size_t n, const data::byte_image& image,
                  Body&& body) {
    const std::uint8_t* pixel = image.pixels.data();
    for (std::size_t c = 0; c < image.channels; ++c) {
        for (std::size_t row = 0; row < image.rows; ++row) {
            for (std::size_t column = 0; column < image.columns; ++column)
                body(to(n, c, row, column), *pixel++);
        }
    }
}

} // namespace detail

/// AugMix of every image: (1 - m) x + m sum_k w_k chain_k(x), where each chain is a random number of random
/// transforms, w is uniform on the simplex, and m is uniform in (0, 1).
///
/// `x` (samples, channels, rows, columns), from 0 to 1, is converted to bytes; `places` has the indices of
/// its samples in the data set; `to` has the shape of `x`. Throws `shape_error` for other shapes and
/// `value_error` for a chain count or depth of 0. O(pixels chains depth). Hendrycks, Mu, Cubuk, Zoph, Gilmer
/// and Lakshminarayanan 2020 (arXiv 1912.02781).
template <typename Scalar>
void augmix(const tensor_view<const Scalar, 4>& x, std::span<const std::uint32_t> places,
            const augment_draws& draws, const augmix_options& options, const tensor_view<Scalar, 4>& to,
            const thread_source& threads = 1) {
    if (to.extents() != x.extents()) {
        errors::throw_shape_error("training::augmix",
                                  "expected a place for images of shape " + format_shape(x.extents()),
                                  to.extents());
    }
    if (options.chains == 0 || options.depth == 0) {
        errors::throw_value_error("training::augmix", "expected at least one chain of depth 1, got " +
                                                          errors::text_of(options.chains) + " of depth " +
                                                          errors::text_of(options.depth));
    }
    const scoped_pool pool(threads);
    detail::for_each_image(
        "training::augmix", x, places, draws, *pool,
        [&](std::size_t n, random_stream& random, const data::byte_image& image) {
            const double m = random.uniform();
            std::vector<double> weights(options.chains);
            double sum = 0;
            for (double& weight : weights) sum += weight = -portable::log(random.uniform());
            detail::along(to, n, image, [&](Scalar& value, std::uint8_t pixel) {
                value = static_cast<Scalar>((1 - m) * pixel / 255);
            });
            for (const double weight : weights) {
                data::byte_image chain = image;
                const std::uint32_t depth = 1 + random.below(static_cast<std::uint32_t>(options.depth));
                for (std::uint32_t d = 0; d < depth; ++d) {
                    apply(static_cast<data::transform>(random.below(data::transform_count)), options.severity,
                          random, chain);
                }
                const double share = m * weight / sum / 255;
                detail::along(to, n, chain, [&](Scalar& value, std::uint8_t pixel) {
                    value += static_cast<Scalar>(share * pixel);
                });
            }
        });
}

/// A few random transforms of every image, one after the other, selected by `choice`: the strong view of
/// semi-supervised training, or with translations alone the weak one. Arguments as in `augmix`.
template <typename Scalar>
void random_transforms(const tensor_view<const Scalar, 4>& x, std::span<const std::uint32_t> places,
                       const augment_draws& draws, std::span<const data::transform> choice, std::size_t count,
                       double severity, const tensor_view<Scalar, 4>& to, const thread_source& threads = 1) {
    if (to.extents() != x.extents()) {
        errors::throw_shape_error("training::random_transforms",
                                  "expected a place for images of shape " + format_shape(x.extents()),
                                  to.extents());
    }
    if (choice.empty()) {
        errors::throw_value_error("training::random_transforms", "expected transforms, got none");
    }
    const scoped_pool pool(threads);
    detail::for_each_image("training::random_transforms", x, places, draws, *pool,
                           [&](std::size_t n, random_stream& random, data::byte_image& image) {
                               for (std::size_t i = 0; i < count; ++i) {
                                   const auto which = random.below(static_cast<std::uint32_t>(choice.size()));
                                   apply(choice[which], severity, random, image);
                               }
                               detail::along(to, n, image, [](Scalar& value, std::uint8_t pixel) {
                                   value = static_cast<Scalar>(pixel / 255.0);
                               });
                           });
}

/// The state of consistency training before a step.
struct consistency_progress {
    double loss = 0;        ///< mean cross-entropy of the clean samples
    double consistency = 0; ///< Jensen-Shannon divergence of the three predictions of each sample
};

/// Trains a network with the consistency term of AugMix: the cross-entropy of the clean samples plus `weight`
/// times the Jensen-Shannon divergence of the predictions of a sample and of two views of it. All three pass
/// batch norm as one batch.
template <net::network_like Network, net::optimizer_for<Network> Optimizer>
class consistency_trainer {
  public:
    using scalar = typename Network::scalar;
    using images = tensor_view<const scalar, 4>;

    /// `network` must outlive the trainer.
    consistency_trainer(Network& network, Optimizer optimizer, double weight = 12,
                        const thread_source& threads = 1)
        : network_(&network), optimizer_(std::move(optimizer)), weight_(weight), ws_(threads) {
        if (!(weight >= 0)) {
            errors::throw_value_error("training::consistency_trainer",
                                      "expected a weight of 0 or more, got " + errors::text_of(weight));
        }
    }

    /// One step on samples and on two views of each.
    consistency_progress step(const images& x, const images& first, const images& second,
                              std::span<const int> labels, double rate) {
        const std::size_t n = x.extent(0);
        if (first.extent(0) != n || second.extent(0) != n) {
            errors::throw_shape_error("training::consistency_trainer",
                                      "expected two views of each of " + errors::text_of(n) + " samples",
                                      first.extents());
        }
        const auto logits = network_->forward_training(batch_.stack(x, first, second), ws_);
        const auto gradient = ws_.logit_gradient();
        for (std::size_t i = n; i < 3 * n; ++i) {
            for (std::size_t k = 0; k < gradient.extent(1); ++k) gradient(i, k) = scalar(0);
        }
        losses_.resize(n);
        net::softmax_cross_entropy(samples(logits, 0, n), labels, std::span<double>(losses_), {},
                                   samples(gradient, 0, n), scalar(1) / static_cast<scalar>(n));
        consistency_progress done;
        for (const double loss : losses_) done.loss += loss / static_cast<double>(n);
        done.consistency = jensen_shannon(logits, 3, weight_, gradient);
        network_->backward(ws_);
        optimizer_.step(*network_, ws_.parameter_gradient(), rate);
        network_->update_state(ws_);
        return done;
    }

  private:
    Network* network_;
    Optimizer optimizer_;
    double weight_;
    typename Network::workspace ws_;
    data::batch_concatenation<scalar> batch_;
    std::vector<double> losses_;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
