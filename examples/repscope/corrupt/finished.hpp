#pragma once

#include "corrupt/work.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace program {

/// Returns whether an earlier run has written this picture. Outputs are renamed when they are complete, so a
/// file that exists is complete. Always false without `--resume`.
bool has_finished_picture(const corrupt_work& work, const std::string& path);

/// Returns whether an earlier run has written the array of a corruption. Always false without `--resume`.
/// Throws `data_error` for an array of another type or shape, which is of other images or severities.
bool has_finished_array(const corrupt_work& work, std::string_view name);

/// Returns the number of arrays or pictures of this work that an earlier run has written.
std::size_t count_finished(const corrupt_work& work);

} // namespace program
