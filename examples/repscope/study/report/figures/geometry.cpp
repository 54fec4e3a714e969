// The figure of the classes in each layer, and of the similarity of perturbed and clean activations.

#include "study/report/figures/depth_panels.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <optional>

namespace program {

namespace {

// Images of a column of panels: clean, or those of a group of conditions.
struct image_column {
    std::optional<condition_group> group;
    const char* name; // in the CSV table
    std::string title;
};

struct class_quantity {
    const char* name;
    const char* title;
    double class_result::*number;
    depth_panels::scale scale;
};

// The unbiased CDNV is undefined where two class means are near: its mean over the conditions that have one
// would leave out those of the least separation.
constexpr class_quantity class_quantities[]{
    {"nc1_trace", "NC1", &class_result::nc1_trace, depth_panels::scale::logarithmic},
    {"cdnv", "CDNV", &class_result::cdnv, depth_panels::scale::logarithmic},
    {"activation_uniformity", "uniformity of activation", &class_result::activation_uniformity,
     depth_panels::scale::linear}};

bool has_group(const ordered_networks& networks, condition_group group, double eps) {
    const auto& conditions = networks.first.conditions;
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const condition_result& each) { return belongs(each, group, eps); });
}

double number_of(const network_result& network, const std::optional<condition_group>& group, double eps,
                 std::size_t layer, const std::function<double(const compared_layer&)>& value) {
    if (group) return mean_under(network, *group, eps, layer, value);
    return layer < network.reference.layers.size() ? value(network.reference.layers[layer]) : no_value;
}

} // namespace

study_figure geometry_figure(const ordered_networks& networks) {
    study_figure figure{.name = "geometry",
                        .heading = "Classes in each layer",
                        .meaning = "Shows how well each layer separates the classes (low NC1 and CDNV: tight "
                                   "and far apart), and how much of this and of the representation a "
                                   "perturbation changes."};
    const std::vector<double> sizes = networks.sizes();
    const double eps = sizes.empty() ? 0.0 : *std::max_element(sizes.begin(), sizes.end());
    std::vector<image_column> columns{{std::nullopt, "clean", "clean"}};
    if (has_group(networks, condition_group::corruptions, eps))
        columns.push_back({condition_group::corruptions, "corruptions", "corrupted"});
    if (has_group(networks, condition_group::attack, eps))
        columns.push_back({condition_group::attack, "pgd", "PGD " + networks.size_text(eps)});
    depth_panels panels(networks, figure);
    for (const class_quantity& each : class_quantities) {
        std::vector<depth_panels::panel> row;
        for (const image_column& column : columns) {
            row.push_back(
                {std::string(each.title) + ", " + column.title, std::string(column.name) + "_" + each.name,
                 [&each, group = column.group, eps](const network_result& network, std::size_t layer) {
                     return number_of(network, group, eps, layer, [&](const compared_layer& seen) {
                         return seen.classes ? (*seen.classes).*each.number : no_value;
                     });
                 }});
        }
        panels.add_row(row, each.scale);
    }
    // Random signs of the attack's size are the control, in the column of the clean images.
    columns.front() = {condition_group::random, "random", "random signs " + networks.size_text(eps)};
    std::vector<depth_panels::panel> row;
    for (const image_column& column : columns) {
        if (!has_group(networks, *column.group, eps)) continue;
        row.push_back({"CKA with clean, " + column.title, std::string(column.name) + "_cka_unbiased",
                       [group = column.group, eps](const network_result& network, std::size_t layer) {
                           return number_of(network, group, eps, layer, [](const compared_layer& seen) {
                               return seen.cka ? seen.cka->unbiased : no_value;
                           });
                       }});
    }
    panels.add_row(row, depth_panels::scale::linear);
    panels.finish("the networks were measured without classes and similarity",
                  "NC1 (ratio of traces), CDNV, uniformity of the units' activation within a class, "
                  "and unbiased linear CKA with the clean ones, of channel means of the same " +
                      with_commas(networks.first.reference.images) +
                      (networks.models.empty() ? " images. " : " inputs. ") + band_text(networks),
                  columns.size());
    return figure;
}

} // namespace program
