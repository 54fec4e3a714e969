#pragma once

#include "repscope/net/layers/conv2d.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Fully connected layer: (n, in, 1, 1) to (n, out, 1, 1), z = W x + b. Parameters: W (out, in), then b
/// (out). It is the convolution with a kernel of one pixel.
template <typename Scalar>
class dense : public conv2d<Scalar> {
  public:
    /// A layer of `in` inputs and `out` outputs.
    dense(std::size_t in, std::size_t out, std::string name = "dense", bool bias = true)
        : conv2d<Scalar>(
              {.in = in, .out = out, .win = {.kernel = {1, 1}}, .bias = bias, .name = std::move(name)}) {}

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        const std::size_t got[] = {in.n, in.c, in.h, in.w};
        if (in.c != this->settings().in || in.h != 1 || in.w != 1) {
            errors::throw_shape_error(
                "net::dense", "expected (n, " + errors::text_of(this->settings().in) + ", 1, 1)", got);
        }
        return conv2d<Scalar>::output_shape(in);
    }
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
