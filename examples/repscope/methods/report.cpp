#include "methods/report.hpp"

#include "methods/costs.hpp"
#include "render/csv.hpp"
#include "render/gnuplot.hpp"
#include "render/plot.hpp"
#include "render/text_table.hpp"

#include <repscope/statistics/mean_interval.hpp>
#include <repscope/statistics/rank_correlation.hpp>
#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

namespace program {

namespace {

// The share of the units that 95 % of the variance takes, over layers [first, last).
double components_share(const std::vector<layer_report>& layers, std::size_t first, std::size_t last) {
    repscope::running_mean mean;
    for (std::size_t l = first; l < last; ++l) {
        mean.add(layers[l].dimensionality.components_interpolated[1] / static_cast<double>(layers[l].units));
    }
    return mean.value();
}

// A network under attack in a ball; null if it was not measured there.
const ball_measures* ball_of(const method_network& network, const std::string& norm) {
    const auto& balls = network.robust.balls;
    const auto place = std::find_if(balls.begin(), balls.end(),
                                    [&](const ball_measures& ball) { return ball.norm == norm; });
    return place == balls.end() ? nullptr : &*place;
}

double robust_accuracy(const method_network& network, const std::string& norm) {
    const ball_measures* const ball = ball_of(network, norm);
    return ball == nullptr ? undefined_number : ball->accuracy;
}

// A number of a network.
struct quantity {
    const char* name;
    double (*of)(const method_network&);
};
const std::vector<quantity>& quantities() {
    static const std::vector<quantity> all{
        {"clean_accuracy", [](const method_network& n) { return n.clean.accuracy; }},
        {"selectivity_mean", [](const method_network& n) { return n.clean.selectivity_mean; }},
        {"components_95_early",
         [](const method_network& n) {
             return components_share(n.clean.layers, 0, n.clean.layers.size() / 2);
         }},
        {"components_95_late",
         [](const method_network& n) {
             return components_share(n.clean.layers, n.clean.layers.size() / 2, n.clean.layers.size());
         }},
        {"corruption_accuracy", [](const method_network& n) { return n.robust.corruption_accuracy; }},
        {"robust_linf", [](const method_network& n) { return robust_accuracy(n, "linf"); }},
        {"robust_l2", [](const method_network& n) { return robust_accuracy(n, "l2"); }},
        {"robust_l1", [](const method_network& n) { return robust_accuracy(n, "l1"); }},
        {"robust_all", [](const method_network& n) { return n.robust.accuracy; }}};
    return all;
}

// Robust accuracy against AutoAttack in a ball, and how far that against PGD is above it on the same images.
double autoattack_accuracy(const method_network& network, const std::string& norm) {
    if (norm == "all") return network.robust.autoattack;
    const ball_measures* const ball = ball_of(network, norm);
    return ball == nullptr ? undefined_number : ball->autoattack;
}
double excess_of_pgd(const method_network& network, const std::string& norm) {
    const ball_measures* const ball = ball_of(network, norm);
    if (norm != "all" && ball == nullptr) return undefined_number;
    const std::vector<bool>& correct = norm == "all" ? network.robust.correct : ball->correct;
    repscope::running_mean same_images;
    for (std::size_t n = 0; n < network.robust.autoattack_images; ++n)
        same_images.add(correct[n] ? 1.0 : 0.0);
    return same_images.value() - autoattack_accuracy(network, norm);
}
constexpr std::array<const char*, 4> autoattack_norms{"linf", "l2", "l1", "all"};

const quantity& quantity_of(const std::string& name) {
    return *std::find_if(quantities().begin(), quantities().end(),
                         [&](const quantity& each) { return each.name == name; });
}

// Values of a number by seed, of the networks or arms of a name.
template <typename Result>
std::map<std::size_t, double> by_seed(const std::vector<Result>& results, const std::string& name,
                                      double (*of)(const Result&)) {
    std::map<std::size_t, double> values;
    for (const Result& result : results) {
        if (name_of(result) == name) values[result.seed] = of(result);
    }
    return values;
}

template <typename Result>
std::vector<double> values_of(const std::vector<Result>& results, const std::string& name,
                              double (*of)(const Result&)) {
    std::vector<double> all;
    for (const auto& [seed, value] : by_seed(results, name, of)) all.push_back(value);
    return all;
}

// first - second, seed by seed; adds nothing unless both have a seed in common.
template <typename Result>
void compare(const std::vector<Result>& results, const std::string& group, const std::string& first,
             const std::string& second, const std::string& name, double (*of)(const Result&),
             std::vector<method_comparison>& comparisons) {
    const auto minuend = by_seed(results, first, of), subtrahend = by_seed(results, second, of);
    std::vector<double> differences;
    for (const auto& [seed, value] : minuend) {
        const auto other = subtrahend.find(seed);
        if (other != subtrahend.end()) differences.push_back(value - other->second);
    }
    if (differences.empty()) return;
    const auto mean = repscope::mean_interval(differences);
    comparisons.push_back(
        {group, first, second, name, std::move(differences), mean.estimate, mean.range.low, mean.range.high});
}

// Standard deviation over seeds; 0 of one.
double deviation_of(const repscope::estimate_interval& mean, std::size_t seeds) {
    return seeds < 2 ? 0.0 : mean.error * std::sqrt(static_cast<double>(seeds));
}

std::string with_spread(const std::vector<double>& values) {
    const auto mean = repscope::mean_interval(values);
    const std::string text = fixed(mean.estimate, 3);
    return values.size() < 2 ? text : text + " +- " + fixed(deviation_of(mean, values.size()), 3);
}

// The measures of an arm; undefined for an arm of another kind.
template <typename Measures>
const Measures& measures_of(const method_arm& arm) {
    static const Measures none;
    const auto* const measured = std::get_if<Measures>(&arm.measured);
    return measured == nullptr ? none : *measured;
}
double eman_accuracy(const method_arm& arm) {
    return measures_of<semi_supervised_measures>(arm).clean.accuracy;
}
double train_accuracy(const method_arm& arm, std::size_t environment) {
    const auto& train = measures_of<colored_measures>(arm).train;
    return environment < train.size() ? train[environment].accuracy : undefined_number;
}

// A number of an arm.
struct arm_quantity {
    const char* name;
    double (*of)(const method_arm&);
};

// Kinds of groups: the numbers of each, and the arms that are compared.
struct group_kind {
    std::string prefix;
    std::vector<arm_quantity> numbers;
    std::vector<std::pair<const char*, const char*>> pairs;
};
const std::vector<group_kind>& group_kinds() {
    using semi = semi_supervised_measures;
    using colored = colored_measures;
    using attribute = attribute_measures;
    static const std::vector<group_kind> all{
        {"eman",
         {{"accuracy", eman_accuracy},
          {"student", [](const method_arm& a) { return measures_of<semi>(a).student_accuracy; }},
          {"selectivity", [](const method_arm& a) { return measures_of<semi>(a).clean.selectivity_mean; }},
          {"kept", [](const method_arm& a) { return measures_of<semi>(a).unlabeled_kept; }}},
         {{"eman", "batch-norm"}, {"eman", "labels"}}},
        {"irm",
         {{"flipped", [](const method_arm& a) { return measures_of<colored>(a).flipped_accuracy; }},
          {"train .2", [](const method_arm& a) { return train_accuracy(a, 0); }},
          {"train .1", [](const method_arm& a) { return train_accuracy(a, 1); }}},
         {{"irm", "erm"}, {"grey", "irm"}}},
        {"fairness",
         {{"accuracy", [](const method_arm& a) { return measures_of<attribute>(a).misleading.accuracy; }},
          {"equalised odds",
           [](const method_arm& a) { return measures_of<attribute>(a).misleading.equalized_odds; }},
          {"parity",
           [](const method_arm& a) { return measures_of<attribute>(a).misleading.demographic_parity; }},
          {"accuracy like training",
           [](const method_arm& a) { return measures_of<attribute>(a).like_training.accuracy; }}},
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

// Calls `visit(kind, group)` for every group: "eman" and "eman:600" are of one kind.
template <typename Visit>
void for_each_group(const methods_result& result, const Visit& visit) {
    for (const group_kind& kind : group_kinds()) {
        for (const arm_group& group : result.groups) {
            if (group.name == kind.prefix || group.name.starts_with(kind.prefix + ":")) visit(kind, group);
        }
    }
}

} // namespace

std::vector<method_comparison> method_comparisons(const methods_result& result) {
    std::vector<method_comparison> comparisons;
    const auto add = [&](const std::string& first, const std::string& second,
                         const std::vector<std::string>& names) {
        for (const auto& name : names)
            compare(result.networks, "networks", first, second, name, quantity_of(name).of, comparisons);
    };
    // The paper's reverse claim.
    const std::vector<std::string> reverse{"selectivity_mean", "clean_accuracy"};
    add("augmix", "ce", reverse);
    for (const char* trained : {"at-linf", "at-l2", "at-l1"}) add(trained, "ce", reverse);
    // What adversarial training is for, each in its own norm.
    for (const char* norm : {"linf", "l2", "l1"})
        add(std::string("at-") + norm, "ce", {std::string("robust_") + norm});
    const std::vector<std::string> robust{"robust_linf", "robust_l2", "robust_l1", "robust_all",
                                          "clean_accuracy"};
    for (const char* other : {"max", "avg", "at-linf", "at-l2", "at-l1"}) add("msd", other, robust);
    add("ascl", "at-linf", {"robust_linf", "clean_accuracy", "selectivity_mean"});
    const std::vector<std::string> pursuit{"clean_accuracy", "corruption_accuracy", "robust_linf",
                                           "robust_l2",      "robust_l1",           "selectivity_mean"};
    for (const auto& name : names_in(result.networks)) {
        if (!name.starts_with("deep-pursuit") || name == "deep-pursuit:0") continue;
        add(name, "deep-pursuit:0", pursuit);
        add(name, "layer-pursuit", pursuit);
    }
    for_each_group(result, [&](const group_kind& kind, const arm_group& group) {
        for (const auto& pair : kind.pairs) {
            for (const arm_quantity& number : kind.numbers)
                compare(group.arms, group.name, pair.first, pair.second, number.name, number.of, comparisons);
        }
    });
    return comparisons;
}

std::vector<method_correlation> method_correlations(const methods_result& result) {
    std::vector<method_correlation> correlations;
    const auto names = names_in(result.networks);
    const auto mean = [&](const std::string& name, const char* what) {
        return repscope::mean_interval(values_of(result.networks, name, quantity_of(what).of)).estimate;
    };
    for (const char* other : {"corruption_accuracy", "robust_all", "robust_linf", "robust_l2", "robust_l1"}) {
        std::vector<double> x, y;
        for (const auto& name : names) {
            x.push_back(mean(name, "selectivity_mean"));
            y.push_back(mean(name, other));
        }
        correlations.push_back({"selectivity_mean", other, names.size(),
                                names.size() < 3 ? undefined_number : repscope::spearman(x, y)});
    }
    return correlations;
}

namespace {

// Rows of methods.csv.
class csv_rows {
  public:
    // Of the network or arm that the next rows are about.
    void begin(const std::string& group, const std::string& name, std::size_t seed) {
        place_ = group + "," + name + "," + std::to_string(seed) + ",";
    }
    void add(const std::string& layer, const std::string& name, double value) {
        text_ += place_ + layer + "," + name + "," + csv_field(value) + "\n";
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    std::string text_ = "group,method,seed,layer,quantity,value\n";
    std::string place_;
};

void add_network(const method_network& network, csv_rows& rows) {
    rows.begin("networks", network.method, network.seed);
    for (const quantity& each : quantities()) rows.add("", each.name, each.of(network));
    for (const char* norm : {"linf", "l2", "l1"}) {
        const ball_measures* const ball = ball_of(network, norm);
        rows.add("", std::string("robust_") + norm + "_cross_entropy",
                 ball == nullptr ? undefined_number : ball->cross_entropy);
    }
    if (network.robust.autoattack_images > 0) {
        for (const std::string norm : autoattack_norms) {
            rows.add("", "autoattack_" + norm, autoattack_accuracy(network, norm));
            rows.add("", "pgd_minus_autoattack_" + norm, excess_of_pgd(network, norm));
        }
    }
    for (const auto& [name, accuracy] : network.robust.corruptions)
        rows.add("", "corruption_" + name, accuracy);
    rows.add("", "train_seconds", network.cost.seconds);
    rows.add("", "images_per_second", network.cost.images_per_second);
    rows.add("", "predicted_factor", network.cost.predicted_factor);
    for (const layer_report& layer : network.clean.layers) {
        const auto& dimensionality = layer.dimensionality;
        rows.add(layer.name, "selectivity_mean",
                 layer.selectivity ? layer.selectivity->measured.mean : undefined_number);
        rows.add(layer.name, "components_interpolated_95", dimensionality.components_interpolated[1]);
        rows.add(layer.name, "participation_ratio", dimensionality.participation_ratio);
        rows.add(layer.name, "units", static_cast<double>(layer.units));
    }
}

std::string networks_table(const std::vector<method_network>& networks) {
    text_table table(
        {"method", "clean", "selectivity", "95 % early", "95 % late", "corrupted", "linf", "l2", "l1", "all"},
        1);
    for (const auto& name : names_in(networks)) {
        std::vector<std::string> row{name};
        for (const quantity& each : quantities())
            row.push_back(with_spread(values_of(networks, name, each.of)));
        table.add_row(std::move(row));
    }
    return table.text() +
           "accuracy on the clean test set, under corruptions, under attack in each ball and in all of "
           "them; mean +- standard deviation over seeds\n\n";
}

// Empty if AutoAttack was not run.
std::string autoattack_table(const methods_result& result) {
    const std::size_t images = result.networks.front().robust.autoattack_images;
    if (images == 0) return "";
    text_table table(
        {"AutoAttack", "linf", "l2", "l1", "all", "excess linf", "excess l2", "excess l1", "excess all"}, 1);
    for (const auto& name : names_in(result.networks)) {
        std::vector<std::string> row{name};
        for (const auto number : {autoattack_accuracy, excess_of_pgd}) {
            for (const std::string norm : autoattack_norms) {
                std::vector<double> values;
                for (const method_network& network : result.networks) {
                    if (network.method == name) values.push_back(number(network, norm));
                }
                row.push_back(with_spread(values));
            }
        }
        table.add_row(std::move(row));
    }
    return table.text() + "accuracy against AutoAttack on " + std::to_string(images) +
           " images, and how far that against PGD on the same images is above it (excess)\n\n";
}

std::string arms_table(const group_kind& kind, const arm_group& group) {
    std::vector<std::string> header{group.name};
    for (const arm_quantity& number : kind.numbers) header.emplace_back(number.name);
    text_table table(header, 1);
    for (const auto& arm : names_in(group.arms)) {
        std::vector<std::string> row{arm};
        for (const arm_quantity& number : kind.numbers)
            row.push_back(with_spread(values_of(group.arms, arm, number.of)));
        table.add_row(std::move(row));
    }
    return table.text() + "\n";
}

std::string comparisons_table(const std::vector<method_comparison>& comparisons) {
    text_table table({"first", "second", "quantity", "first - second", "95 % over seeds"}, 3);
    for (const method_comparison& each : comparisons) {
        table.add_row(
            {each.first, each.second, each.quantity, fixed(each.mean, 3),
             std::isfinite(each.low) ? fixed(each.low, 3) + " .. " + fixed(each.high, 3) : std::string("-")});
    }
    return table.text();
}

} // namespace

std::string methods_csv(const methods_result& result) {
    csv_rows rows;
    for (const method_network& network : result.networks) add_network(network, rows);
    for_each_group(result, [&](const group_kind& kind, const arm_group& group) {
        for (const method_arm& arm : group.arms) {
            rows.begin(group.name, arm.arm, arm.seed);
            for (const arm_quantity& number : kind.numbers) rows.add("", number.name, number.of(arm));
        }
    });
    return rows.text();
}

std::string methods_table(const methods_result& result) {
    std::string text;
    if (!result.networks.empty()) text += networks_table(result.networks) + autoattack_table(result);
    for_each_group(result,
                   [&](const group_kind& kind, const arm_group& group) { text += arms_table(kind, group); });
    if (!result.costs.empty()) {
        text += costs_table(result.costs) +
                "medians over seeds; predicted by the passes through the network alone\n\n";
    }
    if (!result.comparisons.empty()) text += comparisons_table(result.comparisons);
    for (const method_correlation& each : result.correlations) {
        if (!std::isfinite(each.spearman)) continue;
        text += "Spearman over " + std::to_string(each.methods) + " methods, selectivity and " + each.y +
                ": " + fixed(each.spearman, 2) + "\n";
    }
    return text;
}

std::string methods_figure(const methods_result& result) {
    if (result.networks.empty()) return "";
    panel_grid figure;
    figure.columns = 2;
    figure.panel_height = 360;
    figure.panels = {{"accuracy under corruptions", "class selectivity", ""},
                     {"accuracy under attack, in all balls", "class selectivity", ""}};
    std::string data, plots[2];
    std::vector<double> x_values, y_values[2];
    const auto names = names_in(result.networks);
    std::map<std::string, int> members; // of a family that are drawn
    for (std::size_t m = 0; m < names.size(); ++m) {
        const method_family& family = family_of(names[m]);
        constexpr std::array<int, 5> shapes{7, 5, 9, 11, 13};
        const int shape = shapes[static_cast<std::size_t>(members[family.color]++) % shapes.size()];
        figure.legend.push_back({names[m], family.color, shape});
        std::vector<double> row;
        for (const char* what : {"selectivity_mean", "corruption_accuracy", "robust_all"}) {
            const auto values = values_of(result.networks, names[m], quantity_of(what).of);
            const auto mean = repscope::mean_interval(values);
            row.push_back(mean.estimate);
            row.push_back(deviation_of(mean, values.size()));
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
