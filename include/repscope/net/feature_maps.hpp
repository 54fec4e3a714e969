#pragma once

#include "repscope/tensor/tensor_view.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Extents of the maps between layers: samples, channels, rows, columns; (n, units, 1, 1) for a flat layer.
struct feature_map_shape {
    std::size_t n = 0, c = 0, h = 0, w = 0; ///< samples, channels, rows, columns
    friend constexpr bool operator==(const feature_map_shape&, const feature_map_shape&) noexcept = default;
    /// Number of pixels of a map.
    [[nodiscard]] constexpr std::size_t positions() const noexcept { return h * w; }
};

/// A pair of numbers for the two directions of a map.
struct extent_2d {
    std::size_t rows = 0, cols = 0; ///< for the rows and the columns
    friend constexpr bool operator==(const extent_2d&, const extent_2d&) noexcept = default;
};

/// Maps in memory: the channels of a pixel are adjacent, pixels of a row follow each other, and rows and
/// samples may have gaps.
template <typename T>
struct feature_map_view {
    T* data = nullptr;         ///< the first element
    feature_map_shape shape{}; ///< extents
    std::ptrdiff_t row = 0;    ///< elements from a row to the next
    std::ptrdiff_t image = 0;  ///< elements from a sample to the next

    /// Number of elements from `data` to a pixel; also valid for maps without memory.
    [[nodiscard]] constexpr std::ptrdiff_t offset(std::size_t n, std::size_t y = 0,
                                                  std::size_t x = 0) const noexcept {
        return static_cast<std::ptrdiff_t>(n) * image + static_cast<std::ptrdiff_t>(y) * row +
               static_cast<std::ptrdiff_t>(x * shape.c);
    }
    /// The channels of a pixel.
    [[nodiscard]] constexpr T* at(std::size_t n, std::size_t y = 0, std::size_t x = 0) const noexcept {
        return data + offset(n, y, x);
    }
    /// Number of elements of a row.
    [[nodiscard]] constexpr std::size_t row_length() const noexcept { return shape.w * shape.c; }
    /// The same as (samples, channels, rows, columns).
    [[nodiscard]] constexpr tensor_view<T, 4> view() const noexcept {
        return {data,
                {shape.n, shape.c, shape.h, shape.w},
                {image, 1, row, static_cast<std::ptrdiff_t>(shape.c)}};
    }
    /// The same maps, which cannot be written.
    constexpr operator feature_map_view<const T>() const noexcept // NOLINT(google-explicit-constructor)
        requires(!std::is_const_v<T>) {
        return {data, shape, row, image};
    }
};

/// Memory for numbers, aligned to cache lines, initialized with zeros; it grows but never shrinks. A few
/// spare numbers follow the last one, so that a kernel can load a whole vector at the end.
template <typename T>
class buffer {
  public:
    buffer() = default;
    /// Memory for `size` numbers.
    explicit buffer(std::size_t size) { resize(size); }

    /// Ensures at least `size` numbers; a reallocation sets all of them to 0.
    void resize(std::size_t size) {
        if (size <= size_ && data_ != nullptr) return;
        constexpr std::size_t spare = 64;
        data_.reset(static_cast<T*>(::operator new ((size + spare) * sizeof(T), std::align_val_t{64})));
        std::uninitialized_value_construct_n(data_.get(), size + spare);
        size_ = size;
    }
    /// The first number, or null.
    [[nodiscard]] T* data() const noexcept { return data_.get(); }
    /// Number of numbers.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// A number; the index is not checked.
    [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data_.get()[index]; }

  private:
    struct release {
        void operator()(T* data) const noexcept { ::operator delete (data, std::align_val_t{64}); }
    };
    std::unique_ptr<T, release> data_;
    std::size_t size_ = 0;
};

/// Maps with their own memory, with a border of zeros around each, which a padded convolution reads. The
/// border is written once and stays.
template <typename T>
class map_buffer {
  public:
    /// Ensures space for `shape.n` samples; keeps the memory and its contents if the geometry is unchanged.
    void resize(const feature_map_shape& shape, const extent_2d& halo = {}) {
        const bool same = shape_.c == shape.c && shape_.h == shape.h && shape_.w == shape.w && halo_ == halo;
        if (same && shape.n <= shape_.n) return;
        shape_ = shape;
        halo_ = halo;
        row_ = (shape.w + 2 * halo.cols) * shape.c;
        image_ = (shape.h + 2 * halo.rows) * row_;
        storage_ = buffer<T>(shape.n * image_);
    }
    /// The first `n` samples.
    [[nodiscard]] feature_map_view<T> view(std::size_t n) const noexcept {
        return {storage_.data() + halo_.rows * row_ + halo_.cols * shape_.c,
                {n, shape_.c, shape_.h, shape_.w},
                static_cast<std::ptrdiff_t>(row_),
                static_cast<std::ptrdiff_t>(image_)};
    }
    /// The extents that the memory has space for.
    [[nodiscard]] const feature_map_shape& shape() const noexcept { return shape_; }
    /// The border.
    [[nodiscard]] const extent_2d& halo() const noexcept { return halo_; }

  private:
    buffer<T> storage_;
    feature_map_shape shape_{};
    extent_2d halo_{};
    std::size_t row_ = 0, image_ = 0;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
