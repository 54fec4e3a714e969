#include "methods/irm.hpp"
#include "support/errors.hpp"

#include <repscope/data/attribute_environment.hpp>
#include <repscope/net/layers/dense.hpp>
#include <repscope/net/network.hpp>
#include <repscope/net/optim/adam.hpp>
#include <repscope/net/sequential.hpp>
#include <repscope/robustness/fairness.hpp>
#include <repscope/training/irm.hpp>

#include <array>
#include <vector>

namespace program {

namespace {

namespace net = repscope::net;
namespace data = repscope::data;
namespace training = repscope::training;

constexpr std::size_t sample_count = 4000, features = 16, training_steps = 600, anneal = 60;
constexpr std::array<double, 2> training_agreement{.9, .8};
constexpr double misleading_agreement = .1;
constexpr double training_rate = .03, decay = 1e-3, penalty_weight = 1e4;

gap_measures gaps_of(const repscope::fairness_gaps& gaps, const std::vector<int>& predicted,
                     const std::vector<int>& labels) {
    double right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) right += predicted[i] == labels[i] ? 1 : 0;
    return {right / static_cast<double>(labels.size()), gaps.equalized_odds, gaps.demographic_parity};
}

} // namespace

method_arm attribute_run(const std::string& arm, std::size_t seed, repscope::thread_pool& pool,
                         const std::function<void(std::size_t, std::size_t)>& done) {
    if (arm != "erm" && arm != "irm") {
        throw usage_error("--methods: expected erm or irm, got '" + arm + "'");
    }
    const auto make = [&](double agreement, std::size_t environment) {
        return data::attribute_environment<float>({.samples = sample_count,
                                                   .agreement = agreement,
                                                   .features = features,
                                                   .seed = seed,
                                                   .environment = environment});
    };
    const auto first = make(training_agreement[0], 0), second = make(training_agreement[1], 1);
    const std::vector<training::environment<float>> environments{{first.x.view(), first.labels},
                                                                 {second.x.view(), second.labels}};
    net::network network(
        "linear",
        net::normalization<float>(std::vector<double>(features, 0.0), std::vector<double>(features, 1.0)),
        net::sequential(net::dense<float>(features, 1)));
    network.initialize(seed, net::initialization::xavier);
    const bool invariant = arm == "irm";
    training::irm_trainer run(
        network, net::adam<float>(),
        {.penalty = invariant ? penalty_weight : 0.0, .anneal = invariant ? anneal : 0, .decay = decay},
        pool);
    for (std::size_t step = 0; step < training_steps; ++step) {
        (void)run.step(environments, training_rate);
        done(step + 1, training_steps);
    }
    typename decltype(network)::workspace workspace(pool);
    const auto measure = [&](const data::attributed_samples<float>& where) {
        const auto logits = network.forward(where.x.view(), workspace);
        std::vector<int> predicted(where.labels.size());
        for (std::size_t i = 0; i < predicted.size(); ++i) predicted[i] = logits(i, 0) > 0 ? 1 : 0;
        return gaps_of(repscope::fairness(predicted, where.labels, where.attribute), predicted, where.labels);
    };
    return {
        arm, seed,
        attribute_measures{measure(make(training_agreement[0], 2)), measure(make(misleading_agreement, 3))}};
}

} // namespace program
