#include "measure/report/heading.hpp"

#include "layers/report.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"

#include <string>
#include <vector>

namespace program {

namespace {

// The names of classes in their order where they fit in a line.
std::string names_in_brackets(const std::vector<std::string>& names) {
    constexpr std::size_t most = 60;
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + on_one_line(name);
    return list.empty() || display_width(list) > most ? std::string() : " (" + list + ")";
}

} // namespace

std::string heading(const measure_result& result) {
    if (result.layers.empty() || !result.layers.front().selectivity) {
        if (result.settings.measures.empty()) return "no --labels: dimensionality only, no selectivity";
        std::string list;
        for (const std::string& text : result.settings.measures) list += (list.empty() ? "" : ",") + text;
        return "measures: " + list;
    }
    const auto& selectivity = *result.layers.front().selectivity;
    return "selectivity of " + std::to_string(selectivity.class_labels.size()) + " classes" +
           names_in_brackets(selectivity.class_names) + ", epsilon " + shortest(selectivity.epsilon) +
           ", signed: " + policy_name(selectivity.negatives);
}

} // namespace program
