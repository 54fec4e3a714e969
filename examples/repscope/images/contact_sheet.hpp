#pragma once

#include "images/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace program {

/// Pictures of one size in rows and columns on white; small ones are enlarged to blocks.
class contact_sheet {
  public:
    /// Each pixel becomes a block of `blocks` a side; 0: so many that a picture is about 96 pixels.
    contact_sheet(const picture_size& size, std::size_t rows, std::size_t columns, std::size_t blocks = 0);

    /// Puts a picture, bytes (height, width, channels), into a cell.
    void put(std::size_t row, std::size_t column, std::span<const std::uint8_t> pixels);

    /// Frames a cell in orange. Only on sheets of color.
    void mark(std::size_t row, std::size_t column);

    /// The bytes of the PNG file.
    [[nodiscard]] std::string png() const;

  private:
    static constexpr std::size_t gap = 2;

    picture_size picture_;
    std::size_t blocks_; ///< each pixel is so many a side
    picture_size sheet_;
    std::vector<std::uint8_t> pixels_;
};

} // namespace program
