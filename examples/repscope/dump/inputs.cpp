#include "dump/inputs.hpp"

#include "support/errors.hpp"
#include "support/format.hpp"

#include <repscope/error.hpp>
#include <repscope/io/dtype.hpp>
#include <repscope/io/npy.hpp>

#include <cstdint>

namespace program {

namespace io = repscope::io;

network_inputs::network_inputs(const std::string& path, const std::array<double, 2>& range)
    : path_(path), array_(io::open_npy(path)), range_(range) {
    const io::array_header& header = array_.header;
    const std::vector<std::size_t>& shape = header.shape;
    const bool is_bytes = header.format.type == io::dtype::uint8;
    if (!is_bytes && (io::is_integer(header.format.type) || header.format.type == io::dtype::boolean)) {
        throw data_error(path,
                         "expected inputs of uint8 or of a floating-point type, got " + header.format.name());
    }
    if (header.fortran_order) throw data_error(path, "expected inputs in C order, got Fortran order");
    if (header.size() == 0 || shape.empty()) {
        throw data_error(path, "holds no inputs: shape " + repscope::format_shape(shape));
    }
    if (is_bytes) {
        if (shape.size() != 3 && shape.size() != 4) {
            throw data_error(
                path, "expected images (n, height, width, channels) or (n, height, width), got shape " +
                          repscope::format_shape(shape));
        }
        is_image_ = true;
        extents_ = {shape.size() == 4 ? shape[3] : 1, shape[1], shape[2]};
    } else {
        if (shape.size() < 2 || shape.size() > 4) {
            throw data_error(
                path, "expected inputs of 2 to 4 axes, such as (n, channels, height, width), got shape " +
                          repscope::format_shape(shape));
        }
        extents_.assign(shape.begin() + 1, shape.end());
    }
    for (const std::size_t extent : extents_) sample_ *= extent;
}

void network_inputs::keep_channels_last() {
    if (!is_image_ || is_channels_last_) return;
    extents_ = {extents_[1], extents_[2], extents_[0]};
    is_channels_last_ = true;
}

template <typename Scalar>
void network_inputs::read(std::size_t first, std::size_t count, std::vector<Scalar>& to) const {
    const io::element_format& format = array_.header.format;
    std::vector<std::byte> raw(count * sample_ * io::size_of(format.type));
    array_.bytes->read(array_.header.data_offset + first * sample_ * io::size_of(format.type), raw);
    to.resize(count * sample_);
    if (!is_image_) {
        io::decode(raw.data(), to.size(), format, to.data());
        for (std::size_t i = 0; i < to.size(); ++i) {
            const Scalar value = to[i];
            if (value >= static_cast<Scalar>(range_[0]) && value <= static_cast<Scalar>(range_[1])) continue;
            throw data_error(path_, "expected numbers in [" + shortest(range_[0]) + ", " +
                                        shortest(range_[1]) + "], got " +
                                        repscope::errors::text_of(static_cast<double>(value)) +
                                        " in sample " + std::to_string(first + i / sample_) +
                                        "; --input-range LOW,HIGH states another range");
        }
        return;
    }
    const auto low = static_cast<Scalar>(range_[0]), width = static_cast<Scalar>(range_[1] - range_[0]);
    // Channels that stay last are one channel here.
    const std::size_t channels = is_channels_last_ ? 1 : extents_[0], pixels = sample_ / channels;
    for (std::size_t n = 0; n < count; ++n) {
        for (std::size_t p = 0; p < pixels; ++p) {
            for (std::size_t c = 0; c < channels; ++c) {
                const auto byte =
                    static_cast<Scalar>(std::to_integer<std::uint8_t>(raw[(n * pixels + p) * channels + c]));
                to[(n * channels + c) * pixels + p] = low + width * (byte / Scalar(255));
            }
        }
    }
}

template void network_inputs::read(std::size_t, std::size_t, std::vector<float>&) const;
template void network_inputs::read(std::size_t, std::size_t, std::vector<double>&) const;

} // namespace program
