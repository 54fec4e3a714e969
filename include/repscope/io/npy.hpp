#pragma once

#include "repscope/bytes.hpp"
#include "repscope/io/file.hpp"
#include "repscope/io/npy_header.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Reads and checks the header of .npy bytes; the stated size must equal the number of bytes. Errors refer to
/// them by `name`. Throws `format_error`.
[[nodiscard]] inline npy_header read_npy_header(const byte_source& bytes, const std::string& name,
                                                void2_policy pairs = void2_policy::refused) {
    npy_header header = parse_npy_header(bytes.beginning(npy_prefix_bytes), name, pairs);
    const std::size_t claimed = header.size() * size_of(header.format.type);
    const std::size_t held = bytes.size() - header.data_offset;
    if (held != claimed) {
        throw format_error(name + ": " + (held < claimed ? "cut short: " : "") + "shape " +
                           format_shape(header.shape) + " of " + header.format.name() + " takes " +
                           errors::text_of(claimed) + " bytes, the file holds " + errors::text_of(held));
    }
    return header;
}

/// The same for an open file.
[[nodiscard]] inline npy_header read_npy_header(const input_file& file,
                                                void2_policy pairs = void2_policy::refused) {
    return read_npy_header(file, file.path(), pairs);
}

/// The array in a .npy file, with its header read and checked. Throws `format_error` that names the file and
/// the defect.
[[nodiscard]] inline stored_array open_npy(const std::string& path,
                                           void2_policy pairs = void2_policy::refused) {
    auto file = std::make_shared<input_file>(path);
    npy_header header = read_npy_header(*file, pairs);
    return {path, std::move(header), std::move(file)};
}

/// A whole .npy file in memory, in row-major order for any order of the file.
///
/// `T` is `float` or `double`, to which every type is converted, or an integer type, which must be that of
/// the file. Throws `format_error` that names the file if it cannot be read, or has another rank or type.
template <typename T, std::size_t Rank>
[[nodiscard]] array<T, Rank> load_npy(const std::string& path) {
    const input_file file(path);
    const npy_header header = read_npy_header(file);
    if (header.shape.size() != Rank) {
        throw format_error(path + ": expected rank " + errors::text_of(Rank) + ", got shape " +
                           format_shape(header.shape));
    }
    if constexpr (!std::is_floating_point_v<T>) {
        if (header.format.type != dtype_of<T>()) {
            throw format_error(path + ": expected elements of type " +
                               element_format{*dtype_of<T>(), false}.name() + ", got " +
                               header.format.name());
        }
    }
    std::array<std::size_t, Rank> extents{};
    for (std::size_t axis = 0; axis < Rank; ++axis) extents[axis] = header.shape[axis];
    array<T, Rank> result(extents);
    const std::size_t item = size_of(header.format.type);
    std::vector<std::byte> raw((std::min)(std::size_t{4} << 20U, result.size() * item) / item * item);
    std::vector<T> fortran(header.fortran_order ? result.size() : 0);
    T* target = header.fortran_order ? fortran.data() : result.data_handle();
    for (std::size_t done = 0; done < result.size();) {
        const std::size_t count = (std::min)(raw.size() / item, result.size() - done);
        file.read(header.data_offset + done * item, std::span(raw).first(count * item));
        decode(raw.data(), count, header.format, target + done);
        done += count;
    }
    if (header.fortran_order) {
        const tensor_view<const T, Rank> from(fortran.data(), extents, column_major_strides(extents));
        std::array<std::size_t, Rank> index{};
        for (std::size_t k = 0; k < result.size(); ++k) {
            std::ptrdiff_t offset = 0;
            for (std::size_t axis = 0; axis < Rank; ++axis) {
                offset += static_cast<std::ptrdiff_t>(index[axis]) * from.stride(axis);
            }
            result.data_handle()[k] = fortran[static_cast<std::size_t>(offset)];
            for (std::size_t axis = Rank; axis-- > 0;) {
                if (++index[axis] < extents[axis]) break;
                index[axis] = 0;
            }
        }
    }
    return result;
}

/// The bytes before the elements of a .npy file (version 1.0, C order), padded so that the elements begin at
/// a multiple of 64.
[[nodiscard]] inline std::vector<std::byte> npy_header_bytes(const element_format& format,
                                                             std::span<const std::size_t> shape) {
    std::string text =
        "{'descr': '" + format.name() + "', 'fortran_order': False, 'shape': " + format_shape(shape) + ", }";
    while ((10 + text.size() + 1) % 64 != 0) text += ' ';
    text += '\n';
    std::vector<std::byte> bytes;
    for (const char c : std::string_view("\x93NUMPY\x01\x00", 8)) bytes.push_back(static_cast<std::byte>(c));
    bytes.push_back(static_cast<std::byte>(text.size() & 0xffU));
    bytes.push_back(static_cast<std::byte>(text.size() >> 8U));
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

/// Writes a .npy file sample by sample; the complete file gets its name when `finish` is called.
template <typename T>
    requires(dtype_of<T>().has_value())
class npy_writer {
  public:
    /// `shape`: that of the whole array. Throws `format_error` when the file cannot be written.
    npy_writer(const std::string& path, std::span<const std::size_t> shape)
        : file_(path), missing_(element_count(shape)) {
        const element_format format{*dtype_of<T>(), detail::machine_is_big_endian};
        file_.write(npy_header_bytes(format, shape));
    }
    /// Writes the next elements, in row-major order. Throws `shape_error` for more elements than the shape
    /// holds.
    void append(std::span<const T> elements) {
        if (elements.size() > missing_) {
            errors::throw_shape_error("io::npy_writer", file_.path() + ": more elements than its shape");
        }
        missing_ -= elements.size();
        file_.write(std::as_bytes(elements));
    }
    /// Throws `shape_error` if elements are missing.
    void finish() {
        if (missing_ != 0) {
            errors::throw_shape_error("io::npy_writer", file_.path() + ": " + errors::text_of(missing_) +
                                                            " elements are missing");
        }
        file_.commit();
    }

  private:
    atomic_file file_;
    std::size_t missing_;
};

/// Writes a tensor as a .npy file; the file appears complete or not at all. Throws `format_error` if it
/// cannot be written.
template <tensor_like Tensor>
    requires(dtype_of<element_type_of<Tensor>>().has_value() && static_rank<Tensor> != dynamic_rank)
void save_npy(const std::string& path, const Tensor& tensor) {
    using element = element_type_of<Tensor>;
    const auto view = as_view(tensor);
    npy_writer<element> writer(path, view.extents());
    if (is_row_major(view)) {
        writer.append(std::span(view.data_handle(), view.size()));
    } else {
        std::vector<element> elements;
        elements.reserve(view.size());
        auto index = view.extents();
        index.fill(0);
        for (std::size_t k = 0; k < view.size(); ++k) {
            std::ptrdiff_t offset = 0;
            for (std::size_t axis = 0; axis < view.rank(); ++axis) {
                offset += static_cast<std::ptrdiff_t>(index[axis]) * view.stride(axis);
            }
            elements.push_back(view.data_handle()[offset]);
            for (std::size_t axis = view.rank(); axis-- > 0;) {
                if (++index[axis] < view.extent(axis)) break;
                index[axis] = 0;
            }
        }
        writer.append(elements);
    }
    writer.finish();
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
