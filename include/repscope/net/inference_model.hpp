#pragma once

#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// A network or a graph in inference mode with its memory and threads; attacks and gradients take it as a
/// model. The network must outlive it; changes of its parameters take effect. Not thread-safe.
template <inference_network Network>
class inference_model {
  public:
    using scalar = typename Network::scalar;
    using input_view = typename Network::input_view;

    /// `network` must outlive the model.
    explicit inference_model(const Network& network, const thread_source& threads = 1,
                             loss_function loss = loss_function::cross_entropy)
        : network_(&network), ws_(threads), loss_(loss) {}

    /// Number of classes for inputs of this shape.
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const {
        return network_->classes(x);
    }
    /// Number of layers.
    [[nodiscard]] std::size_t layers() const noexcept { return network_->layers(); }
    /// Shape of the activations of a layer; see `layered`.
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& x) const {
        return network_->extents(layer, x);
    }
    /// Writes the logits of `x` to `to` (samples, classes), some samples at a time; see `scored`.
    void logits(const input_view& x, const tensor_view<scalar, 2>& to) {
        if (to.extents() != std::array{x.extent(0), classes(x.extents())}) {
            errors::throw_shape_error("net::inference_model::logits", "expected (samples, classes)",
                                      to.extents());
        }
        for_each_piece(x, [&](std::size_t first, const tensor_view<const scalar, 2>& logits) {
            for (std::size_t n = 0; n < logits.extent(0); ++n) {
                for (std::size_t c = 0; c < logits.extent(1); ++c) to(first + n, c) = logits(n, c);
            }
        });
    }
    /// Computes losses and their gradients; see `differentiable`.
    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const tensor_view<scalar, 4>& gradient) {
        network_->evaluate(x, labels, losses, predicted, gradient, ws_, loss_);
    }
    /// Gradient of a function of the logits with respect to each sample; see `logit_differentiable`.
    template <typename Upstream>
    void logit_vjp(const input_view& x, Upstream&& upstream_of, const tensor_view<scalar, 4>& gradient) {
        if constexpr (requires { network_->logit_vjp(x, upstream_of, gradient, ws_); }) {
            network_->logit_vjp(x, upstream_of, gradient, ws_);
        } else {
            for_each_piece(x, [&](std::size_t first, const tensor_view<const scalar, 2>& logits) {
                upstream_of(first, logits, ws_.logit_gradient());
                network_->input_gradient(ws_, samples(gradient, first, logits.extent(0)));
            });
        }
    }
    /// Computes vector-Jacobian products of a layer; see `layered`.
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient) {
        network_->vjp(layer, x, upstream, gradient, ws_);
    }
    /// Computes Jacobian-vector products of a layer; see `layered`.
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out) {
        network_->jvp(layer, x, tangent, out, ws_);
    }
    /// Computes the gradients of all units of a layer, and calls `visit` with them.
    template <typename Visit>
    void unit_gradients(std::size_t layer, const input_view& x, Visit&& visit) {
        network_->unit_gradients(layer, x, ws_, visit);
    }
    /// Computes derivatives of all layers along directions; see `layered`.
    template <typename Fill, typename Visit>
    void tangents(const input_view& x, std::size_t directions, Fill&& fill, Visit&& visit) {
        network_->tangents(x, directions, ws_, fill, visit);
    }

  private:
    /// Forward passes through pieces of `x`, so that memory does not grow with it.
    template <typename Body>
    void for_each_piece(const input_view& x, Body&& body) {
        constexpr std::size_t piece = 128;
        for (std::size_t first = 0; first < x.extent(0); first += piece) {
            const std::size_t count = (std::min)(piece, x.extent(0) - first);
            body(first, network_->forward(samples(x, first, count), ws_));
        }
    }

    const Network* network_;
    typename Network::workspace ws_;
    loss_function loss_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
