#pragma once

#include "repscope/data/batch_concatenation.hpp"
#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"
#include "repscope/training/eman.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// Selects `count` samples that keep their labels, with the same number per class (the lowest classes have
/// one more if it does not divide), and returns their indices in ascending order.
///
/// The choice depends on the seed alone. Throws `value_error` for fewer labels than classes, since a class
/// would have none, and if a class has too few samples. O(samples).
[[nodiscard]] inline std::vector<std::uint32_t>
choose_labeled(std::span<const int> labels, std::size_t classes, std::size_t count, std::uint64_t seed) {
    if (classes == 0 || count < classes) {
        errors::throw_value_error("training::choose_labeled", "expected at least one label for each of " +
                                                                  errors::text_of(classes) +
                                                                  " classes, got " + errors::text_of(count));
    }
    std::vector<std::uint32_t> order(labels.size()), chosen;
    random_stream random(seed, streams::id(streams::purpose::fold));
    permutation(order, random);
    std::vector<std::size_t> remaining(classes);
    for (std::size_t c = 0; c < classes; ++c) remaining[c] = count / classes + (c < count % classes ? 1 : 0);
    for (const std::uint32_t i : order) {
        if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= classes) continue;
        std::size_t& left = remaining[static_cast<std::size_t>(labels[i])];
        if (left == 0) continue;
        --left;
        chosen.push_back(i);
    }
    if (chosen.size() < count) {
        errors::throw_value_error("training::choose_labeled",
                                  "expected " + errors::text_of(count) +
                                      " samples spread evenly over the classes, got only " +
                                      errors::text_of(chosen.size()));
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

/// Results of a step on its unlabeled samples.
struct pseudo_labels {
    double loss = 0; ///< mean over all samples of the cross-entropy of the kept ones
    double kept = 0; ///< share of the samples with a confident teacher
};

/// Cross-entropy of a student against the confident predictions of a teacher: loss = (1/n) sum_i [max_k p_ik
/// >= threshold] CE(student_i, argmax_k p_ik), where p is the softmax of the teacher.
///
/// `student` and `teacher` are logits (n, classes). `gradient`, unless empty, receives `weight` times the
/// derivative by the student's logits; the teacher is a constant. O(n classes). Sohn et al. 2020 (arXiv
/// 2001.07685), equation 4.
template <typename Scalar>
pseudo_labels pseudo_label_loss(const tensor_view<const Scalar, 2>& student,
                                const tensor_view<const Scalar, 2>& teacher, double threshold, double weight,
                                const tensor_view<Scalar, 2>& gradient = {}) {
    if (student.extents() != teacher.extents() || student.empty()) {
        errors::throw_shape_error("training::pseudo_label_loss",
                                  "expected logits of student and teacher of one shape, the student's " +
                                      format_shape(student.extents()),
                                  teacher.extents());
    }
    const std::size_t count = student.extent(0), classes = student.extent(1);
    const double share = 1 / static_cast<double>(count);
    pseudo_labels found;
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t best = 0;
        for (std::size_t k = 1; k < classes; ++k) {
            if (teacher(i, k) > teacher(i, best)) best = k;
        }
        double sum = 0;
        for (std::size_t k = 0; k < classes; ++k) {
            sum += std::exp(static_cast<double>(teacher(i, k)) - static_cast<double>(teacher(i, best)));
        }
        const bool kept = 1 / sum >= threshold;
        if (kept) {
            const int label = static_cast<int>(best);
            double loss = 0;
            net::softmax_cross_entropy(samples(student, i, 1), std::span(&label, 1), std::span(&loss, 1), {},
                                       gradient.empty() ? tensor_view<Scalar, 2>{} : samples(gradient, i, 1),
                                       static_cast<Scalar>(weight * share));
            found.loss += loss * share;
            found.kept += share;
        } else if (!gradient.empty()) {
            for (std::size_t k = 0; k < classes; ++k) gradient(i, k) = Scalar(0);
        }
    }
    return found;
}

/// Settings of a semi-supervised run; the defaults are those of FixMatch with EMAN on ImageNet.
struct fixmatch_options {
    double unlabeled_weight = 10; ///< weight of the loss of unlabeled samples
    double threshold = .7;        ///< probability from which on a prediction of the teacher is used
    /// Momentum of the teacher. The share of its initial values, including the statistics, is momentum^steps:
    /// for .999 still 37 % after 1,000 steps and 5 % after 3,000, which is too much for a short training from
    /// scratch.
    double momentum = .999;
    ema_scope teacher = ema_scope::parameters_and_statistics; ///< what the teacher averages
};

/// The result of a step.
struct fixmatch_progress {
    double labeled = 0;      ///< mean cross-entropy of the labeled samples
    pseudo_labels unlabeled; ///< the unlabeled samples
};

/// Trains a student on a few labels and on its teacher's predictions for weakly augmented images.
///
/// A teacher with averaged statistics works in inference mode. A teacher with averaged parameters alone uses
/// the statistics of its own batches; EMAN replaces this arrangement.
template <net::network_like Network, net::optimizer_for<Network> Optimizer>
class fixmatch_trainer {
  public:
    using scalar = typename Network::scalar;
    using images = tensor_view<const scalar, 4>;

    /// The teacher becomes a copy of the student; both must outlive the trainer. Throws `value_error` for a
    /// negative weight, or a threshold or momentum outside [0, 1].
    fixmatch_trainer(Network& student, Network& teacher, Optimizer optimizer, const fixmatch_options& options,
                     const thread_source& threads = 1)
        : student_(&student), teacher_(&teacher), optimizer_(std::move(optimizer)), options_(options),
          ws_(threads), teacher_ws_(threads) {
        if (!(options.unlabeled_weight >= 0) || !(options.threshold >= 0 && options.threshold <= 1)) {
            errors::throw_value_error("training::fixmatch_trainer",
                                      "expected a weight of 0 or more and a threshold from 0 to 1, got " +
                                          errors::text_of(options.unlabeled_weight) + " and " +
                                          errors::text_of(options.threshold));
        }
        update_teacher(teacher, student, 0);
    }

    /// One step on labeled images and on two views of unlabeled ones, weakly and strongly augmented. The
    /// teacher labels the weak view; the student gets the labeled images and the strong view as one batch.
    /// The teacher moves after the student.
    fixmatch_progress step(const images& x, std::span<const int> labels, const images& weak,
                           const images& strong, double rate) {
        if (weak.extents() != strong.extents()) {
            errors::throw_shape_error("training::fixmatch_trainer",
                                      "expected a strong view of the weak one's shape " +
                                          format_shape(weak.extents()),
                                      strong.extents());
        }
        const bool whole = options_.teacher == ema_scope::parameters_and_statistics;
        const auto teacher_logits =
            whole ? teacher_->forward(weak, teacher_ws_) : teacher_->forward_training(weak, teacher_ws_);
        const std::size_t labeled = x.extent(0);
        const auto logits = student_->forward_training(batch_.stack(x, strong), ws_);
        const auto gradient = ws_.logit_gradient();
        losses_.resize(labeled);
        net::softmax_cross_entropy(samples(logits, 0, labeled), labels, std::span<double>(losses_), {},
                                   samples(gradient, 0, labeled), scalar(1) / static_cast<scalar>(labeled));
        fixmatch_progress done;
        for (const double loss : losses_) done.labeled += loss / static_cast<double>(labeled);
        done.unlabeled =
            pseudo_label_loss(samples(logits, labeled, strong.extent(0)), teacher_logits, options_.threshold,
                              options_.unlabeled_weight, samples(gradient, labeled, strong.extent(0)));
        student_->backward(ws_);
        optimizer_.step(*student_, ws_.parameter_gradient(), rate);
        student_->update_state(ws_);
        if (!whole) teacher_->update_state(teacher_ws_);
        update_teacher(*teacher_, std::as_const(*student_), options_.momentum, options_.teacher);
        return done;
    }

  private:
    Network *student_, *teacher_;
    Optimizer optimizer_;
    fixmatch_options options_;
    typename Network::workspace ws_, teacher_ws_;
    data::batch_concatenation<scalar> batch_;
    std::vector<double> losses_;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
