#pragma once

#include "repscope/attack/autoattack_components.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/apgd_batch.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/fab_batch.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/detail/attack/square_run.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// Runs of one component on a batch of survivors; keeps the memory of its runs between batches.
template <typename Scalar>
class component_runner {
  public:
    component_runner(logit_engine<Scalar>& engine, norm ball, double eps, std::uint64_t seed)
        : engine_(&engine), ball_(ball), eps_(eps), seed_(seed) {}

    /// Attacks `images`, which no earlier component fooled; `place` is the place of the component in the
    /// list. Returns the number of images whose gradient is 0 at the first start of an APGD with DLR.
    std::size_t attack(const autoattack_component& component, std::size_t place,
                       std::span<const std::size_t> images, result<Scalar>& found) {
        std::vector<Scalar> clean;
        std::vector<std::vector<int>> ranking;
        switch (component.kind) {
        case component_kind::square: {
            const square_plan plan{.ball = ball_,
                                   .eps = eps_,
                                   .queries = component.steps,
                                   .restarts = component.restarts,
                                   .draws = {seed_, drawn_attack::square, place}};
            square_run<Scalar> work(*engine_, plan);
            attack_with_square(*engine_, work, plan, images, found);
            return 0;
        }
        case component_kind::fab:
        case component_kind::fab_t: {
            const bool targeted = component.kind == component_kind::fab_t;
            const fab_plan plan{.ball = ball_,
                                .eps = eps_,
                                .steps = component.steps,
                                .restarts = component.restarts,
                                .targets = component.targets,
                                .targeted = targeted,
                                .draws = {seed_, targeted ? drawn_attack::fab_t : drawn_attack::fab, place}};
            if (targeted) rank_classes(*engine_, images, clean, ranking);
            fab_run<Scalar> work(*engine_, ball_, targeted, eps_);
            attack_nearer(work, plan, images, ranking, found);
            return 0;
        }
        case component_kind::apgd_ce:
        case component_kind::apgd_dlr:
        case component_kind::apgd_t:
            break;
        }
        const apgd_plan plan = plan_of(component, place);
        if (plan.loss == apgd_loss::targeted_dlr) rank_classes(*engine_, images, clean, ranking);
        apgd_run<Scalar> work(*engine_, ball_, plan.loss, true);
        std::vector<double> no_losses;
        const std::size_t without_gradient =
            attack_with_apgd(*engine_, work, plan, images, ranking, found, no_losses);
        return plan.loss == apgd_loss::cross_entropy ? 0 : without_gradient;
    }

  private:
    [[nodiscard]] apgd_plan plan_of(const autoattack_component& component, std::size_t place) const {
        const bool dlr = component.kind == component_kind::apgd_dlr,
                   targeted = component.kind == component_kind::apgd_t;
        return {.ball = ball_,
                .eps = eps_,
                .steps = component.steps,
                .restarts = component.restarts,
                .targets = component.targets,
                .loss = targeted ? apgd_loss::targeted_dlr
                        : dlr    ? apgd_loss::dlr
                                 : apgd_loss::cross_entropy,
                .large_radius_schedule = ball_ == norm::l1,
                .draws = {seed_,
                          targeted ? drawn_attack::apgd_t
                          : dlr    ? drawn_attack::apgd_dlr
                                   : drawn_attack::apgd_ce,
                          place}};
    }

    /// FAB, of which only points inside the ball count: other images keep their entry.
    void attack_nearer(fab_run<Scalar>& work, const fab_plan& plan, std::span<const std::size_t> images,
                       const std::vector<std::vector<int>>& ranking, result<Scalar>& found) {
        std::vector<double> distances(engine_->samples(), std::numeric_limits<double>::infinity());
        // A bound just above eps: points outside the ball are not taken over.
        for (const std::size_t n : images) distances[n] = std::nextafter(plan.eps, 2 * plan.eps);
        attack_with_fab(*engine_, work, plan, images, ranking, found, distances);
    }

    logit_engine<Scalar>* engine_;
    norm ball_;
    double eps_;
    std::uint64_t seed_;
};

/// Properties of a model that two evaluations of the clean images reveal.
struct model_findings {
    std::size_t randomized = 0; ///< samples whose logits or classes differ between the calls
    bool probabilities = true;  ///< all outputs are in [0, 1] and sum to 1
};

/// Classifies clean images twice.
template <typename Scalar>
void classify_twice(logit_engine<Scalar>& engine, std::span<const std::size_t> images, result<Scalar>& found,
                    model_findings& findings) {
    std::vector<std::vector<int>> ranking;
    classify_clean(engine, images, found, ranking);
    std::vector<std::vector<double>> first(images.size());
    const Scalar* const clean = found.adversarial.data_handle() + images.front() * engine.size();
    engine.logits(clean, images, [&](std::size_t r, std::span<const double> z) {
        first[r].assign(z.begin(), z.end());
        double sum = 0;
        for (const double value : z) {
            sum += value;
            if (value < 0 || value > 1) findings.probabilities = false;
        }
        if (std::abs(sum - 1) > 1e-4) findings.probabilities = false;
    });
    engine.logits(clean, images, [&](std::size_t r, std::span<const double> z) {
        double difference = 0, size = 0;
        for (std::size_t c = 0; c < z.size(); ++c) {
            difference += (z[c] - first[r][c]) * (z[c] - first[r][c]);
            size += z[c] * z[c];
        }
        const bool other = std::sqrt(difference) > 1e-4 * std::sqrt(size) ||
                           largest_logit(z) != static_cast<std::size_t>(ranking[r].front());
        findings.randomized += other ? 1U : 0U;
    });
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
