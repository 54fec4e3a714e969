#pragma once

#include "repscope/net/graph_operations.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// A tensor of a graph, as `graph` numbers them from 0 in the order in which they are added.
struct graph_value {
    std::size_t index = 0;
    friend constexpr bool operator==(const graph_value&, const graph_value&) noexcept = default;
};

/// Options of a `graph`.
struct graph_options {
    /// The extents contain a batch of exactly 1: no extent is per sample, and a pass runs one sample.
    bool fixed_batch = false;
};

/// The axes of a tapped tensor. Without a sample axis: the first axis of one index per sample, or axis 0 with
/// a fixed batch. `unit`: the axis of channels, counted from the end if negative. The other axes are
/// positions.
struct tap_axes {
    std::ptrdiff_t unit = 1;
    std::optional<std::ptrdiff_t> sample{};
};

/// A classifier whose nodes are known at run time, for inference and derivatives with respect to its input.
///
/// A node is added after its inputs, so a graph has no cycles. Each node has one output, whose extents may
/// contain the number of samples; see `graph_extent`. After `set_output` the graph is a model: it is
/// `differentiable`, `layered` (its layers are the taps) and `scored`. `inference_model` keeps the memory and
/// the threads of its passes.
///
/// Inputs are (n, channels, rows, columns) in data units. A pass divides the samples into pieces, which
/// threads run side by side; results do not depend on the threads or on the other samples. Constants are
/// shared by all passes and by copies of the graph.
template <std::floating_point Scalar = float>
class graph {
  public:
    using scalar = Scalar;
    using input_view = tensor_view<const scalar, 4>;

    /// Memory and threads of passes through one graph.
    class workspace;

    /// A graph whose input has these extents, without the samples: one to three, such as (channels, rows,
    /// columns). The extents of the views of inputs end in ones if there are fewer. Throws `shape_error` for
    /// other ranks and extents of 0.
    explicit graph(std::vector<std::size_t> input_extents, const graph_options& options = {});

    /// The input, of extents (N, input extents), or (1, input extents) with a fixed batch.
    [[nodiscard]] graph_value input() const noexcept { return {0}; }

    /// Adds a constant tensor. Throws `shape_error` if `data` does not have the product of the extents.
    graph_value constant(std::string name, std::vector<std::size_t> extents, std::vector<scalar> data);

    /// Adds a node and returns its output. Throws `shape_error` with the name, the operation, the expected
    /// extents and the actual ones; `value_error` for attributes outside their range.
    graph_value add(std::string name, operation op, std::vector<graph_value> inputs);

    /// Declares `value` as the logits, of extents (N, classes). Throws `shape_error` for others.
    void set_output(graph_value value);

    /// Observes `value` as the next layer and returns the layer's index. Throws `shape_error` without an axis
    /// of samples, and `value_error` for a constant.
    std::size_t tap(graph_value value, std::string name, const tap_axes& axes = {});

    [[nodiscard]] std::size_t values() const noexcept;
    [[nodiscard]] const graph_shape& extents(graph_value value) const;
    [[nodiscard]] const std::string& name(graph_value value) const;
    [[nodiscard]] bool is_constant(graph_value value) const;
    /// The data of a constant; empty for others.
    [[nodiscard]] std::span<const scalar> data(graph_value value) const;

    /// Number of taps, their names, and the shape (samples, units, rows, columns) of their activations. The
    /// positions of a tap are (rows, columns): leading ones of more than two axes are joined.
    [[nodiscard]] std::size_t layers() const noexcept;
    [[nodiscard]] const std::string& layer_name(std::size_t layer) const;
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& x) const;
    /// Number of classes.
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const;

    /// Returns the logits (n, classes) of `x`, valid until the next pass in `ws`. Calls `tap(index, name,
    /// activation)` for each layer after the pass; activations are (n, units, rows, columns).
    template <typename Tap>
    tensor_view<const scalar, 2> forward(const input_view& x, workspace& ws, Tap&& tap) const;
    tensor_view<const scalar, 2> forward(const input_view& x, workspace& ws) const;

    /// Writes the logits of `x` to `to` (n, classes); see `scored`.
    void logits(const input_view& x, const tensor_view<scalar, 2>& to, workspace& ws) const;

    /// Loss, prediction and input gradient of each sample; see `differentiable`.
    void evaluate(const input_view& x, std::span<const int> labels, std::span<double> losses,
                  std::span<int> predicted, const tensor_view<scalar, 4>& gradient, workspace& ws,
                  loss_function loss = loss_function::cross_entropy) const;

    /// See `layered`.
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient, workspace& ws) const;
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out, workspace& ws) const;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
