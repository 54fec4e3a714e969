#pragma once

#include <repscope/io/byte_source.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// The classes of labels that come in parts. A class is numbered when its label appears.
class class_table {
  public:
    /// Samples with a label among `ignored` have no class.
    explicit class_table(std::vector<std::string> ignored) : ignored_(std::move(ignored)) {}
    /// With known classes, numbered in their order; `names` are those of labels that are names.
    class_table(std::vector<std::string> ignored, const std::vector<std::int64_t>& labels,
                const std::vector<std::string>& names);

    /// Returns the class of each label in a .npy array (integers, names or one-hot rows), -1 for an ignored
    /// one. Throws `data_error`, `usage_error` and `repscope::format_error` as `read_labels` does, and
    /// `data_error` if only some arrays have names.
    std::vector<std::int32_t> classes_of(const std::shared_ptr<const repscope::io::byte_source>& bytes,
                                         const std::string& name);

    [[nodiscard]] std::size_t size() const noexcept { return labels_.size() + names_.size(); }

    /// Numbers the classes in the order of their labels. Returns the new number of each class.
    std::vector<std::size_t> sort();

    /// The label of each class; 0, 1, ... where they have names.
    [[nodiscard]] std::vector<std::int64_t> class_labels() const;
    /// The name of each class; empty for integers.
    [[nodiscard]] std::vector<std::string> class_names() const;

  private:
    std::int32_t number_of(std::int64_t label);
    std::int32_t number_of(const std::string& label);
    /// The integers that all names are; nothing if one is not.
    [[nodiscard]] std::optional<std::vector<std::int64_t>> integers() const;

    std::vector<std::string> ignored_;
    std::vector<std::int64_t> ignored_integers_;
    bool has_ignored_integers_ = false;
    std::map<std::int64_t, std::int32_t> number_of_label_;
    std::map<std::string, std::int32_t> number_of_name_;
    std::vector<std::int64_t> labels_; ///< by number
    std::vector<std::string> names_;   ///< by number
};

} // namespace program
