#pragma once

#include <pybind11/pybind11.h>

namespace python_module {

/// Adds the measures of an array that are computed in one call.
void add_statistics(pybind11::module_& module);
/// Adds the report of a layer, its accumulator and their files.
void add_layers(pybind11::module_& module);
/// Adds the corruptions of images.
void add_corruptions(pybind11::module_& module);
/// Adds the moments of gradients with respect to the input.
void add_gradients(pybind11::module_& module);

} // namespace python_module
