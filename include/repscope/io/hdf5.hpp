#pragma once

// Opt-in, not part of repscope.hpp: includes <hdf5.h>. The program that uses it links libhdf5.

#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/byte_source.hpp"
#include "repscope/io/dtype.hpp"
#include "repscope/io/npy_header.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <hdf5.h>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

namespace detail {

/// Debian's build of libhdf5 may be called by one thread at a time.
[[nodiscard]] inline std::mutex& hdf5_mutex() {
    static std::mutex mutex;
    return mutex;
}

/// An identifier of libhdf5 that is closed by the destructor.
class hdf5_handle {
  public:
    hdf5_handle(hid_t id, herr_t (*close)(hid_t)) noexcept : id_(id), close_(close) {}
    hdf5_handle(hdf5_handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    hdf5_handle& operator=(hdf5_handle&&) = delete;
    ~hdf5_handle() {
        if (id_ >= 0) close_(id_);
    }
    [[nodiscard]] hid_t get() const noexcept { return id_; }
    [[nodiscard]] bool good() const noexcept { return id_ >= 0; }

  private:
    hid_t id_;
    herr_t (*close_)(hid_t);
};

/// Prevents libhdf5 from printing its errors; they become exceptions.
class hdf5_silence {
  public:
    hdf5_silence() {
        H5Eget_auto2(H5E_DEFAULT, &print_, &context_);
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    }
    hdf5_silence(const hdf5_silence&) = delete;
    hdf5_silence& operator=(const hdf5_silence&) = delete;
    ~hdf5_silence() { H5Eset_auto2(H5E_DEFAULT, print_, context_); }

  private:
    H5E_auto2_t print_ = nullptr;
    void* context_ = nullptr;
};

/// The `dtype` of a data set's elements; no value if they are not numbers.
[[nodiscard]] inline std::optional<element_format> hdf5_format(hid_t type, bool pairs_are_bfloat16) {
    const std::size_t size = H5Tget_size(type);
    const H5T_class_t kind = H5Tget_class(type);
    element_format format;
    if (kind == H5T_OPAQUE && size == 2 && pairs_are_bfloat16) {
        format.type = dtype::bfloat16;
        format.big_endian = machine_is_big_endian;
        return format;
    }
    if (kind == H5T_ENUM) { // the form in which h5py writes bool
        if (size != 1 || H5Tget_nmembers(type) != 2) return std::nullopt;
        format.type = dtype::boolean;
        return format;
    }
    std::string name;
    if (kind == H5T_FLOAT) {
        // Half and bfloat16 have one size; the width of the exponent distinguishes them.
        std::size_t sign = 0, exponent = 0, exponent_bits = 0, fraction = 0, fraction_bits = 0;
        H5Tget_fields(type, &sign, &exponent, &exponent_bits, &fraction, &fraction_bits);
        name = size == 2 && exponent_bits == 8 ? "bf16" : "f" + errors::text_of(size);
    } else if (kind == H5T_INTEGER) {
        name = (H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "i") + errors::text_of(size);
    }
    const auto named = dtype_named(name);
    if (!named) return std::nullopt;
    format.type = *named;
    format.big_endian = size > 1 && H5Tget_order(type) == H5T_ORDER_BE;
    return format;
}

/// The elements of a data set in C order, as stored in the file, read by hyperslabs of whole samples.
class hdf5_dataset final : public byte_source {
  public:
    hdf5_dataset(std::shared_ptr<const hdf5_handle> file, hdf5_handle set, std::vector<hsize_t> extents,
                 std::size_t item, std::string name)
        : file_(std::move(file)), set_(std::move(set)), extents_(std::move(extents)), item_(item),
          name_(std::move(name)) {
        row_bytes_ = item_;
        for (std::size_t axis = 1; axis < extents_.size(); ++axis) row_bytes_ *= extents_[axis];
        size_ = row_bytes_ * extents_[0];
    }
    ~hdf5_dataset() override {
        // libhdf5 closes the handle as well.
        const std::lock_guard lock(hdf5_mutex());
        { const hdf5_handle closing = std::move(set_); }
        file_.reset();
    }
    hdf5_dataset(const hdf5_dataset&) = delete;
    hdf5_dataset& operator=(const hdf5_dataset&) = delete;

    [[nodiscard]] std::size_t size() const noexcept override { return size_; }

    void read(std::size_t offset, std::span<std::byte> bytes) const override {
        if (offset > size_ || bytes.size() > size_ - offset) {
            throw format_error(name_ + ": ended early, at byte " + errors::text_of(size_));
        }
        if (bytes.empty()) return;
        const std::lock_guard lock(hdf5_mutex());
        const hdf5_silence silence;
        const std::size_t first = offset / row_bytes_;
        const std::size_t last = (offset + bytes.size() + row_bytes_ - 1) / row_bytes_;
        if (offset % row_bytes_ == 0 && bytes.size() % row_bytes_ == 0) {
            read_rows(first, last - first, bytes.data());
            return;
        }
        rows_.resize((last - first) * row_bytes_);
        read_rows(first, last - first, rows_.data());
        std::copy_n(rows_.data() + (offset - first * row_bytes_), bytes.size(), bytes.data());
    }

  private:
    void read_rows(std::size_t first, std::size_t count, std::byte* target) const {
        std::vector<hsize_t> start(extents_.size(), 0);
        std::vector<hsize_t> length = extents_;
        start[0] = first;
        length[0] = count;
        const hdf5_handle in_file(H5Dget_space(set_.get()), H5Sclose);
        const hdf5_handle in_memory(H5Screate_simple(static_cast<int>(length.size()), length.data(), nullptr),
                                    H5Sclose);
        const hdf5_handle type(H5Dget_type(set_.get()), H5Tclose);
        if (!in_file.good() || !in_memory.good() || !type.good() ||
            H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, start.data(), nullptr, length.data(),
                                nullptr) < 0 ||
            H5Dread(set_.get(), type.get(), in_memory.get(), in_file.get(), H5P_DEFAULT, target) < 0) {
            throw format_error(name_ + ": cannot be read, from row " + errors::text_of(first) + " on");
        }
    }

    std::shared_ptr<const hdf5_handle> file_;
    hdf5_handle set_;
    std::vector<hsize_t> extents_;
    std::size_t item_;
    std::string name_;
    std::size_t row_bytes_ = 0;
    std::size_t size_ = 0;
    mutable std::vector<std::byte> rows_;
};

} // namespace detail

/// The data sets of an HDF5 file, at its root and in its groups.
///
/// Use it for trusted files only: manipulated files can attack libhdf5. One thread reads at a time. Soft and
/// external links are not followed.
class hdf5_file {
  public:
    /// Throws `format_error` if it is not an HDF5 file, or holds no data sets.
    explicit hdf5_file(const std::string& path) : path_(path) {
        const std::lock_guard lock(detail::hdf5_mutex());
        const detail::hdf5_silence silence;
        file_ = std::make_shared<const detail::hdf5_handle>(
            H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
        if (!file_->good()) throw format_error(path + ": cannot be opened as an HDF5 file");
        const auto visit = [](hid_t, const char* name, const H5O_info_t* about, void* keys) -> herr_t {
            if (about->type == H5O_TYPE_DATASET) {
                static_cast<std::vector<std::string>*>(keys)->emplace_back(name);
            }
            return 0;
        };
        if (H5Ovisit(file_->get(), H5_INDEX_NAME, H5_ITER_INC, visit, &keys_) < 0) {
            throw format_error(path + ": is damaged: its objects cannot be listed");
        }
        if (keys_.empty()) throw format_error(path + ": holds no data sets");
    }
    hdf5_file(const hdf5_file&) = delete;
    hdf5_file& operator=(const hdf5_file&) = delete;
    ~hdf5_file() {
        const std::lock_guard lock(detail::hdf5_mutex());
        file_.reset();
    }

    /// Returns whether a file begins like an HDF5 file.
    [[nodiscard]] static bool recognizes(std::span<const std::byte> head, std::string_view path) noexcept {
        (void)path;
        const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
        return text.starts_with("\x89HDF\r\n\x1a\n");
    }

    /// The names of the data sets, by group and name: "layer3/conv1".
    [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return keys_; }

    /// The data set with that name. `pairs`: the type of opaque elements of two bytes. Throws `format_error`
    /// if there is none, its elements are not numbers, or it is a scalar.
    [[nodiscard]] stored_array array(const std::string& key,
                                     void2_policy pairs = void2_policy::refused) const {
        const std::string called = path_ + ":" + key;
        const std::lock_guard lock(detail::hdf5_mutex());
        const detail::hdf5_silence silence;
        detail::hdf5_handle set(H5Dopen2(file_->get(), key.c_str(), H5P_DEFAULT), H5Dclose);
        if (!set.good()) throw format_error(path_ + ": holds no data set '" + key + "'");
        const detail::hdf5_handle type(H5Dget_type(set.get()), H5Tclose);
        const detail::hdf5_handle space(H5Dget_space(set.get()), H5Sclose);
        const auto format = detail::hdf5_format(type.get(), pairs == void2_policy::bfloat16);
        if (!format)
            throw format_error(called + ": expected elements that are numbers of a type that is read");
        const int rank = H5Sget_simple_extent_ndims(space.get());
        if (rank < 1) throw format_error(called + ": is a scalar, expected an array");
        std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
        H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
        std::vector<std::size_t> shape(extents.begin(), extents.end());
        if (!array_bytes(shape, size_of(format->type))) {
            throw format_error(called + ": claims shape " + format_shape(shape) +
                               ", more than fits in a file");
        }
        auto bytes = std::make_shared<detail::hdf5_dataset>(file_, std::move(set), std::move(extents),
                                                            size_of(format->type), called);
        return {called, {*format, false, std::move(shape), 0}, std::move(bytes)};
    }

  private:
    std::string path_;
    std::shared_ptr<const detail::hdf5_handle> file_;
    std::vector<std::string> keys_;
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
