#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/detail/attack/logit_losses.hpp"
#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// Numbers of the attacks in the ids of their random streams. Results depend on them.
enum class drawn_attack : std::uint8_t { apgd_ce, apgd_dlr, apgd_t, fab, fab_t, square };

/// The seed of an attack and its place in a list of attacks, which give the random stream of a run and image.
struct attack_draws {
    std::uint64_t seed = 0;
    drawn_attack attack = drawn_attack::apgd_ce;
    std::size_t place = 0;

    [[nodiscard]] random_stream stream(std::size_t run, std::uint32_t image) const {
        const auto b = static_cast<std::uint32_t>(16 * place + static_cast<std::size_t>(attack));
        return {seed, streams::id(streams::purpose::attack_run, static_cast<std::uint32_t>(run), b), image};
    }
};

/// The classes of each image in the order of its logits at the clean input. `clean` receives the images.
template <typename Scalar>
void rank_classes(logit_engine<Scalar>& engine, std::span<const std::size_t> images,
                  std::vector<Scalar>& clean, std::vector<std::vector<int>>& ranking) {
    clean.resize(images.size() * engine.size());
    for (std::size_t r = 0; r < images.size(); ++r) engine.load(images[r], clean.data() + r * engine.size());
    ranking.resize(images.size());
    engine.logits(clean.data(), images,
                  [&](std::size_t r, std::span<const double> z) { sort_classes(z, ranking[r]); });
}

/// Predictions of the clean images; misclassified ones are successes at their clean input. Other images keep
/// their entry, with the loss -infinity. `ranking` has the classes of each image in the order of its logits.
template <typename Scalar>
void classify_clean(logit_engine<Scalar>& engine, std::span<const std::size_t> images, result<Scalar>& found,
                    std::vector<std::vector<int>>& ranking) {
    const std::size_t size = engine.size();
    std::vector<Scalar> clean;
    rank_classes(engine, images, clean, ranking);
    for (std::size_t r = 0; r < images.size(); ++r) {
        const std::size_t n = images[r];
        found.predicted[n] = ranking[r].front();
        found.success[n] = found.predicted[n] != engine.label(n);
        found.loss[n] = -std::numeric_limits<double>::infinity();
        std::copy_n(clean.data() + r * size, size, found.adversarial.data_handle() + n * size);
    }
}

/// Calls `attack(images, ranking)` for all images in batches, whose clean images are classified before, and
/// reports each batch. Counts the passes of the engine.
template <typename Scalar, typename Attack>
void attack_in_batches(logit_engine<Scalar>& engine, const batch_callback& on_batch, result<Scalar>& found,
                       Attack&& attack) {
    batch_progress progress;
    for (std::size_t first = 0; first < engine.samples(); first += engine.batch()) {
        std::vector<std::size_t> images((std::min)(engine.batch(), engine.samples() - first));
        std::iota(images.begin(), images.end(), first);
        std::vector<std::vector<int>> ranking;
        classify_clean(engine, images, found, ranking);
        attack(std::span<const std::size_t>(images), std::as_const(ranking));
        report_batch(on_batch, found, first, images.size(), progress);
    }
    found.forward_passes = engine.forward_passes();
    found.backward_passes = engine.backward_passes();
}

/// The images of a batch that are not fooled.
template <typename Scalar>
[[nodiscard]] std::vector<std::size_t> survivors(std::span<const std::size_t> images,
                                                 const result<Scalar>& found) {
    std::vector<std::size_t> left;
    for (const std::size_t n : images) {
        if (!found.success[n]) left.push_back(n);
    }
    return left;
}

/// A random direction of norm 1: linf uniform signs and sizes, l2 and l1 normal components.
inline void random_direction(norm ball, random_stream& random, std::span<double> delta) {
    for (double& x : delta) x = ball == norm::linf ? 2 * random.uniform() - 1 : random.normal();
    const double size = norm_of(ball, delta);
    for (double& x : delta) x = size > 0 ? x / size : 0.0;
}

/// Number of target classes: at most all but the label.
[[nodiscard]] inline std::size_t target_count(std::size_t targets, std::size_t classes) noexcept {
    return (std::min)(targets, classes - 1);
}

inline void check_two_classes(std::string_view function, std::size_t classes) {
    if (classes >= 2) return;
    errors::throw_value_error(function,
                              "expected a model of at least 2 classes, got " + errors::text_of(classes));
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
