#include "labels.hpp"

#include "failure.hpp"

#include <repscope/io/labels.hpp>

#include <algorithm>

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

label_set read_labels(const std::string& file, std::span<const std::int64_t> ignored) {
    return make_label_set(repscope::io::load_labels(file), ignored, file);
}

} // namespace program
