#include "methods/protocol.hpp"

#include "support/errors.hpp"

namespace program {

namespace {

using repscope::attack::norm;

// In training, 2.5 eps / 10 of `quick` is what a step size of 0 means.
std::vector<repscope::attack::msd_ball> balls_of(bool quick, std::size_t channels) {
    if (quick && channels == 1) return {{norm::linf, .1, 0}, {norm::l2, 1.5, 0}, {norm::l1, 10, 0}};
    if (quick) return {{norm::linf, .03, 0}, {norm::l2, .5, 0}, {norm::l1, 12, 0}};
    if (channels == 1) return {{norm::linf, .3, .01}, {norm::l2, 2, .1}, {norm::l1, 10, .8}};
    return {{norm::linf, .03, .003}, {norm::l2, .5, .05}, {norm::l1, 12, 1}};
}

} // namespace

methods_protocol protocol_of(const std::string& name, std::size_t channels) {
    methods_protocol protocol;
    protocol.name = name;
    protocol.balls = balls_of(name == "quick", channels);
    if (name == "quick") {
        protocol.train = 20000;
        return protocol;
    }
    if (name != "paper") throw usage_error("--protocol: expected quick or paper, got '" + name + "'");
    protocol.epochs = channels == 1 ? 15 : 50;
    protocol.training_steps = channels == 1 ? 100 : 50;
    protocol.corruption_images = 10000;
    protocol.attack_steps = 100;
    protocol.restarts = 10;
    return protocol;
}

std::string name_of(const repscope::attack::msd_ball& ball) {
    return std::string(repscope::attack::to_string(ball.kind));
}

} // namespace program
