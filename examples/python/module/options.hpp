#pragma once

#include <repscope/analysis/layer_options.hpp>

#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>

namespace python_module {

/// Throws `value_error` for a negative number of threads or more than 4096; 0 means one per core.
std::size_t thread_count(int threads);

/// The policy of this name: undefined, rectify or shift. Throws `value_error` for other names.
repscope::negative_policy policy_of(const std::string& name);

/// Returns the options of a layer of `classes` classes from a dictionary with the keys measures, signed,
/// epsilon, inference, method, null, permutations, precision, threads and memory, which are all there. With
/// `compares` the measures of two layers of the same samples are possible.
repscope::analysis::layer_accumulator_options accumulator_options(const pybind11::dict& options,
                                                                  std::size_t classes, bool compares = false);

} // namespace python_module
