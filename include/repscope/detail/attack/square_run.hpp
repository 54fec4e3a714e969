#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/detail/attack/attack_batch.hpp"
#include "repscope/detail/attack/logit_engine.hpp"
#include "repscope/detail/attack/logit_losses.hpp"
#include "repscope/detail/attack/square_pattern.hpp"
#include "repscope/detail/attack/square_proposal.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The settings of Square on a batch.
struct square_plan {
    norm ball = norm::linf;
    double eps = 0;
    std::size_t queries = 5000, restarts = 1;
    bool returns_best = false; ///< images that are not fooled get the point of largest margin
    attack_draws draws{};
};

/// Runs of Square on a batch of images; fooled rows leave the run.
template <typename Scalar>
class square_run {
  public:
    struct row_state {
        std::size_t image;
        random_stream random;
        double margin = 0, margin_now = 0; ///< largest other logit minus that of the label
        int predicted = 0, class_now = 0;
        bool fooled = false;
    };

    square_run(logit_engine<Scalar>& engine, const square_plan& plan) : engine_(&engine), plan_(&plan) {}

    [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
    [[nodiscard]] const row_state& row(std::size_t r) const noexcept { return rows_[r]; }
    [[nodiscard]] const Scalar* best(std::size_t r) const noexcept {
        return best_.data() + r * engine_->size();
    }

    void search(std::span<const std::size_t> images, std::size_t run) {
        const std::size_t size = engine_->size();
        rows_.clear();
        active_.clear();
        for (auto* const values : {&clean_, &best_, &points_}) values->resize(images.size() * size);
        for (std::size_t r = 0; r < images.size(); ++r) {
            rows_.push_back({images[r], plan_->draws.stream(run, engine_->data_index(images[r]))});
            active_.push_back(r);
            engine_->load(images[r], clean_.data() + r * size);
        }
        best_ = clean_;
        propose([](const square_image& image, row_state& row, scratch&) { start_square(image, row.random); });
        consider(true);
        std::vector<double> pattern;
        std::size_t side = 0;
        for (std::size_t query = 0; query + 1 < plan_->queries && !active_.empty(); ++query) {
            const std::size_t next =
                square_side(plan_->ball, query, engine_->extents()[2], engine_->extents()[3]);
            if (next != side && plan_->ball != norm::linf) pattern = square_pattern(plan_->ball, next);
            side = next;
            propose([&](const square_image& image, row_state& row, scratch& own) {
                if (plan_->ball == norm::linf)
                    propose_square_linf(image, side, row.random);
                else
                    propose_square_moved(image, pattern, side, row.random, own.values);
            });
            consider(false);
        }
    }

  private:
    /// Fills the points of the active rows: `change(image, row, scratch)` changes the best perturbation.
    template <typename Change>
    void propose(Change&& change) {
        const std::size_t size = engine_->size();
        engine_->for_rows(active_.size(), [&](std::size_t p, scratch& own) {
            const std::size_t r = active_[p];
            const Scalar *const clean = clean_.data() + r * size, *const best = best_.data() + r * size;
            own.clean.assign(clean, clean + size);
            own.delta.resize(size);
            for (std::size_t i = 0; i < size; ++i) own.delta[i] = static_cast<double>(best[i]) - own.clean[i];
            const auto& extents = engine_->extents();
            change(square_image{plan_->ball, plan_->eps, extents[1], extents[2], extents[3], own.clean,
                                engine_->lower(), engine_->upper(), own.delta},
                   rows_[r], own);
            engine_->store(clean, own.delta, points_.data() + p * size);
        });
    }

    /// Accepts proposals with a larger margin or another class; `first` accepts all.
    void consider(bool first) {
        images_.resize(active_.size());
        for (std::size_t p = 0; p < active_.size(); ++p) images_[p] = rows_[active_[p]].image;
        engine_->logits(points_.data(), images_, [&](std::size_t p, std::span<const double> z) {
            row_state& row = rows_[active_[p]];
            const auto label = static_cast<std::size_t>(engine_->label(row.image));
            row.class_now = static_cast<int>(largest_logit(z));
            row.margin_now = z[largest_other(z, label)] - z[label];
        });
        const std::size_t size = engine_->size();
        for (std::size_t p = 0; p < active_.size(); ++p) {
            row_state& row = rows_[active_[p]];
            row.fooled = row.class_now != engine_->label(row.image);
            if (!first && !row.fooled && !(row.margin_now > row.margin)) continue;
            row.margin = row.margin_now;
            row.predicted = row.class_now;
            std::copy_n(points_.data() + p * size, size, best_.data() + active_[p] * size);
        }
        std::erase_if(active_, [&](std::size_t r) { return rows_[r].fooled; });
    }

    logit_engine<Scalar>* engine_;
    const square_plan* plan_;
    std::vector<row_state> rows_;
    std::vector<std::size_t> active_, images_;
    std::vector<Scalar> clean_, best_; // by row
    std::vector<Scalar> points_;       // by place among active rows
};

/// Square with all its restarts on the images of a batch that are not fooled.
template <typename Scalar>
void attack_with_square(logit_engine<Scalar>& engine, square_run<Scalar>& work, const square_plan& plan,
                        std::span<const std::size_t> images, result<Scalar>& found) {
    for (std::size_t run = 0; run < plan.restarts; ++run) {
        const std::vector<std::size_t> left = survivors(images, found);
        if (left.empty()) break;
        work.search(left, run);
        for (std::size_t r = 0; r < work.rows(); ++r) {
            const auto& row = work.row(r);
            const std::size_t n = row.image;
            if (!row.fooled && !(plan.returns_best && row.margin > found.loss[n])) continue;
            found.loss[n] = row.margin;
            found.predicted[n] = row.predicted;
            found.success[n] = row.fooled;
            std::copy_n(work.best(r), engine.size(), found.adversarial.data_handle() + n * engine.size());
        }
    }
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
