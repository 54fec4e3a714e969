#include "failure.hpp"

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
    std::string line(text);
    for (char& c : line) {
        const auto code = static_cast<unsigned char>(c);
        if (code < 0x20 || code == 0x7f) c = '?';
    }
    return line;
}

namespace {

int report(std::string_view command, std::string_view message, int code) noexcept {
    try {
        const std::string line = on_one_line(std::string(command) + ": " + std::string(message)) + "\n";
        std::fwrite(line.data(), 1, line.size(), stderr);
    } catch (...) {
        std::fputs("repscope: not enough memory\n", stderr);
    }
    return code;
}

} // namespace

int report_current_exception(std::string_view command) noexcept {
    try {
        throw;
    } catch (const usage_error& e) {
        return report(command, e.what(), 2);
    } catch (const data_error& e) {
        return report(command, e.what(), 1);
    } catch (const repscope::error& e) {
        return report(command, without_function_name(e.what()), 1);
    } catch (const std::bad_alloc&) {
        return report(command, "not enough memory", 1);
    } catch (const std::exception& e) {
        return report(command, e.what(), 1);
    } catch (...) {
        return report(command, "unknown failure", 1);
    }
}

} // namespace program
