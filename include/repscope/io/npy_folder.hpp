#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/file.hpp"
#include "repscope/io/npy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <dirent.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Whether `a` comes before `b` if runs of digits are compared as numbers: "batch_9" before "batch_10". Names
/// that differ in leading zeros only are ordered by these, so no two names are equal.
[[nodiscard]] inline bool natural_less(std::string_view a, std::string_view b) noexcept {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() && j < b.size()) {
        if (!is_digit(a[i]) || !is_digit(b[j])) {
            if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
            ++i;
            ++j;
            continue;
        }
        while (i < a.size() && a[i] == '0') ++i;
        while (j < b.size() && b[j] == '0') ++j;
        std::size_t a_end = i;
        std::size_t b_end = j;
        while (a_end < a.size() && is_digit(a[a_end])) ++a_end;
        while (b_end < b.size() && is_digit(b[b_end])) ++b_end;
        if (a_end - i != b_end - j) return a_end - i < b_end - j;
        const int order = a.substr(i, a_end - i).compare(b.substr(j, b_end - j));
        if (order != 0) return order < 0;
        i = a_end;
        j = b_end;
    }
    if (i < a.size() || j < b.size()) return j < b.size();
    return a < b;
}

/// The .npy files in a folder, without hidden ones, in natural order: "batch_9.npy" before "batch_10.npy".
/// Returns paths that begin with that of the folder. Throws `format_error` if the folder cannot be read.
[[nodiscard]] inline std::vector<std::string> batch_files(const std::string& folder) {
    struct closing {
        DIR* open;
        ~closing() {
            if (open != nullptr) ::closedir(open);
        }
    } const listing{::opendir(folder.c_str())};
    if (listing.open == nullptr) {
        throw format_error(folder + ": cannot be opened: " + repscope::detail::errno_text());
    }
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(listing.open)) {
        const std::string_view name = entry->d_name;
        if (!name.starts_with('.') && name.ends_with(".npy")) names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) throw format_error(folder + ": cannot be read: " + repscope::detail::errno_text());
    std::sort(names.begin(), names.end(), natural_less);
    for (std::string& name : names) name.insert(0, folder.ends_with('/') ? folder : folder + "/");
    return names;
}

/// The meaning of the .npy files of a folder: batches of one layer, one layer per file, or automatic, as
/// `are_batches` describes.
enum class folder_files { by_name, batches, layers };

/// Returns a name without the digits at its end.
[[nodiscard]] inline std::string_view without_trailing_number(std::string_view name) noexcept {
    return name.substr(0, name.find_last_not_of("0123456789") + 1);
}

/// Returns whether files are batches of one layer. They are batches if the names of two or more, without
/// `.npy`, differ in a trailing number only: `batch_0`, `batch_1`; `0001`, `0002`; but not `blocks.0.attn`,
/// `blocks.1.attn`.
[[nodiscard]] inline bool are_batches(std::span<const std::string> files, folder_files mode) {
    if (mode != folder_files::by_name) return mode == folder_files::batches;
    if (files.size() < 2) return false;
    const auto stem_of = [](std::string_view path) {
        path.remove_prefix(path.rfind('/') + 1);
        if (path.ends_with(".npy")) path.remove_suffix(4);
        return path;
    };
    const std::string_view prefix = without_trailing_number(stem_of(files.front()));
    return std::all_of(files.begin(), files.end(), [&](const std::string& file) {
        const std::string_view stem = stem_of(file);
        return without_trailing_number(stem) == prefix && stem.size() > prefix.size();
    });
}

/// The arrays in .npy files, in the given order, with their headers read and checked; `block_reader` takes
/// them as one array. The files are opened for every read, so their number is not limited.
///
/// Throws `format_error` for a bad file.
[[nodiscard]] inline std::vector<stored_array> open_batches(std::span<const std::string> files,
                                                            void2_policy pairs = void2_policy::refused) {
    std::vector<stored_array> batches;
    for (const std::string& path : files) {
        const input_file file(path);
        npy_header header = read_npy_header(file, pairs);
        batches.push_back({path, std::move(header), std::make_shared<reopening_file>(file)});
    }
    return batches;
}

/// The same for the .npy files of a folder, in natural order of their names. Throws `format_error` also if
/// the folder has no .npy file.
[[nodiscard]] inline std::vector<stored_array> open_batches(const std::string& folder,
                                                            void2_policy pairs = void2_policy::refused) {
    const std::vector<std::string> files = batch_files(folder);
    if (files.empty()) throw format_error(folder + ": is a directory without .npy files");
    return open_batches(std::span(files), pairs);
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
