#pragma once

#include "corrupt/work.hpp"
#include "support/progress.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Returns the name of each image's picture: that of its file, with the extension of `work.format`; numbers
/// for the images of an array. Throws `usage_error` if two would have the same name.
std::vector<std::string> picture_names(const corrupt_work& work);

/// Returns the path of a picture: `work.out` itself, OUT/NAME for one corruption and severity, else
/// OUT/CORRUPTION/SEVERITY/NAME.
std::string picture_path(const corrupt_work& work, const std::string& name, std::string_view corruption,
                         int severity);

/// Creates the folders that pictures are written into.
void make_picture_folders(const corrupt_work& work);

/// Writes a picture for each image, corruption and severity, several at the same time. About 1 GiB of memory
/// is taken at a time, more only if a single picture needs it.
void write_pictures(const corrupt_work& work, progress& shown);

} // namespace program
