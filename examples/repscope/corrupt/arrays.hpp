#pragma once

#include "corrupt/work.hpp"
#include "support/progress.hpp"

#include <repscope/io/npy.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Labels as a file stores them, to be repeated for every severity.
struct labels_file {
    repscope::io::npy_header header;
    std::vector<std::byte> bytes;
};

/// Reads labels, one per image. Throws `data_error` for another number than `images`; `input` names those.
labels_file read_labels_file(const std::string& file, std::size_t images, const std::string& input);

/// Writes the labels `times` times one after the other.
void write_labels(const std::string& file, const labels_file& labels, std::size_t times);

/// Returns the file of a corruption's array: `work.out`, or NAME.npy in it.
std::string array_file(const corrupt_work& work, std::string_view name);

/// Writes an array for each corruption: all images at the first severity, then at the next.
void write_arrays(const corrupt_work& work, progress& shown);

} // namespace program
