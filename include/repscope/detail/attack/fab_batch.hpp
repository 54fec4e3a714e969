#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/fab_run.hpp"
#include "repscope/detail/attack/logit_engine.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The settings of FAB on a batch.
struct fab_plan {
    norm ball = norm::linf;
    double eps = 0;
    std::size_t steps = 100, restarts = 1, targets = 9;
    bool targeted = true, early_stop = true;
    attack_draws draws{};
};

/// Starts of the runs after the first of a target: a random direction of length eps / 2, cut to the box.
template <typename Scalar>
void draw_fab_starts(logit_engine<Scalar>& engine, fab_run<Scalar>& work, const fab_plan& plan,
                     std::size_t run) {
    engine.for_rows(work.rows(), [&](std::size_t r, scratch& own) {
        random_stream random = plan.draws.stream(run, engine.data_index(work.row(r).image));
        own.delta.resize(engine.size());
        random_direction(plan.ball, random, own.delta);
        for (double& x : own.delta) x *= plan.eps / 2;
        engine.store(work.clean(r), own.delta, work.start(r));
    });
}

/// FAB with all its targets and restarts on the images of a batch. `distances` has the smallest distance of
/// each image of the call, infinity where there is none; an image with a smaller one gets its point.
/// `ranking` has the classes of each image of the batch in the order of its clean logits.
template <typename Scalar>
void attack_with_fab(logit_engine<Scalar>& engine, fab_run<Scalar>& work, const fab_plan& plan,
                     std::span<const std::size_t> images, const std::vector<std::vector<int>>& ranking,
                     result<Scalar>& found, std::vector<double>& distances) {
    const std::size_t targets = plan.targeted ? target_count(plan.targets, engine.classes()) : 1;
    for (std::size_t run = 0; run < targets * plan.restarts; ++run) {
        std::vector<std::size_t> left;
        std::vector<int> classes;
        for (std::size_t r = 0; r < images.size(); ++r) {
            if (plan.early_stop && distances[images[r]] <= plan.eps) continue;
            left.push_back(images[r]);
            if (plan.targeted) classes.push_back(ranking[r][1 + run / plan.restarts]);
        }
        if (left.empty()) break;
        work.begin(left, classes);
        if (run % plan.restarts > 0) draw_fab_starts(engine, work, plan, run);
        work.search(plan.steps);
        for (std::size_t r = 0; r < work.rows(); ++r) {
            const auto& row = work.row(r);
            const std::size_t n = row.image;
            if (!(row.distance < distances[n])) continue;
            distances[n] = row.distance;
            found.loss[n] = row.margin;
            found.predicted[n] = row.predicted;
            found.success[n] = row.distance <= plan.eps;
            std::copy_n(work.adversarial(r), engine.size(),
                        found.adversarial.data_handle() + n * engine.size());
        }
    }
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
