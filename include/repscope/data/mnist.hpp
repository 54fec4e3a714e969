#pragma once

// Opt-in, not part of repscope.hpp: includes <zlib.h>. The program that uses it links zlib.

#include "repscope/data/image_dataset.hpp"
#include "repscope/error.hpp"
#include "repscope/io/idx.hpp"
#include "repscope/io/zlib.hpp"
#include "repscope/tensor/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

namespace detail {

/// FILE or FILE.gz in a folder; the latter if neither exists, so that errors name it.
[[nodiscard]] inline std::string plain_or_gzip(const std::string& folder, const std::string& name) {
    std::error_code failure;
    const std::string path = folder + "/" + name;
    return std::filesystem::is_regular_file(path, failure) ? path : path + ".gz";
}

} // namespace detail

/// Returns the images (n, 1, rows, columns) and labels 0 to 9 of MNIST, Fashion-MNIST or another data set in
/// the same files: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, for `subset::test` `t10k-...`,
/// each plain or as `.gz`.
///
/// Throws `format_error` that names the file if one is missing or damaged, if there are no images, and if
/// labels do not belong to the images or are above 9.
[[nodiscard]] inline image_dataset load_mnist(const std::string& folder, subset part) {
    const std::string stem = part == subset::train ? "train" : "t10k";
    const std::string image_file = detail::plain_or_gzip(folder, stem + "-images-idx3-ubyte");
    const std::string label_file = detail::plain_or_gzip(folder, stem + "-labels-idx1-ubyte");
    io::idx_array images = io::parse_idx(io::read_file_or_gzip(image_file), image_file);
    const io::idx_array labels = io::parse_idx(io::read_file_or_gzip(label_file), label_file);
    if (images.shape.size() != 3 || images.values.empty()) {
        throw format_error(image_file + ": expected images of rank 3, got shape " +
                           format_shape(images.shape));
    }
    if (labels.shape.size() != 1 || labels.shape[0] != images.shape[0]) {
        throw format_error(label_file + ": expected " + errors::text_of(images.shape[0]) +
                           " labels, got shape " + format_shape(labels.shape));
    }
    for (std::size_t i = 0; i < labels.values.size(); ++i) {
        if (labels.values[i] > 9) {
            throw format_error(label_file + ": expected labels 0 to 9, got label " +
                               errors::text_of(int{labels.values[i]}) + " at position " + errors::text_of(i));
        }
    }
    image_dataset set{images.shape[0], 1, images.shape[1], images.shape[2], std::move(images.values), {}};
    set.labels.assign(labels.values.begin(), labels.values.end());
    return set;
}

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
