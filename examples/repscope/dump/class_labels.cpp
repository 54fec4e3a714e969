#include "dump/class_labels.hpp"

#include "support/errors.hpp"
#include "support/plural.hpp"

#include <limits>

namespace program {

std::vector<int> class_labels(const std::string& file, std::span<const std::int64_t> labels,
                              const std::string& inputs_file, std::size_t inputs) {
    if (labels.size() != inputs) {
        throw data_error(file, counted(labels.size(), "label") + ", but " + inputs_file + " holds " +
                                   counted(inputs, "input"));
    }
    std::vector<int> classes;
    for (const std::int64_t label : labels) {
        if (label < 0 || label > std::numeric_limits<int>::max()) {
            throw data_error(file, "expected labels from 0 to 2^31 - 1, got " + std::to_string(label));
        }
        classes.push_back(static_cast<int>(label));
    }
    return classes;
}

void check_class_labels(const std::string& file, std::span<const int> labels, std::size_t classes) {
    for (const int label : labels) {
        if (static_cast<std::size_t>(label) < classes) continue;
        throw data_error(file, "expected labels below " + std::to_string(classes) +
                                   ", the classes of the model, got " + std::to_string(label));
    }
}

} // namespace program
