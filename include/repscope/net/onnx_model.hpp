#pragma once

#include "repscope/error.hpp"
#include "repscope/io/dtype.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// A tensor that is stored in an ONNX model: its elements are little-endian and row-major.
struct onnx_tensor {
    std::string name;                    ///< name of the tensor
    io::dtype type = io::dtype::float32; ///< type of the elements
    std::vector<std::size_t> shape;      ///< extents
    std::string bytes;                   ///< as many as shape and type state

    /// Returns the number of elements; 1 for a scalar, whose shape is empty.
    [[nodiscard]] std::size_t size() const noexcept { return bytes.size() / io::size_of(type); }
    /// Returns the elements as `T`, a floating-point or an integer type. O(elements).
    template <typename T>
    [[nodiscard]] std::vector<T> values() const {
        std::vector<T> out(size());
        io::decode(reinterpret_cast<const std::byte*>(bytes.data()), out.size(), {type, false}, out.data());
        return out;
    }
};

/// An attribute of a node. The member that `kind` states has the value.
struct onnx_attribute {
    /// The types of an attribute.
    enum class kind : unsigned char { integer, real, text, integers, reals, texts, tensor, other };

    std::string name;                   ///< name of the attribute
    kind type = kind::other;            ///< `other`: a sub-graph, a type, or a list of tensors
    std::int64_t integer = 0;           ///< value of the kind `integer`
    double real = 0;                    ///< value of the kind `real`
    std::string text;                   ///< value of the kind `text`
    std::vector<std::int64_t> integers; ///< value of the kind `integers`
    std::vector<double> reals;          ///< value of the kind `reals`
    std::vector<std::string> texts;     ///< value of the kind `texts`
    onnx_tensor tensor;                 ///< value of the kind `tensor`
};

/// A node: an operator that is applied to tensors, which are identified by name. An input or output that is
/// left out has an empty name.
struct onnx_node {
    std::string name;                       ///< name of the node
    std::string op;                         ///< the operator
    std::string domain;                     ///< empty for the operators of ONNX
    std::vector<std::string> inputs;        ///< names of tensors
    std::vector<std::string> outputs;       ///< names of tensors
    std::vector<onnx_attribute> attributes; ///< the attributes that are set

    /// The attribute of this name, or null.
    [[nodiscard]] const onnx_attribute* attribute(std::string_view key) const noexcept {
        for (const onnx_attribute& each : attributes) {
            if (each.name == key) return &each;
        }
        return nullptr;
    }
};

/// An input or output of a model. An extent without a value is chosen by the caller.
struct onnx_value {
    std::string name;                              ///< name of the tensor
    std::optional<io::dtype> type;                 ///< not set for a type that is not supported, such as text
    bool has_shape = false;                        ///< the model states the shape
    std::vector<std::optional<std::size_t>> shape; ///< extents; those without a value are open
};

/// The content of an ONNX file. `net::read_onnx` makes it from a file and `net::onnx_bytes` makes a file of
/// it; both need protobuf.
struct onnx_model {
    std::string name;                      ///< of the file, for messages
    std::int64_t ir_version = 7;           ///< version of the format
    std::int64_t opset = 13;               ///< of the operators of ONNX
    std::string producer;                  ///< the program that wrote the model
    std::vector<onnx_tensor> initializers; ///< stored tensors
    std::vector<onnx_node> nodes;          ///< in the order of computation
    std::vector<onnx_value> inputs;        ///< without those that are initializers
    std::vector<onnx_value> outputs;       ///< the outputs
};

/// Returns a tensor of `values` with this name and shape.
template <typename T>
    requires(io::dtype_of<T>().has_value())
[[nodiscard]] onnx_tensor make_onnx_tensor(std::string name, std::vector<std::size_t> shape,
                                           std::span<const T> values) {
    onnx_tensor tensor{std::move(name), *io::dtype_of<T>(), std::move(shape), {}};
    tensor.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    if constexpr (std::endian::native == std::endian::big && sizeof(T) > 1) {
        for (std::size_t at = 0; at < tensor.bytes.size(); at += sizeof(T)) {
            for (std::size_t k = 0; k < sizeof(T) / 2; ++k) {
                std::swap(tensor.bytes[at + k], tensor.bytes[at + sizeof(T) - 1 - k]);
            }
        }
    }
    return tensor;
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
