#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// Images in memory as bytes (images, channels, rows, columns), dense, and one label per image. A
/// `net::batch_source` of numbers from 0 to 1: value / 255, rounded once.
struct image_dataset {
    std::size_t images = 0;           ///< number of images
    std::size_t channels = 0;         ///< channels of an image
    std::size_t rows = 0;             ///< rows of an image
    std::size_t columns = 0;          ///< columns of an image
    std::vector<std::uint8_t> pixels; ///< images x channels x rows x columns bytes
    std::vector<std::int32_t> labels; ///< one class per image

    /// Bytes of one image.
    [[nodiscard]] std::size_t image_size() const noexcept { return channels * rows * columns; }
    /// Number of images.
    [[nodiscard]] std::size_t size() const noexcept { return images; }
    /// (channels, rows, columns)
    [[nodiscard]] std::array<std::size_t, 3> extents() const noexcept { return {channels, rows, columns}; }
    /// The pixels as (images, channels, rows, columns).
    [[nodiscard]] tensor_view<const std::uint8_t, 4> view() const noexcept {
        return {pixels.data(), {images, channels, rows, columns}};
    }
    /// Writes the images with the given indices to `to` (samples, channels, rows, columns). The caller
    /// ensures that they exist and that `to` has their shape.
    template <typename Scalar>
    void read(std::span<const std::uint32_t> samples, const tensor_view<Scalar, 4>& to) const {
        for (std::size_t n = 0; n < samples.size(); ++n) {
            const std::uint8_t* from = pixels.data() + samples[n] * image_size();
            for (std::size_t c = 0; c < channels; ++c) {
                for (std::size_t i = 0; i < rows; ++i) {
                    for (std::size_t j = 0; j < columns; ++j) {
                        to(n, c, i, j) = static_cast<Scalar>(*from++) / static_cast<Scalar>(255);
                    }
                }
            }
        }
    }
};

/// Part of a published data set.
enum class subset { train, test };

/// Returns a copy of the first `count` images. Throws `shape_error` if there are fewer.
[[nodiscard]] inline image_dataset first_images(const image_dataset& set, std::size_t count) {
    if (count > set.images) {
        errors::throw_shape_error("data::first_images", "expected at most " + errors::text_of(set.images) +
                                                            " images, got " + errors::text_of(count));
    }
    image_dataset part{count, set.channels, set.rows, set.columns, {}, {}};
    part.pixels.assign(set.pixels.begin(),
                       set.pixels.begin() + static_cast<std::ptrdiff_t>(count * set.image_size()));
    part.labels.assign(set.labels.begin(), set.labels.begin() + static_cast<std::ptrdiff_t>(count));
    return part;
}

/// Returns the images [first, first + count) as numbers from 0 to 1, a view of `memory`, which grows as
/// needed. Throws `shape_error` if there are fewer images.
template <typename Scalar>
[[nodiscard]] tensor_view<const Scalar, 4> unit_interval(const image_dataset& set, std::size_t first,
                                                         std::size_t count, std::vector<Scalar>& memory) {
    if (first > set.images || count > set.images - first) {
        errors::throw_shape_error("data::unit_interval",
                                  "expected images up to " + errors::text_of(set.images) + ", got " +
                                      errors::text_of(first) + " + " + errors::text_of(count));
    }
    const std::size_t size = set.image_size();
    if (memory.size() < count * size) memory.resize(count * size);
    const std::uint8_t* from = set.pixels.data() + first * size;
    for (std::size_t p = 0; p < count * size; ++p) {
        memory[p] = static_cast<Scalar>(from[p]) / static_cast<Scalar>(255);
    }
    return {memory.data(), {count, set.channels, set.rows, set.columns}};
}

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
