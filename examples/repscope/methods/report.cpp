#include "methods/report.hpp"

#include "methods/costs.hpp"
#include "methods/json_numbers.hpp"
#include "render/csv.hpp"
#include "render/gnuplot.hpp"
#include "render/plot.hpp"
#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"

#include <repscope/statistics/mean_interval.hpp>
#include <repscope/statistics/rank_correlation.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace program {

namespace {

using json = nlohmann::ordered_json;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// A number under a path: "/robust/linf/accuracy".
double number_at(const json& object, const std::string& path) {
    const json::json_pointer at(path);
    if (!object.contains(at) || !object[at].is_number()) return nan;
    return object[at].get<double>();
}

// The share of the units that 95 % of the variance takes, over the first half of the layers or the others.
double components_share(const json& network, bool early) {
    if (!network.contains("layers")) return nan;
    const json& layers = network["layers"];
    const std::size_t half = layers.size() / 2, first = early ? 0 : half, last = early ? half : layers.size();
    return mean_dimensionality(layers, "components_interpolated", first, last);
}

struct quantity {
    const char* name;
    std::function<double(const json&)> of;
};
quantity at(const char* name, const std::string& path) {
    return {name, [path](const json& network) { return number_at(network, path); }};
}
const std::vector<quantity>& quantities() {
    static const std::vector<quantity> all{
        at("clean_accuracy", "/clean_accuracy"),
        at("selectivity_mean", "/selectivity_mean"),
        {"components_95_early", [](const json& n) { return components_share(n, true); }},
        {"components_95_late", [](const json& n) { return components_share(n, false); }},
        at("corruption_accuracy", "/corruption_accuracy"),
        at("robust_linf", "/robust/linf/accuracy"),
        at("robust_l2", "/robust/l2/accuracy"),
        at("robust_l1", "/robust/l1/accuracy"),
        at("robust_all", "/robust/all/accuracy")};
    return all;
}

const quantity& quantity_of(const std::string& name) {
    return *std::find_if(quantities().begin(), quantities().end(),
                         [&](const quantity& each) { return each.name == name; });
}

// Values of a quantity by seed, of the networks whose `key` is `name`.
std::map<std::size_t, double> by_seed(const json& networks, const char* key, const std::string& name,
                                      const std::function<double(const json&)>& of) {
    std::map<std::size_t, double> values;
    for (const auto& network : networks) {
        if (network[key] == name) values[network["seed"].get<std::size_t>()] = of(network);
    }
    return values;
}

std::vector<double> values_of(const std::map<std::size_t, double>& values) {
    std::vector<double> all;
    for (const auto& [seed, value] : values) all.push_back(value);
    return all;
}

// first - second, seed by seed; nothing when a seed has not both.
void compare(json& to, const json& networks, const char* key, const std::string& group,
             const std::string& first, const std::string& second, const std::string& name,
             const std::function<double(const json&)>& of) {
    const auto ours = by_seed(networks, key, first, of), theirs = by_seed(networks, key, second, of);
    std::vector<double> differences;
    for (const auto& [seed, value] : ours) {
        const auto other = theirs.find(seed);
        if (other != theirs.end()) differences.push_back(value - other->second);
    }
    if (differences.empty()) return;
    const auto found = repscope::mean_interval(differences);
    json object;
    object["group"] = group;
    object["first"] = first;
    object["second"] = second;
    object["quantity"] = name;
    object["per_seed"] = json::array();
    for (const double value : differences) object["per_seed"].push_back(or_null(value));
    object["mean"] = or_null(found.estimate);
    object["low"] = or_null(found.range.low);
    object["high"] = or_null(found.range.high);
    to.push_back(std::move(object));
}

// Standard deviation over seeds; 0 of one.
double deviation_of(const repscope::estimate_interval& found, std::size_t seeds) {
    return seeds < 2 ? 0.0 : found.error * std::sqrt(static_cast<double>(seeds));
}

std::string with_spread(const std::vector<double>& values) {
    const auto found = repscope::mean_interval(values);
    const std::string mean = fixed(found.estimate, 3);
    return values.size() < 2 ? mean : mean + " +- " + fixed(deviation_of(found, values.size()), 3);
}

// Groups of arms: what is told of each, and what is compared with what.
struct arm_group {
    std::string prefix;
    std::vector<std::pair<const char*, std::string>> numbers;
    std::vector<std::pair<const char*, const char*>> pairs;
};
const std::vector<arm_group>& arm_groups() {
    static const std::vector<arm_group> all{{"eman",
                                             {{"accuracy", "/clean_accuracy"},
                                              {"student", "/student_accuracy"},
                                              {"selectivity", "/selectivity_mean"},
                                              {"kept", "/unlabelled_kept"}},
                                             {{"eman", "batch-norm"}, {"eman", "labels"}}},
                                            {"irm",
                                             {{"flipped", "/flipped/accuracy"},
                                              {"train .2", "/train/0/accuracy"},
                                              {"train .1", "/train/1/accuracy"}},
                                             {{"irm", "erm"}, {"grey", "irm"}}},
                                            {"fairness",
                                             {{"accuracy", "/misleading/accuracy"},
                                              {"equalised odds", "/misleading/equalised_odds_gap"},
                                              {"parity", "/misleading/demographic_parity_gap"},
                                              {"accuracy like training", "/like_training/accuracy"}},
                                             {{"irm", "erm"}}}};
    return all;
}

// Methods that do the same kind of thing share a color.
struct method_family {
    const char* prefix;
    const char* color;
};
const method_family& family_of(const std::string& method) {
    static const std::vector<method_family> all{
        {"selectivity", "#777777"},   {"augmix", "#2b6cb0"}, {"at-", "#c05621"},  {"msd", "#9b2c5e"},
        {"max", "#9b2c5e"},           {"avg", "#9b2c5e"},    {"ascl", "#d69e2e"}, {"deep-pursuit", "#2f855a"},
        {"layer-pursuit", "#2f855a"}, {"", "#222222"}};
    return *std::find_if(all.begin(), all.end(),
                         [&](const method_family& family) { return method.starts_with(family.prefix); });
}

// The arrays of a group in the study: "eman" and "eman:600" are two of the first.
std::vector<std::string> arrays_of(const json& study, const std::string& prefix) {
    std::vector<std::string> names;
    for (const auto& [name, value] : study.items()) {
        if ((name == prefix || name.starts_with(prefix + ":")) && value.is_array()) names.push_back(name);
    }
    return names;
}

} // namespace

json method_comparisons(const json& study) {
    json found = json::array();
    const json& networks = study["networks"];
    const auto all = [&](const std::string& first, const std::string& second,
                         const std::vector<std::string>& names) {
        for (const auto& name : names)
            compare(found, networks, "method", "networks", first, second, name, quantity_of(name).of);
    };
    // The paper's reverse claim.
    const std::vector<std::string> reverse{"selectivity_mean", "clean_accuracy"};
    all("augmix", "ce", reverse);
    for (const char* trained : {"at-linf", "at-l2", "at-l1"}) all(trained, "ce", reverse);
    // What adversarial training is for, each in its own norm.
    for (const char* norm : {"linf", "l2", "l1"})
        all(std::string("at-") + norm, "ce", {std::string("robust_") + norm});
    const std::vector<std::string> robust{"robust_linf", "robust_l2", "robust_l1", "robust_all",
                                          "clean_accuracy"};
    for (const char* other : {"max", "avg", "at-linf", "at-l2", "at-l1"}) all("msd", other, robust);
    all("ascl", "at-linf", {"robust_linf", "clean_accuracy", "selectivity_mean"});
    const std::vector<std::string> pursuit{"clean_accuracy", "corruption_accuracy", "robust_linf",
                                           "robust_l2",      "robust_l1",           "selectivity_mean"};
    for (const auto& name : names_in(networks, "method")) {
        if (!name.starts_with("deep-pursuit") || name == "deep-pursuit:0") continue;
        all(name, "deep-pursuit:0", pursuit);
        all(name, "layer-pursuit", pursuit);
    }
    for (const arm_group& group : arm_groups()) {
        for (const auto& array : arrays_of(study, group.prefix)) {
            for (const auto& [first, second] : group.pairs) {
                for (const auto& [name, path] : group.numbers) {
                    compare(found, study[array], "arm", array, first, second, name,
                            [&where = path](const json& network) { return number_at(network, where); });
                }
            }
        }
    }
    return found;
}

json method_correlations(const json& study) {
    json correlations = json::array();
    const auto names = names_in(study["networks"], "method");
    for (const char* other : {"corruption_accuracy", "robust_all", "robust_linf", "robust_l2", "robust_l1"}) {
        std::vector<double> x, y;
        for (const auto& name : names) {
            const auto mean = [&](const char* what) {
                return repscope::mean_interval(
                           values_of(by_seed(study["networks"], "method", name, quantity_of(what).of)))
                    .estimate;
            };
            x.push_back(mean("selectivity_mean"));
            y.push_back(mean(other));
        }
        json object{{"x", "selectivity_mean"}, {"y", other}, {"methods", names.size()}};
        object["spearman"] = names.size() < 3 ? json() : or_null(repscope::spearman(x, y));
        correlations.push_back(std::move(object));
    }
    return correlations;
}

std::string methods_csv(const json& study) {
    std::string out = "group,method,seed,layer,quantity,value\n";
    const auto row = [&](const std::string& place, const std::string& layer, const std::string& name,
                         double value) { out += place + layer + "," + name + "," + csv_field(value) + "\n"; };
    for (const auto& network : study["networks"]) {
        const std::string place = "networks," + network["method"].get<std::string>() + "," +
                                  std::to_string(network["seed"].get<std::size_t>()) + ",";
        for (const auto& each : quantities()) row(place, "", each.name, each.of(network));
        for (const char* norm : {"linf", "l2", "l1"}) {
            row(place, "", std::string("robust_") + norm + "_cross_entropy",
                number_at(network, std::string("/robust/") + norm + "/cross_entropy"));
        }
        for (const auto& [name, value] : network["corruptions"].items())
            row(place, "", "corruption_" + name, value.get<double>());
        for (const char* name : {"train_seconds", "images_per_second", "predicted_factor"})
            row(place, "", name, number_at(network, std::string("/") + name));
        for (const auto& layer : network["layers"]) {
            const std::string name = layer["name"];
            row(place, name, "selectivity_mean", number_at(layer, "/selectivity/mean"));
            row(place, name, "components_interpolated_95",
                number_at(layer, "/dimensionality/components_interpolated/95"));
            row(place, name, "participation_ratio", number_at(layer, "/dimensionality/participation_ratio"));
            row(place, name, "units", number_at(layer, "/units"));
        }
    }
    for (const arm_group& group : arm_groups()) {
        for (const auto& array : arrays_of(study, group.prefix)) {
            for (const auto& network : study[array]) {
                const std::string place = array + "," + network["arm"].get<std::string>() + "," +
                                          std::to_string(network["seed"].get<std::size_t>()) + ",";
                for (const auto& [name, path] : group.numbers) row(place, "", name, number_at(network, path));
            }
        }
    }
    return out;
}

std::string methods_table(const json& study) {
    std::string text;
    const json& networks = study["networks"];
    if (!networks.empty()) {
        text_table table({"method", "clean", "selectivity", "95 % early", "95 % late", "corrupted", "linf",
                          "l2", "l1", "all"},
                         1);
        for (const auto& name : names_in(networks, "method")) {
            std::vector<std::string> row{name};
            for (const auto& each : quantities())
                row.push_back(with_spread(values_of(by_seed(networks, "method", name, each.of))));
            table.add_row(std::move(row));
        }
        text += table.text() +
                "accuracy on the clean test set, under corruptions, under attack in each ball and in all of "
                "them; mean +- standard deviation over seeds\n\n";
    }
    for (const arm_group& group : arm_groups()) {
        for (const auto& array : arrays_of(study, group.prefix)) {
            std::vector<std::string> header{array};
            for (const auto& [name, path] : group.numbers) header.emplace_back(name);
            text_table table(header, 1);
            for (const auto& arm : names_in(study[array], "arm")) {
                std::vector<std::string> row{arm};
                for (const auto& [name, path] : group.numbers) {
                    row.push_back(with_spread(
                        values_of(by_seed(study[array], "arm", arm,
                                          [&where = path](const json& n) { return number_at(n, where); }))));
                }
                table.add_row(std::move(row));
            }
            text += table.text() + "\n";
        }
    }
    if (!study["costs"].empty()) {
        text += costs_table(study["costs"]) +
                "medians over seeds; predicted by the passes through the network alone\n\n";
    }
    if (!study["comparisons"].empty()) {
        text_table table({"first", "second", "quantity", "first - second", "95 % over seeds"}, 3);
        const auto value = [](const json& of) { return of.is_number() ? of.get<double>() : nan; };
        for (const auto& each : study["comparisons"]) {
            const bool range = each["low"].is_number();
            table.add_row({each["first"], each["second"], each["quantity"], fixed(value(each["mean"]), 3),
                           range ? fixed(value(each["low"]), 3) + " .. " + fixed(value(each["high"]), 3)
                                 : std::string("-")});
        }
        text += table.text();
    }
    for (const auto& each : study["correlations"]) {
        if (!each["spearman"].is_number()) continue;
        text += "Spearman over " + std::to_string(each["methods"].get<std::size_t>()) +
                " methods, selectivity and " + each["y"].get<std::string>() + ": " +
                fixed(each["spearman"].get<double>(), 2) + "\n";
    }
    return text;
}

std::string methods_figure(const json& study) {
    const json& networks = study["networks"];
    if (networks.empty()) return "";
    panel_grid figure;
    figure.columns = 2;
    figure.panel_height = 360;
    figure.panels = {{"accuracy under corruptions", "class selectivity", ""},
                     {"accuracy under attack, in all balls", "class selectivity", ""}};
    std::string data, plots[2];
    std::vector<double> x_values, y_values[2];
    const auto names = names_in(networks, "method");
    std::map<std::string, int> members; // of a family that are drawn
    for (std::size_t m = 0; m < names.size(); ++m) {
        const method_family& family = family_of(names[m]);
        constexpr std::array<int, 5> shapes{7, 5, 9, 11, 13};
        const int shape = shapes[static_cast<std::size_t>(members[family.color]++) % shapes.size()];
        figure.legend.push_back({names[m], family.color, shape});
        std::vector<double> row;
        for (const char* what : {"selectivity_mean", "corruption_accuracy", "robust_all"}) {
            const auto values = values_of(by_seed(networks, "method", names[m], quantity_of(what).of));
            const auto found = repscope::mean_interval(values);
            row.push_back(found.estimate);
            row.push_back(deviation_of(found, values.size()));
        }
        x_values.insert(x_values.end(), {row[0] - row[1], row[0] + row[1]});
        const std::string block = "m" + std::to_string(m);
        data += data_block(block, {row});
        for (std::size_t k = 0; k < 2; ++k) {
            const std::size_t y = 2 + 2 * k;
            y_values[k].insert(y_values[k].end(), {row[y] - row[y + 1], row[y] + row[y + 1]});
            plots[k] += (m == 0 ? "plot $" : ", $") + block + " using 1:" + std::to_string(y + 1) +
                        ":2:" + std::to_string(y + 2) + " with xyerrorbars pt " + std::to_string(shape) +
                        " ps 1 lc rgb '" + family.color + "' notitle";
        }
    }
    const axis_range x = range_of(x_values, 0.1);
    for (std::size_t k = 0; k < 2; ++k) {
        const axis_range y = range_of(y_values[k], 0.1);
        figure.panels[k].commands = set_range("x", x) + set_tics("x", x, 6) + set_range("y", y) +
                                    set_tics("y", y, 6) + plots[k] + "\n";
    }
    const auto drawn = draw({{data + figure.commands(), figure.width, figure.height()}});
    return drawn.empty() ? "" : drawn.front() + "\n";
}

} // namespace program
