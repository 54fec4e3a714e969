#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/detail/attack/apgd_step.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/detail/attack/logit_losses.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// The loss that `apgd` raises.
enum class apgd_loss {
    cross_entropy, ///< of the label
    dlr, ///< difference of logits ratio: (max_{i != y} z_i - z_y) / (z_(1) - z_(3)), z_(k) the k-th largest
    targeted_dlr ///< (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2), for several target classes t in turn
};

namespace detail {

/// The loss for this number of classes: the DLR needs three classes, its targeted form four.
[[nodiscard]] inline double apgd_loss_of(apgd_loss loss, std::span<const double> z, std::size_t label,
                                         std::size_t target, std::span<double> gradient) noexcept {
    if (loss == apgd_loss::targeted_dlr) {
        return z.size() < 4 ? logit_difference(z, label, target, gradient)
                            : targeted_dlr(z, label, target, gradient);
    }
    return loss == apgd_loss::dlr && z.size() >= 3 ? dlr(z, label, gradient)
                                                   : cross_entropy(z, label, gradient);
}

/// The iterations between checkpoints, in linf and l2: .22 N first, then shorter by .03 N, at least .06 N.
class checkpoint_schedule {
  public:
    checkpoint_schedule(norm ball, std::size_t steps) noexcept
        : fixed_(ball == norm::l1), length_(part(fixed_ ? 0.04 : 0.22, steps)), decrement_(part(0.03, steps)),
          least_(part(0.06, steps)) {}

    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    /// Counts an iteration; whether it ends with a checkpoint.
    [[nodiscard]] bool advance() noexcept { return ++count_ == length_; }
    /// Begins the next window.
    void next() noexcept {
        count_ = 0;
        if (!fixed_) length_ = (std::max)(length_ > decrement_ ? length_ - decrement_ : 0, least_);
    }

  private:
    [[nodiscard]] static std::size_t part(double share, std::size_t steps) noexcept {
        return (std::max)(static_cast<std::size_t>(share * static_cast<double>(steps)), std::size_t{1});
    }
    bool fixed_;
    std::size_t length_, decrement_, least_, count_ = 0;
};

/// The share of components that the first l1 step moves: .2, 2/3, or 2/3 of those that the start changes.
enum class start_sparsity { fixed, dense, counted };

/// Runs of APGD on a batch of images. Rows keep their number; only those still under attack are evaluated.
template <typename Scalar>
class apgd_run {
  public:
    struct row_state {
        std::size_t image = 0;
        int target = 0;
        bool fooled = false, zero_gradient = false;
        int predicted = 0;           ///< of the adversarial point if fooled, else of the best one
        double adversarial_loss = 0; ///< of the adversarial point
        double best_loss = 0;

        // State of the current climb.
        double loss = 0, last_loss = 0, best_at_check = 0, step = 0, share = 0, nonzeros = 0;
        std::size_t rises = 0, now = 0, before = 0;
        bool reduced = true, missed = false;
        int class_now = 0;
    };

    apgd_run(logit_engine<Scalar>& engine, norm ball, apgd_loss loss, bool early_stop)
        : engine_(&engine), ball_(ball), loss_(loss), early_stop_(early_stop) {}

    /// Makes one row per image, at its clean input. `targets` is empty or has one class per image.
    void begin(std::span<const std::size_t> images, std::span<const int> targets) {
        const std::size_t size = engine_->size();
        rows_.assign(images.size(), {});
        for (auto* const values : {&clean_, &points_[0], &points_[1], &points_[2], &gradients_, &best_,
                                   &best_gradients_, &adversarial_}) {
            values->resize(images.size() * size);
        }
        for (std::size_t r = 0; r < images.size(); ++r) {
            rows_[r].image = images[r];
            rows_[r].target = targets.empty() ? 0 : targets[r];
            engine_->load(images[r], clean_.data() + r * size);
        }
        now_ = 0;
        std::copy(clean_.begin(), clean_.end(), points_[now_].begin());
    }

    [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
    [[nodiscard]] const row_state& row(std::size_t r) const noexcept { return rows_[r]; }
    [[nodiscard]] const Scalar* clean(std::size_t r) const noexcept { return at(clean_, r); }
    [[nodiscard]] const Scalar* best(std::size_t r) const noexcept { return at(best_, r); }
    [[nodiscard]] const Scalar* adversarial(std::size_t r) const noexcept { return at(adversarial_, r); }
    /// The start of the next climb.
    [[nodiscard]] Scalar* start(std::size_t r) noexcept { return at(points_[now_], r); }

    /// N steps from the starts. `last`: the outcome counts, and rows may stop early.
    void climb(double eps, std::size_t steps, start_sparsity sparsity, bool last) {
        eps_ = eps;
        stops_ = last && early_stop_;
        first_evaluation(sparsity);
        checkpoint_schedule checkpoints(ball_, steps);
        for (std::size_t k = 0; k < steps && !active_.empty(); ++k) {
            advance(k == 0 ? 1.0 : 0.75);
            evaluate();
            const bool check = checkpoints.advance();
            engine_->for_rows(active_.size(), [&](std::size_t p, scratch&) {
                row_state& row = rows_[active_[p]];
                consider(row, active_[p]);
                if (!check) return;
                if (ball_ == norm::l1)
                    check_l1(row, active_[p]);
                else
                    check_oscillation(row, active_[p], checkpoints.length());
            });
            if (check) checkpoints.next();
            remove_fooled();
        }
    }

  private:
    [[nodiscard]] Scalar* at(std::vector<Scalar>& values, std::size_t r) noexcept {
        return values.data() + r * engine_->size();
    }
    [[nodiscard]] const Scalar* at(const std::vector<Scalar>& values, std::size_t r) const noexcept {
        return values.data() + r * engine_->size();
    }
    void copy(const Scalar* from, Scalar* to) const noexcept { std::copy_n(from, engine_->size(), to); }

    void first_evaluation(start_sparsity sparsity) {
        active_.resize(rows_.size());
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            active_[r] = r;
            rows_[r].now = rows_[r].before = r;
            rows_[r].fooled = false;
            rows_[r].reduced = true;
            rows_[r].rises = 0;
            rows_[r].last_loss = 0; // the original compares the first loss with 0
            rows_[r].step = ball_ == norm::l1 ? eps_ : 2 * eps_;
        }
        before_ = now_;
        evaluate();
        engine_->for_rows(rows_.size(), [&](std::size_t r, scratch&) {
            row_state& row = rows_[r];
            const Scalar* const gradient = at(gradients_, r);
            row.zero_gradient =
                std::all_of(gradient, gradient + engine_->size(), [](Scalar g) { return g == Scalar(0); });
            row.best_loss = row.best_at_check = row.loss;
            if (!row.fooled) row.predicted = row.class_now;
            copy(at(points_[now_], r), at(best_, r));
            copy(gradient, at(best_gradients_, r));
            record_if_missed(row, r);
            row.nonzeros =
                sparsity == start_sparsity::counted ? changed(at(points_[now_], r), r) : dimension();
            row.share = sparsity == start_sparsity::fixed ? 0.2 : row.nonzeros / dimension() / 1.5;
        });
        remove_fooled();
    }

    [[nodiscard]] double dimension() const noexcept { return static_cast<double>(engine_->size()); }
    /// Number of components that differ from the clean input.
    [[nodiscard]] double changed(const Scalar* point, std::size_t r) const noexcept {
        const Scalar* const clean = at(clean_, r);
        std::size_t count = 0;
        for (std::size_t i = 0; i < engine_->size(); ++i) count += point[i] != clean[i] ? 1U : 0U;
        return static_cast<double>(count);
    }

    /// A step of all active rows, into the buffer that holds neither the current nor the previous iterates.
    void advance(double a) {
        const std::size_t next = before_ == now_ ? (now_ + 1) % 3 : 3 - now_ - before_;
        engine_->for_rows(active_.size(), [&](std::size_t p, scratch& own) {
            step(rows_[active_[p]], active_[p], a, own, points_[next].data() + p * engine_->size());
        });
        for (std::size_t p = 0; p < active_.size(); ++p) {
            rows_[active_[p]].before = rows_[active_[p]].now;
            rows_[active_[p]].now = p;
        }
        before_ = now_;
        now_ = next;
    }

    void step(const row_state& row, std::size_t r, double a, scratch& own, Scalar* to) {
        const std::size_t size = engine_->size();
        const Scalar *clean = at(clean_, r), *current = at(points_[now_], row.now),
                     *previous = at(points_[before_], row.before), *gradient = at(gradients_, row.now);
        for (auto* const values : {&own.clean, &own.delta, &own.gradient, &own.previous})
            values->resize(size);
        for (std::size_t i = 0; i < size; ++i) {
            own.clean[i] = static_cast<double>(clean[i]);
            own.delta[i] = static_cast<double>(current[i]) - own.clean[i];
            own.previous[i] = static_cast<double>(previous[i]) - own.clean[i];
            own.gradient[i] = static_cast<double>(gradient[i]);
        }
        const apgd_row values{own.clean,    engine_->lower(), engine_->upper(),
                              own.previous, own.gradient,     own.delta};
        switch (ball_) {
        case norm::linf:
            apgd_step_linf(values, eps_, row.step, a);
            break;
        case norm::l2:
            apgd_step_l2(values, eps_, row.step, a, own.values);
            break;
        case norm::l1:
            apgd_step_l1(values, eps_, row.step, row.share, own.values);
            break;
        }
        engine_->store(clean, own.delta, to);
    }

    /// Losses, classes and gradients of the active rows.
    void evaluate() {
        images_.resize(active_.size());
        for (std::size_t p = 0; p < active_.size(); ++p) images_[p] = rows_[active_[p]].image;
        engine_->gradients(points_[now_].data(), images_, gradients_.data(),
                           [&](std::size_t p, std::span<const double> z, std::span<double> upstream) {
                               row_state& row = rows_[active_[p]];
                               const auto label = static_cast<std::size_t>(engine_->label(row.image));
                               row.loss = apgd_loss_of(loss_, z, label, static_cast<std::size_t>(row.target),
                                                       upstream);
                               row.class_now = static_cast<int>(largest_logit(z));
                               row.missed = row.class_now != engine_->label(row.image);
                           });
    }

    void record_if_missed(row_state& row, std::size_t r) {
        if (!row.missed) return;
        row.fooled = true;
        row.predicted = row.class_now;
        row.adversarial_loss = row.loss;
        copy(at(points_[now_], row.now), at(adversarial_, r));
    }

    void consider(row_state& row, std::size_t r) {
        record_if_missed(row, r);
        row.rises += row.loss > row.last_loss ? 1U : 0U;
        row.last_loss = row.loss;
        if (!(row.loss > row.best_loss)) return;
        row.best_loss = row.loss;
        if (!row.fooled) row.predicted = row.class_now;
        copy(at(points_[now_], row.now), at(best_, r));
        copy(at(gradients_, row.now), at(best_gradients_, r));
    }

    /// The next step starts at the best point; the previous iterate stays.
    void go_back(const row_state& row, std::size_t r) {
        copy(at(best_, r), at(points_[now_], row.now));
        copy(at(best_gradients_, r), at(gradients_, row.now));
    }

    void check_oscillation(row_state& row, std::size_t r, std::size_t length) {
        const bool oscillates = static_cast<double>(row.rises) <= 0.75 * static_cast<double>(length);
        const bool stalls = !row.reduced && row.best_at_check >= row.best_loss;
        row.reduced = oscillates || stalls;
        row.best_at_check = row.best_loss;
        row.rises = 0;
        if (!row.reduced) return;
        row.step /= 2;
        go_back(row, r);
    }

    void check_l1(row_state& row, std::size_t r) {
        const double nonzeros = changed(at(best_, r), r);
        const bool sparser = nonzeros / row.nonzeros < 0.95;
        row.share = nonzeros / dimension() / 1.5;
        row.step = sparser ? eps_ : std::clamp(row.step / 1.5, eps_ / 10, eps_);
        row.nonzeros = nonzeros;
        if (sparser) go_back(row, r);
    }

    void remove_fooled() {
        if (stops_) std::erase_if(active_, [&](std::size_t r) { return rows_[r].fooled; });
    }

    logit_engine<Scalar>* engine_;
    norm ball_;
    apgd_loss loss_;
    bool early_stop_, stops_ = false;
    double eps_ = 0;
    std::vector<row_state> rows_;
    std::vector<std::size_t> active_, images_;
    std::array<std::vector<Scalar>, 3> points_; // two iterates and the next one, by place among active rows
    std::size_t now_ = 0, before_ = 0;
    std::vector<Scalar> gradients_;                                   // by place among active rows
    std::vector<Scalar> clean_, best_, best_gradients_, adversarial_; // by row
};

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
