#pragma once

#include "repscope/io/dtype.hpp"
#include "repscope/io/file.hpp"
#include "repscope/io/npy.hpp"
#include "repscope/tensor/layout.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace v0 {
namespace io {

namespace detail {

/// A row-major matrix turned: `to` is (columns, rows). Four rows and a cache line of columns at a time, which
/// compilers make vector instructions of.
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

} // namespace detail

/// Memory that a thread reuses from one read to the next.
struct read_buffer {
    std::vector<std::byte> raw;
    std::vector<float> floats;
    std::vector<double> doubles;
    std::vector<std::size_t> places;

    template <typename Scalar>
    [[nodiscard]] std::vector<Scalar>& of() noexcept {
        if constexpr (std::is_same_v<Scalar, float>)
            return floats;
        else
            return doubles;
    }
};

/// Activations of a layer in a file, read block by block as tiles (samples, units, positions).
///
/// The file's type, byte order, storage order and layout stay in here. Memory does not grow with the file: a
/// `read_buffer` holds at most 4 MiB of it as it lies, and as much decoded before its axes are put in order
/// (a sample, or 16 columns in Fortran order, where these are larger). Reading is const and may be done by
/// several threads at once, each with a `read_buffer` of its own.
class block_reader {
  public:
    /// The array that `header` describes, of the stated layout (`layout::unstated`: `nu` for rank 2, `nchw`
    /// for rank 4). Throws `format_error` naming the file when the rank does not fit the layout, or there are
    /// no samples, units or positions.
    block_reader(input_file file, npy_header header, layout stated = layout::unstated)
        : file_(std::move(file)), header_(std::move(header)), layout_(stated) {
        const auto& shape = header_.shape;
        const std::size_t rank = shape.size();
        if (layout_ == layout::unstated) {
            if (rank == 2) layout_ = layout::nu;
            if (rank == 4) layout_ = layout::nchw;
        }
        if (rank < 2 || rank > 4 || rank_of(layout_) != rank) {
            throw format_error(file_.path() + ": wanted " +
                               (layout_ == layout::unstated
                                    ? std::string("activations of rank 2 to 4, rank 3 with a layout")
                                    : "rank " + std::to_string(rank_of(layout_)) + " for layout " +
                                          std::string(to_string(layout_))) +
                               ", got shape " + format_shape(shape));
        }
        if (header_.size() == 0) {
            throw format_error(file_.path() + ": holds no activations: shape " + format_shape(shape));
        }
        const bool units_last = layout_ == layout::nhwc || layout_ == layout::ntd;
        units_ = units_last ? shape[rank - 1] : shape[1];
        positions_ = header_.size() / shape[0] / units_;
    }

    [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
    [[nodiscard]] const std::vector<std::size_t>& shape() const noexcept { return header_.shape; }
    [[nodiscard]] const element_format& format() const noexcept { return header_.format; }
    /// The layout as which the file is read, never `unstated`.
    [[nodiscard]] layout axes() const noexcept { return layout_; }
    [[nodiscard]] std::size_t samples() const noexcept { return header_.shape[0]; }
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    [[nodiscard]] std::size_t positions() const noexcept { return positions_; }
    /// Bytes of one sample in the file.
    [[nodiscard]] std::size_t sample_bytes() const noexcept { return units_ * positions_ * item_size(); }
    /// Whether `read_tile<float>` holds every value exactly; otherwise `double` is needed.
    [[nodiscard]] bool reads_as_float() const noexcept { return header_.format.reads_as_float(); }

    /// Samples that are best read at a time: whatever the caller likes where samples lie one behind the
    /// other, else (Fortran order, where a sample is scattered over the whole file) so many that runs of 64
    /// KiB are read, within 64 MiB of tile.
    [[nodiscard]] std::size_t samples_at_a_time(std::size_t wanted) const noexcept {
        if (!header_.fortran_order) return wanted;
        constexpr std::size_t run = std::size_t{64} << 10U;
        constexpr std::size_t most = std::size_t{64} << 20U;
        const std::size_t tile_bytes =
            units_ * positions_ * (reads_as_float() ? sizeof(float) : sizeof(double));
        const std::size_t fits = (std::max<std::size_t>)(1, most / tile_bytes);
        return (std::min)((std::max)(wanted, run / item_size()), (std::max)(wanted, fits));
    }

    /// Samples [first, first + count) into `target`, dense [sample][unit][position].
    ///
    /// `Scalar` is `float` or `double`, and should be `double` unless `reads_as_float()`; that `target` holds
    /// count x units x positions is the caller's promise. Read into `target` where it lies just so already;
    /// else decoded, and transposed where units are not before positions. Throws `shape_error` when there are
    /// not so many samples, `format_error` when the file cannot be read.
    template <typename Scalar>
        requires(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>)
    void read(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        if (first > samples() || count > samples() - first) {
            repscope::detail::throw_shape_error("io::block_reader::read",
                                                file_.path() + ": wanted samples " + std::to_string(first) +
                                                    " to " + std::to_string(first) + " + " +
                                                    std::to_string(count),
                                                header_.shape);
        }
        if (count == 0) return;
        if (header_.fortran_order)
            read_fortran(first, count, target, buffer);
        else
            read_samples(first, count, target, buffer);
    }

    /// The same into `memory`, which grows as needed, as a view (samples, units, positions, 1) of it.
    template <typename Scalar>
    [[nodiscard]] activations_view<Scalar> read_tile(std::size_t first, std::size_t count,
                                                     read_buffer& buffer, std::vector<Scalar>& memory) const {
        const std::size_t elements = count * units_ * positions_;
        if (memory.size() < elements) memory.resize(elements);
        read(first, count, memory.data(), buffer);
        return {memory.data(), {count, units_, positions_, 1}};
    }

  private:
    static constexpr std::size_t most_at_once = std::size_t{4} << 20U;

    [[nodiscard]] std::size_t item_size() const noexcept { return size_of(header_.format.type); }
    [[nodiscard]] bool units_before_positions() const noexcept {
        return layout_ == layout::nu || layout_ == layout::nchw || layout_ == layout::nup ||
               positions_ == 1 || units_ == 1;
    }

    /// `count` elements from element `first` of the file on, decoded.
    template <typename Scalar>
    void read_run(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        const std::size_t item = item_size();
        const std::size_t offset = header_.data_offset + first * item;
        if (header_.format.type == dtype_of<Scalar>() &&
            header_.format.big_endian == detail::machine_is_big_endian) {
            file_.read(offset, std::as_writable_bytes(std::span(target, count)));
            return;
        }
        const std::size_t a_read = (std::min)(count, most_at_once / item);
        if (buffer.raw.size() < a_read * item) buffer.raw.resize(a_read * item);
        for (std::size_t done = 0; done < count;) {
            const std::size_t now = (std::min)(a_read, count - done);
            file_.read(offset + done * item, std::span(buffer.raw).first(now * item));
            decode(buffer.raw.data(), now, header_.format, target + done);
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
        // [position][unit] in the file: decoded as it lies, then turned, a few samples at a time.
        const std::size_t a_turn =
            std::clamp<std::size_t>(most_at_once / (elements * sizeof(Scalar)), 1, count);
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

    /// Fortran order: the samples of one (unit, position) lie together, a column. Runs of samples are read,
    /// or whole columns, which lie one behind the other, where the runs are most of them; then scattered.
    template <typename Scalar>
    void read_fortran(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        const std::size_t elements = units_ * positions_;
        const bool whole = 2 * count >= samples();
        const std::size_t length = whole ? samples() : count;
        const std::size_t skipped = whole ? first : 0;
        // At least 16: fewer would use a small part of each cache line of the target.
        const std::size_t at_once =
            (std::min)(elements, (std::max<std::size_t>)(16, most_at_once / (length * sizeof(Scalar))));
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

    /// Where columns [first, first + count) go in [unit][position].
    void places_of(std::size_t first, std::size_t count, std::vector<std::size_t>& places) const {
        // In Fortran order the second axis runs fastest behind the samples.
        std::array<std::size_t, 3> extents{1, 1, 1};
        for (std::size_t axis = 1; axis < header_.shape.size(); ++axis)
            extents[axis - 1] = header_.shape[axis];
        places.resize(count);
        for (std::size_t k = 0; k < count; ++k) {
            const std::size_t behind = (first + k) / extents[0];
            places[k] = place_of((first + k) % extents[0], behind % extents[1], behind / extents[1], extents);
        }
    }

    /// Where the element (a, b, c) behind the sample axis goes in [unit][position].
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

    input_file file_;
    npy_header header_;
    layout layout_;
    std::size_t units_ = 0;
    std::size_t positions_ = 0;
};

/// Opens a .npy file of activations. Throws `format_error` naming the file and what is wrong with it.
[[nodiscard]] inline block_reader open(const std::string& path, layout stated = layout::unstated) {
    input_file file(path);
    npy_header header = read_npy_header(file);
    return {std::move(file), std::move(header), stated};
}

} // namespace io
} // namespace v0
} // namespace repscope
