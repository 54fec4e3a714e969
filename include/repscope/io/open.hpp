#pragma once

#include "repscope/io/array_header.hpp"
#include "repscope/io/file.hpp"
#include "repscope/io/npy.hpp"
#include "repscope/io/npy_folder.hpp"

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Requirements on a format of archives: arrays by name in one file. `npz_archive`, `safetensors_file` and
/// `hdf5_file` are models. `recognizes` decides by the first bytes of a file, at most 16, and its path.
template <typename Archive>
concept archive_format = std::constructible_from<Archive, const std::string&> &&
    requires(const Archive& archive, std::span<const std::byte> head, std::string_view path,
             const std::string& key) {
    { Archive::recognizes(head, path) } -> std::same_as<bool>;
    { archive.keys() } -> std::convertible_to<std::vector<std::string>>;
    { archive.array(key) } -> std::same_as<stored_array>;
};

/// An archive whose format is known at run time.
class array_archive {
  public:
    array_archive() = default;
    array_archive(const array_archive&) = delete;
    array_archive& operator=(const array_archive&) = delete;
    virtual ~array_archive() = default;
    /// Names of the arrays, in the order of the archive.
    [[nodiscard]] virtual std::vector<std::string> keys() const = 0;
    /// The array of that name, with its header read and checked. Throws `format_error` if there is none.
    [[nodiscard]] virtual stored_array array(const std::string& key) const = 0;
};

namespace detail {

template <archive_format Format>
class any_archive final : public array_archive {
  public:
    any_archive(const std::string& path, void2_policy pairs) : archive_(path), pairs_(pairs) {}
    [[nodiscard]] std::vector<std::string> keys() const override { return archive_.keys(); }
    [[nodiscard]] stored_array array(const std::string& key) const override {
        // Safetensors names its types; the other formats store bfloat16 as elements of two bytes.
        if constexpr (requires { archive_.array(key, pairs_); })
            return archive_.array(key, pairs_);
        else
            return archive_.array(key);
    }

  private:
    Format archive_;
    void2_policy pairs_;
};

} // namespace detail

/// Returns the archive in a file, or null if none of `Formats` recognizes it. The formats are those whose
/// headers the caller has included, so that the library needs zlib and HDF5 only where they are named:
///
///     #include <repscope/io/npz.hpp>
///     #include <repscope/io/safetensors.hpp>
///     auto archive = io::open_archive<io::npz_archive, io::safetensors_file>(path);
///
/// `pairs` is the type of elements of two bytes without a type. Throws `format_error` if the file cannot be
/// read, or is a damaged archive. Cost: the directory of the archive is read, no array.
template <archive_format... Formats>
[[nodiscard]] std::unique_ptr<array_archive> open_archive(const std::string& path,
                                                          void2_policy pairs = void2_policy::refused) {
    constexpr std::size_t head_size = 16;
    const std::vector<std::byte> head = input_file(path).beginning(head_size);
    std::unique_ptr<array_archive> archive;
    [[maybe_unused]] const auto try_format = [&]<typename Format>(std::type_identity<Format>) {
        if (!Format::recognizes(head, path)) return false;
        archive = std::make_unique<detail::any_archive<Format>>(path, pairs);
        return true;
    };
    (void)(try_format(std::type_identity<Formats>{}) || ...);
    return archive;
}

/// The activations of one layer in files: an array, or arrays that are concatenated along their first axis.
/// `block_reader(layer.arrays, layer.name, layout)` reads them.
struct stored_layer {
    std::string name;                 ///< of the layer
    std::vector<stored_array> arrays; ///< one, or the batches in their order
};

/// Options of `open`.
struct open_options {
    /// The meaning of the .npy files of a folder: batches of one layer, or one layer per file.
    folder_files folder = folder_files::by_name;
    /// The type of elements of two bytes without a type.
    void2_policy pairs = void2_policy::refused;
};

/// Opens a dump of activations of any format: a .npy file is a layer with the name of the file; an archive of
/// one of `Formats` (see `open_archive`) has a layer per array, in its order; a folder of .npy files is one
/// layer or a layer per file, in natural order.
///
/// Throws `format_error` that names the file if it is not an array or archive, is damaged, or cannot be read.
/// Cost: headers are read, no elements.
template <archive_format... Formats>
[[nodiscard]] std::vector<stored_layer> open(const std::string& path, const open_options& options = {}) {
    const auto name_of = [](const std::string& file) { return std::filesystem::path(file).stem().string(); };
    std::vector<stored_layer> layers;
    std::error_code failure;
    if (std::filesystem::is_directory(path, failure)) {
        const std::vector<std::string> files = batch_files(path);
        if (files.empty()) throw format_error(path + ": is a directory without .npy files");
        if (are_batches(files, options.folder)) {
            std::filesystem::path folder(path);
            if (!folder.has_filename()) folder = folder.parent_path();
            layers.push_back({folder.filename().string(), open_batches(std::span(files), options.pairs)});
            return layers;
        }
        for (const std::string& file : files)
            layers.push_back({name_of(file), open_batches(std::span(&file, 1), options.pairs)});
        return layers;
    }
    if (const auto archive = open_archive<Formats...>(path, options.pairs)) {
        for (std::string& key : archive->keys()) {
            stored_layer layer{key, {}};
            layer.arrays.push_back(archive->array(key));
            layers.push_back(std::move(layer));
        }
        return layers;
    }
    stored_layer layer{name_of(path), {}};
    layer.arrays.push_back(open_npy(path, options.pairs));
    layers.push_back(std::move(layer));
    return layers;
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
