#pragma once

#include "repscope/net/network.hpp"
#include "repscope/numeric/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cstddef>
#include <span>

namespace repscope {
inline namespace v0 {
namespace net {

/// A network in inference mode together with its memory and threads: what attacks and gradients take as a
/// model. The network must outlive it; changes of its parameters are seen.
template <typename Network>
class evaluation {
  public:
    using scalar = typename Network::scalar;
    using input_view = typename Network::input_view;

    explicit evaluation(const Network& network, const execution& who = 1) : network_(&network), ws_(who) {}

    [[nodiscard]] std::size_t layers() const noexcept { return network_->layers(); }
    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const tensor_view<scalar, 4>& gradient) {
        network_->evaluate(x, labels, losses, predicted, gradient, ws_);
    }
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient) {
        network_->vjp(layer, x, upstream, gradient, ws_);
    }
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out) {
        network_->jvp(layer, x, tangent, out, ws_);
    }

  private:
    const Network* network_;
    typename Network::workspace ws_;
};

} // namespace net
} // namespace v0
} // namespace repscope
