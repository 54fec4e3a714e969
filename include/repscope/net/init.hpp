#pragma once

#include "repscope/numeric/random.hpp"
#include "repscope/numeric/streams.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace repscope {
inline namespace v0 {
namespace net {

/// Where the initial parameters of a network come from: every tensor of parameters has a random stream of its
/// own, so adding a layer at the end changes nothing before it.
class initializer {
  public:
    explicit initializer(std::uint64_t seed) noexcept : seed_(seed) {}

    /// Fills one tensor with numbers uniform in +-1/sqrt(fan_in).
    template <typename Scalar>
    void uniform(std::span<Scalar> values, std::size_t fan_in) {
        random_stream random(seed_, streams::id(streams::purpose::init, tensor_++));
        const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
        for (Scalar& value : values) value = static_cast<Scalar>(bound * (2 * random.uniform() - 1));
    }

  private:
    std::uint64_t seed_;
    std::uint32_t tensor_ = 0;
};

} // namespace net
} // namespace v0
} // namespace repscope
