#include "methods/costs.hpp"

#include "render/text_table.hpp"

#include <repscope/statistics/summary.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace program {

namespace {

// The cost of a network or an arm; none if it has none.
const training_cost* cost_of(const method_network& network) { return &network.cost; }
const training_cost* cost_of(const method_arm& arm) {
    if (const auto* measured = std::get_if<semi_supervised_measures>(&arm.measured)) return &measured->cost;
    if (const auto* measured = std::get_if<colored_measures>(&arm.measured)) return &measured->cost;
    return nullptr;
}

// The median over the networks of a name; NaN if none has the number.
template <typename Result>
double median_of(const std::vector<Result>& results, const std::string& name, double training_cost::*number) {
    std::vector<double> values;
    for (const Result& result : results) {
        const training_cost* const cost = cost_of(result);
        if (name_of(result) == name && cost != nullptr && std::isfinite(cost->*number)) {
            values.push_back(cost->*number);
        }
    }
    return repscope::median(std::move(values));
}

// What a method is compared with; an arm with that which does without what its group is about.
std::string baseline_of(const std::string& group, const std::string& name) {
    if (group == "networks") return plain_method(name);
    return group == "irm" ? "erm" : "labels";
}

template <typename Result>
void add_costs(const std::vector<Result>& results, const std::string& group,
               std::vector<method_cost>& costs) {
    for (const std::string& name : names_in(results)) {
        const std::string baseline = baseline_of(group, name);
        costs.push_back({group, name, median_of(results, name, &training_cost::images_per_second), baseline,
                         median_of(results, name, &training_cost::seconds) /
                             median_of(results, baseline, &training_cost::seconds),
                         median_of(results, name, &training_cost::predicted_factor)});
    }
}

} // namespace

std::string plain_method(const std::string& method) {
    return method.find("-pursuit") != std::string::npos ? "deep-pursuit:0" : "ce";
}

double predicted_factor(const method& which, const methods_protocol& protocol) {
    // A plain step: forward, and backward to parameters and to the inputs of layers.
    constexpr double plain = 3;
    const auto steps = static_cast<double>(protocol.training_steps);
    const auto balls = static_cast<double>(protocol.balls.size());
    // A step of an attack goes forward and back to the inputs, which leaves the parameters' gradients out.
    const double alone = 2 * steps + 1;
    // An iteration of a pursuit reconstructs and infers, goes back through both to activations and atoms, and
    // reconstructs once more for that. In the joint order it also goes back through the reconstructions of
    // the layers that read one: 1.24 of the program's network.
    if (which.kind.ends_with("-pursuit")) {
        const double readers = which.kind == "deep-pursuit" ? 2 * 1.24 : 0;
        return (plain + which.number * (2 + 4 + 1 + readers)) / plain;
    }
    if (which.kind.starts_with("at-")) return (plain + alone) / plain;
    if (which.kind == "augmix") return 3;
    if (which.kind == "ascl") return (2 * plain + alone) / plain;
    if (which.kind == "msd") return (plain + steps * (2 + balls) + 1) / plain;
    if (which.kind == "max") return (plain + balls * alone) / plain;
    if (which.kind == "avg") return balls * (plain + alone) / plain;
    return 1;
}

std::vector<method_cost> method_costs(const methods_result& result) {
    std::vector<method_cost> costs;
    add_costs(result.networks, "networks", costs);
    for (const arm_group& group : result.groups) {
        if (group.name != "fairness") add_costs(group.arms, group.name, costs);
    }
    return costs;
}

std::string costs_table(const std::vector<method_cost>& costs) {
    text_table table({"training", "images/s", "times as long as", "of", "predicted"}, 1);
    for (const method_cost& cost : costs) {
        table.add_row({cost.method, fixed(cost.images_per_second, 0), fixed(cost.times_as_long, 2),
                       cost.baseline, fixed(cost.predicted_factor, 2)});
    }
    return table.text();
}

} // namespace program
