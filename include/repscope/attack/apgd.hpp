#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/apgd_batch.hpp"
#include "repscope/detail/attack/apgd_run.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/erased_logit_model.hpp"
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
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `apgd`.
struct apgd_options {
    thread_source threads = 1;                 ///< threads of the attack; the model has its own threads
    norm ball = norm::linf;                    ///< norm of the perturbation
    double eps = 0;                            ///< radius of the ball, in data units: 8 / 255., not 8
    std::size_t steps = 100;                   ///< steps per restart
    std::size_t restarts = 1;                  ///< targeted: per target
    apgd_loss loss = apgd_loss::cross_entropy; ///< the loss that the attack raises
    std::size_t targets = 9;            ///< target classes of `targeted_dlr`, at most all but the label
    bool large_radius_schedule = false; ///< l1: .3 of the steps at 3 eps, .3 at 2 eps, the rest at eps
    bool early_stop = false;            ///< stops a run on a sample once it is misclassified
    input_bounds bounds{};              ///< smallest and largest value of an input
    std::uint64_t seed = 0;             ///< seed of the random draws
    std::size_t first_sample = 0;       ///< index of the first sample in its data set, for the random draws
    std::size_t batch = 128;            ///< samples per call of the model; changes no result
    batch_callback on_batch{};          ///< as for `pgd`
};

/// The result of `apgd`, one entry per sample.
template <typename Scalar>
struct apgd_result : result<Scalar> {
    std::vector<double> best_loss;  ///< largest loss of an iterate; -infinity for samples not attacked
    std::size_t zero_gradients = 0; ///< number of samples whose gradient is 0 at the first start
};

namespace detail {

inline void check_apgd(std::string_view function, const apgd_options& options) {
    check_eps(function, options.ball, options.eps, options.bounds);
    if (options.loss == apgd_loss::targeted_dlr && options.targets == 0) {
        errors::throw_value_error(function, "expected at least 1 target class, got 0");
    }
    if (options.large_radius_schedule && options.ball != norm::l1) {
        errors::throw_value_error(function, "expected norm l1 for the large-radius schedule, got " +
                                                std::string(to_string(options.ball)));
    }
}

[[nodiscard]] inline apgd_plan plan_of(const apgd_options& options) {
    const drawn_attack attack = options.loss == apgd_loss::cross_entropy ? drawn_attack::apgd_ce
                                : options.loss == apgd_loss::dlr         ? drawn_attack::apgd_dlr
                                                                         : drawn_attack::apgd_t;
    return {.ball = options.ball,
            .eps = options.eps,
            .steps = options.steps,
            .restarts = options.restarts,
            .targets = options.targets,
            .loss = options.loss,
            .large_radius_schedule = options.large_radius_schedule,
            .early_stop = options.early_stop,
            .returns_best = true,
            .draws = {.seed = options.seed, .attack = attack}};
}

/// `apgd` on views: compiled once per scalar and label type, for every model. `starts` is empty or has one
/// point per sample.
template <typename Scalar, typename Label>
[[nodiscard]] apgd_result<Scalar>
apgd_on_views(const erased_logit_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
              const tensor_view<const Label, 1>& labels, const tensor_view<const Scalar, 4>& starts,
              const apgd_options& options) {
    constexpr std::string_view name = "attack::apgd";
    check_run(name, x.extents(), options.bounds,
              {.steps = options.steps, .restarts = options.restarts, .batch = options.batch});
    check_apgd(name, options);
    const bool given = !starts.empty();
    if (given && starts.extents() != x.extents()) {
        errors::throw_shape_error(name, "expected one start per sample", starts.extents());
    }
    const scoped_pool pool(options.threads);
    logit_engine<Scalar> engine(name, model, x, checked_labels(name, model, labels, x.extents()),
                                options.bounds, options.first_sample, options.batch, *pool);
    check_two_classes(name, engine.classes());
    apgd_result<Scalar> found;
    static_cast<result<Scalar>&>(found) = empty_result<Scalar>(x.extents(), options.eps, 0);
    found.best_loss.assign(x.extent(0), -std::numeric_limits<double>::infinity());
    const apgd_plan plan = plan_of(options);
    apgd_run<Scalar> work(engine, options.ball, options.loss, options.early_stop);
    const auto attack = [&](std::span<const std::size_t> images,
                            const std::vector<std::vector<int>>& ranking) {
        if (!given) {
            found.zero_gradients +=
                attack_with_apgd(engine, work, plan, images, ranking, found, found.best_loss);
            return;
        }
        std::vector<int> targets;
        targets.reserve(ranking.size());
        for (const auto& classes : ranking) targets.push_back(classes[1]);
        work.begin(images, targets);
        const logit_engine<Scalar> at_starts(name, model, starts, {}, options.bounds, 0, 1, *pool);
        for (std::size_t r = 0; r < images.size(); ++r) at_starts.load(images[r], work.start(r));
        climb_apgd(engine, work, plan);
        merge_apgd(engine, work, true, found, found.best_loss);
    };
    attack_in_batches<Scalar>(engine, options.on_batch, found, attack);
    return found;
}

} // namespace detail

/// Auto-PGD: gradient ascent with momentum whose step size is halved where the loss stops to rise.
///
/// `model` is `logit_differentiable`; `images`, `labels` and errors as for `pgd`. Samples that are
/// misclassified at the clean input are not attacked: they are successes there. Each restart, and each target
/// class, runs on the samples that no earlier run fooled. Target classes are those of the second, third, ...
/// largest logit at the clean input. The adversarial point is the last misclassified iterate (with
/// `early_stop` the first), otherwise the iterate of largest loss. `loss` is the attack's own loss, and
/// -infinity for samples that were not attacked.
///
/// Step size: 2 eps (linf, l2) or eps (l1), halved at checkpoints where the loss rose in at most 3/4 of the
/// iterations, or did not rise since the last checkpoint without halving; the sample then returns to its best
/// point. l1 moves the largest gradients only, as many as the best point's sparsity suggests, and projects
/// onto the intersection of ball and box. The DLR needs three classes, its targeted form four; with fewer the
/// loss is the cross-entropy or z_t - z_y.
///
/// Cost: runs x (steps + 1) forward and backward passes per sample, and one forward pass. Croce and Hein 2020
/// (arXiv 2003.01690); l1: Croce and Hein 2021 (2103.01208).
template <typename Model, tensor_like Images, labels_like Labels>
    requires logit_differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] apgd_result<element_type_of<Images>> apgd(Model&& model, const Images& images,
                                                        const Labels& labels, const apgd_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::apgd_on_views<scalar, label>(detail::erased_logit_model<scalar>(model),
                                                as_activations(images, layout::unstated, "attack::apgd"),
                                                as_view<1>(labels), {}, options);
}

/// The same from given starts, of the shape of `images`, inside ball and box. One run on every sample, also
/// on those that are misclassified; the target is the class of the second largest logit. `restarts`,
/// `targets`, `seed` and `first_sample` are not used.
template <typename Model, tensor_like Images, labels_like Labels, tensor_like Starts>
    requires(logit_differentiable<std::remove_reference_t<Model>, element_type_of<Images>>&&
                 std::is_same_v<element_type_of<Starts>, element_type_of<Images>>)
[[nodiscard]] apgd_result<element_type_of<Images>> apgd_from(Model&& model, const Images& images,
                                                             const Labels& labels, const Starts& starts,
                                                             const apgd_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::apgd_on_views<scalar, label>(
        detail::erased_logit_model<scalar>(model), as_activations(images, layout::unstated, "attack::apgd"),
        as_view<1>(labels), as_activations(starts, layout::unstated, "attack::apgd"), options);
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
