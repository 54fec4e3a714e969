#pragma once

#include "dump/network_choice.hpp"
#include "study/settings.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// The command line of `repscope analyze`.
struct analysis_settings : condition_settings, network_choice {
    analysis_settings() {
        corruption_images = 1000;
        attack_images = 500;
        autoattack_images = 200;
        distance_images = 100;
        gradient_images = 500;
        eps = {1, 2, 4, 8};
        early_maps = false;
    }

    std::vector<std::string> models; ///< .onnx files
    std::string inputs;
    std::string labels;
    std::string out;
    std::string policy = "undefined";  ///< for negative activations
    std::size_t ablation_images = 200; ///< inputs of the ablation of units; 0: none
    std::size_t probes = 64;           ///< of gradients; 0: exact
    std::string frost_textures;        ///< folder of images; empty: procedural ice
    bool save_adversarial = false;
    int threads = 0;
};

} // namespace program
