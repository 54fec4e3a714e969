#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/projections.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/erased_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `pgd`.
struct pgd_options {
    thread_source threads = 1;        ///< threads of the attack; the model has its own threads
    norm ball = norm::linf;           ///< norm of the perturbation
    double eps = 0;                   ///< radius of the ball, in data units: 8 / 255., not 8
    std::size_t steps = 20;           ///< steps per restart
    double step_size = 0;             ///< 0: 2.5 eps / steps
    bool random_start = true;         ///< starts are uniform in the ball; else the clean input
    std::size_t restarts = 1;         ///< number of restarts
    bool targeted = false;            ///< labels are targets, and the loss goes down
    iterate returned = iterate::best; ///< the iterate that is returned
    bool early_stop =
        false;             ///< stops updating a sample once it is misclassified, possibly at its clean input
    double momentum = 0;   ///< of gradients divided by their l1 norm; 0 uses the current gradient alone
    input_bounds bounds{}; ///< smallest and largest value of an input
    std::array<std::size_t, 2> l1_coordinates{5, 20}; ///< range of the number of components of an l1 step
    bool exact_l1 = false;        ///< l1: project onto the intersection of ball and box (`project_l1_in_box`)
    std::uint64_t seed = 0;       ///< seed of the random draws
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the random draws
    std::size_t batch = 128;      ///< samples per call of the model; changes no result
    batch_callback
        on_batch{}; ///< called after each batch, on the calling thread; an exception from it ends the attack
};

namespace detail {

inline void check_l1_coordinates(std::string_view function, const std::array<std::size_t, 2>& range) {
    if (range[0] >= 1 && range[0] <= range[1] && range[1] <= 0xFFFF'FFFEU) return;
    errors::throw_value_error(function, "expected l1_coordinates of a range from 1 up, got " +
                                            errors::text_of(range[0]) + " to " + errors::text_of(range[1]));
}

/// A point uniform in the ball about the clean input, cut to the box.
template <typename Scalar>
void start_in_ball(run<Scalar>& work, std::size_t row, scratch& own, norm kind, double eps,
                   std::uint64_t seed) {
    random_stream random(
        seed, streams::id(streams::purpose::attack_start, static_cast<std::uint32_t>(work.restart())),
        work.data_index(row));
    own.delta.resize(work.size());
    random_point(kind, eps, random, own.delta);
    work.store(row, own.delta, work.point(row));
}

/// Random number of components of an l1 step, uniform in the range.
template <typename Scalar>
[[nodiscard]] std::size_t draw_coordinates(const run<Scalar>& work, std::size_t row,
                                           const std::array<std::size_t, 2>& range, std::uint64_t seed) {
    random_stream random(seed,
                         streams::id(streams::purpose::attack_l1_k,
                                     static_cast<std::uint32_t>(work.restart()),
                                     static_cast<std::uint32_t>(work.step())),
                         work.data_index(row));
    return range[0] + random.below(static_cast<std::uint32_t>(range[1] - range[0] + 1));
}

/// The linf step without conversion to double: one pass over the row.
template <typename Scalar>
void step_linf(run<Scalar>& work, std::size_t row, double eps, double step, Scalar* to) {
    const auto radius = static_cast<Scalar>(eps), up = static_cast<Scalar>(step * work.sign());
    const Scalar *clean = work.clean(row), *from = work.point(row), *g = work.direction(row);
    for (std::size_t first = 0; first < work.size(); first += work.plane()) {
        const auto low = static_cast<Scalar>(work.lower(first)),
                   high = static_cast<Scalar>(work.upper(first));
        for (std::size_t i = first; i < first + work.plane(); ++i) {
            const Scalar move = g[i] > Scalar(0) ? up : g[i] < Scalar(0) ? -up : Scalar(0);
            const Scalar below = (std::max)(clean[i] - radius, low),
                         above = (std::min)(clean[i] + radius, high);
            to[i] = (std::min)((std::max)(from[i] + move, below), above);
        }
    }
}

/// Moves `own.delta` to the nearest point of the intersection of the l1 ball and the box.
template <typename Scalar>
void project_row_l1_in_box(const run<Scalar>& work, std::size_t row, scratch& own, double eps) {
    own.clean.assign(work.clean(row), work.clean(row) + work.size());
    own.lower.resize(work.size());
    own.upper.resize(work.size());
    for (std::size_t i = 0; i < work.size(); ++i) {
        own.lower[i] = work.lower(i);
        own.upper[i] = work.upper(i);
    }
    project_l1_in_box(eps, own.clean, own.lower, own.upper, own.delta);
}

/// One step along the gradient, projected onto the ball and then the box, or for l1 with `exact_l1` onto
/// their intersection, written to `to`.
template <typename Scalar>
void step_in_ball(run<Scalar>& work, std::size_t row, scratch& own, norm kind, double eps, double step,
                  std::size_t coordinates, bool exact_l1, Scalar* to) {
    if (kind == norm::linf) return step_linf(work, row, eps, step, to);
    work.load(row, own);
    const Scalar* const at = work.point(row);
    const auto limits = [&](std::size_t i) {
        const auto value = static_cast<double>(at[i]);
        return headroom{value - work.lower(i), work.upper(i) - value};
    };
    steepest_ascent_step(kind, step, coordinates, own.gradient, limits, own.delta, own.indices);
    if (exact_l1 && kind == norm::l1)
        project_row_l1_in_box(work, row, own, eps);
    else
        project(kind, eps, own.delta, own.values);
    work.store(row, own.delta, to);
}

/// `pgd` on views: the attack itself, compiled once per scalar and label type, for every model.
template <typename Scalar, typename Label>
[[nodiscard]] result<Scalar>
pgd_on_views(const erased_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
             const tensor_view<const Label, 1>& labels, const pgd_options& options) {
    constexpr std::string_view name = "attack::pgd";
    const run_settings settings{.steps = options.steps,
                                .restarts = options.restarts,
                                .targeted = options.targeted,
                                .returned = options.returned,
                                .early_stop = options.early_stop,
                                .momentum = options.momentum,
                                .first_sample = options.first_sample,
                                .batch = options.batch};
    check_run(name, x.extents(), options.bounds, settings);
    check_eps(name, options.ball, options.eps, options.bounds);
    check_step_size(name, options.step_size);
    check_l1_coordinates(name, options.l1_coordinates);
    const std::vector<int> checked = checked_labels(name, model, labels, x.extents());
    const double step =
        options.step_size > 0 ? options.step_size : 2.5 * options.eps / static_cast<double>(options.steps);
    auto found = empty_result<Scalar>(x.extents(), options.eps, step);
    const scoped_pool pool(options.threads);
    run<Scalar> work(name, model, x.extents(), options.bounds, settings, *pool);
    batch_progress progress;
    for (std::size_t first = 0; first < x.extent(0); first += options.batch) {
        const std::size_t count = (std::min)(options.batch, x.extent(0) - first);
        work.attack(
            x, checked, first, count, found,
            [&](std::size_t row, scratch& own) {
                if (!options.random_start) return;
                start_in_ball(work, row, own, options.ball, options.eps, options.seed);
            },
            [&] {
                work.for_rows([&](std::size_t row, scratch& own) {
                    const std::size_t coordinates =
                        options.ball == norm::l1
                            ? draw_coordinates(work, row, options.l1_coordinates, options.seed)
                            : 1;
                    step_in_ball(work, row, own, options.ball, options.eps, step, coordinates,
                                 options.exact_l1, work.point(row));
                });
            });
        report_batch(options.on_batch, found, first, count, progress);
    }
    return found;
}

} // namespace detail

/// Projected gradient descent. Starts at a random point and takes `steps` steps of fixed size along the
/// steepest ascent of the loss in the norm of the ball. After each step it projects onto the ball about the
/// clean input and then onto the box.
///
/// `model` is a `differentiable`, whose loss the attack raises. `images` (samples, channels, rows, columns)
/// or (samples, features), of float or double, inside the box; `labels` one per sample. The result for a
/// sample depends only on its index in the data set, not on the batch size, the other samples, or the
/// threads. The worst of several restarts is kept per sample: a misclassified point is preferred, then the
/// larger loss. A gradient of 0 gives no step.
///
/// The projection onto the ball and then onto the box ends inside both; the result is not always the nearest
/// point of their intersection. For l1, `exact_l1` projects onto that point. Cost: restarts x (steps + 1)
/// forward and restarts x steps backward passes per sample. Throws `shape_error` or `value_error` for
/// arguments that do not fit. These include an eps or step size that is not finite and above 0, an linf eps
/// wider than the box, inputs outside the box, and losses or gradients that are not finite. Madry, Makelov,
/// Schmidt, Tsipras and Vladu 2018; momentum: Dong et al. 2018; the l1 step: `steepest_ascent_step`.
template <typename Model, tensor_like Images, labels_like Labels>
    requires differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] result<element_type_of<Images>> pgd(Model&& model, const Images& images, const Labels& labels,
                                                  const pgd_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::pgd_on_views<scalar, label>(detail::erased_model<scalar>(model),
                                               as_activations(images, layout::unstated, "attack::pgd"),
                                               as_view<1>(labels), options);
}

/// The same for several eps, in their order. `options.eps` is not used, and a step size of 0 means 2.5 eps /
/// steps for each eps. The random starts are those of a single call, scaled.
template <typename Model, tensor_like Images, labels_like Labels>
    requires differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] std::vector<result<element_type_of<Images>>> pgd(Model&& model, const Images& images,
                                                               const Labels& labels,
                                                               std::span<const double> eps,
                                                               pgd_options options) {
    std::vector<result<element_type_of<Images>>> found;
    for (const double radius : eps) detail::check_eps("attack::pgd", options.ball, radius, options.bounds);
    for (const double radius : eps) {
        options.eps = radius;
        found.push_back(pgd(model, images, labels, std::as_const(options)));
    }
    return found;
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
