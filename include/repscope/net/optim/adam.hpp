#pragma once

#include "repscope/net/concepts.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, p = p - rate m' / (sqrt(v') + epsilon),
/// with m' and v' divided by 1 - beta^t; `weight_decay` p is part of g. Kingma and Ba 2015.
template <typename Scalar>
class adam {
  public:
    /// Settings of the optimizer.
    struct config {
        double beta1 = 0.9;      ///< decay of the mean gradient
        double beta2 = 0.999;    ///< decay of the mean square
        double epsilon = 1e-8;   ///< added to the divisor
        double weight_decay = 0; ///< factor of the parameters in the gradient
    };
    adam() : adam(config{}) {}
    /// An optimizer without steps so far.
    explicit adam(config values) : config_(values) {}

    /// Moves all parameters of `target` once; `gradient` has the order of `visit_parameters`.
    template <parameterized Target>
    void step(Target& target, std::span<const Scalar> gradient, double rate) {
        first_.resize(gradient.size());
        second_.resize(gradient.size());
        ++steps_;
        const double correction1 = 1 - std::pow(config_.beta1, steps_),
                     correction2 = 1 - std::pow(config_.beta2, steps_);
        const auto beta1 = static_cast<Scalar>(config_.beta1), beta2 = static_cast<Scalar>(config_.beta2),
                   decay = static_cast<Scalar>(config_.weight_decay),
                   epsilon = static_cast<Scalar>(config_.epsilon),
                   pace = static_cast<Scalar>(rate / correction1),
                   root = static_cast<Scalar>(std::sqrt(correction2));
        std::size_t at = 0;
        target.visit_parameters([&](const std::string&, std::span<Scalar> values) {
            for (Scalar& value : values) {
                const Scalar g = gradient[at] + decay * value;
                first_[at] = beta1 * first_[at] + (1 - beta1) * g;
                second_[at] = beta2 * second_[at] + (1 - beta2) * g * g;
                value -= pace * first_[at] / (std::sqrt(second_[at]) / root + epsilon);
                ++at;
            }
        });
    }

  private:
    config config_;
    std::vector<Scalar> first_, second_;
    double steps_ = 0;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
