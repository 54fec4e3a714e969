#include "dumps/argument_order.hpp"

#include <repscope/io/npy_folder.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

namespace program {

namespace {

// As locales sort: letters regardless of case, and punctuation before digits.
bool locale_less(const std::string& a, const std::string& b) {
    const auto rank = [](char c) {
        const auto code = static_cast<unsigned char>(c);
        if (code >= 'A' && code <= 'Z') return 0x200 + (code - 'A' + 'a');
        const bool is_plain = (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || code >= 0x80;
        return (is_plain ? 0x200 : 0x100) + code;
    };
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [&](char x, char y) { return rank(x) < rank(y); });
}

} // namespace

std::vector<std::string> in_natural_order(std::vector<std::string> arguments) {
    const auto exists = [](const std::string& argument) {
        std::error_code none;
        return std::filesystem::exists(argument, none);
    };
    std::size_t begin = 0;
    while (begin < arguments.size()) {
        std::size_t end = begin + 1;
        bool by_bytes = exists(arguments[begin]);
        bool by_locale = by_bytes;
        for (; end < arguments.size() && exists(arguments[end]); ++end) {
            by_bytes = by_bytes && arguments[end - 1] < arguments[end];
            by_locale = by_locale && locale_less(arguments[end - 1], arguments[end]);
            if (!by_bytes && !by_locale) break;
        }
        const auto first = arguments.begin() + static_cast<std::ptrdiff_t>(begin);
        std::sort(first, arguments.begin() + static_cast<std::ptrdiff_t>(end), repscope::io::natural_less);
        begin = end;
    }
    return arguments;
}

} // namespace program
