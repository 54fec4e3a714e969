#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/erased_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `fgsm`.
struct fgsm_options {
    thread_source threads = 1; ///< threads of the attack; the model has its own threads
    norm ball = norm::linf;    ///< norm of the perturbation
    double eps = 0;            ///< radius of the ball, in data units: 8 / 255., not 8
    bool targeted = false;     ///< labels are targets, and the loss goes down
    bool outcome = true; ///< false: `loss`, `predicted` and `success` are empty, and a forward pass is saved
    input_bounds bounds{};     ///< smallest and largest value of an input
    std::size_t batch = 128;   ///< samples per call of the model; changes no result
    batch_callback on_batch{}; ///< as for `pgd`; with several eps called for each of them after each batch;
                               ///< not called without `outcome`
};

namespace detail {

/// `fgsm` on views: the attack itself, compiled once per scalar and label type, for every model.
template <typename Scalar, typename Label>
[[nodiscard]] std::vector<result<Scalar>>
fgsm_on_views(const erased_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
              const tensor_view<const Label, 1>& labels, std::span<const double> eps,
              const fgsm_options& options) {
    constexpr std::string_view name = "attack::fgsm";
    const run_settings settings{.targeted = options.targeted, .batch = options.batch};
    check_run(name, x.extents(), options.bounds, settings);
    for (const double radius : eps) check_eps(name, options.ball, radius, options.bounds);
    const std::vector<int> checked = checked_labels(name, model, labels, x.extents());
    std::vector<result<Scalar>> found;
    for (const double radius : eps) {
        found.push_back(empty_result<Scalar>(x.extents(), radius, 0));
        if (options.outcome) continue;
        found.back().loss.clear();
        found.back().predicted.clear();
        found.back().success.clear();
    }
    const scoped_pool pool(options.threads);
    run<Scalar> work(name, model, x.extents(), options.bounds, settings, *pool);
    std::vector<batch_progress> progress(eps.size());
    for (std::size_t first = 0; first < x.extent(0) && !eps.empty(); first += options.batch) {
        const std::size_t count = (std::min)(options.batch, x.extent(0) - first);
        work.attack_once(x, checked, first, count, found, options.outcome,
                         [&](std::size_t row, std::size_t k, scratch& own) {
                             work.load(row, own);
                             const Scalar* const clean = work.clean(row);
                             const auto limits = [&](std::size_t i) {
                                 const auto value = static_cast<double>(clean[i]);
                                 return headroom{value - work.lower(i), work.upper(i) - value};
                             };
                             maximize_linear(options.ball, eps[k], own.gradient, limits, own.delta,
                                             own.indices);
                             work.store(row, own.delta, work.point(row));
                         });
        for (std::size_t k = 0; k < eps.size() && options.outcome; ++k) {
            report_batch(options.on_batch, found[k], first, count, progress[k]);
        }
    }
    return found;
}

} // namespace detail

/// The fast gradient method for several eps, in their order, from one gradient per sample. The result is the
/// point of ball and box that maximizes the loss linearized at the clean input. `options.eps` is not used.
///
/// In linf without a box that is x + eps sign(g), in l2 x + eps g / |g|; the box is part of the problem and
/// not cut off afterwards (see `maximize_linear`), so that a linear model meets its true worst case. Inputs,
/// errors and independence of the batch as for `pgd`. Cost: a forward and a backward pass per sample, counted
/// for the first eps, and with `outcome` a forward pass for each. Goodfellow, Shlens and Szegedy 2015.
template <typename Model, tensor_like Images, labels_like Labels>
    requires differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] std::vector<result<element_type_of<Images>>> fgsm(Model&& model, const Images& images,
                                                                const Labels& labels,
                                                                std::span<const double> eps,
                                                                const fgsm_options& options = {}) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::fgsm_on_views<scalar, label>(detail::erased_model<scalar>(model),
                                                as_activations(images, layout::unstated, "attack::fgsm"),
                                                as_view<1>(labels), eps, options);
}

/// The same for one eps, `options.eps`.
template <typename Model, tensor_like Images, labels_like Labels>
    requires differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] result<element_type_of<Images>> fgsm(Model&& model, const Images& images, const Labels& labels,
                                                   const fgsm_options& options) {
    return std::move(fgsm(model, images, labels, std::span(&options.eps, 1), options).front());
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
