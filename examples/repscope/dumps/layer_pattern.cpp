#include "dumps/layer_pattern.hpp"

#include "support/errors.hpp"

#include <algorithm>

namespace program {

bool matches(std::string_view pattern, std::string_view name) {
    // The place of the last star and the end of what it matches: after a mismatch it matches one character
    // more.
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t taken = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

layer_choice::layer_choice(const std::vector<std::string>& patterns) {
    for (const std::string& list : patterns) {
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::size_t end = std::min(list.find(',', begin), list.size());
            const std::string pattern = list.substr(begin, end - begin);
            if (pattern.empty() || pattern == "!") throw usage_error("--layers: an empty pattern");
            if (pattern[0] == '!')
                excluded_.push_back(pattern.substr(1));
            else
                included_.push_back(pattern);
            begin = end + 1;
        }
    }
}

bool layer_choice::takes(std::string_view name) const {
    const auto like = [&](const std::string& pattern) { return matches(pattern, name); };
    if (std::any_of(excluded_.begin(), excluded_.end(), like)) return false;
    return included_.empty() || std::any_of(included_.begin(), included_.end(), like);
}

std::vector<std::string> layer_choice::unused(const std::vector<std::string>& names) const {
    std::vector<std::string> found;
    for (const auto* patterns : {&included_, &excluded_}) {
        for (const std::string& pattern : *patterns) {
            const auto like = [&](const std::string& name) { return matches(pattern, name); };
            if (std::none_of(names.begin(), names.end(), like)) found.push_back(pattern);
        }
    }
    return found;
}

layer_value parse_layer_value(const std::string& text) {
    const std::size_t at = text.rfind('=');
    if (at == std::string::npos) return {std::nullopt, text};
    return {text.substr(0, at), text.substr(at + 1)};
}

std::vector<layer_value> parse_layer_values(const std::vector<std::string>& texts) {
    std::vector<layer_value> values;
    for (const std::string& text : texts) values.push_back(parse_layer_value(text));
    return values;
}

void require_used(const std::string& option, const std::vector<layer_value>& values,
                  const std::vector<std::string>& names) {
    for (const layer_value& value : values) {
        if (!value.pattern) continue;
        const auto like = [&](const std::string& name) { return matches(*value.pattern, name); };
        if (std::none_of(names.begin(), names.end(), like)) {
            throw usage_error(option + ": no layer is called like " + *value.pattern);
        }
    }
}

} // namespace program
