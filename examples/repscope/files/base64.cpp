#include "files/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace program {

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t present = bytes.size() - at < 3 ? bytes.size() - at : 3;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8U | (k < present ? static_cast<unsigned char>(bytes[at + k]) : 0U);
        // Of k bytes there are k + 1 digits.
        for (std::size_t k = 0; k < 4; ++k)
            text += k <= present ? digits[group >> (18U - 6U * k) & 63U] : '=';
    }
    return text;
}

} // namespace program
