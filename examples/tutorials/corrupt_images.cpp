// Corrupts images as ImageNet-C, CIFAR-10-C and Tiny-ImageNet-C were made: by name, with a seed, of any size.
#include <repscope/corruption/apply.hpp>
#include <repscope/robustness/corruption_error.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace corruption = repscope::corruption;

namespace {

/// How far two images are apart, in decibels: 10 log10(255^2 / mean squared difference).
double psnr(const repscope::array<std::uint8_t, 3>& a, const repscope::array<std::uint8_t, 3>& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a.data_handle()[i] - b.data_handle()[i], 2);
    return 10.0 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / sum);
}

} // namespace

int main() {
    // A disk on a slope of colors, 48 x 40 pixels.
    repscope::array<std::uint8_t, 3> image({48, 40, 3});
    for (std::size_t y = 0; y < 48; ++y) {
        for (std::size_t x = 0; x < 40; ++x) {
            const bool inside = (y - 24) * (y - 24) + (x - 20) * (x - 20) < 150;
            image(y, x, 0) = static_cast<std::uint8_t>(inside ? 230 : 2 * y);
            image(y, x, 1) = static_cast<std::uint8_t>(inside ? 180 : 4 * x);
            image(y, x, 2) = static_cast<std::uint8_t>(inside ? 40 : 200 - 3 * y);
        }
    }

    // The 15 of the benchmark, mildest and strongest; the parameters are those of the published set of
    // nearest size.
    for (const auto name : corruption::common) {
        std::printf("%-18.*s", static_cast<int>(name.size()), name.data());
        for (const int severity : {1, 5}) {
            const auto out = corruption::apply(name, image, {.severity = severity, .seed = 7});
            std::printf("  severity %d: %5.2f dB", severity, psnr(image, out));
        }
        std::printf("\n");
    }

    // A kernel takes its draws as an argument, so that it can be replayed: a trail of motion at 30 degrees.
    const auto& parameters = corruption::published::motion_blur[1][2]; // CIFAR-10-C, severity 3
    const auto moved = corruption::motion_blur(image, parameters, std::array{30.0});
    std::printf("motion at 30 degrees: %.2f dB\n", psnr(image, moved));

    // A network that is wrong so often on fog, severities 1 to 5; AlexNet is the unit.
    const std::array errors{0.21, 0.25, 0.31, 0.40, 0.58};
    std::printf("fog: mean error %.3f, corruption error %.3f\n",
                repscope::unnormalized_corruption_error(errors),
                repscope::corruption_error(errors, *repscope::alexnet_error("fog")));
}
