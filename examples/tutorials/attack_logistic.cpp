// Attacking a model of your own. It must compute a loss, a class and a gradient for each sample:
// here a logistic regression written out, and a lambda that makes a committee of two.
#include <repscope/attack/fgsm.hpp>
#include <repscope/attack/msd.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/random/random_stream.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

namespace attack = repscope::attack;
using view = repscope::tensor_view<const float, 4>;

constexpr std::size_t features = 16;

struct logistic_regression {
    std::array<float, features> weights{};
    float bias = 0;

    void operator()(const view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const repscope::tensor_view<float, 4>& gradient) const {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            float z = bias;
            for (std::size_t i = 0; i < features; ++i) z += weights[i] * x(n, i, 0, 0);
            const float sign = labels[n] == 1 ? 1.0F : -1.0F;
            losses[n] = std::log1p(std::exp(-sign * z));
            predicted[n] = z > 0 ? 1 : 0;
            if (gradient.empty()) continue; // the caller does not need it
            const float slope = -sign / (1 + std::exp(sign * z));
            for (std::size_t i = 0; i < features; ++i) gradient(n, i, 0, 0) = slope * weights[i];
        }
    }
};

} // namespace

int main() {
    // 400 samples in [0, 1]: a feature separates the classes the more, the larger its number.
    std::vector<float> x;
    std::vector<int> labels;
    for (std::uint32_t n = 0; n < 400; ++n) {
        repscope::random_stream random(1, 0, n);
        labels.push_back(static_cast<int>(n % 2));
        for (std::size_t i = 0; i < features; ++i) {
            const double lean = (n % 2 == 0 ? -0.015 : 0.015) * static_cast<double>(i);
            x.push_back(static_cast<float>(0.25 + lean * 0.5 + 0.5 * random.uniform()));
        }
    }
    const auto samples = repscope::as_view(x, {400, features});

    logistic_regression even, steep; // one trusts all features alike, the other the telling ones
    for (std::size_t i = 0; i < features; ++i) {
        even.weights[i] = 4;
        steep.weights[i] = static_cast<float>(i) / 2;
        even.bias -= even.weights[i] / 2;
        steep.bias -= steep.weights[i] / 2;
    }
    const auto committee = [&](const view& at, std::span<const int> truth, std::span<double> losses,
                               std::span<int> predicted, const repscope::tensor_view<float, 4>& gradient) {
        logistic_regression mean{.bias = (even.bias + steep.bias) / 2};
        for (std::size_t i = 0; i < features; ++i) mean.weights[i] = (even.weights[i] + steep.weights[i]) / 2;
        mean(at, truth, losses, predicted, gradient);
    };

    const auto report = [&](const char* name, const auto& model) {
        const auto linf = attack::fgsm(model, samples, labels, {.eps = 0.04});
        const auto l2 = attack::pgd(model, samples, labels, {.ball = attack::norm::l2, .eps = 0.2});
        const auto all = attack::msd(model, samples, labels,
                                     {.balls = {{attack::norm::linf, 0.04}, {attack::norm::l2, 0.2}}});
        std::printf("%-9s right under attack: linf %.3f, l2 %.3f, the worse of both %.3f\n", name,
                    linf.robust_accuracy(), l2.robust_accuracy(), all.robust_accuracy());
    };
    report("even", even);
    report("steep", steep);
    report("committee", committee);
}
