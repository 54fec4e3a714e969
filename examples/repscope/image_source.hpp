#pragma once

#include "image_codec.hpp"

#include <repscope/io/file.hpp>
#include <repscope/io/npy_header.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// Images of one size that are read a few at a time: a .npy file of bytes (n, h, w, c) or (h, w, c), or PNG
/// and JPEG files, named or all those of a folder in the order of their names.
class image_source {
  public:
    /// Opens and checks everything but the pixels of pictures. Throws `data_error` or `format_error` that
    /// name the file: not of bytes, wrong rank, sides below 8, pictures that differ in size, an empty folder.
    explicit image_source(const std::vector<std::string>& paths);

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] const picture_size& size() const noexcept { return size_; }
    /// Whether the input is one image without an axis for images.
    [[nodiscard]] bool single() const noexcept { return single_; }
    /// How messages name the input.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Images [first, first + count), one after the other. Grey pictures among coloured ones become RGB.
    void read(std::size_t first, std::size_t count, std::uint8_t* pixels) const;

  private:
    void open_npy(const std::string& path);
    void open_pictures(std::vector<std::string> files);

    std::string name_;
    std::size_t count_ = 0;
    picture_size size_;
    bool single_ = false;
    std::optional<repscope::io::input_file> npy_;
    std::size_t offset_ = 0;
    std::vector<std::string> pictures_;
};

/// All PNG and JPEG files of a folder, in the order of their names. Throws `data_error` when there is none.
std::vector<std::string> pictures_in(const std::string& folder);

} // namespace program
