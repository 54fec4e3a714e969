#include "measure/fail_if/fail_condition.hpp"

#include "dumps/layer_pattern.hpp"
#include "layers/fields.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <system_error>
#include <utility>

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

[[noreturn]] void refuse(const std::string& text, const std::string& reason) {
    throw usage_error("--fail-if: " + reason + " in '" + text + "'; expected KEY.KEY>NUMBER");
}

// The comparison at a place, by its longest name.
std::string comparison_at(const std::string& text, std::size_t place) {
    for (const std::string_view name : {"<=", ">=", "==", "!=", "<", ">"}) {
        if (std::string_view(text).substr(place).starts_with(name)) return std::string(name);
    }
    // A single = is an assignment elsewhere, and => and =< are slips of the pen.
    if (text[place] != '=') refuse(text, "no comparison");
    const char next = place + 1 < text.size() ? text[place + 1] : '\0';
    const std::string meant = next == '>' ? ">=" : next == '<' ? "<=" : "==";
    const std::size_t length = meant == "==" ? 1 : 2;
    throw usage_error("--fail-if: no comparison in '" + text + "'; did you mean '" + text.substr(0, place) +
                      meant + text.substr(place + length) + "'?");
}

void parse_bound(fail_condition& condition, const std::string& bound) {
    condition.is_boolean = bound == "true" || bound == "false";
    if (condition.is_boolean || bound == "null") {
        if (condition.is_boolean) condition.bound = bound == "true" ? 1.0 : 0.0;
        if (condition.comparison != "==" && condition.comparison != "!=") {
            throw usage_error("--fail-if: expected == or != before " + bound + ", got '" + condition.text +
                              "'");
        }
        return;
    }
    double number = 0.0;
    const char* const end = bound.data() + bound.size();
    const auto [behind, failure] = std::from_chars(bound.data(), end, number);
    if (failure != std::errc{} || behind != end || std::isnan(number)) refuse(condition.text, "no number");
    condition.bound = number;
}

// What `any(KEY)`, `max(KEY)` or `min(KEY)` names; a plain key stays as it is.
std::string take_rule(std::string path, fail_condition& condition) {
    const std::size_t open = path.find('(');
    if (open == std::string::npos) return path;
    constexpr std::array<std::pair<std::string_view, array_rule>, 3> rules{
        {{"any", array_rule::any}, {"max", array_rule::max}, {"min", array_rule::min}}};
    for (const auto& [name, rule] : rules) {
        if (path.substr(0, open) != name || !path.ends_with(')')) continue;
        condition.rule = rule;
        return path.substr(open + 1, path.size() - open - 2);
    }
    throw usage_error("--fail-if: expected any(KEY), max(KEY) or min(KEY), got '" + path + "' in '" +
                      condition.text + "'");
}

// The numbers that a condition compares: one, or what it takes of an array. Undefined ones are left out.
std::vector<double> numbers_of(const field_value& value, array_rule rule) {
    std::vector<double> numbers;
    for (const auto& number : numbers_in(value)) {
        if (number) numbers.push_back(*number);
    }
    if (!is_array(value) || numbers.empty() || rule == array_rule::any) return numbers;
    const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
    return {rule == array_rule::min ? *least : *most};
}

// Whether null is what the condition asks for: of any element, or of all of them.
bool is_null(const field_value& value, array_rule rule) {
    if (rule == array_rule::any && is_array(value)) {
        const auto numbers = numbers_in(value);
        return std::any_of(numbers.begin(), numbers.end(),
                           [](const std::optional<double>& number) { return !number.has_value(); });
    }
    return numbers_of(value, rule).empty();
}

// Nothing where the condition is not met.
std::string sentence(const fail_condition& condition, const field_value& value) {
    const std::string by = "--fail-if '" + condition.text + "'";
    if (!condition.bound) {
        const bool is_met = is_null(value, condition.rule) == (condition.comparison == "==");
        return is_met ? condition.key() + " meets " + by : "";
    }
    const std::vector<double> numbers = numbers_of(value, condition.rule);
    if (numbers.empty()) return condition.key() + " is undefined, so " + by + " cannot be judged";
    for (const double number : numbers) {
        if (!holds(number, condition.comparison, *condition.bound)) continue;
        const bool* const truth = std::get_if<bool>(&value);
        return (truth == nullptr ? shortest(number) : std::string(*truth ? "true" : "false")) + " meets " +
               by;
    }
    return {};
}

// A value that no layer of this run has is undefined.
field_value value_at(const layer_report& layer, const std::string& key) {
    for (layer_field& field : fields_of(layer)) {
        if (field.key == key) return std::move(field.value);
    }
    return {};
}

} // namespace

std::string fail_condition::key() const {
    std::string joined;
    for (const std::string& each : keys) joined += (joined.empty() ? "" : ".") + each;
    return joined;
}

fail_condition parse_fail_condition(const std::string& text) {
    fail_condition condition;
    condition.text = text;
    const std::size_t place = text.find_first_of("<>=!");
    if (place == std::string::npos) refuse(text, "no comparison");
    condition.comparison = comparison_at(text, place);
    parse_bound(condition, without_spaces(text.substr(place + condition.comparison.size())));
    std::string path = without_spaces(text.substr(0, place));
    if (const std::size_t colon = path.rfind(':'); colon != std::string::npos) {
        condition.pattern = path.substr(0, colon);
        path.erase(0, colon + 1);
    }
    path = take_rule(std::move(path), condition);
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t stop = std::min(path.find('.', begin), path.size());
        condition.keys.push_back(path.substr(begin, stop - begin));
        if (condition.keys.back().empty()) refuse(text, "an empty key");
        begin = stop + 1;
    }
    return condition;
}

std::vector<std::string> layers_that_meet(const fail_condition& condition,
                                          const std::vector<layer_report>& layers) {
    std::vector<std::string> met;
    for (const layer_report& layer : layers) {
        if (!condition.pattern.empty() && !matches(condition.pattern, layer.name)) continue;
        const std::string text = sentence(condition, value_at(layer, condition.key()));
        if (!text.empty()) met.push_back("layer " + layer.name + ": " + text);
    }
    return met;
}

} // namespace program
