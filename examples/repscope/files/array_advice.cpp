#include "files/array_advice.hpp"

#include <repscope/io/dtype.hpp>
#include <repscope/tensor/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <vector>

namespace program {

namespace {

using repscope::io::dtype;

struct value_range {
    double least = 0.0;
    double greatest = 0.0;
};

// Of the first elements: enough to distinguish [0, 1], [0, 255] and normalized images.
value_range range_of(const repscope::io::array_header& header, const repscope::io::input_file& contents) {
    constexpr std::size_t max_elements = std::size_t{1} << 18U;
    const std::size_t count = std::min(header.size(), max_elements);
    std::vector<std::byte> bytes(count * repscope::io::size_of(header.format.type));
    contents.read(header.data_offset, bytes);
    std::vector<double> values(count);
    repscope::io::decode(bytes.data(), count, header.format, values.data());
    const auto ends = std::minmax_element(values.begin(), values.end());
    return count == 0 ? value_range{} : value_range{*ends.first, *ends.second};
}

bool is_channel_count(std::size_t extent) { return extent == 1 || extent == 3; }

// The expression that makes images (n, height, width, channels) of the array `x`, as far as that follows from
// its shape.
std::string in_image_order(const std::vector<std::size_t>& shape, std::string x) {
    const std::size_t rank = shape.size();
    const bool last = rank >= 3 && is_channel_count(shape[rank - 1]);
    if (last) return x;
    if (rank == 4 && is_channel_count(shape[1])) return x + ".transpose(0, 2, 3, 1)";
    if (rank == 3 && is_channel_count(shape[0])) return x + ".transpose(1, 2, 0)";
    if (rank >= 3 && shape[rank - 1] == 4) return x + "[..., :3]";
    if (rank == 4 && shape[1] == 4) return x + "[:, :3].transpose(0, 2, 3, 1)";
    if (rank != 2) return x;
    if (shape[1] == 3072) return x + ".reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)";
    if (shape[1] == 784) return x + ".reshape(-1, 28, 28)";
    return x + "[..., None]";
}

std::string python_string(const std::string& name) {
    std::string text = "'";
    for (const char c : name) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
    }
    return text + "'";
}

} // namespace

std::string image_array_advice(const repscope::io::array_header& header,
                               const repscope::io::input_file& contents, const std::string& path) {
    std::string text = "expected images of bytes (uint8) of shape (n, height, width, channels), (n, height, "
                       "width) or (height, width, channels) with 1 or 3 channels, got " +
                       header.format.name() + " of shape " + repscope::format_shape(header.shape);
    const std::size_t rank = header.shape.size();
    if (rank < 2 || rank > 4) return text;
    std::string x = in_image_order(header.shape, "np.load(" + python_string(path) + ")");
    std::string remark;
    if (header.format.type != dtype::uint8) {
        const value_range range = range_of(header, contents);
        // A small margin for the rounding of resized images.
        const bool unit = range.least >= -1e-3 && range.greatest <= 1.0 + 1e-3;
        if (range.least < -1e-3) {
            remark = repscope::io::is_integer(header.format.type)
                         ? "; it has values below 0"
                         : "; it has values below 0: undo the normalization (x * std + mean) first";
        }
        if (unit && !repscope::io::is_integer(header.format.type)) x += " * 255";
        if (x.ends_with(" * 255")) x = "(" + x + ")";
        x += repscope::io::is_integer(header.format.type) ? "" : ".round()";
        x += ".clip(0, 255).astype('uint8')";
    }
    const std::string out = std::filesystem::path(path).replace_extension().string() + "-uint8.npy";
    return text + remark + "; convert: import numpy as np; np.save(" + python_string(out) + ", " + x + ")";
}

} // namespace program
