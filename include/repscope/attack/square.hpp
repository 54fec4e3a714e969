#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/erased_logit_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/detail/attack/square_run.hpp"
#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `square`.
struct square_options {
    thread_source threads = 1;    ///< threads of the attack; the model has its own threads
    norm ball = norm::linf;       ///< norm of the perturbation
    double eps = 0;               ///< radius of the ball, in data units: 8 / 255., not 8
    std::size_t queries = 5000;   ///< per restart, the start included
    std::size_t restarts = 1;     ///< number of restarts
    input_bounds bounds{};        ///< smallest and largest value of an input
    std::uint64_t seed = 0;       ///< seed of the random draws
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the random draws
    std::size_t batch = 128;      ///< samples per call of the model; changes no result
    batch_callback on_batch{};    ///< as for `pgd`
};

namespace detail {

/// `square` on views: compiled once per scalar and label type, for every model.
template <typename Scalar, typename Label>
[[nodiscard]] result<Scalar>
square_on_views(const erased_logit_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
                const tensor_view<const Label, 1>& labels, const square_options& options) {
    constexpr std::string_view name = "attack::square";
    check_run(name, x.extents(), options.bounds, {.restarts = options.restarts, .batch = options.batch});
    check_eps(name, options.ball, options.eps, options.bounds);
    if (options.queries == 0) errors::throw_value_error(name, "expected at least 1 query, got 0");
    const scoped_pool pool(options.threads);
    logit_engine<Scalar> engine(name, model, x, checked_labels(name, model, labels, x.extents()),
                                options.bounds, options.first_sample, options.batch, *pool);
    check_two_classes(name, engine.classes());
    auto found = empty_result<Scalar>(x.extents(), options.eps, 0);
    const square_plan plan{.ball = options.ball,
                           .eps = options.eps,
                           .queries = options.queries,
                           .restarts = options.restarts,
                           .returns_best = true,
                           .draws = {.seed = options.seed, .attack = drawn_attack::square}};
    square_run<Scalar> work(engine, plan);
    attack_in_batches<Scalar>(engine, options.on_batch, found,
                              [&](std::span<const std::size_t> images, const auto&) {
                                  attack_with_square(engine, work, plan, images, found);
                              });
    return found;
}

} // namespace detail

/// Square: random search with squares that shrink, from the logits alone, without gradients.
///
/// `model` is `scored`: `scored_function` makes one from a callable. `images`, `labels` and errors as for
/// `pgd`. A proposal is accepted if the margin z_y - max_{i != y} z_i falls or the prediction is not the
/// label; a sample leaves at its first misclassified point. linf: a square moves by 2 eps to the other side
/// of the ball. l2 and l1: a window takes the energy of another one. The place, pattern and signs of a
/// proposal are drawn per sample, so that a result does not depend on the batch; in the authors' code the
/// samples of a batch share place and pattern.
///
/// Samples that are misclassified at the clean input are not attacked: they are successes there. `loss` is
/// the margin max_{i != y} z_i - z_y, and -infinity for samples that were not attacked. Cost: at most
/// restarts x queries + 1 forward passes per sample. Andriushchenko, Croce, Flammarion and Hein 2020 (arXiv
/// 1912.00049); l1: Croce and Hein 2021 (2103.01208).
template <typename Model, tensor_like Images, labels_like Labels>
    requires scored<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] result<element_type_of<Images>> square(Model&& model, const Images& images,
                                                     const Labels& labels, const square_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::square_on_views<scalar, label>(detail::erased_logit_model<scalar>(model),
                                                  as_activations(images, layout::unstated, "attack::square"),
                                                  as_view<1>(labels), options);
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
