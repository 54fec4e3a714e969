#pragma once

// Opt-in, not part of repscope.hpp: includes <zlib.h>. The program that uses it links zlib.

#include "repscope/data/image_dataset.hpp"
#include "repscope/error.hpp"
#include "repscope/io/cifar.hpp"
#include "repscope/io/zlib.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// Returns the images (n, 3, 32, 32) and labels of CIFAR-10 in its binary format: all files of a folder,
/// plain or as `.gz`, whose names begin with `data_batch` or `train`, for `subset::test` with `test`, in the
/// order of their names.
///
/// Throws `format_error` that names the folder if it cannot be read or has no such file, or the file if it is
/// damaged.
[[nodiscard]] inline image_dataset load_cifar10(const std::string& folder, subset part) {
    std::vector<std::string> files;
    std::error_code failure;
    for (std::filesystem::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string name = entry->path().filename().string();
        const bool is_part = part == subset::test
                                 ? name.starts_with("test")
                                 : name.starts_with("train") || name.starts_with("data_batch");
        if (is_part && entry->is_regular_file()) files.push_back(entry->path().string());
    }
    if (failure) throw format_error(folder + ": cannot be read: " + failure.message());
    if (files.empty()) {
        throw format_error(folder + ": holds no files named " + (part == subset::test ? "test" : "train") +
                           "*: expected CIFAR-10 in its binary format");
    }
    std::sort(files.begin(), files.end());
    image_dataset set{0, 3, 32, 32, {}, {}};
    for (const std::string& file : files) {
        const io::cifar_images images = io::parse_cifar10(io::read_file_or_gzip(file), file);
        set.pixels.insert(set.pixels.end(), images.pixels.data_handle(),
                          images.pixels.data_handle() + images.pixels.size());
        set.labels.insert(set.labels.end(), images.labels.begin(), images.labels.end());
        set.images += images.labels.size();
    }
    return set;
}

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
