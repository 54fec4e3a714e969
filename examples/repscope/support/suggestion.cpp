#include "support/suggestion.hpp"

#include <repscope/edit_distance.hpp>

#include <algorithm>
#include <cstddef>

namespace program {

std::string nearest(std::string_view text, const std::vector<std::string>& names) {
    const std::string* best = nullptr;
    std::size_t least = 0;
    for (const std::string& name : names) {
        const std::size_t distance = repscope::edit_distance(text, name);
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
