#pragma once

#include "repscope/attack/msd.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/pgd.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/attack/worst_case.hpp"
#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"
#include "repscope/training/adversarial.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// The strategy of training against several balls.
enum class multi_norm_strategy {
    msd, ///< MSD: `attack::msd`, one perturbation from the worst of the balls in each of its steps
    max, ///< MAX: `attack::pgd` in every ball; each sample takes the result of the largest loss
    avg, ///< AVG: `attack::pgd` in every ball, one after the other, with a training step on each
};

/// Settings of training against several balls. With a single ball all strategies are adversarial training in
/// one norm, apart from the start of `msd`.
struct union_options {
    std::vector<attack::msd_ball> balls{};                   ///< a step size of 0 is 2.5 eps / steps
    multi_norm_strategy strategy = multi_norm_strategy::msd; ///< the attack of each step
    std::size_t steps = 10;                                  ///< of each attack
    net::mode statistics = net::mode::training;              ///< statistics of batch norm under attack
    std::uint64_t seed = 0;                                  ///< seed of random starts and l1 steps
};

/// Trains a network against the union of several balls. Each attack keeps its iterate of largest loss. Those
/// of `max` and `avg` start at random in their ball; that of `msd` starts at the clean samples, as in the
/// code of its authors. Maini, Wong and Kolter 2020 (arXiv 1909.04068).
template <net::network_like Network, net::optimizer_for<Network> Optimizer>
class union_trainer {
  public:
    using scalar = typename Network::scalar;
    using images = tensor_view<const scalar, 4>;

    /// `network` must outlive the trainer. Throws `value_error` without balls or steps, and for an eps that
    /// is not finite and above 0.
    union_trainer(Network& network, Optimizer optimizer, union_options options,
                  const thread_source& threads = 1)
        : options_(std::move(options)), threads_(threads),
          run_(network, std::move(optimizer), options_.statistics, threads_) {
        constexpr const char* function = "training::union_trainer";
        if (options_.balls.empty() || options_.steps == 0) {
            errors::throw_value_error(function, "expected at least 1 ball and 1 step, got " +
                                                    errors::text_of(options_.balls.size()) + " and " +
                                                    errors::text_of(options_.steps));
        }
        for (const attack::msd_ball& ball : options_.balls) {
            attack::detail::check_eps(function, ball.kind, ball.eps, {});
            attack::detail::check_step_size(function, ball.step_size);
        }
    }

    /// One step on samples from 0 to 1; with `avg` one step for every ball, each on the updated network.
    /// `strength` in (0, 1] is a factor on every eps and step size (see `epsilon_warmup`).
    ///
    /// Cost in samples for T steps and B balls: `msd` T (1 + B) + 1 forward and T backward passes, the others
    /// B (T + 1) and B T. Plain steps are added: one, or B for `avg`.
    adversarial_progress step(const images& x, std::span<const int> labels, double rate,
                              double strength = 1) {
        if (!(strength > 0 && strength <= 1)) {
            errors::throw_value_error("training::union_trainer",
                                      "expected a strength above 0 and up to 1, got " +
                                          errors::text_of(strength));
        }
        // Every step of training has independent draws.
        const std::size_t place = step_++ * x.extent(0);
        const auto alone = [&](auto& model, const attack::msd_ball& ball) {
            return attack::pgd(model, x, labels,
                               {.threads = threads_,
                                .ball = ball.kind,
                                .eps = strength * ball.eps,
                                .steps = options_.steps,
                                .step_size = strength * ball.step_size,
                                .returned = attack::iterate::largest_loss,
                                .seed = options_.seed,
                                .first_sample = place,
                                .batch = x.extent(0)});
        };
        if (options_.strategy == multi_norm_strategy::avg) {
            adversarial_progress done;
            const auto share = 1 / static_cast<double>(options_.balls.size());
            for (const attack::msd_ball& ball : options_.balls) {
                const auto part =
                    run_.step(x, labels, rate, [&](auto& model, const images&, std::span<const int>) {
                        return alone(model, ball);
                    });
                done.loss += share * part.loss;
                done.fooled += share * part.fooled;
                done.forward_passes += part.forward_passes;
                done.backward_passes += part.backward_passes;
            }
            return done;
        }
        return run_.step(x, labels, rate, [&](auto& model, const images&, std::span<const int>) {
            if (options_.strategy == multi_norm_strategy::msd) {
                auto balls = options_.balls;
                for (attack::msd_ball& ball : balls) {
                    ball.eps *= strength;
                    ball.step_size *= strength;
                }
                return attack::msd(model, x, labels,
                                   {.threads = threads_,
                                    .balls = std::move(balls),
                                    .steps = options_.steps,
                                    .returned = attack::iterate::largest_loss,
                                    .seed = options_.seed,
                                    .first_sample = place,
                                    .batch = x.extent(0)});
            }
            std::vector<attack::result<scalar>> found;
            for (const attack::msd_ball& ball : options_.balls) found.push_back(alone(model, ball));
            return attack::worst_of(std::move(found), attack::iterate::largest_loss);
        });
    }

    /// The network as a model for attacks.
    [[nodiscard]] training_mode_model<Network>& model() noexcept { return run_.model(); }

  private:
    union_options options_;
    thread_source threads_;
    adversarial_trainer<Network, Optimizer> run_;
    std::size_t step_ = 0;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
