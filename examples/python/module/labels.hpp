#pragma once

#include "array_input.hpp"

#include <cstdint>
#include <vector>

namespace python_module {

/// The classes of samples.
struct class_indices {
    std::vector<std::int64_t> labels; ///< one per class, ascending
    std::vector<std::int32_t> index;  ///< the class of each sample
};

/// Returns the classes of integer labels, one per sample: the values that occur. Throws `shape_error` unless
/// the rank is 1, `value_error` for elements that are not integers. O(samples log samples).
class_indices classes_of(const array_input& labels, const char* function);

/// Returns integer labels as numbers; the same errors.
std::vector<std::int64_t> integers_of(const array_input& labels, const char* function);

} // namespace python_module
