#pragma once

#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/net/network.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// A network in inference mode with its memory and threads; attacks and gradients take it as a model. The
/// network must outlive it; changes of its parameters take effect. Not thread-safe.
template <network_like Network>
class inference_model {
  public:
    using scalar = typename Network::scalar;
    using input_view = typename Network::input_view;

    explicit inference_model(const Network& network, const thread_source& threads = 1,
                             loss_function loss = loss_function::cross_entropy)
        : network_(&network), ws_(threads), loss_(loss) {}

    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const {
        return network_->classes(x);
    }
    [[nodiscard]] std::size_t layers() const noexcept { return network_->layers(); }
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& x) const {
        return network_->extents(layer, x);
    }
    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const tensor_view<scalar, 4>& gradient) {
        network_->evaluate(x, labels, losses, predicted, gradient, ws_, loss_);
    }
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient) {
        network_->vjp(layer, x, upstream, gradient, ws_);
    }
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out) {
        network_->jvp(layer, x, tangent, out, ws_);
    }
    template <typename Visit>
    void unit_gradients(std::size_t layer, const input_view& x, Visit&& visit) {
        network_->unit_gradients(layer, x, ws_, visit);
    }
    template <typename Fill, typename Visit>
    void tangents(const input_view& x, std::size_t directions, Fill&& fill, Visit&& visit) {
        network_->tangents(x, directions, ws_, fill, visit);
    }

  private:
    const Network* network_;
    typename Network::workspace ws_;
    loss_function loss_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
