#pragma once

#include <repscope/corruption/frost.hpp>

#include <string>
#include <vector>

namespace program {

/// The PNG and JPEG pictures of a folder as textures of frost, gray ones as RGB; none for an empty name,
/// which means the procedural ice. Throws `data_error` for a folder without pictures and for one that
/// cannot be read.
std::vector<repscope::corruption::frost_texture> read_frost_textures(const std::string& folder);

} // namespace program
