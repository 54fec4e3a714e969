#pragma once

#include <repscope/io/dtype.hpp>

#include <pybind11/pybind11.h>

#include <cstddef>
#include <vector>

namespace python_module {

/// An array of Python in its own memory: a NumPy array, or an object with DLPack (a CPU tensor of PyTorch),
/// the buffer protocol or `__array__`.
struct array_input {
    pybind11::object owner; ///< keeps the memory alive
    const std::byte* data = nullptr;
    repscope::io::element_format format;
    std::vector<std::size_t> shape;
    std::vector<std::ptrdiff_t> strides; ///< in bytes
};

/// Returns the array behind an object. Only lists and other objects without an own array are copied. A tensor
/// that requires a gradient is detached.
///
/// Throws `TypeError` in the name of `function` for elements that are not real numbers, and for a tensor that
/// is not in CPU memory.
array_input array_of(pybind11::handle object, const char* function);

} // namespace python_module
