#pragma once

#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/flatten.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/layers/residual.hpp"
#include "repscope/net/network.hpp"
#include "repscope/net/sequential.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Four 3 x 3 convolutions (16 stride 2, 32, 32 stride 2, 64 channels) with batch norm and ReLU, global
/// average pool, dense. Taps conv1 ... conv4. Accepts images of any size; `mean` and `stddev` have one number
/// per channel.
template <typename Scalar = float>
[[nodiscard]] auto small_cnn(std::size_t in_channels, std::size_t classes, std::vector<double> mean,
                             std::vector<double> stddev) {
    using unit = conv_bn_relu<Scalar>;
    const window halve{{3, 3}, {2, 2}, {1, 1}}, keep{{3, 3}, {1, 1}, {1, 1}};
    return network("small", normalization<Scalar>(std::move(mean), std::move(stddev)),
                   sequential(unit({.in = in_channels, .out = 16, .win = halve, .name = "conv1"}),
                              unit({.in = 16, .out = 32, .win = keep, .name = "conv2"}),
                              unit({.in = 32, .out = 32, .win = halve, .name = "conv3"}),
                              unit({.in = 32, .out = 64, .win = keep, .name = "conv4"}),
                              global_average_pool<Scalar>(), dense<Scalar>(64, classes)));
}

/// A stem (3 x 3, stride 2, 16 channels, batch norm, ReLU) and three basic residual blocks of 16, 32 and 64
/// channels, global average pool, dense. Taps stem, block1.inner, block1, ... block3.
template <typename Scalar = float>
[[nodiscard]] auto resnet(std::size_t in_channels, std::size_t classes, std::vector<double> mean,
                          std::vector<double> stddev) {
    return network(
        "resnet", normalization<Scalar>(std::move(mean), std::move(stddev)),
        sequential(conv_bn_relu<Scalar>(
                       {.in = in_channels, .out = 16, .win = {{3, 3}, {2, 2}, {1, 1}}, .name = "stem"}),
                   residual<Scalar>(16, 16, 1, "block1"), residual<Scalar>(16, 32, 2, "block2"),
                   residual<Scalar>(32, 64, 2, "block3"), global_average_pool<Scalar>(),
                   dense<Scalar>(64, classes)));
}

/// Dense layers of 256 and 128 units with ReLU, and one of `classes`, without batch norm. `inputs`: channels
/// x rows x columns of an image. Taps dense1, dense2.
template <typename Scalar = float>
[[nodiscard]] auto mlp(std::size_t inputs, std::size_t classes, std::vector<double> mean,
                       std::vector<double> stddev) {
    return network("mlp", normalization<Scalar>(std::move(mean), std::move(stddev)),
                   sequential(flatten<Scalar>(), dense<Scalar>(inputs, 256, "dense1"), relu<Scalar>("dense1"),
                              dense<Scalar>(256, 128, "dense2"), relu<Scalar>("dense2"),
                              dense<Scalar>(128, classes, "dense3")));
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
