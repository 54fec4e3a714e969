#include "support/errors.hpp"

#include <repscope/error.hpp>

#include <cstdio>
#include <exception>
#include <new>

namespace program {

data_error::data_error(std::string_view file, std::string_view reason)
    : std::runtime_error(std::string(file) + ": " + std::string(reason)) {}

std::string without_function_name(std::string_view message) {
    constexpr std::string_view prefix = "repscope::";
    if (message.starts_with(prefix)) {
        const std::size_t end = message.find(": ");
        if (end != std::string_view::npos) message.remove_prefix(end + 2);
    }
    return std::string(message);
}

std::string on_one_line(std::string_view text) {
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F in UTF-8, which terminals obey as they obey ESC.
        const bool is_long = code == 0xc2 && i + 1 < text.size() &&
                             static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                             static_cast<unsigned char>(text[i + 1]) < 0xa0;
        const bool is_control = code < 0x20 || code == 0x7f || is_long;
        line += is_control ? '?' : text[i];
        if (is_long) ++i;
    }
    return line;
}

failure current_failure() noexcept {
    try {
        try {
            throw;
        } catch (const usage_error& e) {
            return {2, e.what()};
        } catch (const data_error& e) {
            return {1, e.what()};
        } catch (const repscope::error& e) {
            return {1, without_function_name(e.what())};
        } catch (const std::bad_alloc&) {
            return {1, "not enough memory"};
        } catch (const std::exception& e) {
            return {1, e.what()};
        } catch (...) {
            return {1, "unknown failure"};
        }
    } catch (...) { // no memory for the message
        return {1, {}};
    }
}

int report(std::string_view speaker, const failure& failed) noexcept {
    try {
        const std::string message = failed.message.empty() ? "not enough memory" : failed.message;
        const std::string line = on_one_line(std::string(speaker) + ": " + message) + "\n";
        std::fwrite(line.data(), 1, line.size(), stderr);
    } catch (...) {
        std::fputs("repscope: not enough memory\n", stderr);
    }
    return failed.code;
}

} // namespace program
