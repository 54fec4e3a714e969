#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/projections.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/detail/attack/logit_losses.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// Norm of a gradient that divides a difference of logits to give a distance in the norm `kind`.
[[nodiscard]] inline double dual_norm(norm kind, std::span<const double> gradient) noexcept {
    return norm_of(kind == norm::linf ? norm::l1 : kind == norm::l1 ? norm::linf : norm::l2, gradient);
}

/// Runs of FAB on a batch of images, towards one class per image or towards the nearest class.
template <typename Scalar>
class fab_run {
  public:
    struct row_state {
        std::size_t image = 0;
        std::size_t target = 0;
        double distance = std::numeric_limits<double>::infinity(); ///< of the nearest misclassified iterate
        double margin = 0; ///< largest other logit minus that of the label, at that iterate
        int predicted = 0;

        // State of the current iterate.
        double difference = 0, nearest = 0, margin_now = 0;
        int class_now = 0;
    };

    /// Rows with a distance up to `enough` leave the run.
    fab_run(logit_engine<Scalar>& engine, norm ball, bool targeted, double enough)
        : engine_(&engine), ball_(ball), targeted_(targeted), enough_(enough) {}

    /// Makes one row per image, at its clean input. `targets` has one class per image if targeted.
    void begin(std::span<const std::size_t> images, std::span<const int> targets) {
        const std::size_t size = engine_->size();
        rows_.assign(images.size(), {});
        for (auto* const values : {&clean_, &points_, &gradients_, &adversarial_}) {
            values->resize(images.size() * size);
        }
        if (!targeted_) candidates_.resize(images.size() * size);
        for (std::size_t r = 0; r < images.size(); ++r) {
            rows_[r].image = images[r];
            if (targeted_) rows_[r].target = static_cast<std::size_t>(targets[r]);
            engine_->load(images[r], clean_.data() + r * size);
        }
        std::copy(clean_.begin(), clean_.end(), points_.begin());
    }

    [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
    [[nodiscard]] const row_state& row(std::size_t r) const noexcept { return rows_[r]; }
    [[nodiscard]] const Scalar* clean(std::size_t r) const noexcept { return at(clean_, r); }
    [[nodiscard]] const Scalar* adversarial(std::size_t r) const noexcept { return at(adversarial_, r); }
    /// The start of the next search.
    [[nodiscard]] Scalar* start(std::size_t r) noexcept { return at(points_, r); }

    void search(std::size_t steps) {
        active_.resize(rows_.size());
        for (std::size_t r = 0; r < rows_.size(); ++r) active_[r] = r;
        for (std::size_t k = 0; k < steps && !active_.empty(); ++k) {
            list_images();
            if (targeted_)
                evaluate_target();
            else
                evaluate_nearest();
            engine_->for_rows(active_.size(), [&](std::size_t p, scratch& own) { step(p, own); });
            classify();
            engine_->for_rows(active_.size(), [&](std::size_t p, scratch& own) { go_back(p, own); });
            remove_near();
        }
    }

  private:
    [[nodiscard]] Scalar* at(std::vector<Scalar>& values, std::size_t r) noexcept {
        return values.data() + r * engine_->size();
    }
    [[nodiscard]] const Scalar* at(const std::vector<Scalar>& values, std::size_t r) const noexcept {
        return values.data() + r * engine_->size();
    }
    [[nodiscard]] std::size_t label(const row_state& row) const noexcept {
        return static_cast<std::size_t>(engine_->label(row.image));
    }
    void list_images() {
        images_.resize(active_.size());
        for (std::size_t p = 0; p < active_.size(); ++p) images_[p] = rows_[active_[p]].image;
    }

    /// Difference of the logits of target and label, and its gradient.
    void evaluate_target() {
        engine_->gradients(points_.data(), images_, gradients_.data(),
                           [&](std::size_t p, std::span<const double> z, std::span<double> upstream) {
                               row_state& row = rows_[active_[p]];
                               row.difference = logit_difference(z, label(row), row.target, upstream);
                           });
    }

    /// The same for the class whose linearized boundary is nearest: a pass for each class.
    void evaluate_nearest() {
        for (const std::size_t r : active_) rows_[r].nearest = std::numeric_limits<double>::infinity();
        std::vector<double> differences(active_.size());
        for (std::size_t other = 0; other < engine_->classes(); ++other) {
            engine_->gradients(points_.data(), images_, candidates_.data(),
                               [&](std::size_t p, std::span<const double> z, std::span<double> upstream) {
                                   differences[p] =
                                       logit_difference(z, label(rows_[active_[p]]), other, upstream);
                               });
            engine_->for_rows(active_.size(), [&](std::size_t p, scratch& own) {
                row_state& row = rows_[active_[p]];
                if (other == label(row)) return;
                const Scalar* const gradient = at(candidates_, p);
                own.gradient.assign(gradient, gradient + engine_->size());
                const double distance = std::abs(differences[p]) / (1e-12 + dual_norm(ball_, own.gradient));
                if (!(distance < row.nearest)) return;
                row.nearest = distance;
                row.difference = differences[p];
                std::copy_n(gradient, engine_->size(), at(gradients_, p));
            });
        }
    }

    /// A mean of two projections onto the linearized boundary, that of the iterate and that of the clean
    /// input, each overshot by 5 percent.
    void step(std::size_t p, scratch& own) {
        const row_state& row = rows_[active_[p]];
        const std::size_t size = engine_->size();
        const Scalar *clean = at(clean_, active_[p]), *gradient = at(gradients_, p);
        Scalar* const point = at(points_, p);
        own.clean.assign(clean, clean + size);
        own.values.assign(point, point + size);
        own.gradient.assign(gradient, gradient + size);
        own.delta.resize(size);
        own.previous.resize(size);
        double b = -row.difference;
        for (std::size_t i = 0; i < size; ++i) b += own.gradient[i] * own.values[i];
        const auto lower = engine_->lower(), upper = engine_->upper();
        step_to_hyperplane(ball_, own.values, own.gradient, b, lower, upper, own.delta, own.indices);
        step_to_hyperplane(ball_, own.clean, own.gradient, b, lower, upper, own.previous, own.indices);
        const double from_point = (std::max)(norm_of(ball_, own.delta), 1e-8),
                     from_clean = (std::max)(norm_of(ball_, own.previous), 1e-8);
        const double alpha = (std::min)(from_point / (from_point + from_clean), 0.1);
        for (std::size_t i = 0; i < size; ++i) {
            const double moved = (own.values[i] + 1.05 * own.delta[i]) * (1 - alpha) +
                                 (own.clean[i] + 1.05 * own.previous[i]) * alpha;
            point[i] = static_cast<Scalar>((std::min)((std::max)(moved, lower[i]), upper[i]));
        }
    }

    void classify() {
        engine_->logits(points_.data(), images_, [&](std::size_t p, std::span<const double> z) {
            row_state& row = rows_[active_[p]];
            row.class_now = static_cast<int>(largest_logit(z));
            row.margin_now = z[largest_other(z, label(row))] - z[label(row)];
        });
    }

    /// Keeps a misclassified point that is nearer than those before, and moves to 9/10 of its perturbation.
    void go_back(std::size_t p, scratch& own) {
        const std::size_t r = active_[p], size = engine_->size();
        row_state& row = rows_[r];
        if (row.class_now == engine_->label(row.image)) return;
        const Scalar* const clean = at(clean_, r);
        Scalar* const point = at(points_, p);
        own.delta.resize(size);
        for (std::size_t i = 0; i < size; ++i) {
            own.delta[i] = static_cast<double>(point[i]) - static_cast<double>(clean[i]);
        }
        const double distance = norm_of(ball_, own.delta);
        if (distance < row.distance) {
            row.distance = distance;
            row.margin = row.margin_now;
            row.predicted = row.class_now;
            std::copy_n(point, size, at(adversarial_, r));
        }
        for (std::size_t i = 0; i < size; ++i) {
            point[i] = static_cast<Scalar>(static_cast<double>(clean[i]) + 0.9 * own.delta[i]);
        }
    }

    void remove_near() {
        std::size_t left = 0;
        for (std::size_t p = 0; p < active_.size(); ++p) {
            if (rows_[active_[p]].distance <= enough_) continue;
            if (left != p) {
                active_[left] = active_[p];
                std::copy_n(at(points_, p), engine_->size(), at(points_, left));
            }
            ++left;
        }
        active_.resize(left);
    }

    logit_engine<Scalar>* engine_;
    norm ball_;
    bool targeted_;
    double enough_;
    std::vector<row_state> rows_;
    std::vector<std::size_t> active_, images_;
    std::vector<Scalar> points_, gradients_, candidates_; // by place among active rows
    std::vector<Scalar> clean_, adversarial_;             // by row
};

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
