#include "measure/choice/measure_list.hpp"

#include "measure/choice/catalog.hpp"
#include "support/errors.hpp"
#include "support/suggestion.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace program {

namespace {

using repscope::analysis::measure_set;

std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

// The names between commas.
std::vector<std::string> names_in(const std::vector<std::string>& texts) {
    std::vector<std::string> names;
    for (const std::string& text : texts) {
        for (std::string& name : parts_of(text, ',')) names.push_back(std::move(name));
    }
    return names;
}

[[noreturn]] void refuse_name(const std::string& name) {
    std::vector<std::string> known{"default", "all"};
    for (const catalog_entry& entry : measure_catalog()) {
        for (const std::string_view each : {entry.name, entry.group}) {
            if (std::find(known.begin(), known.end(), each) == known.end()) known.emplace_back(each);
        }
    }
    throw usage_error("--measures: no measure '" + name + "'" + did_you_mean(nearest(name, known)) +
                      " ('--measures help' lists them)");
}

// Words broken into lines of 80 columns, each after `indent`.
std::string wrapped(std::string_view text, const std::string& indent) {
    constexpr std::size_t width = 80;
    std::string result, line = indent;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string_view word = text.substr(begin, end - begin);
        const bool is_first = line.size() == indent.size();
        if (!is_first && line.size() + 1 + word.size() > width) {
            result += line + "\n";
            line = indent;
        } else if (!is_first) {
            line += ' ';
        }
        line += word;
        begin = end + 1;
    }
    return result + line + "\n";
}

} // namespace

measure_set parse_measures(const std::vector<std::string>& texts, const measure_inputs& inputs) {
    using repscope::analysis::default_measures;
    if (texts.empty()) return default_measures;
    measure_set chosen;
    for (const std::string& name : names_in(texts)) {
        if (name == "default") {
            chosen = chosen | default_measures;
            continue;
        }
        bool is_known = name == "all";
        for (const catalog_entry& entry : measure_catalog()) {
            if (name != "all" && name != entry.name && name != entry.group) continue;
            is_known = true;
            const bool has_labels = inputs.labels || !entry.needs_labels;
            const bool is_compared = inputs.compare || !entry.needs_compare;
            if (!is_compared && name != "all")
                throw usage_error("--measures " + name + ": needs --compare of the same samples");
            // Of the group of --compare, the measures without labels remain.
            if (!has_labels && name != "all" && (name == entry.name || !entry.needs_compare))
                throw usage_error("--measures " + name + ": needs --labels");
            if (has_labels && is_compared) chosen.insert(entry.measure);
        }
        if (!is_known) refuse_name(name);
    }
    return chosen;
}

std::string measure_of_key(std::string_view key) {
    constexpr std::string_view compared = "comparison.", difference = "difference.";
    if (key.starts_with(compared)) key.remove_prefix(compared.size());
    const bool is_difference = key.starts_with(difference);
    std::string name;
    std::size_t length = 0;
    const std::string full = (is_difference ? "dimensionality." : "") +
                             std::string(is_difference ? key.substr(difference.size()) : key);
    for (const catalog_entry& entry : measure_catalog()) {
        for (const std::string& beginning : parts_of(std::string(entry.keys), ' ')) {
            if (!full.starts_with(beginning) || beginning.size() < length) continue;
            name = entry.name;
            length = beginning.size();
        }
    }
    return name;
}

std::string measures_help() {
    std::string text =
        wrapped("--measures LIST: names and groups, separated by commas. Without the option: default. In the "
                "costs n is the number of samples, u of units, C of classes and r of the samples of the "
                "reservoir (--reservoir, 2048); memory is in numbers of 8 bytes. Every measure takes one "
                "pass over the samples.",
                "") +
        "\n" +
        wrapped("default: selectivity (with --labels), participation_ratio, components, effective_rank, "
                "stable_rank",
                "") +
        wrapped("all: every measure that the inputs allow", "");
    std::string_view group;
    for (const catalog_entry& entry : measure_catalog()) {
        if (entry.group != group) text += "\n" + std::string(entry.group) + "\n";
        group = entry.group;
        const std::string needs = entry.needs_labels || entry.needs_compare
                                      ? std::string(" [needs ") + (entry.needs_labels ? "--labels" : "") +
                                            (entry.needs_labels && entry.needs_compare ? ", " : "") +
                                            (entry.needs_compare ? "--compare" : "") + "]"
                                      : "";
        if (entry.name != entry.group) text += "  " + std::string(entry.name) + needs + "\n";
        if (entry.name == entry.group && !needs.empty()) text.insert(text.size() - 1, needs);
        text += wrapped(entry.definition, "      ");
        text += wrapped("cost: " + std::string(entry.cost), "      ");
    }
    text.pop_back(); // the caller ends the text
    return text;
}

} // namespace program
