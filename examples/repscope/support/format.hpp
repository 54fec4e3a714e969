#pragma once

#include <string>

namespace program {

/// `value` with `digits` behind the point; a dash when it is NaN.
std::string fixed(double value, int digits);

/// `value` as short as it can be written and read back; a dash when it is NaN.
std::string shortest(double value);

/// Seconds in readable units: "8 s", "3 min 20 s", "1 h 5 min".
std::string duration(double seconds);

/// Bytes in readable units: "655 MB", "1.3 GB".
std::string byte_count(double bytes);

} // namespace program
