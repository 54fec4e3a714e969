#pragma once

#include "repscope/model/layer_tap.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

/// Accepts the arguments of every visitor in the concepts.
struct any_visitor {
    template <typename... Arguments>
    void operator()(Arguments&&...) const noexcept {}
};

} // namespace detail

/// A type with trainable parameters: `visit_parameters(visit)` calls `visit(name, std::span<scalar>)` for
/// each tensor of parameters, always in the same order, which is the order of their gradients.
template <typename T>
concept parameterized = requires(T& parameters, const detail::any_visitor& visit) {
    parameters.visit_parameters(visit);
};

/// A layer of a network, which `sequential` composes. Its passes are const and work in a `scratch`.
///
/// * `scalar`: float or double. `scratch`: memory of one workspace; its members `out`, `gradient` and
///   `tangent` are `map_buffer`s of the output, unless the layer nests others.
/// * `tap_count`: activations that a caller can observe.
/// * `output_shape(shape)` returns the shape of the output and throws `shape_error` for an input that does
/// not
///   fit. `input_halo()` returns the border of zeros that the layer reads around its input.
/// * `prepare(scratch, in, halo, workers)` allocates for inputs of this shape, an output with a border `halo`
///   and `workers` threads.
/// * `forward(in, scratch, pass)` returns the output. `backward(in, scratch, pass, parameters, in_gradient,
///   accumulate)` reads the gradient of the output from the scratch. It writes the gradient of the parameters
///   unless the pointer is null, and the gradient of the input unless the view is empty; `accumulate` adds to
///   the gradient of the input. `tangent(in, scratch, pass)` returns the directional derivative at the last
///   forward pass.
/// * `visit_taps(scratch, samples, visit)` calls `visit(name, activation, gradient, tangents)`.
/// * `parameter_count()`, `visit_parameters(visit)`, `visit_state(visit)` (running statistics),
///   `update_state(scratch)` (after a training pass) and `initialize(initializer)`.
template <typename Layer>
concept layer_like = parameterized<Layer> && std::floating_point<typename Layer::scalar> &&
    requires(Layer& layer, const Layer& fixed, typename Layer::scratch& scratch,
             const typename Layer::scratch& used, const feature_map_shape& shape, const extent_2d& halo,
             std::size_t count, const feature_map_view<const typename Layer::scalar>& in,
             typename Layer::scalar* parameters, const feature_map_view<typename Layer::scalar>& in_gradient,
             const pass& run, initializer& random, const detail::any_visitor& visit) {
    { Layer::tap_count } -> std::convertible_to<std::size_t>;
    { fixed.output_shape(shape) } -> std::same_as<feature_map_shape>;
    { fixed.input_halo() } -> std::same_as<extent_2d>;
    fixed.prepare(scratch, in, halo, count);
    { fixed.forward(in, scratch, run) } -> std::same_as<feature_map_view<const typename Layer::scalar>>;
    fixed.backward(in, scratch, run, parameters, in_gradient, true);
    { fixed.tangent(in, scratch, run) } -> std::same_as<feature_map_view<const typename Layer::scalar>>;
    fixed.visit_taps(scratch, count, visit);
    { fixed.parameter_count() } -> std::convertible_to<std::size_t>;
    layer.visit_state(visit);
    layer.update_state(used);
    layer.initialize(random);
};

/// A classifier that `inference_model` runs, as `network` and `graph` are.
///
/// `workspace` holds the memory and threads of its passes. `forward(x, workspace)` returns the logits
/// (samples, classes). `evaluate` is what `differentiable` requires of a model, in a given workspace.
/// `classes(extents)` returns the number of classes for inputs of this shape.
template <typename Network>
concept inference_network = requires(const Network& fixed, typename Network::workspace& workspace,
                                     const tensor_view<const typename Network::scalar, 4>& x,
                                     std::span<const int> labels, std::span<double> losses,
                                     std::span<int> predicted,
                                     const tensor_view<typename Network::scalar, 4>& gradient,
                                     const std::array<std::size_t, 4>& extents) {
    { fixed.forward(x, workspace) } -> std::convertible_to<tensor_view<const typename Network::scalar, 2>>;
    fixed.evaluate(x, labels, losses, predicted, gradient, workspace);
    { fixed.classes(extents) } -> std::convertible_to<std::size_t>;
};

/// A classifier that the trainers accept, as `network` is.
///
/// Besides what `inference_network` requires, `workspace` holds `logit_gradient()`, which the caller fills,
/// and `parameter_gradient()`. `forward_training(x, workspace)` returns the logits with the statistics of the
/// batch, `forward` those with the running ones. `taps(workspace)` returns the observed activations with
/// their gradients set to 0. `backward(workspace, tapped)` computes the gradient of the parameters, including
/// the gradients at the taps if `tapped`.
template <typename Network>
concept network_like = parameterized<Network> && inference_network<Network> &&
    requires(Network& network, const Network& fixed, typename Network::workspace& workspace,
             const tensor_view<const typename Network::scalar, 4>& x, const detail::any_visitor& visit) {
    {
        fixed.forward_training(x, workspace)
        } -> std::convertible_to<tensor_view<const typename Network::scalar, 2>>;
    { fixed.taps(workspace) } -> std::convertible_to<std::span<const layer_tap<typename Network::scalar>>>;
    { workspace.logit_gradient() } -> std::convertible_to<tensor_view<typename Network::scalar, 2>>;
    { workspace.parameter_gradient() } -> std::convertible_to<std::span<const typename Network::scalar>>;
    fixed.backward(workspace, true);
    { fixed.parameter_count() } -> std::convertible_to<std::size_t>;
    network.update_state(workspace);
    network.visit_state(visit);
};

/// An optimizer of `Target`, a network or another type with parameters: `step(target, gradient, rate)` moves
/// the parameters once. `gradient` has the order of `visit_parameters`; its length never changes.
template <typename Optimizer, typename Target>
concept optimizer_for = std::movable<Optimizer> && parameterized<Target> &&
    requires(Optimizer& optimizer, Target& target, std::span<const typename Target::scalar> gradient,
             double rate) {
    optimizer.step(target, gradient, rate);
};

/// A learning rate per step: `schedule(step)`, with steps counted from 0 through all epochs.
template <typename Schedule>
concept schedule_like = requires(const Schedule& schedule, std::size_t step) {
    { schedule(step) } -> std::convertible_to<double>;
};

/// A data set that batches are read from: `size()` samples of `extents()` (channels, rows, columns);
/// `read(samples, to)` writes the named samples to `to` (samples, channels, rows, columns).
template <typename Source, typename Scalar>
concept batch_source = requires(const Source& source, std::span<const std::uint32_t> samples,
                                const tensor_view<Scalar, 4>& to) {
    { source.size() } -> std::convertible_to<std::size_t>;
    { source.extents() } -> std::convertible_to<std::array<std::size_t, 3>>;
    source.read(samples, to);
};

/// No penalty on the representation.
struct no_penalty {};

/// A penalty on the representation: `no_penalty`, or a callable `penalty(taps, labels)` that returns its
/// value and adds its derivative to the gradients of the taps; see `layer_tap`.
template <typename Penalty, typename Scalar>
concept penalty_for = std::same_as<std::remove_cvref_t<Penalty>, no_penalty> ||
    requires(Penalty& penalty, std::span<const layer_tap<Scalar>> taps, std::span<const int> labels) {
    { penalty(taps, labels) } -> std::convertible_to<double>;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
