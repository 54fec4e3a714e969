#pragma once

#include "study/per_image.hpp"
#include "study/report/tables.hpp"
#include "study/settings.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// Studies made up so that what they say is known.

namespace program_test {

using json = nlohmann::ordered_json;

inline json dimensionality(double count) {
    return {{"participation_ratio", count},
            {"participation_ratio_unbiased", count},
            {"components_interpolated", {{"90", count}, {"95", count}, {"99", count}}}};
}

inline json layers_of(double count, bool with_change) {
    json layers = json::array();
    for (const char* name : {"early", "late"}) {
        json layer{
            {"name", name}, {"units", 10}, {"shape", {100, 10}}, {"dimensionality", dimensionality(count)}};
        layer["selectivity"] = {{"mean", 0.5}, {"index", {0.0, 0.25, 0.5, nullptr, 1.0}}};
        if (layer["name"] == "early") layer["cumulative_variance"] = {0.5, 0.8, 0.96, 1.0};
        if (with_change)
            layer["change"] = {{"dimensionality", dimensionality(count)}, {"relative_size", 0.5}};
        layers.push_back(layer);
    }
    return layers;
}

struct made_up {
    json study;
    program::image_verdicts verdicts;
};

// Networks whose selectivity rises with alpha. With `trend` 1 everything is as the paper claims, with -1 the
// opposite, and with 0 corruption accuracy rises in one seed and falls in the others. The first images are
// right: their share is the accuracy.
inline made_up made_up_study(double trend, std::size_t seeds) {
    made_up result;
    json& study = result.study;
    study["repscope"] = "0.1.0";
    study["data"] = {{"name", "made <up> & small"}, {"train", 10}, {"test", 100}};
    study["network"] = "small";
    study["training"] = {{"epochs", 1}};
    study["options"] = {{"corruption_images", 100},
                        {"attack_images", 100},
                        {"gradient_images", 100},
                        {"compared_images", 100},
                        {"attack_steps", 20}};
    study["networks"] = json::array();
    for (std::size_t seed = 0; seed < seeds; ++seed) {
        for (const double alpha : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
            const double step = trend == 0.0 ? (seed == 0 ? alpha : -alpha) : trend * alpha;
            json network{{"alpha", alpha},
                         {"seed", seed},
                         {"selectivity_mean", 0.4 + 0.1 * alpha},
                         {"clean_accuracy", alpha == 2.0 ? 0.6 : 0.8},
                         {"mean_corruption_accuracy",
                          {{"all", 0.5 - 0.05 * step}, {"without_frost", 0.5 - 0.05 * step}}},
                         {"train_seconds", 3.0},
                         {"images_per_second", 100.0},
                         {"seconds", {{"training", 5.0}, {"clean", 1.0}, {"attacks", 4.0}}}};
            const std::string cell = program::cell_name({alpha, seed});
            const auto add = [&](json condition, double accuracy, double dimensions) {
                condition["accuracy"] = accuracy;
                condition["layers"] = layers_of(dimensions, condition["kind"] != "clean");
                std::vector<bool> right(100);
                for (std::size_t i = 0; i < right.size(); ++i)
                    right[i] = static_cast<double>(i) < 100 * accuracy - 0.5;
                result.verdicts.emplace_back(cell + "/" + program::condition_label(condition), right);
                network["conditions"].push_back(condition);
            };
            network["conditions"] = json::array();
            add({{"kind", "clean"}, {"images", 100}}, alpha == 2.0 ? 0.6 : 0.8, 5.0 - step);
            for (auto& layer : network["conditions"][0]["layers"]) {
                layer["gradient"]["l2"] = {{"cv_samples", 1.0 + 0.1 * step},
                                           {"cv_units", 1.0 + 0.1 * step},
                                           {"cv_samples_nonzero", 1.0 + 0.1 * step},
                                           {"zero_fraction", 0.0}};
            }
            network["reference"] = {{"images", 100}, {"layers", layers_of(5.0 - step, false)}};
            add({{"kind", "corruption"}, {"name", "gaussian_noise"}, {"severity", 3}}, 0.5 - 0.05 * step,
                5.0 - step + 0.1);
            add({{"kind", "corruption"}, {"name", "fog"}, {"severity", 3}}, 0.5 - 0.05 * step,
                5.0 - step + 0.1);
            // Nothing is left of the accuracy at 16/255; 8/255 is nearest to half.
            for (const double eps : {8.0 / 255, 16.0 / 255}) {
                const bool weak = eps < 10.0 / 255;
                for (const char* name : {"fgsm", "pgd", "pgd-margin"}) {
                    add({{"kind", "attack"}, {"name", name}, {"eps", eps}}, weak ? 0.4 + 0.05 * step : 0.01,
                        5.0 - step + (trend < 0 ? 0.0 : 0.2));
                }
                add({{"kind", "random"}, {"eps", eps}}, 0.7, 5.0 - step + 0.1);
            }
            study["networks"].push_back(network);
        }
    }
    return result;
}

} // namespace program_test
