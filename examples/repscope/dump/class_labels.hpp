#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace program {

/// Returns the labels of a file as classes of a network, one per input of `inputs_file`. Throws `data_error`
/// for another number of labels than `inputs`, and for a label below 0 or above 2^31 - 1.
std::vector<int> class_labels(const std::string& file, std::span<const std::int64_t> labels,
                              const std::string& inputs_file, std::size_t inputs);

/// Throws `data_error` for a label that is not below `classes`.
void check_class_labels(const std::string& file, std::span<const int> labels, std::size_t classes);

} // namespace program
