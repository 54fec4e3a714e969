#include "study_settings.hpp"

#include "failure.hpp"
#include "text_table.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace program {

std::vector<double> parse_alphas(const std::string& text) {
    std::vector<double> alphas;
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string item = text.substr(at, end - at);
        double value = 0.0;
        // from_chars takes no plus sign, people write one.
        const char* first = item.data() + (item.starts_with('+') ? 1 : 0);
        const auto [rest, failure] = std::from_chars(first, item.data() + item.size(), value);
        if (failure != std::errc() || rest != item.data() + item.size() ||
            !(value >= -100.0 && value <= 100.0)) {
            throw usage_error("--alphas: wanted numbers from -100 to 100 with commas between them, got '" +
                              item + "'");
        }
        if (value == 0.0) value = 0.0; // -0 and 0 are one network
        if (std::find(alphas.begin(), alphas.end(), value) != alphas.end()) {
            throw usage_error("--alphas: " + item + " is there twice");
        }
        alphas.push_back(value);
        at = end + 1;
    }
    return alphas;
}

std::string cell_name(const study_cell& cell) {
    return "alpha_" + shortest(cell.alpha) + "_seed_" + std::to_string(cell.seed);
}

} // namespace program
