#include "labels.hpp"

#include "dump.hpp"
#include "failure.hpp"
#include "foreign_format.hpp"

#include <zlib.h>

#include <repscope/io/csv.hpp>
#include <repscope/io/idx.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/io/zlib.hpp>

#include <algorithm>
#include <filesystem>

namespace program {

label_set make_label_set(std::span<const std::int64_t> labels, std::span<const std::int64_t> ignored,
                         const std::string& file) {
    label_set set;
    set.file = file;
    set.rows = labels.size();
    for (std::size_t row = 0; row < labels.size(); ++row) {
        const std::int64_t label = labels[row];
        if (std::find(ignored.begin(), ignored.end(), label) != ignored.end()) continue;
        if (label < 0) {
            throw data_error(file, "wanted labels of 0 or above, got " + std::to_string(label) +
                                       " at position " + std::to_string(row) + " (--ignore-label " +
                                       std::to_string(label) + " leaves such samples out)");
        }
        set.kept.push_back(row);
        set.class_labels.push_back(label);
    }
    std::sort(set.class_labels.begin(), set.class_labels.end());
    set.class_labels.erase(std::unique(set.class_labels.begin(), set.class_labels.end()),
                           set.class_labels.end());
    constexpr std::size_t most_classes = std::size_t{1} << 20U;
    if (set.class_labels.size() < 2) {
        throw data_error(file, set.class_labels.empty()
                                   ? "wanted labels of at least 2 classes, got none"
                                   : "wanted labels of at least 2 classes, got the single class " +
                                         std::to_string(set.class_labels.front()));
    }
    if (set.class_labels.size() > most_classes) {
        throw data_error(file, "wanted at most 2^20 classes, got " + std::to_string(set.class_labels.size()));
    }
    set.class_counts.resize(set.class_labels.size());
    set.classes.reserve(set.kept.size());
    for (const std::size_t row : set.kept) {
        const auto place = std::lower_bound(set.class_labels.begin(), set.class_labels.end(), labels[row]);
        set.classes.push_back(static_cast<std::int32_t>(place - set.class_labels.begin()));
        ++set.class_counts[static_cast<std::size_t>(set.classes.back())];
    }
    return set;
}

namespace {

std::vector<std::int64_t> labels_of_idx(const std::string& file) {
    const repscope::io::idx_array idx = repscope::io::parse_idx(repscope::io::read_file_or_gzip(file), file);
    if (idx.shape.size() != 1) {
        throw data_error(file, "wanted labels of rank 1, got IDX shape " + repscope::format_shape(idx.shape));
    }
    return {idx.values.begin(), idx.values.end()};
}

std::vector<std::int64_t> labels_of(const std::string& argument) {
    const auto [file, key] = split_key(argument);
    std::error_code none;
    if (std::filesystem::is_directory(file, none)) throw data_error(file, "is a directory, wanted labels");
    refuse_foreign(file);
    const std::string extension = std::filesystem::path(file).extension().string();
    if (extension == ".csv" || extension == ".txt") {
        const std::vector<std::byte> bytes = repscope::read_file(file);
        return repscope::io::parse_csv_integers({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                                file, key);
    }
    if (const auto archive = open_archive(file, repscope::io::raw_pairs::refused)) {
        const std::vector<std::string> keys = archive->keys();
        if (key.empty() && keys.size() != 1) {
            throw data_error(file, "holds " + std::to_string(keys.size()) +
                                       " arrays: say which are the labels, " + file + ":" + keys.front());
        }
        return repscope::io::load_labels(archive->array(key.empty() ? keys.front() : key));
    }
    if (!key.empty()) throw data_error(file, "is no archive, so there is no " + key + " in it");
    const std::vector<std::byte> head = repscope::io::input_file(file).beginning(3);
    const auto begins_with = [&](std::initializer_list<int> bytes) {
        return head.size() >= bytes.size() &&
               std::equal(bytes.begin(), bytes.end(), head.begin(),
                          [](int a, std::byte b) { return static_cast<std::byte>(a) == b; });
    };
    if (begins_with({0, 0, 8}) || begins_with({0x1f, 0x8b})) return labels_of_idx(file);
    return repscope::io::load_labels(file);
}

} // namespace

label_set read_labels(const std::string& file, std::span<const std::int64_t> ignored) {
    return make_label_set(labels_of(file), ignored, file);
}

} // namespace program
