#pragma once

#include "repscope/tensor/tensor_view.hpp"

#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The input of a penalty on the representation for one layer: the layer's name, its activations after the
/// ReLU and the memory of their gradient. Both are (samples, channels, rows, columns), or (samples, units, 1,
/// 1) for a flat layer.
///
/// A penalty is any callable `double(std::span<const layer_tap<Scalar>>, std::span<const int> labels)` that
/// returns its value and adds its derivative to `gradient`. Strides are those of the network: the channels of
/// a pixel are usually adjacent.
template <typename Scalar>
struct layer_tap {
    std::string_view name;                   ///< of the layer
    tensor_view<const Scalar, 4> activation; ///< (samples, units, rows, columns)
    tensor_view<Scalar, 4> gradient;         ///< of the same shape; to be added to
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
