#pragma once

#include "images/coded_picture.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace program {

/// Decodes a JPEG file; `file` names it in errors.
coded_picture read_jpeg(const std::string& file, std::span<const std::byte> bytes, bool header_only);

} // namespace program
