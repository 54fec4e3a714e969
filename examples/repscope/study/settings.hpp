#pragma once

#include <repscope/attack/norm_ball.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// The numbers of inputs that each stage measures, and the attacks.
struct condition_settings {
    std::size_t corruption_images = 10000; ///< test images under each corruption; 0: none
    std::size_t attack_images = 10000;     ///< test images under each attack; 0: none
    std::size_t gradient_images = 1000;    ///< test images whose input-unit gradients are measured; 0: none
    std::size_t compared_images = 500;     ///< at most: test images whose layers are compared
    std::vector<std::string> attacks{"fgsm", "pgd"}; ///< of "fgsm", "pgd" and "autoattack", in this order
    std::size_t autoattack_images = 1000;            ///< at most: test images under AutoAttack
    std::size_t distance_images = 500; ///< at most: test images whose distances are measured; 0: none
    repscope::attack::norm ball = repscope::attack::norm::linf; ///< of the attacks
    /// Of the attacks, for inputs from 0 to 1; in 255ths for linf.
    std::vector<double> eps{1, 2, 4, 8, 16};
    std::size_t attack_steps = 20;
    std::size_t batch = 250; ///< test images per pass; never changes a result
    bool early_maps = true;  ///< the whole maps of the first half of the layers are measured too
};

/// What a study is asked to do.
struct study_settings : condition_settings {
    study_settings() { attacks = {"fgsm", "pgd", "autoattack"}; }

    std::string data; ///< fashion-mnist[:DIR] or cifar10:DIR
    std::vector<double> alphas{-2, -1, -0.5, 0, 0.5, 1, 2};
    std::size_t seeds = 3;
    std::size_t epochs = 3;
    std::size_t train = 0; ///< images to train on; 0: all
    std::size_t test = 0;
    std::string network = "small";
    std::string frost_textures; ///< folder of images; none: procedural ice
    int threads = 0;
    bool dump = false;
    std::vector<double> autoattack_eps; ///< in 255ths; empty: the eps of claim 2
    bool export_onnx = false;           ///< each trained network as an ONNX file
    std::string out;
};

/// One network of a study.
struct study_cell {
    double alpha = 0.0;
    std::size_t seed = 0;
};

/// "-2,0,1" as numbers. Throws `usage_error` for a text that is not a number, a number outside [-100, 100],
/// and a repeated one.
std::vector<double> parse_alphas(const std::string& text);

/// "1,2,4" as numbers of 255ths, ascending. Throws `usage_error` for a text that is not a number, a number
/// outside [.001, 255], and a repeated one.
std::vector<double> parse_eps(const std::string& text);

/// "pgd,autoattack" as names of attacks, in the order of `study_settings`. Throws `usage_error` for a text
/// that is not an attack, and for a repeated one.
std::vector<std::string> parse_attacks(const std::string& text);

/// Whether an attack is among those of the settings.
bool uses_attack(const condition_settings& settings, std::string_view name);
/// Whether AutoAttack is among the attacks.
bool uses_autoattack(const condition_settings& settings);

/// "primary", for which the result is empty, or numbers as for `parse_eps`, as --autoattack-eps takes them.
std::vector<double> parse_autoattack_eps(const std::string& text);

/// Throws `usage_error` if AutoAttack needs the eps of claim 2, which is that of PGD, and PGD is left out.
void check_autoattack_eps(const study_settings& settings);

/// Throws `usage_error` for a single image under corruptions or attacks: the layers under a condition are
/// compared with the clean ones, and one image has no variance.
void check_image_counts(const condition_settings& settings);

/// "alpha_-2_seed_0": the name of a network's file and of the folder of its activations.
std::string cell_name(const study_cell& cell);

} // namespace program
