#pragma once

#include <repscope/io/array_header.hpp>
#include <repscope/io/file.hpp>

#include <string>

namespace program {

/// Explains why an array is not one of images of bytes, with the line of NumPy that converts it: floats of
/// PyTorch (n, 3, height, width), wider integers, channels in front, flat rows. `path` names the file.
std::string image_array_advice(const repscope::io::array_header& header,
                               const repscope::io::input_file& contents, const std::string& path);

} // namespace program
