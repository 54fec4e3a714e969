#include "corrupt/preview.hpp"

#include "images/contact_sheet.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace program {

namespace corruption = repscope::corruption;

namespace {

// Each pixel is the mean of factor x factor pixels; what is left over at the right and bottom is dropped.
decoded_picture reduced(const picture_size& size, std::span<const std::uint8_t> pixels, std::size_t factor) {
    decoded_picture small{{size.height / factor, size.width / factor, size.channels}, {}};
    small.pixels.reserve(small.size.bytes());
    for (std::size_t y = 0; y < small.size.height; ++y) {
        for (std::size_t x = 0; x < small.size.width; ++x) {
            for (std::size_t c = 0; c < size.channels; ++c) {
                std::size_t sum = 0;
                for (std::size_t dy = 0; dy < factor; ++dy)
                    for (std::size_t dx = 0; dx < factor; ++dx)
                        sum += pixels[((y * factor + dy) * size.width + x * factor + dx) * size.channels + c];
                small.pixels.push_back(static_cast<std::uint8_t>(sum / (factor * factor)));
            }
        }
    }
    return small;
}

} // namespace

std::string corrupt_preview(const corrupt_work& work) {
    constexpr std::size_t max_side = 512;
    const decoded_picture picture = work.images.read(0);
    const picture_size& size = picture.size;
    const std::size_t side = std::max(size.height, size.width);
    const std::size_t factor = std::min((side + max_side - 1) / max_side, std::min(size.height, size.width));
    const decoded_picture first = reduced(size, picture.pixels, factor);
    contact_sheet sheet(first.size, work.names.size(), work.severities.size() + 1);
    const repscope::tensor_view<const std::uint8_t, 3> view(picture.pixels.data(),
                                                            {size.height, size.width, size.channels});
    for (std::size_t row = 0; row < work.names.size(); ++row) {
        sheet.put(row, 0, first.pixels);
        for (std::size_t column = 0; column < work.severities.size(); ++column) {
            corruption::apply_options options = work.options;
            options.severity = work.severities[column];
            options.index = work.images.at(0).index;
            const auto corrupted = corruption::apply(work.names[row], view, options);
            sheet.put(row, column + 1,
                      reduced(size, std::span(corrupted.data_handle(), corrupted.size()), factor).pixels);
        }
    }
    return sheet.png();
}

} // namespace program
