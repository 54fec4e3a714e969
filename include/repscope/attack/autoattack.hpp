#pragma once

#include "repscope/attack/autoattack_components.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/autoattack_step.hpp"
#include "repscope/detail/attack/erased_logit_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `autoattack`.
struct autoattack_options {
    thread_source threads = 1;                      ///< threads of the attack; the model has its own threads
    norm ball = norm::linf;                         ///< norm of the perturbation
    double eps = 0;                                 ///< radius of the ball, in data units: 8 / 255., not 8
    std::vector<autoattack_component> components{}; ///< in their order; empty: `standard_components(ball)`
    input_bounds bounds{};                          ///< smallest and largest value of an input
    std::uint64_t seed = 0;                         ///< seed of the random draws
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the random draws
    std::size_t batch = 128;      ///< samples per call of the model; changes no result
};

/// Values of `autoattack_result::attack` besides the places of components.
inline constexpr int not_fooled = -1;
/// As `not_fooled`, for a sample that is misclassified without an attack.
inline constexpr int misclassified_clean = -2;

/// The result of `autoattack`, and its state between steps. Per sample: `adversarial` is the misclassified
/// point, or the clean input of a robust sample; `loss` is that of the attack that succeeded.
template <typename Scalar>
struct autoattack_result : result<Scalar> {
    std::vector<int> attack; ///< place of the component that fooled the sample, or one of the values above
    std::vector<double> distance; ///< norm of the perturbation; 0 if misclassified, infinity if robust
    double clean_accuracy = 0;    ///< share of samples that are predicted as their label
    std::vector<double> after;    ///< share of samples that survive components 0 to k
    std::vector<autoattack_component> components; ///< the list
    std::vector<autoattack_warning> warnings;     ///< reasons to distrust the result

    // The state: what remains to be attacked.
    norm ball = norm::linf;            ///< of the options
    std::uint64_t seed = 0;            ///< of the options
    std::size_t next_component = 0;    ///< that attacks next
    std::size_t next_sample = 0;       ///< from which on it attacks
    bool classified = false;           ///< whether all clean samples are classified
    detail::model_findings findings{}; ///< checks of the model so far
    std::size_t zero_gradients = 0;    ///< clean samples whose gradient of the DLR is 0

    /// Whether all components attacked all samples.
    [[nodiscard]] bool complete() const noexcept { return classified && next_component == components.size(); }
};

namespace detail {

inline constexpr std::string_view autoattack_name = "attack::autoattack";

inline void check_components(const std::vector<autoattack_component>& components, bool has_gradients) {
    if (components.size() > 255) {
        errors::throw_value_error(autoattack_name, "expected at most 255 components, got " +
                                                       errors::text_of(components.size()));
    }
    for (const autoattack_component& component : components) {
        const bool targeted =
            component.kind == component_kind::apgd_t || component.kind == component_kind::fab_t;
        if (component.steps == 0 || component.restarts == 0 || (targeted && component.targets == 0)) {
            errors::throw_value_error(autoattack_name, "expected at least 1 step, restart and target of " +
                                                           std::string(to_string(component.kind)) +
                                                           ", got 0");
        }
        if (component.kind != component_kind::square && !has_gradients) {
            errors::throw_value_error(autoattack_name, "expected a model with gradients for " +
                                                           std::string(to_string(component.kind)) +
                                                           ", got one with logits only");
        }
    }
}

/// The state before the first step.
template <typename Scalar>
[[nodiscard]] autoattack_result<Scalar> autoattack_start(const std::array<std::size_t, 4>& extents,
                                                         const autoattack_options& options) {
    autoattack_result<Scalar> state;
    static_cast<result<Scalar>&>(state) = empty_result<Scalar>(extents, options.eps, 0);
    state.attack.assign(extents[0], not_fooled);
    state.distance.assign(extents[0], std::numeric_limits<double>::infinity());
    state.components = options.components.empty() ? standard_components(options.ball) : options.components;
    state.ball = options.ball;
    state.seed = options.seed;
    return state;
}

/// Throws unless the state belongs to this call.
template <typename Scalar>
void check_state(const autoattack_result<Scalar>& state, const std::array<std::size_t, 4>& extents,
                 const autoattack_options& options) {
    const auto& components =
        options.components.empty() ? standard_components(options.ball) : options.components;
    if (state.adversarial.extents() == extents && state.eps == options.eps && state.ball == options.ball &&
        state.seed == options.seed && state.components == components) {
        return;
    }
    errors::throw_value_error(autoattack_name, "expected a state of the same images, norm, eps, seed and "
                                               "components, got another one");
}

template <typename Scalar>
void note_classes(autoattack_result<Scalar>& state, std::size_t classes) {
    for (const autoattack_component& component : state.components) {
        const bool apgd_t = component.kind == component_kind::apgd_t,
                   targeted = apgd_t || component.kind == component_kind::fab_t;
        const bool few = (targeted && component.targets > classes - 1) || (apgd_t && classes < 4) ||
                         (component.kind == component_kind::apgd_dlr && classes < 3);
        if (!few) continue;
        state.warnings.push_back({autoattack_warning_kind::few_classes, classes});
        return;
    }
}

/// Classifies the next batch of clean samples.
template <typename Scalar>
void classify_next(logit_engine<Scalar>& engine, autoattack_result<Scalar>& state) {
    std::vector<std::size_t> images;
    std::size_t next = state.next_sample;
    for (; next < engine.samples() && images.size() < engine.batch(); ++next) images.push_back(next);
    if (!images.empty()) classify_twice(engine, std::span<const std::size_t>(images), state, state.findings);
    state.next_sample = next; // not before: a model may throw, and the caller try again
    for (const std::size_t n : images) {
        if (!state.success[n]) continue;
        state.attack[n] = misclassified_clean;
        state.distance[n] = 0;
    }
    if (state.next_sample < engine.samples()) return;
    state.classified = true;
    state.next_sample = 0;
    state.clean_accuracy = state.robust_accuracy();
    if (state.findings.randomized > 0) {
        state.warnings.push_back({autoattack_warning_kind::randomized_model, state.findings.randomized});
    }
    if (state.findings.probabilities && engine.samples() > 0) {
        state.warnings.push_back({autoattack_warning_kind::probabilities, engine.samples()});
    }
    note_classes(state, engine.classes());
}

/// Completes a component: records the robust accuracy after it, and the warnings that it gives reason for.
template <typename Scalar>
void finish_component(autoattack_result<Scalar>& state) {
    const auto place = static_cast<int>(state.next_component);
    if (state.zero_gradients > 0) {
        state.warnings.push_back({autoattack_warning_kind::zero_gradient, state.zero_gradients});
        state.zero_gradients = 0;
    }
    const auto fooled = static_cast<std::size_t>(std::count(state.attack.begin(), state.attack.end(), place));
    if (state.components[state.next_component].kind == component_kind::square && place > 0 &&
        static_cast<double>(fooled) > 0.002 * static_cast<double>(state.attack.size())) {
        state.warnings.push_back({autoattack_warning_kind::masked_gradients, fooled});
    }
    state.after.push_back(state.robust_accuracy());
    ++state.next_component;
    state.next_sample = 0;
}

/// The next component on the next batch of survivors.
template <typename Scalar>
void attack_next(logit_engine<Scalar>& engine, autoattack_result<Scalar>& state) {
    std::vector<std::size_t> images;
    std::size_t next = state.next_sample;
    for (; next < engine.samples() && images.size() < engine.batch(); ++next) {
        if (state.attack[next] == not_fooled) images.push_back(next);
    }
    if (!images.empty()) {
        component_runner<Scalar> runner(engine, state.ball, state.eps, state.seed);
        state.zero_gradients +=
            runner.attack(state.components[state.next_component], state.next_component, images, state);
    }
    std::vector<Scalar> clean(engine.size());
    std::vector<double> delta(engine.size());
    for (const std::size_t n : images) {
        if (!state.success[n]) continue;
        state.attack[n] = static_cast<int>(state.next_component);
        engine.load(n, clean.data());
        const Scalar* const point = state.adversarial.data_handle() + n * engine.size();
        for (std::size_t i = 0; i < engine.size(); ++i) {
            delta[i] = static_cast<double>(point[i]) - static_cast<double>(clean[i]);
        }
        state.distance[n] = norm_of(state.ball, delta);
    }
    state.next_sample = next;
    if (next == engine.samples()) finish_component(state);
}

/// Steps on views, until the state is complete or, with `once`, one step: compiled once per scalar and label
/// type, for every model. A default state is a new one.
template <typename Scalar, typename Label>
void autoattack_on_views(const erased_logit_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
                         const tensor_view<const Label, 1>& labels, const autoattack_options& options,
                         autoattack_result<Scalar>& state, bool once) {
    check_run(autoattack_name, x.extents(), options.bounds, {.batch = options.batch});
    check_eps(autoattack_name, options.ball, options.eps, options.bounds);
    if (state.components.empty()) state = autoattack_start<Scalar>(x.extents(), options);
    check_state(state, x.extents(), options);
    check_components(state.components, model.has_gradients());
    const scoped_pool pool(options.threads);
    logit_engine<Scalar> engine(autoattack_name, model, x,
                                checked_labels(autoattack_name, model, labels, x.extents()), options.bounds,
                                options.first_sample, options.batch, *pool);
    check_two_classes(autoattack_name, engine.classes());
    while (!state.complete()) {
        if (state.classified)
            attack_next(engine, state);
        else
            classify_next(engine, state);
        if (once) break;
    }
    state.forward_passes += engine.forward_passes();
    state.backward_passes += engine.backward_passes();
}

} // namespace detail

/// AutoAttack: robust accuracy under several attacks without parameters to tune, by default the standard
/// evaluation of the field.
///
/// `model` is `logit_differentiable`, or `scored` for a list of `square` alone; `images`, `labels` and errors
/// as for `pgd`. Each component attacks the samples that are classified correctly and that no earlier one
/// fooled; a run on a sample ends at its first misclassified point inside the ball. `robust_accuracy()` is
/// the share of all samples that survive, `after` that after each component. APGD in l1 uses the large-radius
/// schedule. A sample's result depends on its index in the data set, the seed and the list, not on the batch,
/// other samples or threads.
///
/// Cost: with the standard components at most 2,100 forward and backward passes and 5,900 forward passes per
/// surviving sample. Croce and Hein 2020 (arXiv 2003.01690), l1: Croce and Hein 2021 (2103.01208).
template <typename Model, tensor_like Images, labels_like Labels>
    requires scored<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] autoattack_result<element_type_of<Images>>
autoattack(Model&& model, const Images& images, const Labels& labels, const autoattack_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    autoattack_result<scalar> state;
    detail::autoattack_on_views<scalar, label>(
        detail::erased_logit_model<scalar>(model),
        as_activations(images, layout::unstated, detail::autoattack_name), as_view<1>(labels), options, state,
        false);
    return state;
}

/// One step of `autoattack`: one component on one batch. Returns whether steps remain. A default `state` is a
/// new one. The caller may copy or save the state between steps, and go on from it with another batch size
/// or number of threads; the result is the same. Throws `value_error` for a state of other images, norm, eps,
/// seed or components.
template <typename Model, tensor_like Images, labels_like Labels>
    requires scored<std::remove_reference_t<Model>, element_type_of<Images>>
bool autoattack_step(Model&& model, const Images& images, const Labels& labels,
                     const autoattack_options& options, autoattack_result<element_type_of<Images>>& state) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    detail::autoattack_on_views<scalar, label>(
        detail::erased_logit_model<scalar>(model),
        as_activations(images, layout::unstated, detail::autoattack_name), as_view<1>(labels), options, state,
        true);
    return !state.complete();
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
