#pragma once

#include "corrupt/work.hpp"
#include "files/output_guard.hpp"

#include <optional>
#include <string>

namespace program {

/// What follows from the name of OUT and `--format` before any image is read.
struct output_choice {
    enum class name_kind : unsigned char { array, picture, folder } name = name_kind::folder;
    bool arrays = false;                  ///< `--format npy`
    std::optional<picture_format> format; ///< `--format png` or `jpeg`
};

/// Throws `usage_error` if the extension of OUT and the format contradict each other, or OUT is named as a
/// file that is not written.
output_choice output_named(const std::string& out, const std::string& format);

/// Returns what is written for these images, corruptions and severities. Throws `usage_error` if OUT is a
/// file and they do not fit into one, or if there are labels and no folder of arrays.
corrupt_output output_of(const output_choice& choice, const corrupt_work& work, bool has_labels);

/// Adds to `guard` the files that are written; of pictures those that exist, or `all` of them. Throws
/// `usage_error` if a picture exists and `overwrite` is false.
void guard_outputs(const corrupt_work& work, bool overwrite, bool all, output_guard& guard);

/// Creates the folders of OUT. Throws if a file cannot be written, before any is written.
void require_outputs(const corrupt_work& work);

} // namespace program
