#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/erased_logit_model.hpp"
#include "repscope/detail/attack/fab_batch.hpp"
#include "repscope/detail/attack/fab_run.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `fab`.
struct fab_options {
    thread_source threads = 1; ///< threads of the attack; the model has its own threads
    norm ball = norm::linf;    ///< norm of the perturbation
    double eps = 0;            ///< radius below which a sample counts as fooled, and scale of random starts
    std::size_t steps = 100;   ///< steps per restart
    std::size_t restarts = 1;  ///< per target; the first starts at the clean input, later ones are random
    bool targeted = true;      ///< towards one class after the other, else towards the nearest in each step
    std::size_t targets = 9;   ///< target classes, at most all but the label
    bool early_stop = false;   ///< ends the attack on a sample at the first distance of at most eps
    input_bounds bounds{};     ///< smallest and largest value of an input
    std::uint64_t seed = 0;    ///< seed of the random draws
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the random draws
    std::size_t batch = 128;      ///< samples per call of the model; changes no result
    batch_callback on_batch{};    ///< as for `pgd`
};

/// The result of `fab`, one entry per sample: `adversarial` is the nearest misclassified point, or the clean
/// input if there is none; `success` is a distance of at most eps.
template <typename Scalar>
struct fab_result : result<Scalar> {
    /// Norm of the perturbation: 0 for misclassified samples, infinity where no point was found.
    std::vector<double> distance;
};

namespace detail {

/// `fab` on views: compiled once per scalar and label type, for every model.
template <typename Scalar, typename Label>
[[nodiscard]] fab_result<Scalar>
fab_on_views(const erased_logit_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
             const tensor_view<const Label, 1>& labels, const fab_options& options) {
    constexpr std::string_view name = "attack::fab";
    check_run(name, x.extents(), options.bounds,
              {.steps = options.steps, .restarts = options.restarts, .batch = options.batch});
    check_eps(name, options.ball, options.eps, options.bounds);
    if (options.targeted && options.targets == 0) {
        errors::throw_value_error(name, "expected at least 1 target class, got 0");
    }
    const scoped_pool pool(options.threads);
    logit_engine<Scalar> engine(name, model, x, checked_labels(name, model, labels, x.extents()),
                                options.bounds, options.first_sample, options.batch, *pool);
    check_two_classes(name, engine.classes());
    fab_result<Scalar> found;
    static_cast<result<Scalar>&>(found) = empty_result<Scalar>(x.extents(), options.eps, 0);
    found.distance.assign(x.extent(0), std::numeric_limits<double>::infinity());
    const fab_plan plan{.ball = options.ball,
                        .eps = options.eps,
                        .steps = options.steps,
                        .restarts = options.restarts,
                        .targets = options.targets,
                        .targeted = options.targeted,
                        .early_stop = options.early_stop,
                        .draws = {.seed = options.seed,
                                  .attack = options.targeted ? drawn_attack::fab_t : drawn_attack::fab}};
    fab_run<Scalar> work(engine, options.ball, options.targeted,
                         options.early_stop ? options.eps : -std::numeric_limits<double>::infinity());
    const auto attack = [&](std::span<const std::size_t> images,
                            const std::vector<std::vector<int>>& all_classes) {
        std::vector<std::vector<int>> ranking;
        for (std::size_t r = 0; r < images.size(); ++r) {
            if (found.success[images[r]])
                found.distance[images[r]] = 0;
            else
                ranking.push_back(all_classes[r]);
        }
        attack_with_fab(engine, work, plan, survivors<Scalar>(images, found), ranking, found, found.distance);
    };
    attack_in_batches<Scalar>(engine, options.on_batch, found, attack);
    return found;
}

} // namespace detail

/// The fast adaptive boundary attack: finds the nearest misclassified point by projections onto the
/// linearized boundary between the label and another class.
///
/// `model` is `logit_differentiable`; `images`, `labels` and errors as for `pgd`. Each step is a mean of the
/// projections of the iterate and of the clean input (`step_to_hyperplane`). A misclassified iterate goes
/// back to 9/10 of its perturbation. Targeted, the classes are those of the second, third, ... largest logit
/// at the clean input, and the nearest point of all runs is kept. Untargeted, each step uses the class
/// whose linearized boundary is nearest. `loss` is the margin max_{i != y} z_i - z_y.
///
/// Samples that are misclassified at the clean input have distance 0. Cost per run: 2 steps forward and steps
/// backward passes per sample; untargeted classes + 1 and classes times as many. Croce and Hein 2020 (arXiv
/// 1907.02044).
template <typename Model, tensor_like Images, labels_like Labels>
    requires logit_differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] fab_result<element_type_of<Images>> fab(Model&& model, const Images& images,
                                                      const Labels& labels, const fab_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::fab_on_views<scalar, label>(detail::erased_logit_model<scalar>(model),
                                               as_activations(images, layout::unstated, "attack::fab"),
                                               as_view<1>(labels), options);
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
