#pragma once

#include "study/report/outcomes.hpp"
#include "study/result.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

// Studies made up so that their claims are known.

namespace program_test {

inline repscope::dimensionality_result dimensionality(double count) {
    repscope::dimensionality_result result;
    result.participation_ratio = count;
    result.participation_ratio_unbiased = count;
    result.components_interpolated = {count, count, count};
    return result;
}

/// Two layers of 10 units on clean images, with the gradients `cv`.
inline std::vector<program::layer_result> clean_layers_of(double count, double cv) {
    std::vector<program::layer_result> layers;
    for (const char* name : {"early", "late"}) {
        program::layer_result& layer = layers.emplace_back();
        layer.report.name = name;
        layer.report.units = 10;
        layer.report.shape = {100, 10};
        layer.report.dimensionality = dimensionality(count);
        layer.report.selectivity.emplace();
        layer.report.selectivity->measured.mean = 0.5;
        layer.report.selectivity->measured.index = {0.0, 0.25, 0.5, std::numeric_limits<double>::quiet_NaN(),
                                                    1.0};
        layer.gradient.emplace();
        layer.gradient->l2.cv_samples = cv;
        layer.gradient->l2.cv_units = cv;
        layer.gradient->l2.cv_samples_nonzero = cv;
    }
    return layers;
}

inline std::vector<program::compared_layer> layers_of(double count, bool with_change) {
    std::vector<program::compared_layer> layers;
    for (const char* name : {"early", "late"}) {
        program::compared_layer& layer = layers.emplace_back();
        layer.name = name;
        layer.dimensionality = dimensionality(count);
        if (layer.name == "early") layer.cumulative_variance = {{0.5, 0.8, 0.96, 1.0}};
        if (with_change) layer.change = {dimensionality(count), 0.5};
    }
    return layers;
}

/// The first of `count` images are correct, as many as the accuracy gives.
inline std::vector<bool> first_correct(double accuracy, std::size_t count = 100) {
    std::vector<bool> correct(count);
    for (std::size_t i = 0; i < count; ++i)
        correct[i] = static_cast<double>(i) < static_cast<double>(count) * accuracy - 0.5;
    return correct;
}

inline program::condition_result condition(program::condition_kind kind, const std::string& name,
                                           double accuracy, double dimensions) {
    program::condition_result result;
    result.kind = kind;
    result.name = name;
    result.images = 100;
    result.accuracy = accuracy;
    result.correct = first_correct(accuracy);
    result.layers = layers_of(dimensions, true);
    return result;
}

/// A network whose outcomes move by `step`; `raise` is the change of dimensionality under attack.
inline program::network_result made_up_network(double alpha, std::size_t seed, double step, double raise) {
    using program::condition_kind;
    program::network_result network;
    network.alpha = alpha;
    network.seed = seed;
    network.selectivity_mean = 0.4 + 0.1 * alpha;
    network.mean_corruption_accuracy = {0.5 - 0.05 * step, 0.5 - 0.05 * step};
    network.train_seconds = 3.0;
    network.images_per_second = 100.0;
    network.seconds = {{"training", 5.0}, {"clean", 1.0}, {"attacks", 4.0}};
    network.clean.images = 100;
    network.clean.accuracy = alpha == 2.0 ? 0.6 : 0.8;
    network.clean.correct = first_correct(network.clean.accuracy);
    network.clean.layers = clean_layers_of(5.0 - step, 1.0 + 0.1 * step);
    network.reference = {100, layers_of(5.0 - step, false)};
    // 20 images have a misclassified point within 4/255, 55 within 12/255, one is never misclassified.
    auto& distances = network.distances.emplace();
    for (int image = 0; image < 100; ++image)
        distances.distance.push_back(image < 20 ? 3.0 / 255 : image < 55 ? 12.0 / 255 : 20.0 / 255);
    distances.distance.back() = std::numeric_limits<double>::infinity();
    distances.eps = {0.0, 8.0 / 255, 16.0 / 255, 24.0 / 255};
    distances.accuracy = {1.0, 0.8, 0.45, 0.01};
    for (const char* name : {"gaussian_noise", "fog"}) {
        network.conditions.push_back(
            condition(condition_kind::corruption, name, 0.5 - 0.05 * step, 5.0 - step + 0.1));
        network.conditions.back().severity = 3;
    }
    // Nothing is left of the accuracy at 16/255; 8/255 is nearest to half.
    for (const double eps : {8.0 / 255, 16.0 / 255}) {
        const bool weak = eps < 10.0 / 255;
        for (const char* name : {"fgsm", "pgd", "pgd-margin"}) {
            network.conditions.push_back(
                condition(condition_kind::attack, name, weak ? 0.4 + 0.05 * step : 0.01, 5.0 - step + raise));
            network.conditions.back().eps = eps;
        }
        network.conditions.push_back(condition(condition_kind::random, "", 0.7, 5.0 - step + 0.1));
        network.conditions.back().eps = eps;
    }
    return network;
}

/// Networks whose selectivity rises with alpha. With `trend` 1 everything is as the paper claims, with -1 the
/// opposite, and with 0 corruption accuracy rises in one seed and falls in the others.
inline program::study_result made_up_study(double trend, std::size_t seeds) {
    program::study_result study;
    study.version = "0.1.0";
    study.data = {"made <up> & small", 10, 100, ""};
    study.network = "small";
    study.epochs = 1;
    study.options = {.corruption_images = 100,
                     .attack_images = 100,
                     .gradient_images = 100,
                     .compared_images = 100,
                     .attack_steps = 20};
    for (std::size_t seed = 0; seed < seeds; ++seed) {
        for (const double alpha : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
            const double step = trend == 0.0 ? (seed == 0 ? alpha : -alpha) : trend * alpha;
            study.networks.push_back(made_up_network(alpha, seed, step, trend < 0 ? 0.0 : 0.2));
        }
    }
    return study;
}

} // namespace program_test
