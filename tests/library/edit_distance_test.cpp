#include "repscope/edit_distance.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

namespace edit_distance_test {

namespace {

// The definition: the cheapest of the three edits of the last letters.
std::size_t by_recursion(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return a.size() + b.size();
    const std::string_view shorter_a = a.substr(0, a.size() - 1), shorter_b = b.substr(0, b.size() - 1);
    return std::min({by_recursion(shorter_a, b) + 1, by_recursion(a, shorter_b) + 1,
                     by_recursion(shorter_a, shorter_b) + (a.back() == b.back() ? 0 : 1)});
}

} // namespace

TEST_CASE("edit_distance: all words of up to 4 letters agree with the recursive definition") {
    std::vector<std::string> words{""};
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].size() == 4) break;
        words.push_back(words[i] + 'a');
        words.push_back(words[i] + 'b');
    }
    words.push_back("abc");
    for (const std::string& a : words) {
        for (const std::string& b : words) CHECK(repscope::edit_distance(a, b) == by_recursion(a, b));
    }
}

TEST_CASE("edit_distance: published pairs") {
    CHECK(repscope::edit_distance("kitten", "sitting") == 3);
    CHECK(repscope::edit_distance("saturday", "sunday") == 3);
}

} // namespace edit_distance_test
