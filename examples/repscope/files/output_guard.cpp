#include "files/output_guard.hpp"

#include "files/output_file.hpp"
#include "support/errors.hpp"

#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace program {

namespace {

namespace fs = std::filesystem;

using identity = std::pair<dev_t, ino_t>;

// Device and inode of a regular file; nothing for what is none.
std::optional<identity> identity_of(const struct stat& about) {
    if (!S_ISREG(about.st_mode)) return std::nullopt;
    return identity{about.st_dev, about.st_ino};
}

std::optional<identity> identity_of(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return std::nullopt;
    return identity_of(about);
}

[[noreturn]] void refuse(const std::string& output, const std::string& reason) {
    throw usage_error(output + ": " + reason);
}

[[noreturn]] void refuse_input(const std::string& output, const std::string& input) {
    const bool same_name = output.ends_with(" " + input);
    refuse(output,
           "is an input of this run" + (same_name ? "" : " (" + input + ")") + ", and would be overwritten");
}

// What is written in one piece, which an open stream takes as well as a file.
bool is_streamed(file_kind kind) {
    return kind != file_kind::npy && kind != file_kind::npz && kind != file_kind::state;
}

bool is_written_to_folders(file_kind kind) {
    switch (kind) {
    case file_kind::json:
    case file_kind::csv:
    case file_kind::html:
    case file_kind::svg:
    case file_kind::npy:
    case file_kind::npz:
    case file_kind::png:
        return true;
    default:
        return false;
    }
}

bool is_read_from_folders(const std::optional<file_kind>& kind) {
    return kind == file_kind::npy || kind == file_kind::png || kind == file_kind::jpeg ||
           kind == file_kind::webp || kind == file_kind::other_picture;
}

} // namespace

void output_guard::add_input(const std::string& path) {
    std::error_code none;
    if (!fs::is_directory(path, none)) return add_input_file(path);
    std::error_code failure;
    for (fs::directory_iterator entry(path, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string file = entry->path().string();
        if (is_read_from_folders(kind_by_name(file))) add_input_file(file);
    }
}

void output_guard::add_input_file(const std::string& path) {
    const auto file = identity_of(path);
    if (!file) return;
    inputs_.emplace(*file, path);
    if (const auto place = outputs_.find(*file); place != outputs_.end()) refuse_input(place->second, path);
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat about {};
        if (::fstat(stream, &about) == 0 && identity_of(about) == file) {
            refuse(path, std::string("is an input of this run, and standard ") +
                             (stream == STDOUT_FILENO ? "output" : "error") + " is written to it");
        }
    }
}

void output_guard::add_output(std::string_view option, const std::string& path, file_kind kind) {
    if (path.empty() || path == "-") return;
    const std::string output = std::string(option) + " " + path;
    if (stream_named(path)) {
        if (!is_streamed(kind))
            refuse(output, "expected a file for " + std::string(to_string(kind)) + ", got a stream");
        return;
    }
    std::error_code none;
    const fs::path folder = fs::weakly_canonical(fs::absolute(path, none).parent_path(), none);
    const auto status = fs::status(path, none);
    if (fs::exists(status) && !fs::is_regular_file(status)) return;
    const auto [place, is_new] =
        output_options_.emplace((folder / fs::path(path).filename()).string(), std::string(option));
    if (!is_new) refuse(output, "is also the output of " + place->second);

    if (const auto file = identity_of(path)) {
        if (const auto input = inputs_.find(*file); input != inputs_.end())
            refuse_input(output, input->second);
        if (const auto [other, is_first] = outputs_.emplace(*file, output); !is_first)
            refuse(output, "is also the file of " + other->second);
        const auto content = kind_by_content(path);
        if (content && *content != kind) {
            refuse(output, "expected " + std::string(to_string(kind)) + " or no file, got " +
                               std::string(to_string(*content)) + ", which would be overwritten");
        }
    }
    const auto named = kind_by_name(path);
    if (named && *named != kind) {
        refuse(output, "expected a name for " + std::string(to_string(kind)) + ", got one for " +
                           std::string(to_string(*named)));
    }
}

void output_guard::add_output_folder(std::string_view option, const std::string& folder) {
    std::error_code failure;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string path = entry->path().string();
        const auto kind = kind_by_name(path);
        if (kind && is_written_to_folders(*kind)) add_output(option, path, *kind);
    }
}

} // namespace program
