#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/projections.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/apgd_run.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/logit_engine.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The settings of APGD on a batch.
struct apgd_plan {
    norm ball = norm::linf;
    double eps = 0;
    std::size_t steps = 100, restarts = 1, targets = 9;
    apgd_loss loss = apgd_loss::cross_entropy;
    bool large_radius_schedule = false, early_stop = true;
    bool returns_best = false; ///< images that are not fooled get the point of largest loss
    attack_draws draws{};
};

/// Fills the starts of a run: a random direction of length eps, cut to the box; in l1 a normal perturbation,
/// projected.
template <typename Scalar>
void draw_apgd_starts(logit_engine<Scalar>& engine, apgd_run<Scalar>& work, const apgd_plan& plan,
                      std::size_t run) {
    engine.for_rows(work.rows(), [&](std::size_t r, scratch& own) {
        random_stream random = plan.draws.stream(run, engine.data_index(work.row(r).image));
        own.delta.resize(engine.size());
        if (plan.ball == norm::l1) {
            for (double& x : own.delta) x = random.normal();
            own.clean.assign(work.clean(r), work.clean(r) + engine.size());
            project_l1_in_box(plan.eps, own.clean, engine.lower(), engine.upper(), own.delta);
        } else {
            random_direction(plan.ball, random, own.delta);
            for (double& x : own.delta) x *= plan.eps;
        }
        engine.store(work.clean(r), own.delta, work.start(r));
    });
}

/// Climbs from the starts, in l1 with three radii: 3 eps, 2 eps, eps. The first stage counts its start as
/// dense: the authors' code counts what rounding leaves of a dense perturbation, about half of the
/// components.
template <typename Scalar>
void climb_apgd(logit_engine<Scalar>& engine, apgd_run<Scalar>& work, const apgd_plan& plan) {
    if (!plan.large_radius_schedule) return work.climb(plan.eps, plan.steps, start_sparsity::fixed, true);
    const auto early = static_cast<std::size_t>(std::ceil(0.3 * static_cast<double>(plan.steps)));
    const std::size_t first = (std::min)(early, plan.steps), second = (std::min)(early, plan.steps - first);
    const std::array<std::size_t, 3> steps{first, second, plan.steps - first - second};
    for (std::size_t stage = 0; stage < 3; ++stage) {
        const double eps = plan.eps * static_cast<double>(3 - stage);
        if (stage > 0) {
            engine.for_rows(work.rows(), [&](std::size_t r, scratch& own) {
                const std::size_t size = engine.size();
                own.clean.assign(work.clean(r), work.clean(r) + size);
                own.delta.resize(size);
                for (std::size_t i = 0; i < size; ++i) {
                    own.delta[i] = static_cast<double>(work.best(r)[i]) - own.clean[i];
                }
                project_l1_in_box(eps, own.clean, engine.lower(), engine.upper(), own.delta);
                engine.store(work.clean(r), own.delta, work.start(r));
            });
        }
        work.climb(eps, steps[stage], stage == 0 ? start_sparsity::dense : start_sparsity::counted,
                   stage == 2);
    }
}

/// Takes over the outcome of a run: fooled images, and with `returns_best` the largest loss of the others.
template <typename Scalar>
void merge_apgd(const logit_engine<Scalar>& engine, const apgd_run<Scalar>& work, bool returns_best,
                result<Scalar>& found, std::vector<double>& best_losses) {
    for (std::size_t r = 0; r < work.rows(); ++r) {
        const auto& row = work.row(r);
        const std::size_t n = row.image;
        if (!best_losses.empty()) best_losses[n] = (std::max)(best_losses[n], row.best_loss);
        if (!row.fooled && !(returns_best && row.best_loss > found.loss[n])) continue;
        found.loss[n] = row.fooled ? row.adversarial_loss : row.best_loss;
        found.predicted[n] = row.predicted;
        found.success[n] = row.fooled;
        std::copy_n(row.fooled ? work.adversarial(r) : work.best(r), engine.size(),
                    found.adversarial.data_handle() + n * engine.size());
    }
}

/// APGD with all its targets and restarts on the images of a batch that are not fooled. `ranking` has the
/// classes of each image in the order of its clean logits. Returns the number of images whose gradient is 0
/// at the first start.
template <typename Scalar>
std::size_t attack_with_apgd(logit_engine<Scalar>& engine, apgd_run<Scalar>& work, const apgd_plan& plan,
                             std::span<const std::size_t> images,
                             const std::vector<std::vector<int>>& ranking, result<Scalar>& found,
                             std::vector<double>& best_losses) {
    const bool targeted = plan.loss == apgd_loss::targeted_dlr;
    const std::size_t targets = targeted ? target_count(plan.targets, engine.classes()) : 1;
    std::size_t without_gradient = 0;
    for (std::size_t run = 0; run < targets * plan.restarts; ++run) {
        std::vector<std::size_t> left;
        std::vector<int> classes;
        for (std::size_t r = 0; r < images.size(); ++r) {
            if (found.success[images[r]]) continue;
            left.push_back(images[r]);
            if (targeted) classes.push_back(ranking[r][1 + run / plan.restarts]);
        }
        if (left.empty()) break;
        work.begin(left, classes);
        draw_apgd_starts(engine, work, plan, run);
        climb_apgd(engine, work, plan);
        for (std::size_t r = 0; run == 0 && r < work.rows(); ++r) {
            without_gradient += work.row(r).zero_gradient ? 1U : 0U;
        }
        merge_apgd(engine, work, plan.returns_best, found, best_losses);
    }
    return without_gradient;
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
