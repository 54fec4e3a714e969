#include "study/settings.hpp"

#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <charconv>

namespace program {

namespace {

// Numbers with commas between them, each from `low` to `high`, without repetition.
std::vector<double> parse_numbers(const std::string& option, const std::string& text, double low,
                                  double high) {
    std::vector<double> values;
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string item = text.substr(at, end - at);
        double value = 0.0;
        // from_chars takes no plus sign, people write one.
        const char* first = item.data() + (item.starts_with('+') ? 1 : 0);
        const auto [rest, failure] = std::from_chars(first, item.data() + item.size(), value);
        if (failure != std::errc() || rest != item.data() + item.size() || !(value >= low && value <= high)) {
            throw usage_error(option + ": expected numbers from " + shortest(low) + " to " + shortest(high) +
                              " with commas between them, got '" + item + "'");
        }
        if (value == 0.0) value = 0.0; // -0 and 0 are the same
        if (std::find(values.begin(), values.end(), value) != values.end()) {
            throw usage_error(option + ": " + item + " occurs twice");
        }
        values.push_back(value);
        at = end + 1;
    }
    return values;
}

} // namespace

std::vector<double> parse_alphas(const std::string& text) {
    return parse_numbers("--alphas", text, -100.0, 100.0);
}

std::vector<double> parse_eps(const std::string& text) {
    std::vector<double> eps = parse_numbers("--eps", text, 0.001, 255.0);
    std::sort(eps.begin(), eps.end());
    return eps;
}

std::vector<double> parse_autoattack_eps(const std::string& text) {
    if (text == "primary") return {};
    std::vector<double> eps = parse_numbers("--autoattack-eps", text, 0.001, 255.0);
    std::sort(eps.begin(), eps.end());
    return eps;
}

void check_autoattack_eps(const study_settings& settings) {
    if (!uses_autoattack(settings) || uses_attack(settings, "pgd") || !settings.autoattack_eps.empty())
        return;
    throw usage_error("--autoattack-eps: expected numbers, since --attacks without pgd has no primary eps, "
                      "got primary");
}

std::vector<std::string> parse_attacks(const std::string& text) {
    const std::vector<std::string> known{"fgsm", "pgd", "autoattack"};
    std::vector<bool> chosen(known.size());
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string item = text.substr(at, end - at);
        const auto place =
            static_cast<std::size_t>(std::find(known.begin(), known.end(), item) - known.begin());
        if (place == known.size()) {
            throw usage_error("--attacks: expected fgsm, pgd or autoattack with commas between them, got '" +
                              item + "'");
        }
        if (chosen[place]) throw usage_error("--attacks: " + item + " occurs twice");
        chosen[place] = true;
        at = end + 1;
    }
    std::vector<std::string> attacks;
    for (std::size_t k = 0; k < known.size(); ++k) {
        if (chosen[k]) attacks.push_back(known[k]);
    }
    return attacks;
}

bool uses_attack(const condition_settings& settings, std::string_view name) {
    return std::find(settings.attacks.begin(), settings.attacks.end(), name) != settings.attacks.end();
}

bool uses_autoattack(const condition_settings& settings) { return uses_attack(settings, "autoattack"); }

void check_image_counts(const condition_settings& settings) {
    const auto check = [](const char* option, std::size_t images) {
        if (images == 1) throw usage_error(std::string(option) + ": expected 0 or at least 2, got 1");
    };
    check("--corruption-images", settings.corruption_images);
    check("--attack-images", settings.attack_images);
    if (uses_autoattack(settings)) check("--autoattack-images", settings.autoattack_images);
}

std::string cell_name(const study_cell& cell) {
    return "alpha_" + shortest(cell.alpha) + "_seed_" + std::to_string(cell.seed);
}

} // namespace program
