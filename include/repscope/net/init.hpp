#pragma once

#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Distributions of the initial weights.
enum class initialization {
    fan_in, ///< weights and biases uniform in +-1/sqrt(fan in)
    xavier, ///< weights uniform in +-sqrt(6 / (fan in + fan out)), biases 0; Glorot and Bengio 2010
};

/// The source of the initial parameters of a network. Every tensor of parameters has its own random stream,
/// so a layer added at the end does not change those before it.
class initializer {
  public:
    /// Starts the random streams of this seed.
    explicit initializer(std::uint64_t seed, initialization how = initialization::fan_in) noexcept
        : seed_(seed), how_(how) {}

    /// Fills the weights of a linear layer whose outputs depend on `fan_in` numbers and whose inputs enter
    /// `fan_out` outputs.
    template <typename Scalar>
    void weights(std::span<Scalar> values, std::size_t fan_in, std::size_t fan_out) {
        uniform_within(values, how_ == initialization::xavier
                                   ? std::sqrt(6 / static_cast<double>(fan_in + fan_out))
                                   : 1 / std::sqrt(static_cast<double>(fan_in)));
    }
    /// Fills the bias of such a layer.
    template <typename Scalar>
    void bias(std::span<Scalar> values, std::size_t fan_in) {
        uniform_within(values,
                       how_ == initialization::xavier ? 0.0 : 1 / std::sqrt(static_cast<double>(fan_in)));
    }

  private:
    /// Every tensor uses a stream, also if its numbers are 0.
    template <typename Scalar>
    void uniform_within(std::span<Scalar> values, double bound) {
        random_stream random(seed_, streams::id(streams::purpose::init, tensor_++));
        for (Scalar& value : values) value = static_cast<Scalar>(bound * (2 * random.uniform() - 1));
    }

    std::uint64_t seed_;
    initialization how_;
    std::uint32_t tensor_ = 0;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
