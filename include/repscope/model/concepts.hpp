#pragma once

#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A classifier that can be attacked: `m(x, labels, losses, predicted, gradient)`.
///
/// `x` (samples, channels, rows, columns) in data units, `labels` one per sample. Fills `losses` with the
/// loss of each sample, `predicted` with the most likely class (the lowest of equals), and `gradient`, of the
/// shape of `x`, with the derivative of each sample's loss with respect to that sample; an empty view skips
/// the gradient. The result of a sample does not depend on the other samples. A lambda is a model. The model
/// chooses the loss; attacks maximize it. An optional member `classes(x.extents())` lets attacks check labels
/// beforehand.
template <typename Model, typename Scalar = float>
concept differentiable = requires(Model& m, const tensor_view<const Scalar, 4>& x,
                                  std::span<const int> labels, std::span<double> losses,
                                  std::span<int> predicted, const tensor_view<Scalar, 4>& gradient) {
    m(x, labels, losses, predicted, gradient);
};

/// A differentiable model with observable layers. It computes derivatives of the activations of layer `layer`
/// with respect to the input, both in data units; layers are numbered in the order of the taps from 0 to
/// `layers() - 1`.
///
/// `extents(layer, x.extents())`: shape of the layer's activations, (samples, channels, rows, columns).
/// `vjp(layer, x, upstream, gradient)`: gradient of sum(upstream activation), sample by sample; `upstream`
/// has the shape of the layer, `gradient` that of `x`. `jvp(layer, x, tangent, out)`: the derivative of the
/// activation in the direction `tangent`, of the shape of `x`, written to `out`, of the shape of the layer.
///
/// Two optional members replace repeated forward passes. `unit_gradients(layer, x, visit)` calls `visit(unit,
/// gradient)` for each unit in order, with the gradient of its spatial mean. `tangents(x, directions, fill,
/// visit)` calls, for each direction, `fill(index, tangent)` for the direction and `visit(index, layer, out)`
/// for every layer.
template <typename Model, typename Scalar = float>
concept layered = differentiable<Model, Scalar> &&
    requires(Model& m, std::size_t layer, const tensor_view<const Scalar, 4>& x,
             const tensor_view<const Scalar, 4>& direction, const tensor_view<Scalar, 4>& out) {
    { m.layers() } -> std::convertible_to<std::size_t>;
    { m.extents(layer, x.extents()) } -> std::convertible_to<std::array<std::size_t, 4>>;
    m.vjp(layer, x, direction, out);
    m.jvp(layer, x, direction, out);
};

/// A classifier whose logits are known, and perhaps nothing else: `logits(x, to)` writes them to `to`
/// (samples, classes) for `x` in data units. The logits of a sample do not depend on the other samples.
template <typename Model, typename Scalar = float>
concept scored = requires(Model& m, const tensor_view<const Scalar, 4>& x, const tensor_view<Scalar, 2>& to) {
    { m.classes(x.extents()) } -> std::convertible_to<std::size_t>;
    m.logits(x, to);
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
