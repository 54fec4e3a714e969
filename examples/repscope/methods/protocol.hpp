#pragma once

#include "study/settings.hpp"

#include <repscope/attack/msd.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// What all methods of a study share: data, passes, the balls that they are trained against and measured in.
struct methods_protocol {
    std::string name; ///< quick or paper
    std::size_t seeds = 3;
    std::size_t train = 0; ///< images; 0: all
    std::size_t epochs = 5;
    std::vector<repscope::attack::msd_ball> balls; ///< linf, l2, l1, with the step sizes of training
    std::size_t training_steps = 10;               ///< of an attack in training
    std::size_t corruption_images = 1000;
    std::size_t attack_images = 1000;
    std::size_t attack_steps = 50; ///< of the attacks of the measurement; their step size is 2.5 eps / steps
    std::size_t restarts = 3;
    std::size_t autoattack_images = 0; ///< under AutoAttack in each ball; 0: none
};

/// The protocol of this name, for images of so many channels. `quick`: 20,000 images, 5 epochs, attacks of 10
/// steps. `paper`: the passes, balls, steps and restarts of Maini, Wong and Kolter 2020 for MNIST (1 channel)
/// and CIFAR-10 (3). Throws `usage_error` for another name.
methods_protocol protocol_of(const std::string& name, std::size_t channels);

/// "linf", "l2", "l1".
std::string name_of(const repscope::attack::msd_ball& ball);

} // namespace program
