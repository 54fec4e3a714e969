#include "corrupt/lists.hpp"

#include "support/errors.hpp"

#include <repscope/corruption/kind.hpp>
#include <repscope/corruption/severity.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace program {

namespace corruption = repscope::corruption;

namespace {

std::vector<std::string_view> split(std::string_view list) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t comma = list.find(',');
        parts.push_back(list.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

template <typename T>
void add_once(std::vector<T>& items, T item) {
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
}

std::string_view named(std::string_view part) {
    try {
        return corruption::name_of(corruption::kind_from_name(part));
    } catch (const repscope::value_error& e) {
        throw usage_error("--corruption: " + without_function_name(e.what()) + ", and common, extra, all");
    }
}

} // namespace

std::vector<std::string_view> corruptions_of(std::string_view list) {
    std::vector<std::string_view> names;
    for (const std::string_view part : split(list)) {
        const bool every = part == "all";
        if (every || part == "common")
            for (const std::string_view name : corruption::common) add_once(names, name);
        if (every || part == "extra")
            for (const std::string_view name : corruption::extra) add_once(names, name);
        if (!every && part != "common" && part != "extra") add_once(names, named(part));
    }
    return names;
}

std::vector<int> severities_of(std::string_view list) {
    std::vector<int> severities;
    for (const std::string_view part : split(list)) {
        if (part == "all") {
            for (int severity = 1; severity <= corruption::severities; ++severity)
                add_once(severities, severity);
        } else if (part.size() == 1 && part[0] >= '1' && part[0] <= '5') {
            add_once(severities, part[0] - '0');
        } else {
            throw usage_error("--severity: expected 1 to 5, a list of them (1,3) or all, got " +
                              std::string(list));
        }
    }
    return severities;
}

rgb_color color_of(std::string_view text) {
    if (text == "white") return {255, 255, 255};
    if (text == "black") return {0, 0, 0};
    if (text == "gray" || text == "grey") return {128, 128, 128};
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    if (text.size() != 7 || text[0] != '#' || std::from_chars(text.data() + 1, end, value, 16).ptr != end)
        throw usage_error("--flatten: expected white, black, gray or #rrggbb, got " + std::string(text));
    return {static_cast<std::uint8_t>(value >> 16U), static_cast<std::uint8_t>(value >> 8U & 0xffU),
            static_cast<std::uint8_t>(value & 0xffU)};
}

} // namespace program
