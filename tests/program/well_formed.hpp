#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace program_test {

// What is wrong with a page or an SVG file: a tag that is not closed in its place, a name that is there
// twice, a bare "<". Empty when nothing is.
inline std::string fault_of_page(std::string_view text) {
    constexpr std::array<std::string_view, 3> alone{"meta", "img", "br"};
    std::vector<std::string> open;
    std::set<std::string> names;
    for (std::size_t at = 0; (at = text.find('<', at)) != std::string_view::npos;) {
        if (text.substr(at, 4) == "<!--") {
            at = text.find("-->", at);
            if (at == std::string_view::npos) return "a comment without an end";
            continue;
        }
        const std::size_t end = text.find('>', at);
        if (end == std::string_view::npos) return "a tag without an end";
        const std::string_view tag = text.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.empty()) return "an empty tag";
        if (tag[0] == '!' || tag[0] == '?') continue;
        const bool closes = tag[0] == '/';
        const auto from = tag.begin() + (closes ? 1 : 0);
        const auto to = std::find_if(from, tag.end(),
                                     [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
        const std::string name(from, to);
        if (name.empty()) return "no tag: <" + std::string(tag) + ">";
        for (const char quote : {'\'', '"'}) {
            const std::string before = std::string(" id=") + quote;
            const std::size_t id = tag.find(before);
            if (id == std::string_view::npos) continue;
            const std::size_t begin = id + before.size();
            const std::string own(tag.substr(begin, tag.find(quote, begin) - begin));
            if (!names.insert(own).second) return "twice: " + own;
        }
        if (closes) {
            if (open.empty() || open.back() != name)
                return "closes " + name + " in " + (open.empty() ? "nothing" : open.back());
            open.pop_back();
        } else if (!tag.ends_with('/') && std::find(alone.begin(), alone.end(), name) == alone.end()) {
            open.push_back(name);
        }
    }
    return open.empty() ? "" : "not closed: " + open.back();
}

inline std::size_t count_of(std::string_view text, std::string_view piece) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(piece, at)) != std::string_view::npos; at += piece.size())
        ++count;
    return count;
}

} // namespace program_test
