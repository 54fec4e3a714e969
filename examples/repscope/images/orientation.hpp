#pragma once

#include "images/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace program {

/// Returns the orientation (tag 0x0112) of an EXIF block that begins with its byte order mark ("II" or "MM"):
/// 1 (upright) to 8; 1 if the block has none or is damaged. EXIF 2.3, section 4.6.
unsigned exif_orientation(std::span<const std::uint8_t> exif) noexcept;

/// Whether an orientation exchanges height and width.
constexpr bool exchanges_sides(unsigned orientation) noexcept { return orientation >= 5; }

/// Turns and mirrors a picture so that it is upright: what viewers do with `orientation`, 1 to 8.
void turn_upright(decoded_picture& picture, unsigned orientation);

} // namespace program
