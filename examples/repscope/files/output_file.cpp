#include "files/output_file.hpp"

#include "support/errors.hpp"

#include <repscope/bytes.hpp>

#include <cerrno>
#include <charconv>
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

// Closed by hand, since a late error must be reported.
void write_stream(const std::string& file, std::FILE* stream, std::string_view text) {
    bool good = stream != nullptr && std::fwrite(text.data(), 1, text.size(), stream) == text.size();
    if (stream != nullptr) good = std::fclose(stream) == 0 && good;
    if (!good) throw data_error(file, std::string("cannot be written: ") + std::strerror(errno));
}

} // namespace

std::optional<int> stream_named(const std::string& file) {
    std::error_code failure;
    fs::path path = file;
    for (int links = 0; links < 40; ++links) {
        const std::string name = fs::absolute(path, failure).lexically_normal().string();
        if (name == "/dev/stdout") return STDOUT_FILENO;
        if (name == "/dev/stderr") return STDERR_FILENO;
        for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
            int stream = -1;
            if (!name.starts_with(folder)) continue;
            const char* const end = name.data() + name.size();
            const auto [behind, error] = std::from_chars(name.data() + folder.size(), end, stream);
            if (error == std::errc{} && behind == end) return stream;
        }
        const fs::path target = fs::read_symlink(path, failure);
        if (failure) return std::nullopt;
        path = target.is_absolute() ? target : path.parent_path() / target;
    }
    return std::nullopt;
}

void require_writable(const std::string& file) {
    if (file == "-" || stream_named(file) || is_special(file)) return;
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
    errno = 0;
    if (const auto stream = stream_named(file)) {
        const int own = ::dup(*stream);
        return write_stream(file, own < 0 ? nullptr : ::fdopen(own, "wb"), text);
    }
    if (is_special(file)) return write_stream(file, std::fopen(file.c_str(), "wb"), text);
    repscope::write_file_atomically(file, std::as_bytes(std::span(text)));
}

bool make_folder(const std::string& folder) {
    std::error_code failure;
    const bool is_new = std::filesystem::create_directories(folder, failure);
    if (!std::filesystem::is_directory(folder)) {
        throw data_error(folder, "cannot be made: " + (failure ? failure.message() : "is not a directory"));
    }
    return is_new;
}

void print(std::string_view text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw data_error("standard output", std::string("cannot be written: ") + std::strerror(errno));
    }
}

} // namespace program
