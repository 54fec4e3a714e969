#include "measure/stream/class_table.hpp"

#include "dumps/labels.hpp"
#include "support/errors.hpp"

#include <repscope/io/class_names.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/io/npy.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace program {

namespace {

constexpr std::size_t max_stream_classes = std::size_t{1} << 20U;

// The place of each element after sorting; `values` are sorted.
template <typename T>
std::vector<std::size_t> sort_and_number(std::vector<T>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<std::size_t> numbers(order.size());
    std::vector<T> sorted;
    for (std::size_t k = 0; k < order.size(); ++k) {
        numbers[order[k]] = k;
        sorted.push_back(std::move(values[order[k]]));
    }
    values = std::move(sorted);
    return numbers;
}

} // namespace

class_table::class_table(std::vector<std::string> ignored, const std::vector<std::int64_t>& labels,
                         const std::vector<std::string>& names)
    : ignored_(std::move(ignored)) {
    for (const std::string& name : names) (void)number_of(name);
    if (!names.empty()) return;
    for (const std::int64_t label : labels) (void)number_of(label);
}

std::int32_t class_table::number_of(std::int64_t label) {
    const auto [place, is_new] =
        number_of_label_.try_emplace(label, static_cast<std::int32_t>(labels_.size()));
    if (is_new) labels_.push_back(label);
    return place->second;
}

std::int32_t class_table::number_of(const std::string& label) {
    const auto [place, is_new] = number_of_name_.try_emplace(label, static_cast<std::int32_t>(names_.size()));
    if (is_new) names_.push_back(label);
    return place->second;
}

std::vector<std::int32_t>
class_table::classes_of(const std::shared_ptr<const repscope::io::byte_source>& bytes,
                        const std::string& name) {
    std::vector<std::int32_t> classes;
    const auto names = repscope::io::load_class_names(*bytes, name);
    if (names ? !labels_.empty() : !names_.empty()) {
        throw data_error(name, names ? "holds names of classes, the labels before it integers"
                                     : "holds integers, the labels before it names of classes");
    }
    if (names) {
        for (std::size_t i = 0; i < names->size(); ++i) {
            const std::string& label = (*names)[i];
            if (std::find(ignored_.begin(), ignored_.end(), label) != ignored_.end()) {
                classes.push_back(-1);
                continue;
            }
            if (label.empty()) {
                throw data_error(name, "expected the name of a class, got an empty one at position " +
                                           std::to_string(i) +
                                           " (--ignore-label '' leaves such samples out)");
            }
            classes.push_back(number_of(label));
        }
    } else {
        if (!has_ignored_integers_) {
            for (const std::string& text : ignored_) {
                const auto number = integer_label(text);
                if (!number) {
                    throw usage_error("--ignore-label: expected an integer, as the labels in " + name +
                                      " are, got '" + text + "'");
                }
                ignored_integers_.push_back(*number);
            }
            has_ignored_integers_ = true;
        }
        const auto labels = repscope::io::load_labels(
            repscope::io::stored_array{name, repscope::io::read_npy_header(*bytes, name), bytes});
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const std::int64_t label = labels[i];
            if (std::find(ignored_integers_.begin(), ignored_integers_.end(), label) !=
                ignored_integers_.end()) {
                classes.push_back(-1);
                continue;
            }
            if (label < 0) {
                throw data_error(name, "expected labels of 0 or above, got " + std::to_string(label) +
                                           " at position " + std::to_string(i) + " (--ignore-label " +
                                           std::to_string(label) + " leaves such samples out)");
            }
            classes.push_back(number_of(label));
        }
    }
    if (size() > max_stream_classes) {
        throw data_error(name, "expected at most 2^20 classes, got " + std::to_string(size()));
    }
    return classes;
}

std::optional<std::vector<std::int64_t>> class_table::integers() const {
    if (names_.empty()) return std::nullopt;
    std::vector<std::int64_t> values;
    for (const std::string& label : names_) {
        const auto value = integer_label(label);
        if (!value) return std::nullopt;
        values.push_back(*value);
    }
    return values;
}

std::vector<std::size_t> class_table::sort() {
    std::vector<std::size_t> numbers;
    if (auto values = integers()) { // strings that are all integers have the order of these
        numbers = sort_and_number(*values);
        std::vector<std::string> names(names_.size());
        for (std::size_t k = 0; k < numbers.size(); ++k) names[numbers[k]] = std::move(names_[k]);
        names_ = std::move(names);
    } else {
        numbers = names_.empty() ? sort_and_number(labels_) : sort_and_number(names_);
    }
    for (auto& [label, number] : number_of_label_)
        number = static_cast<std::int32_t>(numbers[static_cast<std::size_t>(number)]);
    for (auto& [label, number] : number_of_name_)
        number = static_cast<std::int32_t>(numbers[static_cast<std::size_t>(number)]);
    return numbers;
}

std::vector<std::int64_t> class_table::class_labels() const {
    if (!labels_.empty()) return labels_;
    if (auto values = integers()) return *std::move(values);
    std::vector<std::int64_t> numbers(names_.size());
    std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
    return numbers;
}

std::vector<std::string> class_table::class_names() const {
    return integers() ? std::vector<std::string>() : names_;
}

} // namespace program
