#pragma once

#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

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

namespace detail {

/// Accepts the arguments of a function of logits in the concepts.
template <typename Scalar>
struct any_logit_function {
    void operator()(std::size_t, const tensor_view<const Scalar, 2>&, const tensor_view<Scalar, 2>&) const {}
};

} // namespace detail

/// A classifier with logits and no gradients, such as a callable or an external process.
///
/// `classes(x.extents())` returns the number of classes. `logits(x, to)` writes the logits of `x` (samples,
/// channels, rows, columns), in data units, to `to` (samples, classes). The result of a sample does not
/// depend on the other samples. `scored_function` makes one from a lambda.
template <typename Model, typename Scalar = float>
concept scored = requires(Model& m, const tensor_view<const Scalar, 4>& x,
                          const tensor_view<Scalar, 2>& logits) {
    { m.classes(x.extents()) } -> std::convertible_to<std::size_t>;
    m.logits(x, logits);
};

/// A `scored` classifier with gradients of any function of its logits, for attacks that choose their loss.
///
/// `logit_vjp(x, upstream_of, gradient)` works through `x` in pieces. For each piece it computes the logits
/// and calls `upstream_of(first, logits, upstream)`: `first` is the index of the first sample of the piece,
/// `logits` and `upstream` are (samples of the piece, classes), and the callee fills `upstream`. Calls for
/// different pieces may run at the same time. It writes to `gradient`, of the shape of `x`, the gradient of
/// sum(upstream logits) with respect to each sample.
template <typename Model, typename Scalar = float>
concept logit_differentiable = scored<Model, Scalar> &&
    requires(Model& m, const tensor_view<const Scalar, 4>& x,
             const detail::any_logit_function<Scalar>& upstream_of, const tensor_view<Scalar, 4>& gradient) {
    m.logit_vjp(x, upstream_of, gradient);
};

/// A `scored` model from a callable `function(x, logits)`; see there for the arguments.
template <typename Function>
class scored_function {
  public:
    /// A function of (x, to) that writes logits of `classes` classes.
    scored_function(std::size_t classes, Function function)
        : classes_(classes), function_(std::move(function)) {}

    /// Number of classes.
    template <typename Extents>
    [[nodiscard]] std::size_t classes(const Extents&) const noexcept {
        return classes_;
    }
    /// Writes the logits of `x`.
    template <typename Scalar>
    void logits(const tensor_view<const Scalar, 4>& x, const tensor_view<Scalar, 2>& to) {
        function_(x, to);
    }

  private:
    std::size_t classes_;
    Function function_;
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

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
