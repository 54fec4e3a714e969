#include "images/contact_sheet.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace program {

contact_sheet::contact_sheet(const picture_size& size, std::size_t rows, std::size_t columns,
                             std::size_t blocks)
    : picture_(size),
      blocks_(blocks > 0 ? blocks : (std::max<std::size_t>)(1, 96 / (std::max)(size.height, size.width))),
      sheet_{rows * (size.height * blocks_ + gap) + gap, columns * (size.width * blocks_ + gap) + gap,
             size.channels == 1 ? std::size_t{1} : std::size_t{3}},
      pixels_(sheet_.bytes(), 255) {}

void contact_sheet::put(std::size_t row, std::size_t column, std::span<const std::uint8_t> pixels) {
    const std::size_t top = gap + row * (picture_.height * blocks_ + gap);
    const std::size_t left = gap + column * (picture_.width * blocks_ + gap);
    for (std::size_t y = 0; y < picture_.height * blocks_; ++y) {
        for (std::size_t x = 0; x < picture_.width * blocks_; ++x) {
            const std::size_t from = (y / blocks_ * picture_.width + x / blocks_) * picture_.channels;
            const std::size_t to = ((top + y) * sheet_.width + left + x) * sheet_.channels;
            // Of other numbers of channels the first ones are shown.
            for (std::size_t c = 0; c < sheet_.channels; ++c)
                pixels_[to + c] = pixels[from + (std::min)(c, picture_.channels - 1)];
        }
    }
}

void contact_sheet::mark(std::size_t row, std::size_t column) {
    constexpr std::array<std::uint8_t, 3> orange{230, 97, 1};
    const std::size_t height = picture_.height * blocks_ + 2 * gap;
    const std::size_t width = picture_.width * blocks_ + 2 * gap;
    const std::size_t top = row * (height - gap);
    const std::size_t left = column * (width - gap);
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            const bool inside = y >= gap && y < height - gap && x >= gap && x < width - gap;
            if (inside) continue;
            std::copy(orange.begin(), orange.end(),
                      pixels_.begin() +
                          static_cast<std::ptrdiff_t>(((top + y) * sheet_.width + left + x) * 3));
        }
    }
}

std::string contact_sheet::png() const { return encode_png(sheet_, pixels_); }

} // namespace program
