#pragma once

#include "layers/fields.hpp"
#include "layers/report.hpp"

#include <pybind11/pybind11.h>

#include <vector>

namespace python_module {

/// Returns the fields as dictionaries within each other, by the points in their keys. Vectors of numbers
/// become NumPy arrays.
pybind11::dict dict_of(const std::vector<program::layer_field>& fields);

/// Returns the LAYER object of the JSON files of `repscope measure`, with eigenvalues and notes.
pybind11::dict dict_of(const program::layer_report& report);

} // namespace python_module
