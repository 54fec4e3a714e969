#include "support/format.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace program {

namespace {

std::string printed(double value, std::chars_format format, int digits) {
    std::array<char, 400> buffer{};
    const auto end = digits < 0
                         ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value)
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, digits);
    return {buffer.data(), end.ptr};
}

} // namespace

std::string fixed(double value, int digits) {
    if (std::isnan(value)) return "-";
    std::string text = printed(value, std::chars_format::fixed, digits);
    // A small negative number rounds to zero, which has no sign for a reader.
    if (text.starts_with('-') && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
    return text;
}

std::string shortest(double value) {
    return std::isnan(value) ? "-" : printed(value, std::chars_format::general, -1);
}

std::string duration(double seconds) {
    if (!(seconds >= 0.0)) return "-";
    if (seconds < 9.95) return fixed(seconds, 1) + " s";
    const auto whole = static_cast<long long>(std::llround(seconds));
    if (whole < 60) return std::to_string(whole) + " s";
    if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
    return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string byte_count(double bytes) {
    if (bytes < 1e3) return fixed(bytes, 0) + " B";
    if (bytes < 1e6) return fixed(bytes / 1e3, 0) + " kB";
    if (bytes < 1e9) return fixed(bytes / 1e6, 0) + " MB";
    return fixed(bytes / 1e9, 1) + " GB";
}

} // namespace program
