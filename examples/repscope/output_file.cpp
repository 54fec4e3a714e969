#include "output_file.hpp"

#include "failure.hpp"

#include <repscope/bytes.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <unistd.h>

namespace program {

namespace {

namespace fs = std::filesystem;

// A rename would replace a device or a pipe by a file.
bool is_special(const std::string& file) {
    std::error_code none;
    const auto status = fs::status(file, none);
    return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

} // namespace

void require_writable(const std::string& file) {
    if (file == "-" || is_special(file)) return;
    std::error_code none;
    if (fs::is_directory(file, none)) throw data_error(file, "cannot be written: is a directory");
    const fs::path parent = fs::path(file).parent_path();
    const std::string folder = parent.empty() ? "." : parent.string();
    if (!fs::is_directory(folder, none)) throw data_error(file, "cannot be written: no folder " + folder);
    errno = 0;
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        throw data_error(file, std::string("cannot be written: ") + std::strerror(errno));
    }
}

void write_output(const std::string& file, std::string_view text) {
    if (file == "-") return print(text);
    if (is_special(file)) {
        errno = 0;
        std::FILE* stream = std::fopen(file.c_str(), "wb");
        bool good = stream != nullptr && std::fwrite(text.data(), 1, text.size(), stream) == text.size();
        if (stream != nullptr) good = std::fclose(stream) == 0 && good;
        if (!good) throw data_error(file, std::string("cannot be written: ") + std::strerror(errno));
        return;
    }
    repscope::write_file_atomically(file, std::as_bytes(std::span(text)));
}

void print(std::string_view text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw data_error("standard output", std::string("cannot be written: ") + std::strerror(errno));
    }
}

} // namespace program
