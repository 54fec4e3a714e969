#pragma once

#include "repscope/error.hpp"
#include "repscope/io/array_reader.hpp"
#include "repscope/io/file.hpp"
#include "repscope/io/npy.hpp"
#include "repscope/tensor/layout.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Reads the activations of a layer from one or several consecutive files, block by block as tiles (samples,
/// units, positions).
///
/// It hides the file's type, byte order, storage order and layout. Memory does not grow with the file. A
/// `read_buffer` holds at most 4 MiB of stored bytes, and as much of decoded values before their axes are
/// permuted. It holds at least a sample, or 16 columns in Fortran order. Reading is const and thread-safe;
/// each thread needs its own `read_buffer`.
class block_reader {
  public:
    /// One array of the stated layout (`layout::unstated`: `nu` for rank 2, `nchw` for rank 4). Throws
    /// `format_error` that names the array if the rank does not fit the layout, or there are no samples,
    /// units or positions.
    explicit block_reader(stored_array array, layout stated = layout::unstated) : path_(array.name) {
        std::vector<stored_array> one;
        one.push_back(std::move(array));
        take(std::move(one), stated);
    }

    /// Arrays that are concatenated along the samples; errors refer to them together by `path`. Throws
    /// `format_error` as above and without arrays. Throws it also for the first array, by name, that differs
    /// from the one before it in type or in an extent after the samples.
    block_reader(std::vector<stored_array> batches, std::string path, layout stated = layout::unstated)
        : path_(std::move(path)) {
        if (batches.empty()) throw format_error(path_ + ": holds no batches of activations");
        take(std::move(batches), stated);
    }

    /// An open NumPy file.
    block_reader(input_file file, npy_header header, layout stated = layout::unstated)
        : block_reader(as_array(std::move(file), std::move(header)), stated) {}

    /// Name in error messages: its file, and the part of it.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// The extents of all arrays together.
    [[nodiscard]] const std::vector<std::size_t>& shape() const noexcept { return shape_; }
    /// The type and byte order of the elements.
    [[nodiscard]] const element_format& format() const noexcept { return header().format; }
    /// The layout of the file, never `unstated`.
    [[nodiscard]] layout axes() const noexcept { return layout_; }
    /// Number of samples.
    [[nodiscard]] std::size_t samples() const noexcept { return shape_[0]; }
    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Number of positions of a unit.
    [[nodiscard]] std::size_t positions() const noexcept { return positions_; }
    /// Bytes of one sample in the file.
    [[nodiscard]] std::size_t sample_bytes() const noexcept {
        return units_ * positions_ * size_of(header().format.type);
    }
    /// Whether `read_tile<float>` holds every value exactly; otherwise `double` is needed.
    [[nodiscard]] bool reads_as_float() const noexcept { return header().format.reads_as_float(); }
    /// Whether reading samples from front to back is much faster than in another order (a compressed stream).
    [[nodiscard]] bool in_order() const noexcept {
        return std::any_of(parts_.begin(), parts_.end(),
                           [](const detail::array_reader& part) { return part.array().bytes->in_order(); });
    }
    /// Throws `format_error` if a checksum of the array's storage is wrong. Cheap after a pass over all
    /// samples; otherwise the missing bytes are read.
    void verify() const {
        for (const detail::array_reader& part : parts_) part.array().bytes->verify();
    }

    /// Best number of samples per read. Any number if samples are contiguous. In Fortran order, which
    /// scatters a sample over the whole file, so many that runs have 64 KiB, within 64 MiB of tile.
    [[nodiscard]] std::size_t samples_at_a_time(std::size_t count) const noexcept {
        const auto is_fortran = [](const detail::array_reader& part) {
            return part.array().header.fortran_order;
        };
        if (std::none_of(parts_.begin(), parts_.end(), is_fortran)) return count;
        constexpr std::size_t run = std::size_t{64} << 10U;
        constexpr std::size_t most = std::size_t{64} << 20U;
        const std::size_t tile_bytes =
            units_ * positions_ * (reads_as_float() ? sizeof(float) : sizeof(double));
        const std::size_t fits = (std::max<std::size_t>)(1, most / tile_bytes);
        return (std::min)((std::max)(count, run / size_of(header().format.type)), (std::max)(count, fits));
    }

    /// Samples [first, first + count) into `target`, dense [sample][unit][position].
    ///
    /// `Scalar` is `float` or `double`, and should be `double` unless `reads_as_float()`. The caller ensures
    /// that `target` holds count x units x positions. Reads directly into `target` if the stored form is the
    /// same; otherwise decodes, and transposes if units are not before positions. Throws `shape_error` if
    /// there are fewer samples, `format_error` if the file cannot be read.
    template <typename Scalar>
        requires(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>)
    void read(std::size_t first, std::size_t count, Scalar* target, read_buffer& buffer) const {
        if (first > samples() || count > samples() - first) {
            errors::throw_shape_error("io::block_reader::read",
                                      path_ + ": expected samples " + errors::text_of(first) + " to " +
                                          errors::text_of(first) + " + " + errors::text_of(count),
                                      shape_);
        }
        // The part that holds sample `first`: the last one with a first sample at or before it.
        const auto behind = std::upper_bound(begins_.begin(), begins_.end(), first);
        for (auto part = static_cast<std::size_t>(behind - begins_.begin()) - 1; count > 0; ++part) {
            const std::size_t inside = first - begins_[part];
            const std::size_t now = (std::min)(count, parts_[part].samples() - inside);
            if (now > 0) parts_[part].read(inside, now, target, buffer);
            first += now;
            count -= now;
            target += now * units_ * positions_;
        }
    }

    /// Reads into `memory`, which grows as needed, and returns a view (samples, units, positions, 1) of it.
    template <typename Scalar>
    [[nodiscard]] activations_view<Scalar> read_tile(std::size_t first, std::size_t count,
                                                     read_buffer& buffer, std::vector<Scalar>& memory) const {
        const std::size_t elements = count * units_ * positions_;
        if (memory.size() < elements) memory.resize(elements);
        read(first, count, memory.data(), buffer);
        return {memory.data(), {count, units_, positions_, 1}};
    }

  private:
    [[nodiscard]] static stored_array as_array(input_file file, npy_header header) {
        auto shared = std::make_shared<input_file>(std::move(file));
        std::string name = shared->path();
        return {std::move(name), std::move(header), std::move(shared)};
    }

    [[nodiscard]] const array_header& header() const noexcept { return parts_.front().array().header; }

    void take(std::vector<stored_array> batches, layout stated) {
        shape_ = batches.front().header.shape;
        layout_ = stated;
        const std::size_t rank = shape_.size();
        if (layout_ == layout::unstated) {
            if (rank == 2) layout_ = layout::nu;
            if (rank == 4) layout_ = layout::nchw;
        }
        if (rank < 2 || rank > 4 || rank_of(layout_) != rank) {
            throw format_error(path_ + ": expected " +
                               (layout_ == layout::unstated
                                    ? std::string("activations of rank 2 to 4, rank 3 with a layout")
                                    : "rank " + errors::text_of(rank_of(layout_)) + " for layout " +
                                          std::string(to_string(layout_))) +
                               ", got shape " + format_shape(shape_));
        }
        const array_header first = batches.front().header;
        shape_[0] = 0;
        for (const stored_array& batch : batches) {
            const array_header& other = batch.header;
            const bool fits = other.format == first.format && other.shape.size() == rank &&
                              std::equal(other.shape.begin() + 1, other.shape.end(), first.shape.begin() + 1);
            if (!fits) {
                throw format_error(batch.name + ": holds " + other.format.name() + " of shape " +
                                   format_shape(other.shape) + ", the batch before it " +
                                   first.format.name() + " of shape " + format_shape(first.shape) +
                                   ": expected one type, and shapes that differ in their first extent only");
            }
            shape_[0] += other.shape[0];
        }
        const std::size_t elements =
            array_bytes(shape_, size_of(first.format.type)).value_or(0) / size_of(first.format.type);
        if (elements == 0) {
            throw format_error(path_ + ": holds no activations: shape " + format_shape(shape_));
        }
        const bool units_last = layout_ == layout::nhwc || layout_ == layout::ntd;
        units_ = units_last ? shape_[rank - 1] : shape_[1];
        positions_ = elements / shape_[0] / units_;
        std::size_t begin = 0;
        for (stored_array& batch : batches) {
            begins_.push_back(begin);
            begin += batch.header.shape[0];
            parts_.emplace_back(std::move(batch), layout_, units_, positions_);
        }
    }

    std::string path_;
    layout layout_ = layout::unstated;
    /// Number of samples of all parts together.
    std::vector<std::size_t> shape_;
    std::size_t units_ = 0;
    std::size_t positions_ = 0;
    std::vector<detail::array_reader> parts_;
    /// The first sample of each part.
    std::vector<std::size_t> begins_;
};

/// Opens a .npy file of activations. Throws `format_error` naming the file and what is wrong with it.
[[nodiscard]] inline block_reader open(const std::string& path, layout stated = layout::unstated) {
    return block_reader(open_npy(path), stated);
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
