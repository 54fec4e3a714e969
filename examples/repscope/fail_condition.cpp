#include "fail_condition.hpp"

#include "failure.hpp"
#include "layer_pattern.hpp"
#include "text_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

namespace program {

namespace {

bool holds(double value, const std::string& comparison, double bound) {
    if (comparison == "<") return value < bound;
    if (comparison == "<=") return value <= bound;
    if (comparison == ">") return value > bound;
    if (comparison == ">=") return value >= bound;
    if (comparison == "==") return value == bound;
    return value < bound || value > bound;
}

std::string without_spaces(std::string text) {
    std::erase(text, ' ');
    return text;
}

} // namespace

fail_condition parse_fail_condition(const std::string& text) {
    const auto wrong = [&](const std::string& reason) {
        throw usage_error("--fail-if: " + reason + " in '" + text + "'; wanted KEY.KEY>NUMBER");
    };
    fail_condition condition;
    condition.text = text;
    std::string rest = text;
    const std::size_t place = rest.find_first_of("<>=!");
    if (place == std::string::npos) wrong("no comparison");
    for (const std::string_view two : {"<=", ">=", "==", "!=", "<", ">"}) {
        if (std::string_view(rest).substr(place).starts_with(two)) {
            condition.comparison = two;
            break;
        }
    }
    if (condition.comparison.empty()) wrong("no comparison");
    const std::string number = without_spaces(rest.substr(place + condition.comparison.size()));
    const auto [end, failure] =
        std::from_chars(number.data(), number.data() + number.size(), condition.bound);
    if (failure != std::errc{} || end != number.data() + number.size()) wrong("no number");
    std::string path = without_spaces(rest.substr(0, place));
    if (const std::size_t colon = path.rfind(':'); colon != std::string::npos) {
        condition.pattern = path.substr(0, colon);
        path.erase(0, colon + 1);
    }
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t stop = std::min(path.find('.', begin), path.size());
        condition.keys.push_back(path.substr(begin, stop - begin));
        if (condition.keys.back().empty()) wrong("an empty key");
        begin = stop + 1;
    }
    return condition;
}

std::vector<std::string> layers_that_meet(const fail_condition& condition,
                                          const std::vector<layer_report>& layers) {
    std::vector<std::string> met;
    bool any = false;
    for (const layer_report& layer : layers) {
        if (!condition.pattern.empty() && !matches(condition.pattern, layer.name)) continue;
        any = true;
        const nlohmann::ordered_json all = to_json(layer);
        const nlohmann::ordered_json* at = &all;
        for (const std::string& key : condition.keys) {
            if (at->is_null()) {
                throw usage_error("--fail-if: layer " + layer.name + " has no " + condition.text +
                                  ": it was not measured (is --labels or --compare missing?)");
            }
            if (!at->is_object() || !at->contains(key)) {
                throw usage_error("--fail-if: there is no number " + key + " in '" + condition.text + "'");
            }
            at = &(*at)[key];
        }
        if (at->is_null()) continue; // undefined
        if (!at->is_number()) throw usage_error("--fail-if: '" + condition.text + "' names no number");
        const double value = at->get<double>();
        if (std::isnan(value) || !holds(value, condition.comparison, condition.bound)) continue;
        met.push_back("layer " + layer.name + ": " + shortest(value) + " meets --fail-if '" + condition.text +
                      "'");
    }
    if (!any) throw usage_error("--fail-if: no layer is called like " + condition.pattern);
    return met;
}

} // namespace program
