#include "support/suggestion.hpp"

#include <algorithm>
#include <numeric>

namespace program {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string nearest(std::string_view text, const std::vector<std::string>& names) {
    const std::string* best = nullptr;
    std::size_t least = 0;
    for (const std::string& name : names) {
        const std::size_t distance = edit_distance(text, name);
        if (2 * distance > std::max(text.size(), name.size())) continue;
        if (best == nullptr || distance < least) {
            best = &name;
            least = distance;
        }
    }
    return best == nullptr ? std::string() : *best;
}

std::string did_you_mean(const std::string& name) {
    return name.empty() ? std::string() : "; did you mean '" + name + "'?";
}

} // namespace program
