#include "study/report/geometry_table.hpp"

#include "render/text_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <vector>

namespace program {

namespace {

// The mean of the values that are defined.
struct defined_mean {
    double sum = 0.0;
    std::size_t count = 0;

    void add(double value) {
        if (!std::isfinite(value)) return;
        sum += value;
        ++count;
    }
    [[nodiscard]] std::string text() const {
        return count == 0 ? "-" : fixed(sum / static_cast<double>(count), 3);
    }
};

// A layer under one kind of images, over networks and conditions.
struct class_means {
    defined_mean nc1, cdnv, uniformity, cka;

    void add(const compared_layer& layer) {
        if (layer.classes) {
            nc1.add(layer.classes->nc1_trace);
            cdnv.add(layer.classes->cdnv);
            uniformity.add(layer.classes->activation_uniformity);
        }
        if (layer.cka) cka.add(layer.cka->unbiased);
    }
};

struct layer_means {
    std::string name;
    class_means clean, corrupted, attacked;
};

double largest_attack(const network_result& network) {
    double largest = 0.0;
    for (const condition_result& condition : network.conditions) {
        if (condition.kind == condition_kind::attack && condition.name == "pgd")
            largest = std::max(largest, condition.eps);
    }
    return largest;
}

void add_network(const network_result& network, std::vector<layer_means>& layers) {
    const auto& reference = network.reference.layers;
    layers.resize(std::max(layers.size(), reference.size()));
    for (std::size_t l = 0; l < reference.size(); ++l) {
        layers[l].name = reference[l].name;
        layers[l].clean.add(reference[l]);
    }
    const double eps = largest_attack(network);
    for (const condition_result& condition : network.conditions) {
        const bool is_corruption = condition.kind == condition_kind::corruption;
        const bool is_attack =
            condition.kind == condition_kind::attack && condition.name == "pgd" && condition.eps == eps;
        if (!is_corruption && !is_attack) continue;
        for (std::size_t l = 0; l < std::min(layers.size(), condition.layers.size()); ++l)
            (is_corruption ? layers[l].corrupted : layers[l].attacked).add(condition.layers[l]);
    }
}

} // namespace

std::string geometry_table(const study_result& study) {
    std::map<double, std::vector<layer_means>> by_alpha;
    for (const network_result& network : study.networks) {
        if (!network.reference.layers.empty()) add_network(network, by_alpha[network.alpha]);
    }
    text_table table({"alpha", "layer", "NC1", "corrupted", "attacked", "CDNV", "corrupted", "attacked",
                      "uniformity", "corrupted", "attacked", "CKA corrupted", "attacked"},
                     2);
    bool has_numbers = false;
    for (const auto& [alpha, layers] : by_alpha) {
        for (const layer_means& layer : layers) {
            has_numbers = has_numbers || layer.clean.nc1.count > 0;
            std::vector<std::string> row{shortest(alpha), layer.name};
            for (const auto part : {&class_means::nc1, &class_means::cdnv, &class_means::uniformity}) {
                for (const class_means* means : {&layer.clean, &layer.corrupted, &layer.attacked})
                    row.push_back((means->*part).text());
            }
            row.push_back(layer.corrupted.cka.text());
            row.push_back(layer.attacked.cka.text());
            table.add_row(std::move(row));
        }
    }
    if (!has_numbers) return "";
    return "\n" + table.text() +
           "NC1 as a ratio of traces, CDNV, uniformity of activation within a class, unbiased CKA to the\n"
           "clean images: mean over seeds, over all corruptions, and under PGD of the largest size\n";
}

} // namespace program
