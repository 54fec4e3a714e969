#pragma once

#include "repscope/io/array_header.hpp"
#include "repscope/io/dtype.hpp"
#include "repscope/tensor/layout.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Memory that a thread reuses from one read to the next.
struct read_buffer {
    std::vector<std::byte> raw;      ///< bytes as stored
    std::vector<float> floats;       ///< elements as float
    std::vector<double> doubles;     ///< elements as double
    std::vector<std::size_t> places; ///< offsets of rows

    /// The elements of a type, float or double.
    template <typename Scalar>
    [[nodiscard]] std::vector<Scalar>& of() noexcept {
        if constexpr (std::is_same_v<Scalar, float>)
            return floats;
        else
            return doubles;
    }
};

namespace detail {

/// Transposes a row-major matrix: `to` is (columns, rows). Four rows and a cache line of columns at a time;
/// compilers vectorize this form.
template <typename Scalar>
void transpose(const Scalar* from, std::size_t rows, std::size_t columns, Scalar* to) {
    constexpr std::size_t block = 16;
    const auto turn = [&](std::size_t row, std::size_t column) {
        to[column * rows + row] = from[row * columns + column];
    };
    const std::size_t whole_rows = rows / 4 * 4;
    const std::size_t whole_columns = columns / block * block;
    for (std::size_t column = 0; column < whole_columns; column += block) {
        for (std::size_t row = 0; row < whole_rows; row += 4) {
            const Scalar* source = from + row * columns + column;
            Scalar* target = to + column * rows + row;
            for (std::size_t c = 0; c < block; ++c) {
                const Scalar first = source[c], second = source[columns + c];
                const Scalar third = source[2 * columns + c], fourth = source[3 * columns + c];
                target[c * rows] = first;
                target[c * rows + 1] = second;
                target[c * rows + 2] = third;
                target[c * rows + 3] = fourth;
            }
        }
        for (std::size_t c = column; c < column + block; ++c) {
            for (std::size_t row = whole_rows; row < rows; ++row) turn(row, c);
        }
    }
    for (std::size_t column = whole_columns; column < columns; ++column) {
        for (std::size_t row = 0; row < rows; ++row) turn(row, column);
    }
}

/// One stored array of activations, read as tiles. `block_reader` has checked its arguments.
class array_reader {
  public:
    array_reader(stored_array array, layout axes, std::size_t units, std::size_t positions)
        : array_(std::move(array)), layout_(axes), units_(units), positions_(positions) {}

    [[nodiscard]] const stored_array& array() const noexcept { return array_; }
    [[nodiscard]] std::size_t samples() const noexcept { return array_.header.shape[0]; }

    /// Reads samples [first, first + count), which must exist, into `target`, dense [sample][unit][position].
    template <typename Scalar>
    void read(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        if (array_.header.fortran_order)
            read_fortran(first, count, target, buffer);
        else
            read_samples(first, count, target, buffer);
    }

  private:
    static constexpr std::size_t max_at_once = std::size_t{4} << 20U;

    [[nodiscard]] std::size_t item_size() const noexcept { return size_of(array_.header.format.type); }
    [[nodiscard]] bool units_before_positions() const noexcept {
        return layout_ == layout::nu || layout_ == layout::nchw || layout_ == layout::nup ||
               positions_ == 1 || units_ == 1;
    }

    /// Decodes `count` elements from element `first` of the file on.
    template <typename Scalar>
    void read_run(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        const std::size_t item = item_size();
        const std::size_t offset = array_.header.data_offset + first * item;
        if (array_.header.format.type == dtype_of<Scalar>() &&
            array_.header.format.big_endian == detail::machine_is_big_endian) {
            array_.bytes->read(offset, std::as_writable_bytes(std::span(target, count)));
            return;
        }
        const std::size_t a_read = (std::min)(count, max_at_once / item);
        if (buffer.raw.size() < a_read * item) buffer.raw.resize(a_read * item);
        for (std::size_t done = 0; done < count;) {
            const std::size_t now = (std::min)(a_read, count - done);
            array_.bytes->read(offset + done * item, std::span(buffer.raw).first(now * item));
            decode(buffer.raw.data(), now, array_.header.format, target + done);
            done += now;
        }
    }

    template <typename Scalar>
    void read_samples(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        const std::size_t elements = units_ * positions_;
        if (units_before_positions()) {
            read_run(first * elements, count * elements, target, buffer);
            return;
        }
        // [position][unit] in the file: decoded in the stored order, then transposed, a few samples at a
        // time.
        const std::size_t a_turn =
            std::clamp<std::size_t>(max_at_once / (elements * sizeof(Scalar)), 1, count);
        std::vector<Scalar>& as_it_lies = buffer.of<Scalar>();
        if (as_it_lies.size() < a_turn * elements) as_it_lies.resize(a_turn * elements);
        for (std::size_t done = 0; done < count;) {
            const std::size_t now = (std::min)(a_turn, count - done);
            read_run((first + done) * elements, now * elements, as_it_lies.data(), buffer);
            for (std::size_t i = 0; i < now; ++i) {
                detail::transpose(as_it_lies.data() + i * elements, positions_, units_,
                                  target + (done + i) * elements);
            }
            done += now;
        }
    }

    /// Fortran order: the samples of one (unit, position) are adjacent and form a column. Reads runs of
    /// samples, or whole adjacent columns if the runs are most of them, and then scatters the values.
    template <typename Scalar>
    void read_fortran(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        const std::size_t elements = units_ * positions_;
        const bool whole = 2 * count >= samples();
        const std::size_t length = whole ? samples() : count;
        const std::size_t skipped = whole ? first : 0;
        // At least 16: fewer would use a small part of each cache line of the target.
        const std::size_t at_once =
            (std::min)(elements, (std::max<std::size_t>)(16, max_at_once / (length * sizeof(Scalar))));
        std::vector<Scalar>& columns = buffer.of<Scalar>();
        if (columns.size() < at_once * length) columns.resize(at_once * length);
        for (std::size_t column = 0; column < elements; column += at_once) {
            const std::size_t now = (std::min)(at_once, elements - column);
            if (whole) {
                read_run(column * length, now * length, columns.data(), buffer);
            } else {
                for (std::size_t k = 0; k < now; ++k) {
                    read_run((column + k) * samples() + first, count, columns.data() + k * count, buffer);
                }
            }
            places_of(column, now, buffer.places);
            constexpr std::size_t rows = 8;
            for (std::size_t row = 0; row < count; row += rows) {
                const std::size_t end = (std::min)(row + rows, count);
                for (std::size_t k = 0; k < now; ++k) {
                    const Scalar* from = columns.data() + k * length + skipped;
                    Scalar* to = target + buffer.places[k];
                    for (std::size_t i = row; i < end; ++i) to[i * elements] = from[i];
                }
            }
        }
    }

    /// Offset of columns [first, first + count) in [unit][position].
    void places_of(std::size_t first, std::size_t count, std::vector<std::size_t>& places) const {
        // In Fortran order the second axis is the fastest after the samples.
        std::array<std::size_t, 3> extents{1, 1, 1};
        for (std::size_t axis = 1; axis < array_.header.shape.size(); ++axis)
            extents[axis - 1] = array_.header.shape[axis];
        places.resize(count);
        for (std::size_t k = 0; k < count; ++k) {
            const std::size_t behind = (first + k) / extents[0];
            places[k] = place_of((first + k) % extents[0], behind % extents[1], behind / extents[1], extents);
        }
    }

    /// Offset of the element (a, b, c) after the sample axis in [unit][position].
    [[nodiscard]] std::size_t place_of(std::size_t a, std::size_t b, std::size_t c,
                                       const std::array<std::size_t, 3>& extents) const noexcept {
        switch (layout_) {
        case layout::nhwc:
            return c * positions_ + a * extents[1] + b;
        case layout::ntd:
            return b * positions_ + a;
        case layout::nup:
            return a * positions_ + b;
        case layout::nchw:
            return a * positions_ + b * extents[2] + c;
        case layout::nu:
        case layout::unstated:
            break;
        }
        return a;
    }

    stored_array array_;
    layout layout_;
    std::size_t units_;
    std::size_t positions_;
};

} // namespace detail
} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
