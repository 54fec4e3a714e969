#pragma once

// Opt-in, not part of repscope.hpp. The caller includes <onnx/onnx_pb.h> before, with ONNX_ML=1 and
// ONNX_NAMESPACE=onnx defined, and links onnx_proto and protobuf.
#ifndef ONNX_ONNX_PB_H
#error                                                                                                       \
    "include <onnx/onnx_pb.h> (with ONNX_ML=1 and ONNX_NAMESPACE=onnx defined) before repscope/net/onnx.hpp"
#endif

#include "repscope/bytes.hpp"
#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/node_options.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/error.hpp"
#include "repscope/io/dtype.hpp"
#include "repscope/io/file.hpp"
#include "repscope/net/onnx_model.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

/// Sub-graphs in attributes are messages in messages: more than this is refused.
inline constexpr int max_onnx_depth = 64;

/// Protobuf counts bytes in an `int`.
inline constexpr std::size_t max_onnx_bytes = (std::size_t{1} << 31U) - 1;

/// Converts the messages of the schema into the structs of `onnx_model`.
class onnx_reader {
  public:
    /// `folder` has the files of external data; empty if there are none.
    onnx_reader(std::string name, std::string folder) : name_(std::move(name)), folder_(std::move(folder)) {}

    [[nodiscard]] onnx_model read(ONNX_NAMESPACE::ModelProto& file) const {
        onnx_model model;
        model.name = name_;
        if (!file.has_graph() || file.graph().node_size() + file.graph().output_size() == 0) {
            fail("is not an ONNX model: it has no graph");
        }
        model.ir_version = file.ir_version();
        model.producer = file.producer_name();
        model.opset = 0;
        for (const auto& set : file.opset_import()) {
            if (set.domain().empty() || set.domain() == "ai.onnx") model.opset = set.version();
        }
        if (file.opset_import_size() == 0) model.opset = 1; // as the format defines it
        auto& graph = *file.mutable_graph();
        if (graph.sparse_initializer_size() != 0) fail("sparse initializers are not supported");
        std::set<std::string_view> initializers, read;
        for (const auto& each : graph.node()) read.insert(each.input().begin(), each.input().end());
        for (const auto& each : graph.output()) read.insert(each.name());
        for (auto& each : *graph.mutable_initializer()) {
            initializers.insert(each.name());
            // Text that no node reads does not matter.
            if (!onnx_dtype(each.data_type()) && !read.contains(each.name())) continue;
            model.initializers.push_back(tensor(each, "initializer " + quoted_name(each.name())));
        }
        for (const auto& each : graph.input()) {
            if (!initializers.contains(each.name())) model.inputs.push_back(value(each));
        }
        for (const auto& each : graph.output()) model.outputs.push_back(value(each));
        for (auto& each : *graph.mutable_node()) model.nodes.push_back(node(each));
        return model;
    }

    [[nodiscard]] onnx_tensor tensor(ONNX_NAMESPACE::TensorProto& from, const std::string& place) const {
        onnx_tensor out;
        out.name = from.name();
        const auto type = onnx_dtype(from.data_type());
        if (!type) {
            fail(place + ": elements of type " + errors::text_of(from.data_type()) + " are not supported");
        }
        out.type = *type;
        for (const std::int64_t extent : from.dims()) {
            if (extent < 0) fail(place + ": expected extents of at least 0, got " + errors::text_of(extent));
            out.shape.push_back(static_cast<std::size_t>(extent));
        }
        const std::size_t item = io::size_of(out.type);
        const auto count = bounded_count(out.shape, (std::size_t{1} << 40U) / item);
        if (!count) fail(place + ": its shape " + format_shape(out.shape) + " is too large");
        if (from.has_segment()) fail(place + ": segments are not supported");
        if (from.data_location() == ONNX_NAMESPACE::TensorProto::EXTERNAL) {
            out.bytes = external(from, *count * item, place);
        } else if (from.has_raw_data()) {
            out.bytes = std::move(*from.mutable_raw_data());
        } else {
            out.bytes = typed(from, out.type, *count, place);
        }
        if (out.bytes.size() != *count * item) {
            fail(place + ": shape " + format_shape(out.shape) + " of " +
                 io::element_format{out.type, false}.name() + " takes " + errors::text_of(*count * item) +
                 " bytes, got " + errors::text_of(out.bytes.size()));
        }
        return out;
    }

  private:
    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": " + complaint);
    }

    /// The bytes of elements that are stored in fields of their type.
    template <typename Element, typename List>
    [[nodiscard]] std::string packed(const List& list, std::size_t count, const std::string& place) const {
        if (static_cast<std::size_t>(list.size()) != count) {
            fail(place + ": expected " + errors::text_of(count) + " elements, got " +
                 errors::text_of(list.size()));
        }
        std::vector<Element> elements;
        elements.reserve(count);
        for (const auto element : list) elements.push_back(static_cast<Element>(element));
        return make_onnx_tensor<Element>({}, {}, elements).bytes;
    }
    [[nodiscard]] std::string typed(const ONNX_NAMESPACE::TensorProto& from, io::dtype type,
                                    std::size_t count, const std::string& place) const {
        switch (type) {
        case io::dtype::float32:
            return packed<float>(from.float_data(), count, place);
        case io::dtype::float64:
            return packed<double>(from.double_data(), count, place);
        case io::dtype::int64:
            return packed<std::int64_t>(from.int64_data(), count, place);
        case io::dtype::uint64:
            return packed<std::uint64_t>(from.uint64_data(), count, place);
        case io::dtype::uint32:
            return packed<std::uint32_t>(from.uint64_data(), count, place);
        case io::dtype::int32:
            return packed<std::int32_t>(from.int32_data(), count, place);
        case io::dtype::int16:
            return packed<std::int16_t>(from.int32_data(), count, place);
        case io::dtype::uint16:
        case io::dtype::float16: // the bits of a half
        case io::dtype::bfloat16:
            return packed<std::uint16_t>(from.int32_data(), count, place);
        case io::dtype::int8:
            return packed<std::int8_t>(from.int32_data(), count, place);
        case io::dtype::uint8:
        case io::dtype::boolean:
            return packed<std::uint8_t>(from.int32_data(), count, place);
        }
        return {};
    }

    [[nodiscard]] std::size_t number(const std::string& text, const std::string& place) const {
        std::size_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) {
            fail(place + ": expected a number of bytes, got " + quoted_name(text));
        }
        return value;
    }
    /// A file beside the model: another folder might hold files that the model's author must not read.
    [[nodiscard]] std::string external(const ONNX_NAMESPACE::TensorProto& from, std::size_t size,
                                       const std::string& place) const {
        std::string location;
        std::size_t offset = 0, length = size;
        for (const auto& entry : from.external_data()) {
            if (entry.key() == "location") location = entry.value();
            if (entry.key() == "offset") offset = number(entry.value(), place);
            if (entry.key() == "length") length = number(entry.value(), place);
        }
        if (location.starts_with("./")) location.erase(0, 2);
        const bool has_zero = location.find('\0') != std::string::npos;
        if (location.empty() || location == "." || location == ".." || has_zero ||
            location.find_first_of("/\\") != std::string::npos) {
            fail(place + ": expected external data in a file beside the model, got " + quoted_name(location));
        }
        if (folder_.empty()) fail(place + ": its elements are in another file, " + quoted_name(location));
        if (length != size) {
            fail(place + ": expected " + errors::text_of(size) + " bytes of external data, got " +
                 errors::text_of(length));
        }
        // A symbolic link may lead out of the folder.
        std::error_code failure;
        const auto target = std::filesystem::canonical(folder_ + "/" + location, failure);
        if (!failure && target.parent_path() != std::filesystem::canonical(folder_, failure)) {
            fail(place + ": expected external data in a file beside the model, got a link, " +
                 quoted_name(location) + ", to another folder");
        }
        const io::input_file file(folder_ + "/" + location);
        if (offset > file.size() || size > file.size() - offset) {
            fail(place + ": expected " + errors::text_of(size) + " bytes at " + errors::text_of(offset) +
                 " of " + quoted_name(location) + ", which has " + errors::text_of(file.size()));
        }
        std::string bytes(size, '\0');
        file.read(offset, std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
        return bytes;
    }

    [[nodiscard]] onnx_value value(const ONNX_NAMESPACE::ValueInfoProto& from) const {
        onnx_value out;
        out.name = from.name();
        if (!from.type().has_tensor_type()) return out;
        const auto& type = from.type().tensor_type();
        out.type = onnx_dtype(type.elem_type());
        out.has_shape = type.has_shape();
        for (const auto& extent : type.shape().dim()) {
            if (!extent.has_dim_value()) {
                out.shape.emplace_back();
            } else {
                if (extent.dim_value() < 0) {
                    fail("tensor " + quoted_name(out.name) + ": expected extents of at least 0, got " +
                         errors::text_of(extent.dim_value()));
                }
                out.shape.emplace_back(static_cast<std::size_t>(extent.dim_value()));
            }
        }
        return out;
    }

    [[nodiscard]] onnx_node node(ONNX_NAMESPACE::NodeProto& from) const {
        onnx_node out{from.name(), from.op_type(), from.domain(), {}, {}, {}};
        if (out.domain == "ai.onnx") out.domain.clear();
        out.inputs.assign(from.input().begin(), from.input().end());
        out.outputs.assign(from.output().begin(), from.output().end());
        for (auto& each : *from.mutable_attribute()) {
            out.attributes.push_back(attribute(each, "node " + quoted_name(out.name) + " (" + out.op + ")"));
        }
        return out;
    }
    [[nodiscard]] onnx_attribute attribute(ONNX_NAMESPACE::AttributeProto& from,
                                           const std::string& place) const {
        using proto = ONNX_NAMESPACE::AttributeProto;
        using kind = onnx_attribute::kind;
        onnx_attribute out;
        out.name = from.name();
        // Files before version 2 of the format do not state the type.
        const auto type = from.type() != proto::UNDEFINED ? from.type()
                          : from.has_f()                  ? proto::FLOAT
                          : from.has_i()                  ? proto::INT
                          : from.has_s()                  ? proto::STRING
                          : from.has_t()                  ? proto::TENSOR
                          : from.floats_size() != 0       ? proto::FLOATS
                          : from.ints_size() != 0         ? proto::INTS
                                                          : proto::UNDEFINED;
        if (type == proto::INT) {
            out.type = kind::integer;
            out.integer = from.i();
        } else if (type == proto::FLOAT) {
            out.type = kind::real;
            out.real = static_cast<double>(from.f());
        } else if (type == proto::STRING) {
            out.type = kind::text;
            out.text = from.s();
        } else if (type == proto::INTS) {
            out.type = kind::integers;
            out.integers.assign(from.ints().begin(), from.ints().end());
        } else if (type == proto::FLOATS) {
            out.type = kind::reals;
            out.reals.assign(from.floats().begin(), from.floats().end());
        } else if (type == proto::STRINGS) {
            out.type = kind::texts;
            out.texts.assign(from.strings().begin(), from.strings().end());
        } else if (type == proto::TENSOR) {
            out.type = kind::tensor;
            out.tensor = tensor(*from.mutable_t(), place + ": attribute " + quoted_name(out.name));
        }
        return out;
    }

    std::string name_;
    std::string folder_;
};

[[nodiscard]] inline onnx_model read_onnx_stream(google::protobuf::io::ZeroCopyInputStream& bytes,
                                                 const std::string& name, const std::string& folder) {
    ONNX_NAMESPACE::ModelProto file;
    google::protobuf::io::CodedInputStream coded(&bytes);
    coded.SetRecursionLimit(max_onnx_depth);
    if (!file.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
        throw format_error(name + ": is not an ONNX model, is cut short, or is nested more than " +
                           errors::text_of(max_onnx_depth) + " times");
    }
    return onnx_reader(name, folder).read(file);
}

[[nodiscard]] inline std::int32_t onnx_type_number(io::dtype type) noexcept {
    for (std::int32_t number = 1; number <= 16; ++number) {
        if (onnx_dtype(number) == type) return number;
    }
    return 0;
}

inline void write_tensor(const onnx_tensor& from, ONNX_NAMESPACE::TensorProto& to) {
    to.set_name(from.name);
    to.set_data_type(onnx_type_number(from.type));
    for (const std::size_t extent : from.shape) to.add_dims(static_cast<std::int64_t>(extent));
    to.set_raw_data(from.bytes);
}

inline void write_value(const onnx_value& from, ONNX_NAMESPACE::ValueInfoProto& to) {
    to.set_name(from.name);
    auto& type = *to.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx_type_number(from.type.value_or(io::dtype::float32)));
    if (!from.has_shape) return;
    auto& shape = *type.mutable_shape();
    for (const auto& extent : from.shape) {
        auto& dimension = *shape.add_dim();
        if (extent)
            dimension.set_dim_value(static_cast<std::int64_t>(*extent));
        else
            dimension.set_dim_param("batch");
    }
}

inline void write_attribute(const onnx_attribute& from, ONNX_NAMESPACE::AttributeProto& to) {
    using proto = ONNX_NAMESPACE::AttributeProto;
    to.set_name(from.name);
    switch (from.type) {
    case onnx_attribute::kind::integer:
        to.set_type(proto::INT);
        to.set_i(from.integer);
        break;
    case onnx_attribute::kind::real:
        to.set_type(proto::FLOAT);
        to.set_f(static_cast<float>(from.real));
        break;
    case onnx_attribute::kind::text:
        to.set_type(proto::STRING);
        to.set_s(from.text);
        break;
    case onnx_attribute::kind::integers:
        to.set_type(proto::INTS);
        for (const std::int64_t value : from.integers) to.add_ints(value);
        break;
    case onnx_attribute::kind::reals:
        to.set_type(proto::FLOATS);
        for (const double value : from.reals) to.add_floats(static_cast<float>(value));
        break;
    case onnx_attribute::kind::texts:
        to.set_type(proto::STRINGS);
        for (const std::string& value : from.texts) to.add_strings(value);
        break;
    case onnx_attribute::kind::tensor:
        to.set_type(proto::TENSOR);
        write_tensor(from.tensor, *to.mutable_t());
        break;
    case onnx_attribute::kind::other:
        errors::throw_value_error("net::write_onnx", "expected a number, text or tensor as attribute " +
                                                         quoted_name(from.name) + ", got another type");
    }
}

} // namespace detail

/// Returns the bytes of an ONNX file with this model. An extent without a value is named "batch". Throws
/// `value_error` if an attribute has a type that is not supported, or the file would have 2 GiB or more.
[[nodiscard]] inline std::string onnx_bytes(const onnx_model& model) {
    ONNX_NAMESPACE::ModelProto file;
    file.set_ir_version(model.ir_version);
    file.set_producer_name(model.producer);
    auto& operators = *file.add_opset_import();
    operators.set_domain("");
    operators.set_version(model.opset);
    auto& graph = *file.mutable_graph();
    graph.set_name(model.name);
    for (const onnx_node& from : model.nodes) {
        auto& to = *graph.add_node();
        to.set_name(from.name);
        to.set_op_type(from.op);
        if (!from.domain.empty()) to.set_domain(from.domain);
        for (const std::string& name : from.inputs) to.add_input(name);
        for (const std::string& name : from.outputs) to.add_output(name);
        for (const onnx_attribute& each : from.attributes) detail::write_attribute(each, *to.add_attribute());
    }
    for (const onnx_tensor& each : model.initializers) detail::write_tensor(each, *graph.add_initializer());
    for (const onnx_value& each : model.inputs) detail::write_value(each, *graph.add_input());
    for (const onnx_value& each : model.outputs) detail::write_value(each, *graph.add_output());
    if (file.ByteSizeLong() > detail::max_onnx_bytes) {
        errors::throw_value_error("net::onnx_bytes", "expected less than 2 GiB, got " +
                                                         errors::text_of(file.ByteSizeLong()) + " bytes");
    }
    return file.SerializeAsString();
}

/// Reads an ONNX model from bytes; `name` identifies it in errors. External data is refused. Throws
/// `format_error`.
[[nodiscard]] inline onnx_model parse_onnx(std::span<const std::byte> bytes, const std::string& name) {
    if (bytes.size() > detail::max_onnx_bytes) {
        throw format_error(name + ": expected less than 2 GiB, got " + errors::text_of(bytes.size()) +
                           " bytes");
    }
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    return detail::read_onnx_stream(stream, name, {});
}

/// Reads an ONNX file. External data is read from files in the same folder, and from no other.
///
/// Throws `format_error` of one line for a file that cannot be read, is not an ONNX model, is cut short, has
/// 2 GiB or more, is nested too deep, or has tensors whose bytes do not fit their shape.
[[nodiscard]] inline onnx_model read_onnx(const std::string& path) {
    const io::input_file file(path);
    if (file.size() > detail::max_onnx_bytes) {
        throw format_error(path + ": expected less than 2 GiB, got " + errors::text_of(file.size()) +
                           " bytes");
    }
    const std::vector<std::byte> bytes = read_file(path, detail::max_onnx_bytes);
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    const std::size_t slash = path.rfind('/');
    return detail::read_onnx_stream(stream, path,
                                    slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
