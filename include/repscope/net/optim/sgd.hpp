#pragma once

#include "repscope/net/concepts.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Gradient descent with momentum: v = momentum v + (g + weight_decay p), p = p - rate v, v = 0 at first.
/// Weight decay applies to every parameter.
template <typename Scalar>
class sgd {
  public:
    /// Settings of the optimizer.
    struct config {
        double momentum = 0.9;   ///< decay of the velocity
        double weight_decay = 0; ///< factor of the parameters in the gradient
    };
    sgd() : sgd(config{}) {}
    /// An optimizer without steps so far.
    explicit sgd(config values) : config_(values) {}

    /// Moves all parameters of `target` once; `gradient` has the order of `visit_parameters`.
    template <parameterized Target>
    void step(Target& target, std::span<const Scalar> gradient, double rate) {
        velocity_.resize(gradient.size());
        const auto momentum = static_cast<Scalar>(config_.momentum),
                   decay = static_cast<Scalar>(config_.weight_decay), pace = static_cast<Scalar>(rate);
        std::size_t first = 0;
        target.visit_parameters([&](const std::string&, std::span<Scalar> values) {
            const Scalar* g = gradient.data() + first;
            Scalar* v = velocity_.data() + first;
            for (std::size_t i = 0; i < values.size(); ++i) {
                v[i] = momentum * v[i] + (g[i] + decay * values[i]);
                values[i] -= pace * v[i];
            }
            first += values.size();
        });
    }

  private:
    config config_;
    std::vector<Scalar> velocity_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
