#include "array_input.hpp"

#include "dlpack.hpp"

#include <pybind11/numpy.h>

#include <optional>
#include <string>
#include <utility>

namespace python_module {

namespace py = pybind11;
namespace io = repscope::io;

namespace {

[[noreturn]] void refuse(const char* function, const std::string& got) {
    throw py::type_error("repscope::" + std::string(function) +
                         ": expected an array of half, bfloat16, float, double, integers or bool, got " +
                         got);
}

array_input from_numpy(const py::array& array, const char* function) {
    array_input input;
    const py::dtype type = array.dtype();
    const auto name = type.attr("name").cast<std::string>();
    // NumPy has no bfloat16; packages that add it register a type of this name.
    const std::string text = name == "bfloat16" ? "<bf16" : type.attr("str").cast<std::string>();
    const auto format = io::element_format_named(text);
    if (!format) refuse(function, "dtype " + name);
    input.format = *format;
    input.data = static_cast<const std::byte*>(array.data());
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
        input.shape.push_back(static_cast<std::size_t>(array.shape(axis)));
        input.strides.push_back(array.strides(axis));
    }
    input.owner = array;
    return input;
}

std::optional<io::dtype> dtype_of(const dlpack::data_type& type) {
    if (type.lanes != 1) return std::nullopt;
    const std::string bytes = std::to_string(type.bits / 8);
    switch (type.code) {
    case dlpack::integer:
        return io::dtype_named("i" + bytes);
    case dlpack::unsigned_integer:
        return io::dtype_named("u" + bytes);
    case dlpack::floating:
        return io::dtype_named("f" + bytes);
    case dlpack::bfloat:
        return type.bits == 16 ? std::optional(io::dtype::bfloat16) : std::nullopt;
    case dlpack::boolean:
        return type.bits == 8 ? std::optional(io::dtype::boolean) : std::nullopt;
    default:
        return std::nullopt;
    }
}

void require_cpu(std::int32_t device, const char* function) {
    if (device == dlpack::cpu || device == dlpack::cuda_host || device == dlpack::rocm_host) return;
    throw py::type_error("repscope::" + std::string(function) +
                         ": expected a tensor in CPU memory, got one on a device of DLPack type " +
                         std::to_string(device) + "; pass tensor.cpu()");
}

array_input from_dlpack(const py::object& object, const char* function) {
    const auto device = object.attr("__dlpack_device__")().cast<std::pair<int, int>>();
    require_cpu(device.first, function);
    py::capsule capsule = object.attr("__dlpack__")();
    // A consumer renames the capsule and calls the deleter itself. This one leaves both to the capsule's
    // destructor.
    const auto* const managed =
        static_cast<const dlpack::managed_tensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
    if (managed == nullptr) throw py::error_already_set();
    const dlpack::tensor& tensor = managed->tensor;
    require_cpu(tensor.device.type, function);
    array_input input;
    const auto type = dtype_of(tensor.type);
    if (!type) {
        refuse(function, "a tensor with elements of DLPack type " + std::to_string(tensor.type.code) +
                             " and " + std::to_string(tensor.type.bits) + " bits");
    }
    input.format = {*type, false};
    input.data = static_cast<const std::byte*>(tensor.data) + tensor.byte_offset;
    const auto item = static_cast<std::ptrdiff_t>(io::size_of(*type));
    const auto rank = static_cast<std::size_t>(tensor.rank);
    input.shape.assign(tensor.shape, tensor.shape + rank);
    input.strides.resize(rank);
    std::ptrdiff_t dense = item;
    for (std::size_t axis = rank; axis-- > 0;) {
        input.strides[axis] = tensor.strides == nullptr ? dense : tensor.strides[axis] * item;
        dense *= static_cast<std::ptrdiff_t>(input.shape[axis]);
    }
    input.owner = std::move(capsule);
    return input;
}

} // namespace

array_input array_of(py::handle object, const char* function) {
    if (py::isinstance<py::array>(object))
        return from_numpy(py::reinterpret_borrow<py::array>(object), function);
    py::object source = py::reinterpret_borrow<py::object>(object);
    if (py::hasattr(source, "requires_grad") && py::hasattr(source, "detach"))
        source = source.attr("detach")();
    // PyTorch 1.13 exports no bool by DLPack, but by __array__.
    const bool is_bool =
        py::hasattr(source, "dtype") && py::str(source.attr("dtype")).cast<std::string>() == "torch.bool";
    if (!is_bool && py::hasattr(source, "__dlpack__") && py::hasattr(source, "__dlpack_device__"))
        return from_dlpack(source, function);
    const py::object array = py::module_::import("numpy").attr("asarray")(source);
    return from_numpy(py::reinterpret_borrow<py::array>(array), function);
}

} // namespace python_module
