#pragma once

#include <string>
#include <string_view>

namespace program {

/// `bytes` in base64 (RFC 4648, with padding), as data URIs take it.
std::string base64(std::string_view bytes);

} // namespace program
