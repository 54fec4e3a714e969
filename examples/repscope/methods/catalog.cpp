#include "methods/catalog.hpp"

#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace program {

namespace {

// What may follow the colon.
enum class parameter { none, strength, iterations, labels };

struct method_form {
    const char* kind;
    parameter takes;
    double otherwise;
    const char* shown;
};
constexpr std::array<method_form, 14> forms{{{"ce", parameter::none, 0, "ce"},
                                             {"selectivity", parameter::strength, 0, "selectivity:ALPHA"},
                                             {"at-linf", parameter::none, 0, "at-linf"},
                                             {"at-l2", parameter::none, 0, "at-l2"},
                                             {"at-l1", parameter::none, 0, "at-l1"},
                                             {"augmix", parameter::none, 0, "augmix"},
                                             {"msd", parameter::none, 0, "msd"},
                                             {"max", parameter::none, 0, "max"},
                                             {"avg", parameter::none, 0, "avg"},
                                             {"ascl", parameter::none, 0, "ascl"},
                                             {"deep-pursuit", parameter::iterations, 3, "deep-pursuit[:N]"},
                                             {"layer-pursuit", parameter::iterations, 3, "layer-pursuit[:N]"},
                                             {"eman", parameter::labels, 100, "eman[:LABELS]"},
                                             {"irm", parameter::none, 0, "irm"}}};

std::string all_forms() {
    std::string text;
    for (const auto& each : forms) text += (text.empty() ? "" : ", ") + std::string(each.shown);
    return text;
}

// The number behind the colon, checked.
double number_of(const method_form& what, const std::string& item, const std::string& text) {
    double value = 0.0;
    // from_chars takes no plus sign, people write one.
    const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [rest, failure] = std::from_chars(first, text.data() + text.size(), value);
    const bool read = failure == std::errc() && rest == text.data() + text.size();
    const bool whole = read && value == std::floor(value);
    const auto check = [&](bool good, const char* expected) {
        if (!good) throw usage_error("--methods: expected " + std::string(expected) + ", got '" + item + "'");
    };
    switch (what.takes) {
    case parameter::strength:
        check(read && value != 0 && std::abs(value) <= 100,
              "a strength from -100 to 100 behind selectivity: and not 0, which is ce");
        break;
    case parameter::iterations:
        check(whole && value >= 0 && value <= 50, "iterations from 0 to 50");
        break;
    case parameter::labels:
        check(whole && value >= 10 && value <= 10000, "labels from 10, one a class, to 10000");
        break;
    case parameter::none:
        check(text.empty(), "no number behind this method");
    }
    return value;
}

} // namespace

std::vector<method> parse_methods(const std::string& list) {
    std::vector<method> methods;
    std::size_t at = 0;
    while (at <= list.size()) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        const std::string item = list.substr(at, end - at);
        const std::size_t colon = item.find(':');
        const std::string kind = item.substr(0, colon);
        const auto found = std::find_if(forms.begin(), forms.end(),
                                        [&](const method_form& each) { return kind == each.kind; });
        if (found == forms.end()) {
            throw usage_error("--methods: '" + item + "' is not known; expected some of " + all_forms());
        }
        method made{item, kind, found->otherwise};
        if (colon != std::string::npos || found->takes == parameter::strength) {
            made.number = number_of(*found, item, colon == std::string::npos ? "" : item.substr(colon + 1));
            made.name = kind + ":" + shortest(made.number);
        }
        // The default number of a method is not part of its name.
        if (found->takes != parameter::strength && made.number == found->otherwise) made.name = kind;
        const auto same = [&](const method& other) { return other.name == made.name; };
        if (std::any_of(methods.begin(), methods.end(), same)) {
            throw usage_error("--methods: " + item + " occurs twice");
        }
        methods.push_back(made);
        at = end + 1;
    }
    return methods;
}

bool shares_training(const method& which) { return which.kind != "eman" && which.kind != "irm"; }

std::string method_cell(const std::string& name, std::size_t seed) {
    std::string file = "method_" + name + "_seed_" + std::to_string(seed);
    std::replace(file.begin(), file.end(), ':', '_');
    return file;
}

} // namespace program
