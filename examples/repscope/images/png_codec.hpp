#pragma once

#include "images/codec.hpp"
#include "images/coded_picture.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace program {

/// Decodes a PNG file; `file` names it in errors. A picture with an alpha channel and no color in `options`
/// is decoded in any case, since its pixels may all be opaque.
coded_picture read_png(const std::string& file, std::span<const std::byte> bytes,
                       const decode_options& options, bool header_only);

} // namespace program
