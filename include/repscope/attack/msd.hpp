#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/pgd.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/erased_model.hpp"
#include "repscope/detail/attack/iterated_attack.hpp"
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
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// One of the balls that `msd` may use.
struct msd_ball {
    norm kind = norm::linf; ///< norm of the ball
    double eps = 0;         ///< radius of the ball, in data units
    double step_size = 0;   ///< 0: 2.5 eps / steps
};

/// Options of `msd`.
struct msd_options {
    thread_source threads = 1;     ///< threads of the attack; the model has its own threads
    std::vector<msd_ball> balls{}; ///< any number, in any order
    std::size_t steps = 50;        ///< steps per restart
    bool random_start = false; ///< uniform in ball number (restart mod number of balls); else the clean input
    std::size_t restarts = 1;  ///< number of restarts
    bool targeted = false;     ///< labels are targets, and the loss goes down
    iterate returned = iterate::best;                 ///< the iterate that is returned
    bool early_stop = false;                          ///< stops updating a sample once it is misclassified
    input_bounds bounds{};                            ///< smallest and largest value of an input
    std::array<std::size_t, 2> l1_coordinates{5, 20}; ///< as for `pgd`
    bool exact_l1 = false;                            ///< as for `pgd`
    std::uint64_t seed = 0;                           ///< seed of the random draws
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the random draws
    std::size_t batch = 128;      ///< samples per call of the model; changes no result
    batch_callback on_batch{};    ///< as for `pgd`
};

namespace detail {

/// `msd` on views: the attack itself, compiled once per scalar and label type, for every model.
template <typename Scalar, typename Label>
[[nodiscard]] result<Scalar>
msd_on_views(const erased_model<Scalar>& model, const tensor_view<const Scalar, 4>& x,
             const tensor_view<const Label, 1>& labels, const msd_options& options) {
    constexpr std::string_view name = "attack::msd";
    const run_settings settings{.steps = options.steps,
                                .restarts = options.restarts,
                                .targeted = options.targeted,
                                .returned = options.returned,
                                .early_stop = options.early_stop,
                                .first_sample = options.first_sample,
                                .batch = options.batch};
    check_run(name, x.extents(), options.bounds, settings);
    check_l1_coordinates(name, options.l1_coordinates);
    if (options.balls.empty()) errors::throw_value_error(name, "expected at least 1 ball, got 0");
    std::vector<msd_ball> balls = options.balls;
    double largest = 0;
    for (msd_ball& ball : balls) {
        check_eps(name, ball.kind, ball.eps, options.bounds);
        check_step_size(name, ball.step_size);
        if (ball.step_size == 0) ball.step_size = 2.5 * ball.eps / static_cast<double>(options.steps);
        largest = (std::max)(largest, ball.eps);
    }
    const std::vector<int> checked = checked_labels(name, model, labels, x.extents());
    auto found = empty_result<Scalar>(x.extents(), largest, 0);
    const scoped_pool pool(options.threads);
    run<Scalar> work(name, model, x.extents(), options.bounds, settings, *pool);
    const std::size_t rows = (std::min)(options.batch, x.extent(0));
    std::vector<Scalar> proposal(rows * work.size()), best(rows * work.size());
    std::vector<double> losses(rows), best_losses(rows);
    const auto advance = [&] {
        const std::size_t active = work.active();
        for (std::size_t k = 0; k < balls.size(); ++k) {
            const msd_ball& ball = balls[k];
            work.for_rows([&](std::size_t row, scratch& own) {
                const std::size_t coordinates =
                    ball.kind == norm::l1 ? draw_coordinates(work, row, options.l1_coordinates, options.seed)
                                          : 1;
                step_in_ball(work, row, own, ball.kind, ball.eps, ball.step_size, coordinates,
                             options.exact_l1, proposal.data() + row * work.size());
            });
            work.losses_at(proposal, std::span(losses).first(active));
            work.for_rows([&](std::size_t row, scratch&) {
                if (k > 0 && !(work.sign() * losses[row] > work.sign() * best_losses[row])) return;
                best_losses[row] = losses[row];
                std::copy_n(proposal.data() + row * work.size(), work.size(),
                            best.data() + row * work.size());
                work.ball(row) = k;
            });
        }
        std::copy_n(best.data(), active * work.size(), work.points().data());
    };
    batch_progress progress;
    for (std::size_t first = 0; first < x.extent(0); first += options.batch) {
        const std::size_t count = (std::min)(options.batch, x.extent(0) - first);
        work.attack(
            x, checked, first, count, found,
            [&](std::size_t row, scratch& own) {
                if (!options.random_start) return;
                const std::size_t k = work.restart() % balls.size();
                work.ball(row) = k;
                start_in_ball(work, row, own, balls[k].kind, balls[k].eps, options.seed);
            },
            advance);
        report_batch(options.on_batch, found, first, count, progress);
    }
    return found;
}

} // namespace detail

/// Multi steepest descent: the worst case over the union of several balls. In each step every ball proposes a
/// `pgd` step from the common point, projected onto that ball and the box. Each sample takes the proposal
/// with the largest loss (targeted: the smallest); of equal ones, that of the first ball.
///
/// Arguments, options and errors as for `pgd`; `result::ball` is the ball of the last step, which contains
/// the perturbation. Proposals are compared with each other only, not with the point before the step. Cost:
/// restarts x (steps (1 + balls) + 1) forward and restarts x steps backward passes per sample. Maini, Wong
/// and Kolter 2020.
template <typename Model, tensor_like Images, labels_like Labels>
    requires differentiable<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] result<element_type_of<Images>> msd(Model&& model, const Images& images, const Labels& labels,
                                                  const msd_options& options) {
    using scalar = element_type_of<Images>;
    using label = element_type_of<Labels>;
    return detail::msd_on_views<scalar, label>(detail::erased_model<scalar>(model),
                                               as_activations(images, layout::unstated, "attack::msd"),
                                               as_view<1>(labels), options);
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
