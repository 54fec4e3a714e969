#include "methods/costs.hpp"

#include "methods/json_numbers.hpp"
#include "render/text_table.hpp"

#include <repscope/statistics/summary.hpp>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* seconds_name = "train_seconds";
constexpr const char* rate_name = "images_per_second";
constexpr const char* predicted_name = "predicted_factor";

// Of the networks of a method, those that tell.
std::vector<double> numbers_of(const json& networks, const char* key, const std::string& method,
                               const char* name) {
    std::vector<double> found;
    for (const auto& network : networks) {
        if (network[key] == method && network.contains(name) && network[name].is_number())
            found.push_back(network[name].get<double>());
    }
    return found;
}

// What a method is compared with; an arm with that which does without what its group is about.
std::string baseline_of(const std::string& group, const std::string& name) {
    if (group == "networks") return plain_method(name);
    return group == "irm" ? "erm" : "labels";
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

void tell_cost(json& network, double seconds, double images, double predicted) {
    network[seconds_name] = seconds;
    network[rate_name] = images / seconds;
    network[predicted_name] = predicted;
}

json method_costs(const json& study) {
    json costs = json::array();
    for (const auto& item : study.items()) {
        const std::string& group = item.key();
        const json& networks = item.value();
        const bool arms = group == "irm" || group.starts_with("eman");
        if (!networks.is_array() || !(arms || group == "networks")) continue;
        const char* key = arms ? "arm" : "method";
        for (const std::string& name : names_in(networks, key)) {
            const auto median = [&](const std::string& of, const char* what) {
                return repscope::median(numbers_of(networks, key, of, what));
            };
            const std::string baseline = baseline_of(group, name);
            json cost{{"group", group}, {"method", name}, {rate_name, or_null(median(name, rate_name))}};
            cost["baseline"] = baseline;
            cost["times_as_long"] = or_null(median(name, seconds_name) / median(baseline, seconds_name));
            cost[predicted_name] = or_null(median(name, predicted_name));
            costs.push_back(std::move(cost));
        }
    }
    return costs;
}

std::string costs_table(const json& costs) {
    text_table table({"training", "images/s", "times as long as", "of", "predicted"}, 1);
    const auto number = [](const json& value, int digits) {
        return value.is_number() ? fixed(value.get<double>(), digits) : std::string("-");
    };
    for (const auto& cost : costs) {
        table.add_row({cost["method"], number(cost[rate_name], 0), number(cost["times_as_long"], 2),
                       cost["baseline"], number(cost[predicted_name], 2)});
    }
    return table.text();
}

} // namespace program
