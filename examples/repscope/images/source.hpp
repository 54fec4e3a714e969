#pragma once

#include "images/codec.hpp"

#include <repscope/io/file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// How pictures are read.
struct image_source_options {
    decode_options decode{};
    bool skip_bad = false; ///< leave out pictures that cannot be read; all are decoded to find out
};

/// One image of a source.
struct source_image {
    std::string file; ///< of a picture
    picture_info info;
    std::uint32_t index = 0; ///< place in the data set, pictures that are skipped included
};

/// Images that are read a few at a time: a .npy file of bytes (n, height, width, channels), (n, height,
/// width) or (height, width, channels); or PNG and JPEG files, named or all those of a folder in natural
/// order.
class image_source {
  public:
    /// Opens and checks everything but the pixels of pictures. Throws `data_error` or `format_error` that
    /// name the file: not of bytes, wrong rank, sides below 8, a picture that cannot be read, an empty
    /// folder.
    image_source(const std::vector<std::string>& paths, const image_source_options& options);

    [[nodiscard]] std::size_t count() const noexcept { return array_ ? count_ : pictures_.size(); }
    [[nodiscard]] bool is_array() const noexcept { return array_.has_value(); }
    /// Whether the input is one image without an axis for images.
    [[nodiscard]] bool single() const noexcept { return single_; }
    /// How messages name the input.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// One line for each fact that affects the output: files left out, pictures turned or rounded.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

    /// File, size and index of an image; the file is empty for an array.
    [[nodiscard]] source_image at(std::size_t image) const;

    /// The size of all images, gray ones among colored ones being RGB. Throws `data_error` if they differ.
    [[nodiscard]] picture_size common_size() const;
    /// The shape of an array of `times` as many images, with the axes of the input.
    [[nodiscard]] std::vector<std::size_t> array_shape(std::size_t times) const;

    /// Image number `image` in its own size.
    [[nodiscard]] decoded_picture read(std::size_t image) const;
    /// Images [first, first + count) of one size, one after the other. Gray pictures become RGB for a `size`
    /// of 3 channels. Throws `data_error` if a picture has changed since it was inspected.
    void read(std::size_t first, std::size_t count, const picture_size& size, std::uint8_t* pixels) const;

  private:
    /// A file whose name is not that of a picture: by its first bytes.
    void open_unnamed(const std::string& path);
    void open_array(const std::string& path);
    void open_pictures(const std::vector<std::string>& files);

    image_source_options options_;
    std::string name_;
    std::vector<std::string> notes_;
    bool single_ = false;
    // An array.
    std::optional<repscope::io::input_file> array_;
    std::size_t count_ = 0;
    picture_size size_;
    std::size_t offset_ = 0;
    bool has_channels_ = true; ///< whether the array has an axis for channels
    // Pictures.
    std::vector<source_image> pictures_;
};

} // namespace program
