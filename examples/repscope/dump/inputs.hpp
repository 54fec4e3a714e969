#pragma once

#include <repscope/io/array_header.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// The inputs of a network in a .npy file: uint8 images (n, height, width, channels) or (n, height, width),
/// or floating-point numbers (n, channels, height, width) or of fewer axes.
class network_inputs {
  public:
    /// `range`: the lowest and highest value. Bytes 0 to 255 become this range; numbers must be inside.
    /// Throws `data_error` and `repscope::format_error` for other types, shapes and orders, and an empty
    /// file.
    network_inputs(const std::string& path, const std::array<double, 2>& range);

    [[nodiscard]] std::size_t count() const noexcept { return array_.header.shape[0]; }
    /// Leaves images as they are in the file, for a network whose channels are the last axis.
    void keep_channels_last();

    /// The extents of a sample: (channels, height, width), or those of the file behind the first.
    [[nodiscard]] const std::vector<std::size_t>& extents() const noexcept { return extents_; }
    [[nodiscard]] bool is_image() const noexcept { return is_image_; }
    [[nodiscard]] bool is_channels_last() const noexcept { return is_channels_last_; }

    /// Reads samples [first, first + count), images with their channels in front unless they are kept last.
    /// Throws `data_error` that names the first sample with a number outside of the range.
    template <typename Scalar>
    void read(std::size_t first, std::size_t count, std::vector<Scalar>& to) const;

  private:
    std::string path_;
    repscope::io::stored_array array_;
    std::array<double, 2> range_;
    std::vector<std::size_t> extents_;
    std::size_t sample_ = 1; ///< elements
    bool is_image_ = false, is_channels_last_ = false;
};

} // namespace program
