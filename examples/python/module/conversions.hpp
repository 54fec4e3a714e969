#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace python_module {

/// Returns a NumPy array with a copy of the elements.
template <typename T>
pybind11::array_t<T> array_from(const std::vector<T>& values) {
    return pybind11::array_t<T>(static_cast<pybind11::ssize_t>(values.size()), values.data());
}

/// Returns the indices as int64, with -1 for none.
inline pybind11::array_t<std::int64_t> array_from(const std::vector<std::optional<std::size_t>>& values) {
    std::vector<std::int64_t> indices;
    for (const auto& value : values) indices.push_back(value ? static_cast<std::int64_t>(*value) : -1);
    return array_from(indices);
}

} // namespace python_module
