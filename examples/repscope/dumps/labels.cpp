#include "dumps/labels.hpp"

#include "dumps/dump.hpp"
#include "files/foreign_format.hpp"
#include "support/errors.hpp"

#include <repscope/io/class_names.hpp>
#include <repscope/io/csv.hpp>
#include <repscope/io/idx.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/io/npz.hpp>
#include <repscope/io/zlib.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

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
            throw data_error(file, "expected labels of 0 or above, got " + std::to_string(label) +
                                       " at position " + std::to_string(row) + " (--ignore-label " +
                                       std::to_string(label) + " leaves such samples out)");
        }
        set.kept.push_back(row);
        set.class_labels.push_back(label);
    }
    std::sort(set.class_labels.begin(), set.class_labels.end());
    set.class_labels.erase(std::unique(set.class_labels.begin(), set.class_labels.end()),
                           set.class_labels.end());
    constexpr std::size_t max_classes = std::size_t{1} << 20U;
    if (set.class_labels.size() < 2) {
        throw data_error(file, set.class_labels.empty()
                                   ? "expected labels of at least 2 classes, got none"
                                   : "expected labels of at least 2 classes, got the single class " +
                                         std::to_string(set.class_labels.front()));
    }
    if (set.class_labels.size() > max_classes) {
        throw data_error(file,
                         "expected at most 2^20 classes, got " + std::to_string(set.class_labels.size()));
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

label_set make_label_set(std::span<const std::string> names, std::span<const std::string> ignored,
                         const std::string& file) {
    const auto is_ignored = [&](const std::string& name) {
        return std::find(ignored.begin(), ignored.end(), name) != ignored.end();
    };
    std::vector<std::string> classes;
    for (std::size_t row = 0; row < names.size(); ++row) {
        if (is_ignored(names[row])) continue;
        if (names[row].empty()) {
            throw data_error(file, "expected the name of a class, got an empty one at position " +
                                       std::to_string(row) + " (--ignore-label '' leaves such samples out)");
        }
        classes.push_back(names[row]);
    }
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    if (classes.size() == 1) {
        throw data_error(file, "expected labels of at least 2 classes, got the single class '" +
                                   classes.front() + "'");
    }
    constexpr std::int64_t left_out = -1;
    std::vector<std::int64_t> numbers;
    numbers.reserve(names.size());
    for (const std::string& name : names) {
        const auto place = std::lower_bound(classes.begin(), classes.end(), name);
        numbers.push_back(is_ignored(name) ? left_out : place - classes.begin());
    }
    label_set set = make_label_set(numbers, std::span(&left_out, 1), file);
    set.class_names = std::move(classes);
    return set;
}

std::optional<std::int64_t> integer_label(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

namespace {

std::vector<std::int64_t> labels_of_idx(const std::string& file) {
    const repscope::io::idx_array idx = repscope::io::parse_idx(repscope::io::read_file_or_gzip(file), file);
    if (idx.shape.size() != 1) {
        throw data_error(file,
                         "expected labels of rank 1, got IDX shape " + repscope::format_shape(idx.shape));
    }
    return {idx.values.begin(), idx.values.end()};
}

// Strings that are all integers are those integers.
repscope::io::csv_labels labels_of_strings(std::vector<std::string> strings) {
    std::vector<std::int64_t> integers;
    for (const std::string& text : strings) {
        const auto value = integer_label(text);
        if (!value) return {{}, std::move(strings)};
        integers.push_back(*value);
    }
    return {std::move(integers), {}};
}

// The strings in an array of an .npz archive; none if its elements are not strings. Other archives have none.
std::optional<std::vector<std::string>> strings_of(const std::string& file, const std::string& key) {
    const auto bytes = std::make_shared<repscope::io::input_file>(file);
    if (!repscope::io::npz_archive::recognizes(bytes->beginning(4), file)) return std::nullopt;
    const repscope::io::npz_archive archive(bytes, file);
    return repscope::io::load_class_names(*archive.member(key), file + ":" + key);
}

repscope::io::csv_labels labels_of(const std::string& argument) {
    const auto [file, key] = split_key(argument);
    std::error_code none;
    if (std::filesystem::is_directory(file, none)) throw data_error(file, "is a directory, expected labels");
    refuse_foreign(file);
    const std::string extension = std::filesystem::path(file).extension().string();
    if (extension == ".csv" || extension == ".txt") {
        const std::vector<std::byte> bytes = repscope::read_file(file);
        return repscope::io::parse_csv_labels({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                              file, key);
    }
    if (const auto archive = open_archive(file, repscope::io::void2_policy::refused)) {
        const std::vector<std::string> keys = archive->keys();
        if (key.empty() && keys.size() != 1) {
            throw data_error(file, "holds " + std::to_string(keys.size()) +
                                       " arrays, expected the one of the labels, " + file + ":" +
                                       keys.front());
        }
        const std::string& array = key.empty() ? keys.front() : key;
        if (auto strings = strings_of(file, array)) return labels_of_strings(std::move(*strings));
        return {repscope::io::load_labels(archive->array(array)), {}};
    }
    if (!key.empty()) throw data_error(file, "is not an archive, so it has no array " + key);
    const repscope::io::input_file bytes(file);
    const std::vector<std::byte> head = bytes.beginning(3);
    const auto begins_with = [&](std::initializer_list<int> prefix) {
        return head.size() >= prefix.size() &&
               std::equal(prefix.begin(), prefix.end(), head.begin(),
                          [](int a, std::byte b) { return static_cast<std::byte>(a) == b; });
    };
    if (begins_with({0, 0, 8}) || begins_with({0x1f, 0x8b})) return {labels_of_idx(file), {}};
    if (auto strings = repscope::io::load_class_names(bytes, file))
        return labels_of_strings(std::move(*strings));
    return {repscope::io::load_labels(file), {}};
}

} // namespace

label_set read_labels(const std::string& file, std::span<const std::string> ignored) {
    const repscope::io::csv_labels labels = labels_of(file);
    if (!labels.names.empty()) return make_label_set(labels.names, ignored, file);
    std::vector<std::int64_t> numbers;
    for (const std::string& text : ignored) {
        const auto number = integer_label(text);
        if (!number) {
            throw usage_error("--ignore-label: expected an integer, as the labels in " + file +
                              " are, got '" + text + "'");
        }
        numbers.push_back(*number);
    }
    return make_label_set(labels.integers, numbers, file);
}

} // namespace program
