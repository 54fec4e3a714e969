#pragma once

#include "repscope/error.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/input_normalization.hpp"
#include "repscope/net/layers/batch_norm.hpp"
#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/flatten.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/layers/residual.hpp"
#include "repscope/net/network.hpp"
#include "repscope/net/onnx_model.hpp"
#include "repscope/net/sequential.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Adds layers to an ONNX model, one after the other. `add` is overloaded for every layer; a layer of your
/// own calls `node` and `tensor`.
class onnx_writer {
  public:
    /// A model of inputs (n, channels, rows, columns) of this type.
    onnx_writer(const feature_map_shape& input, io::dtype type, std::string name) {
        model_.name = std::move(name);
        model_.producer = "repscope";
        model_.inputs.push_back({"input", type, true, {std::nullopt, input.c, input.h, input.w}});
        last_ = "input";
    }

    /// The tensor that the layers so far compute.
    [[nodiscard]] const std::string& last() const noexcept { return last_; }
    /// Sets the tensor that the next layer reads, and whether it is (samples, units).
    void set_last(std::string name, bool is_flat) {
        last_ = std::move(name);
        is_flat_ = is_flat;
    }
    /// Adds a node whose only output has the name `out`; a name that is in use gets a number. Returns the
    /// name.
    std::string node(const std::string& op, std::vector<std::string> inputs, const std::string& out,
                     std::vector<onnx_attribute> attributes = {}) {
        std::string name = unused(out);
        model_.nodes.push_back({name, op, {}, std::move(inputs), {name}, std::move(attributes)});
        return name;
    }
    /// Adds a stored tensor and returns its name.
    template <typename T>
    std::string tensor(const std::string& name, std::vector<std::size_t> shape, std::span<const T> values) {
        model_.initializers.push_back(make_onnx_tensor(unused(name), std::move(shape), values));
        return model_.initializers.back().name;
    }

    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const normalization<Scalar>& layer) {
        std::vector<Scalar> mean, factor;
        for (std::size_t c = 0; c < layer.channels(); ++c) {
            mean.push_back(static_cast<Scalar>(layer.mean()[c]));
            factor.push_back(static_cast<Scalar>(1 / layer.stddev()[c]));
        }
        const std::vector<std::size_t> shape{1, layer.channels(), 1, 1};
        last_ = node("Sub", {last_, tensor("mean", shape, std::span<const Scalar>(mean))}, "centered");
        last_ = node("Mul", {last_, tensor("1/std", shape, std::span<const Scalar>(factor))}, "normalized");
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const conv2d<Scalar>& layer, const std::string& out = {}) {
        const auto& at = layer.settings();
        std::vector<std::string> inputs{last_, tensor(at.name + ".weight",
                                                      {at.out, at.in, at.win.kernel.rows, at.win.kernel.cols},
                                                      layer.weights())};
        if (at.bias) inputs.push_back(tensor(at.name + ".bias", {at.out}, layer.bias()));
        last_ = node("Conv", std::move(inputs), out.empty() ? at.name : out, windows(at.win));
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const dense<Scalar>& layer) {
        const auto& at = layer.settings();
        flatten_maps(at.name + ".input");
        std::vector<std::string> inputs{last_, tensor(at.name + ".weight", {at.out, at.in}, layer.weights())};
        if (at.bias) inputs.push_back(tensor(at.name + ".bias", {at.out}, layer.bias()));
        last_ = node("Gemm", std::move(inputs), at.name + ".output", {integer("transB", 1)});
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const batch_norm<Scalar>& layer) {
        const auto& at = layer.settings();
        const auto numbers = [&](const std::string& name, std::span<const Scalar> values) {
            return tensor(at.name + name, {at.channels}, values);
        };
        onnx_attribute epsilon;
        epsilon.name = "epsilon";
        epsilon.type = onnx_attribute::kind::real;
        epsilon.real = at.epsilon;
        last_ = node("BatchNormalization",
                     {last_, numbers(".gamma", layer.gamma()), numbers(".beta", layer.beta()),
                      numbers(".running_mean", layer.running_mean()),
                      numbers(".running_variance", layer.running_variance())},
                     at.name, {std::move(epsilon)});
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const relu<Scalar>& layer) {
        last_ = node("Relu", {last_}, layer.name());
    }
    /// Adds the nodes of the layer.
    template <typename Scalar, bool Relu>
    void add(const conv_bn_relu<Scalar, Relu>& layer) {
        add(layer.convolution(), layer.name() + ".convolution");
        add(layer.norm());
        if (Relu) last_ = node("Relu", {last_}, layer.name());
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const residual<Scalar>& layer) {
        const std::string before = last_;
        add(layer.first().convolution(), layer.name() + ".first.convolution");
        add(layer.first().norm());
        last_ = node("Relu", {last_}, layer.name() + ".inner");
        add(layer.second());
        const std::string body = std::exchange(last_, before);
        if (layer.projection()) add(*layer.projection());
        last_ = node("Add", {body, last_}, layer.name() + ".sum");
        last_ = node("Relu", {last_}, layer.name());
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const max_pool<Scalar>& layer) {
        last_ = node("MaxPool", {last_}, "max_pool", windows(layer.settings()));
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const average_pool<Scalar>& layer) {
        auto attributes = windows(layer.settings());
        attributes.push_back(integer("count_include_pad", 1));
        last_ = node("AveragePool", {last_}, "average_pool", std::move(attributes));
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const global_average_pool<Scalar>&) {
        last_ = node("GlobalAveragePool", {last_}, "global_average_pool");
    }
    /// Adds the nodes of the layer.
    template <typename Scalar>
    void add(const flatten<Scalar>&) {
        flatten_maps("flatten");
    }
    /// Adds the nodes of the layers.
    template <layer_like First, layer_like... Rest>
    void add(const sequential<First, Rest...>& layers) {
        [&]<std::size_t... I>(std::index_sequence<I...>) { (add(layers.template layer<I>()), ...); }
        (std::index_sequence_for<First, Rest...>{});
    }

    /// Returns the model with the last tensor as its output "logits" (n, classes).
    [[nodiscard]] onnx_model finish(std::size_t classes) {
        flatten_maps("logits.maps");
        node("Identity", {last_}, "logits");
        model_.outputs = {
            {model_.nodes.back().name, model_.inputs.front().type, true, {std::nullopt, classes}}};
        return std::move(model_);
    }

  private:
    [[nodiscard]] std::string unused(const std::string& name) const {
        const auto is_used = [&](const std::string& text) {
            for (const onnx_node& each : model_.nodes) {
                if (each.name == text) return true;
            }
            for (const onnx_tensor& each : model_.initializers) {
                if (each.name == text) return true;
            }
            return text == model_.inputs.front().name;
        };
        std::string text = name;
        for (std::size_t k = 2; is_used(text); ++k) text = name + "." + errors::text_of(k);
        return text;
    }
    [[nodiscard]] static onnx_attribute integer(std::string name, std::int64_t value) {
        onnx_attribute out;
        out.name = std::move(name);
        out.type = onnx_attribute::kind::integer;
        out.integer = value;
        return out;
    }
    [[nodiscard]] static std::vector<onnx_attribute> windows(const window& win) {
        const auto list = [](std::string name, std::initializer_list<std::size_t> values) {
            onnx_attribute out;
            out.name = std::move(name);
            out.type = onnx_attribute::kind::integers;
            for (const std::size_t value : values) out.integers.push_back(static_cast<std::int64_t>(value));
            return out;
        };
        return {list("kernel_shape", {win.kernel.rows, win.kernel.cols}),
                list("strides", {win.stride.rows, win.stride.cols}),
                list("pads", {win.padding.rows, win.padding.cols, win.padding.rows, win.padding.cols})};
    }
    void flatten_maps(const std::string& name) {
        if (is_flat_) return;
        last_ = node("Flatten", {last_}, name, {integer("axis", 1)});
        is_flat_ = true;
    }

    onnx_model model_;
    std::string last_;
    bool is_flat_ = false;
};

/// Returns a network in inference mode as an ONNX model (opset 13), with its normalization inside, for inputs
/// (n, channels, rows, columns) in data units. The outputs of ReLUs have the names of the taps; the output is
/// "logits". `input`: the shape of a sample; its number of samples is ignored. `net::onnx_bytes` makes a file
/// of it. Throws `shape_error` if the input does not fit.
template <typename Body>
[[nodiscard]] onnx_model to_onnx(const network<Body>& network, feature_map_shape input) {
    using scalar = typename Body::scalar;
    input.n = 1;
    const std::size_t classes = network.classes({1, input.c, input.h, input.w});
    (void)network.body().output_shape(input);
    onnx_writer writer(input, *io::dtype_of<scalar>(), network.architecture());
    writer.add(network.input());
    writer.add(network.body());
    return writer.finish(classes);
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
