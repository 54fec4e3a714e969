#include "repscope/net/optim/sgd.hpp"
#include "repscope/training/eman.hpp"
#include "repscope/training/fixmatch.hpp"
#include "training/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fixmatch_test {

using namespace repscope;
using training_check::normals;
using training_check::numbers;

namespace {

/// Images in pieces: labeled ones, and two views of the others.
struct views {
    std::vector<double> labeled, weak, strong;
    std::vector<int> labels{0, 2, 1, 1};
    explicit views(std::uint64_t seed)
        : labeled(normals(4 * 36, seed)), weak(normals(5 * 36, seed + 100, .5)),
          strong(normals(5 * 36, seed + 200)) {}
    [[nodiscard]] static tensor_view<const double, 4> of(const std::vector<double>& pixels) {
        return {pixels.data(), {pixels.size() / 36, 1, 6, 6}};
    }
};

} // namespace

TEST_CASE("the teacher is the moving average of the student's whole history") {
    for (const auto what :
         {training::ema_scope::parameters_and_statistics, training::ema_scope::parameters}) {
        auto student = training_check::small_network(), teacher = student;
        teacher.initialize(99);
        training::fixmatch_trainer run(student, teacher, net::sgd<double>(),
                                       {.threshold = 0, .momentum = .8, .teacher = what});
        const std::size_t parameters = student.parameter_count();
        std::vector<std::vector<double>> history{numbers(student)};
        CHECK(numbers(teacher) == history.front());
        const int steps = 7;
        for (int step = 0; step < steps; ++step) {
            const views data(static_cast<std::uint64_t>(step));
            (void)run.step(views::of(data.labeled), data.labels, views::of(data.weak), views::of(data.strong),
                           .05);
            history.push_back(numbers(student));
        }
        const std::vector<double> found = numbers(teacher);
        const bool whole = what == training::ema_scope::parameters_and_statistics;
        std::size_t different = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            double average = std::pow(.8, steps) * history[0][i];
            for (int t = 1; t <= steps; ++t) {
                average += .2 * std::pow(.8, steps - t) * history[static_cast<std::size_t>(t)][i];
            }
            if (i < parameters || whole) {
                CHECK(std::abs(found[i] - average) <= 1e-12 * std::max(1.0, std::abs(average)));
            } else {
                different += std::abs(found[i] - average) > 1e-3;
            }
        }
        // A teacher of averaged parameters has statistics of its own batches.
        CHECK((different > 0) == !whole);
        CHECK(found != history.back());
    }
}

TEST_CASE("only confident predictions of the teacher count, towards their class") {
    // Softmax of {2, 0, 0}: .787, .107, .107.
    const std::vector<double> teacher{2, 0, 0, 0, 0, 2, .1, 0, 0}, student{0, 1, 0, .5, 0, 1, 3, 0, 0};
    std::vector<double> gradient(9, 5.0);
    const auto view = [](auto& values) {
        return tensor_view(values.data(), std::array<std::size_t, 2>{3, 3});
    };
    const auto found =
        training::pseudo_label_loss<double>(view(student), view(teacher), .7, 6, view(gradient));
    CHECK(found.kept == doctest::Approx(2.0 / 3));
    const double first = std::log(2 + std::exp(1)), sum = std::exp(.5) + 1 + std::exp(1);
    CHECK(found.loss == doctest::Approx((first + std::log(sum) - 1) / 3));
    CHECK(gradient[0] == doctest::Approx(2 * (1 / (2 + std::exp(1)) - 1)));
    CHECK(gradient[5] == doctest::Approx(2 * (std::exp(1) / sum - 1)));
    CHECK(gradient[3] == doctest::Approx(2 * std::exp(.5) / sum));
    CHECK(gradient[6] == 0);
    CHECK(training::pseudo_label_loss<double>(view(student), view(teacher), .8, 6).kept == 0);
}

TEST_CASE("a step goes down the gradient of labeled and unlabeled loss together") {
    const views data(3);
    auto student = training_check::small_network(), teacher = student, moved = student;
    decltype(student)::workspace ws, teacher_ws;
    const auto frozen = student;
    const auto said = frozen.forward(views::of(data.weak), teacher_ws);
    // A threshold that some of the samples reach.
    const auto sure = [&](std::size_t i) {
        double sum = 0, largest = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            sum += std::exp(said(i, k));
            largest = std::max(largest, std::exp(said(i, k)));
        }
        return largest / sum;
    };
    double threshold = 0;
    for (std::size_t i = 0; i < 5; ++i) threshold += sure(i) / 5;
    training::fixmatch_trainer run(moved, teacher, net::sgd<double>({.momentum = 0}),
                                   {.unlabeled_weight = 3, .threshold = threshold});
    const auto done =
        run.step(views::of(data.labeled), data.labels, views::of(data.weak), views::of(data.strong), 1e-3);
    CHECK(done.unlabeled.kept > 0);
    CHECK(done.unlabeled.kept < 1);
    training_check::signs mask;
    std::vector<double> all = data.labeled;
    all.insert(all.end(), data.strong.begin(), data.strong.end());
    training_check::check_step(
        student, moved, 1e-3,
        [&] {
            mask.all.clear();
            const auto z = student.forward_training(views::of(all), ws, mask);
            const auto entropy = [&](std::size_t i, std::size_t label) {
                return std::log(std::exp(z(i, 0)) + std::exp(z(i, 1)) + std::exp(z(i, 2))) - z(i, label);
            };
            double loss = 0;
            for (std::size_t i = 0; i < 4; ++i)
                loss += entropy(i, static_cast<std::size_t>(data.labels[i])) / 4;
            for (std::size_t i = 0; i < 5; ++i) {
                std::size_t best = 0;
                for (std::size_t k = 1; k < 3; ++k) best = said(i, k) > said(i, best) ? k : best;
                if (sure(i) >= threshold) loss += 3 * entropy(4 + i, best) / 5;
            }
            return loss;
        },
        [&] { return mask.all; });
}

TEST_CASE("labeled samples are spread evenly over the classes, and depend on the seed") {
    std::vector<int> labels;
    for (int i = 0; i < 300; ++i) labels.push_back(i % 10);
    const auto chosen = training::choose_labeled(labels, 10, 34, 1);
    std::vector<int> count(10);
    for (const auto i : chosen) ++count[static_cast<std::size_t>(labels[i])];
    CHECK(count == std::vector{4, 4, 4, 4, 3, 3, 3, 3, 3, 3});
    CHECK(std::is_sorted(chosen.begin(), chosen.end()));
    CHECK(std::adjacent_find(chosen.begin(), chosen.end()) == chosen.end());
    CHECK(chosen == training::choose_labeled(labels, 10, 34, 1));
    CHECK(chosen != training::choose_labeled(labels, 10, 34, 2));
    CHECK_THROWS_WITH_AS((void)training::choose_labeled(labels, 10, 9, 1),
                         "repscope::training::choose_labeled: expected at least one label for each of 10 "
                         "classes, got 9",
                         value_error);
    CHECK_THROWS_AS((void)training::choose_labeled(labels, 10, 301, 1), value_error);
}

TEST_CASE("bad momenta, thresholds and views are refused") {
    auto student = training_check::small_network(), teacher = student;
    CHECK_THROWS_AS(training::update_teacher(teacher, student, 1.1), value_error);
    CHECK_THROWS_AS((training::fixmatch_trainer(student, teacher, net::sgd<double>(), {.threshold = 1.5})),
                    value_error);
    training::fixmatch_trainer run(student, teacher, net::sgd<double>(), {});
    const views data(1);
    CHECK_THROWS_AS(
        run.step(views::of(data.labeled), data.labels, views::of(data.weak), views::of(data.labeled), .1),
        shape_error);
}

} // namespace fixmatch_test
