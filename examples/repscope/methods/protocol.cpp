#include "methods/protocol.hpp"

#include "support/errors.hpp"

#include <nlohmann/json.hpp>

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

nlohmann::ordered_json to_json(const methods_protocol& protocol) {
    nlohmann::ordered_json object;
    object["name"] = protocol.name;
    object["epochs"] = protocol.epochs;
    object["training_attack_steps"] = protocol.training_steps;
    object["training_attack_statistics"] = "batch";
    object["ramp_epochs"] = 1;
    for (const auto& ball : protocol.balls) {
        const double step = ball.step_size > 0
                                ? ball.step_size
                                : 2.5 * ball.eps / static_cast<double>(protocol.training_steps);
        object["balls"].push_back({{"norm", name_of(ball)}, {"eps", ball.eps}, {"training_step", step}});
    }
    object["corruption_images"] = protocol.corruption_images;
    object["attack_images"] = protocol.attack_images;
    object["attack_steps"] = protocol.attack_steps;
    object["restarts"] = protocol.restarts;
    return object;
}

std::string name_of(const repscope::attack::msd_ball& ball) {
    return std::string(repscope::attack::to_string(ball.kind));
}

} // namespace program
