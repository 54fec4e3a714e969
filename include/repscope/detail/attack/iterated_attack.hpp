#pragma once

#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/erased_model.hpp"
#include "repscope/detail/attack/round_towards.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The common options of iterated attacks.
struct run_settings {
    std::size_t steps = 1;
    std::size_t restarts = 1;
    bool targeted = false;
    iterate returned = iterate::best;
    bool early_stop = false;
    double momentum = 0;
    std::size_t first_sample = 0;
    std::size_t batch = 128;
};

/// Scratch memory of a thread.
struct scratch {
    std::vector<double> delta, gradient, previous, values, clean, lower, upper;
    std::vector<std::uint32_t> indices;
};

inline void check_eps(std::string_view function, norm kind, double eps, const input_bounds& bounds) {
    if (!(eps > 0) || !repscope::detail::is_finite(eps)) {
        errors::throw_value_error(function, "expected a finite eps above 0, got " + errors::text_of(eps));
    }
    if (kind == norm::linf && eps > bounds.width()) {
        errors::throw_value_error(
            function, "expected an linf eps of at most the width of the box, " +
                          errors::text_of(bounds.width()) + ", got " + errors::text_of(eps) +
                          ": eps is in data units; was it meant in steps of 0 .. 255, as " +
                          errors::text_of(std::round(1e6 * eps / 255 * bounds.width()) / 1e6) + "?");
    }
}

inline void check_step_size(std::string_view function, double step_size) {
    if (step_size >= 0 && repscope::detail::is_finite(step_size)) return;
    errors::throw_value_error(function, "expected a finite step size above 0, or 0 for the default, got " +
                                            errors::text_of(step_size));
}

/// Returns the labels as int; checks them against the model's number of classes.
template <typename Model, typename Label>
[[nodiscard]] std::vector<int> checked_labels(std::string_view function, const Model& model,
                                              const tensor_view<const Label, 1>& given,
                                              const std::array<std::size_t, 4>& extents) {
    const std::size_t samples = extents[0];
    if (given.extent(0) != samples) {
        errors::throw_shape_error(function, "expected one label per sample, got " +
                                                errors::text_of(given.extent(0)) + " labels for " +
                                                errors::text_of(samples) + " samples");
    }
    const std::uint64_t classes = model.classes(extents);
    std::vector<int> result(samples);
    for (std::size_t i = 0; i < samples; ++i) {
        const auto label = given(i);
        if (label < 0 || static_cast<std::uint64_t>(label) >= classes) {
            errors::throw_value_error(function, "expected labels from 0 to " + errors::text_of(classes - 1) +
                                                    ", got " + errors::text_of(label) + " at position " +
                                                    errors::text_of(i));
        }
        result[i] = static_cast<int>(label);
    }
    return result;
}

/// A result with memory for `extents[0]` samples.
template <typename Scalar>
[[nodiscard]] result<Scalar> empty_result(const std::array<std::size_t, 4>& extents, double eps,
                                          double step_size) {
    result<Scalar> found;
    found.adversarial = array<Scalar, 4>(extents);
    found.loss.resize(extents[0]);
    found.predicted.resize(extents[0]);
    found.success.resize(extents[0]);
    found.ball.resize(extents[0]);
    found.eps = eps;
    found.step_size = step_size;
    return found;
}

/// The common checks of the inputs and settings of attacks.
inline void check_run(std::string_view function, const std::array<std::size_t, 4>& extents,
                      const input_bounds& bounds, const run_settings& settings) {
    if (extents[1] * extents[2] * extents[3] == 0) {
        errors::throw_shape_error(function, "expected inputs (samples, channels, rows, columns)", extents);
    }
    check_bounds(function, bounds, extents[1]);
    const auto positive = [&](std::size_t value, const char* what) {
        if (value > 0) return;
        errors::throw_value_error(function, std::string("expected at least 1 ") + what + ", got 0");
    };
    positive(settings.steps, "step");
    positive(settings.restarts, "restart");
    positive(settings.batch, "sample per batch");
    const auto below = [&](std::size_t value, const char* what) {
        if (value <= streams::index_limit) return;
        errors::throw_value_error(function, "expected at most " + errors::text_of(streams::index_limit) +
                                                " " + what + ", got " + errors::text_of(value));
    };
    below(settings.steps, "steps");
    below(settings.restarts, "restarts");
    if (!(settings.momentum >= 0) || !repscope::detail::is_finite(settings.momentum)) {
        errors::throw_value_error(function, "expected a momentum of 0 or more, got " +
                                                errors::text_of(settings.momentum));
    }
}

/// The samples of a batch that are still under attack, row by row, with the model's results for them.
///
/// `points` and the other members belong to the rows [0, active); `samples` has the index in the batch for
/// each row.
template <typename Scalar>
class run {
  public:
    run(std::string_view function, const erased_model<Scalar>& model,
        const std::array<std::size_t, 4>& extents, const input_bounds& bounds, const run_settings& settings,
        thread_pool& pool)
        : function_(function), model_(model), bounds_(&bounds), settings_(settings), pool_(&pool),
          scratch_(pool.size()), extents_(extents), size_(extents[1] * extents[2] * extents[3]),
          plane_(extents[2] * extents[3]) {
        extents_[0] = (std::min)(settings.batch, extents[0]);
        const std::size_t rows = extents_[0];
        for (auto* const values : {&clean_, &points_, &gradients_, &kept_}) values->resize(rows * size_);
        samples_.resize(rows);
        labels_.resize(rows);
        predicted_.resize(rows);
        losses_.resize(rows);
        kept_loss_.resize(rows);
        kept_predicted_.resize(rows);
        balls_.resize(rows);
        kept_ball_.resize(rows);
        if (settings.momentum > 0) velocity_.resize(rows * size_);
    }

    /// Attacks samples [first, first + count) and fills their part of `found`. `start(row)` sets the first
    /// point of a row, `advance()` moves the points of all active rows along their gradients.
    template <typename Start, typename Advance>
    void attack(const tensor_view<const Scalar, 4>& x, std::span<const int> labels, std::size_t first,
                std::size_t count, result<Scalar>& found, Start&& start, Advance&& advance) {
        begin(x, labels, first, count);
        if (settings_.early_stop) stop_before_the_start(found);
        for (restart_ = 0; restart_ < settings_.restarts; ++restart_) {
            activate();
            if (active_ == 0) break;
            for_rows([&](std::size_t row, scratch& own) { start(row, own); });
            std::fill(velocity_.begin(), velocity_.end(), Scalar(0));
            recorded_.assign(count, false);
            for (step_ = 0; step_ < settings_.steps && active_ > 0; ++step_) {
                evaluate(true);
                consider(false);
                if (active_ == 0) break;
                gather_momentum();
                advance();
            }
            if (active_ > 0) {
                evaluate(false);
                consider(true);
            }
            merge(found);
        }
        count_passes(found);
    }

    /// One step from the clean inputs with one gradient: `move(row, k)` sets the points of `found[k]`. The
    /// passes of the gradient are counted for the first of them. Without `outcome` the points are not
    /// evaluated.
    template <typename Move>
    void attack_once(const tensor_view<const Scalar, 4>& x, std::span<const int> labels, std::size_t first,
                     std::size_t count, std::span<result<Scalar>> found, bool outcome, Move&& move) {
        begin(x, labels, first, count);
        activate();
        evaluate(true);
        for (std::size_t k = 0; k < found.size(); ++k) {
            for_rows([&](std::size_t row, scratch& own) { move(row, k, own); });
            if (outcome) evaluate(false);
            for (std::size_t row = 0; row < active_; ++row) {
                if (outcome) {
                    record(row);
                    write(found[k], samples_[row]);
                } else {
                    std::copy_n(point(row), size_,
                                found[k].adversarial.data_handle() + (first + row) * size_);
                }
            }
            count_passes(found[k]);
        }
    }

    // The interface for `start` and `advance`.
    [[nodiscard]] std::size_t active() const noexcept { return active_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t step() const noexcept { return step_; }
    [[nodiscard]] std::size_t restart() const noexcept { return restart_; }
    [[nodiscard]] const Scalar* clean(std::size_t row) const noexcept {
        return clean_.data() + samples_[row] * size_;
    }
    [[nodiscard]] Scalar* point(std::size_t row) noexcept { return points_.data() + row * size_; }
    [[nodiscard]] std::vector<Scalar>& points() noexcept { return points_; }
    /// Sign of a step that raises the loss (targeted: lowers it).
    [[nodiscard]] const Scalar* direction(std::size_t row) const noexcept {
        return (velocity_.empty() ? gradients_ : velocity_).data() + row * size_;
    }
    [[nodiscard]] double sign() const noexcept { return settings_.targeted ? -1 : 1; }
    /// Index of a row's sample in the data set.
    [[nodiscard]] std::uint32_t data_index(std::size_t row) const noexcept {
        return static_cast<std::uint32_t>(settings_.first_sample + first_ + samples_[row]);
    }
    /// Index of the ball of a row's last step.
    [[nodiscard]] std::size_t& ball(std::size_t row) noexcept { return balls_[row]; }
    [[nodiscard]] double lower(std::size_t i) const noexcept { return bounds_->lower_of(i / plane_); }
    [[nodiscard]] double upper(std::size_t i) const noexcept { return bounds_->upper_of(i / plane_); }
    [[nodiscard]] std::size_t plane() const noexcept { return plane_; }

    /// Calls `body(row, scratch)` for every active row, on all threads.
    template <typename Body>
    void for_rows(Body&& body) {
        constexpr std::size_t together = 8;
        pool_->for_each((active_ + together - 1) / together, [&](std::size_t task, std::size_t worker) {
            for (std::size_t row = task * together; row < (std::min)(active_, (task + 1) * together); ++row) {
                body(row, scratch_[worker]);
            }
        });
    }

    /// The perturbation of a row and its direction, in double.
    void load(std::size_t row, scratch& own) {
        own.delta.resize(size_);
        own.gradient.resize(size_);
        const Scalar *from = clean(row), *to = point(row), *along = direction(row);
        const double forward = sign();
        for (std::size_t i = 0; i < size_; ++i) {
            own.delta[i] = static_cast<double>(to[i]) - static_cast<double>(from[i]);
            own.gradient[i] = forward * static_cast<double>(along[i]);
        }
    }
    /// `to` = clean + `delta`, clipped to the box.
    void store(std::size_t row, std::span<const double> delta, Scalar* to) const {
        const Scalar* const from = clean(row);
        for (std::size_t i = 0; i < size_; ++i) {
            const auto low = static_cast<Scalar>(lower(i)), high = static_cast<Scalar>(upper(i));
            to[i] = std::clamp(round_towards(from[i], delta[i]), low, high);
        }
    }

    /// Losses of the active rows at other points, with the layout of `points()`, without gradients.
    void losses_at(const std::vector<Scalar>& points, std::span<double> losses) {
        call(points.data(), losses, std::span(predicted_).first(active_), {});
        check_finite(losses, nullptr);
    }

  private:
    void begin(const tensor_view<const Scalar, 4>& x, std::span<const int> labels, std::size_t first,
               std::size_t count) {
        first_ = first;
        count_ = count;
        batch_labels_ = labels.subspan(first, count);
        load(x, first, count);
        filled_.assign(count, false);
        done_.assign(count, false);
    }
    void count_passes(result<Scalar>& found) noexcept {
        found.forward_passes += forwards_;
        found.backward_passes += backwards_;
        forwards_ = backwards_ = 0;
    }

    void load(const tensor_view<const Scalar, 4>& x, std::size_t first, std::size_t count) {
        for (std::size_t n = 0; n < count; ++n) {
            Scalar* to = clean_.data() + n * size_;
            for (std::size_t c = 0; c < x.extent(1); ++c) {
                const auto low = static_cast<Scalar>(bounds_->lower_of(c)),
                           high = static_cast<Scalar>(bounds_->upper_of(c));
                for (std::size_t row = 0; row < x.extent(2); ++row) {
                    for (std::size_t column = 0; column < x.extent(3); ++column) {
                        const Scalar value = x(first + n, c, row, column);
                        if (!(value >= low && value <= high)) {
                            errors::throw_value_error(function_,
                                                      "expected inputs inside the box, from " +
                                                          errors::text_of(bounds_->lower_of(c)) + " to " +
                                                          errors::text_of(bounds_->upper_of(c)) + ", got " +
                                                          errors::text_of(value) + " in sample " +
                                                          errors::text_of(first + n));
                        }
                        *to++ = value;
                    }
                }
            }
        }
    }

    /// Makes every unfinished sample an active row, at its clean point.
    void activate() {
        active_ = 0;
        for (std::size_t n = 0; n < count_; ++n) {
            if (done_[n]) continue;
            samples_[active_] = n;
            labels_[active_] = batch_labels_[n];
            balls_[active_] = 0;
            std::copy_n(clean_.data() + n * size_, size_, points_.data() + active_ * size_);
            ++active_;
        }
    }

    void call(const Scalar* points, std::span<double> losses, std::span<int> predicted, Scalar* gradient) {
        auto extents = extents_;
        extents[0] = active_;
        const tensor_view<Scalar, 4> to =
            gradient != nullptr ? tensor_view<Scalar, 4>(gradient, extents) : tensor_view<Scalar, 4>{};
        model_(tensor_view<const Scalar, 4>(points, extents), std::span<const int>(labels_).first(active_),
               losses, predicted, to);
        forwards_ += active_;
        if (gradient != nullptr) backwards_ += active_;
    }
    void evaluate(bool with_gradient) {
        const auto losses = std::span(losses_).first(active_);
        call(points_.data(), losses, std::span(predicted_).first(active_),
             with_gradient ? gradients_.data() : nullptr);
        check_finite(losses, with_gradient ? gradients_.data() : nullptr);
    }
    void check_finite(std::span<const double> losses, const Scalar* gradient) const {
        for (std::size_t row = 0; row < active_; ++row) {
            const char* what = nullptr;
            if (!repscope::detail::is_finite(losses[row])) what = "loss";
            if (gradient != nullptr && !repscope::detail::all_finite(gradient + row * size_, size_)) {
                what = what == nullptr ? "gradient" : what;
            }
            if (what == nullptr) continue;
            errors::throw_value_error(
                function_,
                std::string("expected finite losses and gradients of the model, got NaN or infinity "
                            "in the ") +
                    what + " of sample " + errors::text_of(first_ + samples_[row]));
        }
    }

    [[nodiscard]] bool fools(int predicted, int label) const noexcept {
        return (predicted == label) == settings_.targeted;
    }
    [[nodiscard]] bool better(double loss, double than) const noexcept {
        return sign() * loss > sign() * than;
    }

    /// Whether a row's point is better than the best one of its sample so far.
    [[nodiscard]] bool improves(std::size_t row, std::size_t n) const noexcept {
        const bool success = fools(predicted_[row], labels_[row]),
                   before = fools(kept_predicted_[n], labels_[row]);
        if (settings_.returned == iterate::best && success != before) return success;
        return better(losses_[row], kept_loss_[n]);
    }

    void stop_before_the_start(result<Scalar>& found) {
        activate();
        evaluate(false);
        for (std::size_t row = 0; row < active_; ++row) {
            if (!fools(predicted_[row], labels_[row])) continue;
            record(row);
            write(found, samples_[row]);
            done_[samples_[row]] = true;
        }
    }

    void record(std::size_t row) {
        const std::size_t n = samples_[row];
        std::copy_n(points_.data() + row * size_, size_, kept_.data() + n * size_);
        kept_loss_[n] = losses_[row];
        kept_predicted_[n] = predicted_[row];
        kept_ball_[n] = balls_[row];
    }

    /// Stores improved points after an evaluation; with early stop also removes samples that are
    /// misclassified.
    void consider(bool last) {
        std::size_t left = 0;
        for (std::size_t row = 0; row < active_; ++row) {
            const std::size_t n = samples_[row];
            const bool stop = settings_.early_stop && fools(predicted_[row], labels_[row]);
            const bool improved = settings_.returned != iterate::last && (!recorded_[n] || improves(row, n));
            if (stop || improved || (last && settings_.returned == iterate::last)) record(row);
            recorded_[n] = true;
            if (stop) continue;
            if (left != row) move_row(row, left);
            ++left;
        }
        active_ = left;
    }
    void move_row(std::size_t from, std::size_t to) {
        samples_[to] = samples_[from];
        labels_[to] = labels_[from];
        losses_[to] = losses_[from];
        predicted_[to] = predicted_[from];
        balls_[to] = balls_[from];
        for (auto* const values : {&points_, &gradients_, &velocity_}) {
            if (!values->empty()) {
                std::copy_n(values->data() + from * size_, size_, values->data() + to * size_);
            }
        }
    }

    /// velocity = momentum velocity + gradient / |gradient|_1; Dong et al. 2018.
    void gather_momentum() {
        if (velocity_.empty()) return;
        for_rows([&](std::size_t row, scratch&) {
            const Scalar* const g = gradients_.data() + row * size_;
            Scalar* const v = velocity_.data() + row * size_;
            double sum = 0;
            for (std::size_t i = 0; i < size_; ++i) sum += std::abs(static_cast<double>(g[i]));
            const double factor = sum > 0 ? 1 / sum : 0;
            for (std::size_t i = 0; i < size_; ++i) {
                v[i] = static_cast<Scalar>(settings_.momentum * static_cast<double>(v[i]) +
                                           factor * static_cast<double>(g[i]));
            }
        });
    }

    /// Takes the end of a run if it is worse for the model than the result of earlier restarts: success
    /// first, then loss.
    void merge(result<Scalar>& found) {
        for (std::size_t n = 0; n < count_; ++n) {
            if (done_[n]) continue;
            const bool success = fools(kept_predicted_[n], batch_labels_[n]);
            const bool before = found.success[first_ + n];
            if (filled_[n] && (success != before ? before : !better(kept_loss_[n], found.loss[first_ + n]))) {
                continue;
            }
            write(found, n);
            done_[n] = settings_.early_stop && success;
        }
    }
    void write(result<Scalar>& found, std::size_t n) {
        std::copy_n(kept_.data() + n * size_, size_, found.adversarial.data_handle() + (first_ + n) * size_);
        found.loss[first_ + n] = kept_loss_[n];
        found.predicted[first_ + n] = kept_predicted_[n];
        found.ball[first_ + n] = kept_ball_[n];
        found.success[first_ + n] = fools(kept_predicted_[n], batch_labels_[n]);
        filled_[n] = true;
    }

    std::string_view function_;
    erased_model<Scalar> model_;
    const input_bounds* bounds_;
    run_settings settings_;
    thread_pool* pool_;
    std::vector<scratch> scratch_;
    std::array<std::size_t, 4> extents_;
    std::size_t size_, plane_;
    std::span<const int> batch_labels_;
    std::size_t first_ = 0, count_ = 0, active_ = 0, step_ = 0, restart_ = 0;
    std::vector<Scalar> clean_, kept_;                  // by sample of the batch
    std::vector<Scalar> points_, gradients_, velocity_; // by row
    std::vector<std::size_t> samples_, balls_, kept_ball_;
    std::vector<int> labels_, predicted_, kept_predicted_;
    std::vector<double> losses_, kept_loss_;
    std::vector<bool> recorded_, filled_, done_;
    std::uint64_t forwards_ = 0, backwards_ = 0;
};

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
