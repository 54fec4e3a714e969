#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace program {

/// Right or wrong for every image of a condition, by name.
using image_verdicts = std::vector<std::pair<std::string, std::vector<bool>>>;

/// Bits as text: how many, a colon, four of them a hexadecimal digit.
std::string packed(const std::vector<bool>& right);
/// The inverse of `packed`. Throws `std::invalid_argument` for a text that is none.
std::vector<bool> unpacked(std::string_view text);

/// Writes an `.npz` file with one array of bool per entry of `verdicts`. The file gets its name when it is
/// complete. Throws `data_error`.
void write_verdicts(const std::string& file, const image_verdicts& verdicts);

} // namespace program
