// Bias and coverage of participation ratios and of dimensions from neighbors: simulated layers whose spectrum
// is known.

#include "simulations.hpp"

#include <repscope/dimensionality/correlation_dimension.hpp>
#include <repscope/dimensionality/hutch_plus_plus.hpp>
#include <repscope/dimensionality/levina_bickel.hpp>
#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/dimensionality/two_nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace simulations {
namespace {

enum class layer_kind { gaussian, elliptical, relu };

// A population of layers with 200 units.
class population {
  public:
    static constexpr std::size_t units = 200, latents = 40;

    population(layer_kind kind, double alpha) : kind_(kind), scale_(units) {
        for (std::size_t u = 0; u < units; ++u) scale_[u] = std::pow(static_cast<double>(u + 1), -alpha / 2);
        if (kind != layer_kind::relu) {
            std::vector<double> values;
            for (const double v : scale_) values.push_back(v * v);
            truth_ = participation_ratio_of_spectrum(values);
            return;
        }
        random_stream random = draws(1, 0);
        weights_.resize(units * latents);
        for (double& w : weights_) w = random.normal() / std::sqrt(static_cast<double>(latents));
        // No closed form: the unbiased estimate from 60,000 samples, to .2 %.
        const auto many = sample(60000, 2, 0);
        truth_ = participation_ratio_unbiased(as_view(many, {60000, units}));
    }

    [[nodiscard]] double truth() const { return truth_; }

    [[nodiscard]] std::vector<double> sample(std::size_t n, std::uint64_t experiment,
                                             std::size_t repeat) const {
        random_stream random = draws(experiment, repeat);
        std::vector<double> x(n * units), hidden(latents);
        for (std::size_t i = 0; i < n; ++i) {
            double* row = x.data() + i * units;
            if (kind_ == layer_kind::relu) {
                for (double& h : hidden) h = random.normal();
                for (std::size_t u = 0; u < units; ++u) {
                    double sum = 0;
                    for (std::size_t k = 0; k < latents; ++k) sum += weights_[u * latents + k] * hidden[k];
                    row[u] = std::max(0.0, sum);
                }
                continue;
            }
            // A scale of each sample of its own, with mean square 1.
            const double of_sample =
                kind_ == layer_kind::elliptical ? std::exp(.6 * random.normal() - .36) : 1;
            for (std::size_t u = 0; u < units; ++u) row[u] = of_sample * scale_[u] * random.normal();
        }
        return x;
    }

  private:
    layer_kind kind_;
    std::vector<double> scale_, weights_;
    double truth_ = 0;
};

struct spectrum_row {
    layer_kind kind;
    double alpha;
    std::size_t n;
    double naive, unbiased; // reference, % off; NaN: none
};
constexpr spectrum_row spectrum_rows[] = {
    {layer_kind::gaussian, 1, 20, -52.1, 10.9},   {layer_kind::gaussian, 1, 50, -29.3, 4.3},
    {layer_kind::gaussian, 1, 100, -17.2, 1.7},   {layer_kind::gaussian, 1, 200, -8.8, 1.5},
    {layer_kind::gaussian, 1, 500, -4.5, -.3},    {layer_kind::gaussian, 1, 2000, -.8, .3},
    {layer_kind::gaussian, .5, 20, -86.7, 3.2},   {layer_kind::gaussian, .5, 50, -71.6, 1.0},
    {layer_kind::gaussian, .5, 100, -55.5, .6},   {layer_kind::gaussian, .5, 200, -38.3, .0},
    {layer_kind::gaussian, .5, 500, -19.7, .2},   {layer_kind::gaussian, .5, 2000, -5.9, -.1},
    {layer_kind::gaussian, 0, 20, -91.4, 1.0},    {layer_kind::gaussian, 0, 200, -50.3, -.1},
    {layer_kind::gaussian, 0, 2000, -9.1, .0},    {layer_kind::elliptical, .5, 20, -92.7, 7.4},
    {layer_kind::elliptical, .5, 200, -60.8, .3}, {layer_kind::relu, 0, 20, -81.1, 2.4},
    {layer_kind::relu, 0, 100, -45.5, .3},        {layer_kind::relu, 0, 2000, -3.8, .2},
};

const char* name_of(layer_kind kind) {
    return kind == layer_kind::gaussian     ? "normal"
           : kind == layer_kind::elliptical ? "elliptical"
                                            : "relu features";
}

} // namespace

void bias_of_participation_ratio(const settings& s, thread_pool& pool) {
    std::printf(
        "| layer | alpha | truth | n | repeats | naive | off | reference | unbiased | +- | off | reference | "
        "rms naive / unbiased |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | "
        "--- |\n");
    std::ofstream figure;
    if (!s.folder.empty()) figure.open(s.folder + "/participation_ratio_bias.txt");
    double before = -1;
    for (std::size_t r = 0; r < std::size(spectrum_rows); ++r) {
        const auto& row = spectrum_rows[r];
        const population layers(row.kind, row.alpha);
        const std::size_t repeats = std::clamp<std::size_t>(400'000 / row.n, 200, s.repeats);
        std::vector<double> naive(repeats), unbiased(repeats);
        pool.for_each(repeats, [&](std::size_t k) {
            const auto x = layers.sample(row.n, 500 + r, k);
            covariance state(population::units);
            state.update(as_view(x, {row.n, population::units}));
            const auto products = state.centered();
            naive[k] = participation_ratio(products);
            unbiased[k] = participation_ratio_unbiased(products);
        });
        const summary a = of(naive), b = of(unbiased);
        const double truth = layers.truth();
        const auto rms = [&](const summary& one) {
            return std::sqrt((one.mean - truth) * (one.mean - truth) + one.sd * one.sd) / truth;
        };
        const auto off = [&](const summary& one) { return 100 * (one.mean / truth - 1); };
        std::printf(
            "| %s | %.1f | %.2f | %zu | %zu | %.2f | %.1f %% | %.1f %% | %.2f | %.2f | %+.1f %% | %+.1f %% | "
            "%.3f / %.3f |\n",
            name_of(row.kind), row.alpha, truth, row.n, b.count, a.mean, off(a), row.naive, b.mean, b.error,
            off(b), row.unbiased, rms(a), rms(b));
        std::fflush(stdout);
        if (figure.is_open() && row.kind == layer_kind::gaussian) {
            if (before >= 0 && before != row.alpha) figure << "\n\n";
            before = row.alpha;
            figure << row.n << ' ' << a.mean << ' ' << b.mean << ' ' << b.sd << ' ' << truth << '\n';
        }
    }
}

void coverage_of_participation_ratio(const settings& s, thread_pool& pool) {
    std::printf(
        "Unbiased participation ratio, 200 units:\n\n| layer | alpha | n | repeats | coverage | se of log, "
        "median | sd of log | undefined |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    struct which {
        layer_kind kind;
        double alpha;
    };
    const which kinds[] = {{layer_kind::gaussian, 1},
                           {layer_kind::gaussian, .5},
                           {layer_kind::gaussian, 0},
                           {layer_kind::relu, 0}};
    std::size_t experiment = 600;
    for (const auto& kind : kinds) {
        const population layers(kind.kind, kind.alpha);
        for (const std::size_t n : {20U, 50U, 100U, 200U, 500U}) {
            ++experiment;
            std::vector<double> logs(s.repeats), errors(s.repeats);
            std::vector<unsigned char> covered(s.repeats);
            pool.for_each(s.repeats, [&](std::size_t k) {
                const auto x = layers.sample(n, experiment, k);
                const auto e = participation_ratio_interval(as_view(x, {n, population::units}));
                logs[k] = std::log(e.unbiased);
                errors[k] = e.se_log;
                covered[k] = e.ci.contains(layers.truth()) ? 1 : 0;
            });
            const summary spread = of(logs);
            std::size_t hits = 0;
            for (const auto one : covered) hits += one;
            std::erase_if(errors, [](double e) { return std::isnan(e); });
            std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2),
                             errors.end());
            std::printf("| %s | %.1f | %zu | %zu | %.1f %% | %.3f | %.3f | %zu |\n", name_of(kind.kind),
                        kind.alpha, n, s.repeats,
                        100 * static_cast<double>(hits) / static_cast<double>(errors.size()),
                        errors[errors.size() / 2], spread.sd, s.repeats - errors.size());
            std::fflush(stdout);
        }
    }
}

namespace {

// Relative error of tr S^2 from random probes, one layer of 1000 x 4000, many seeds.
} // namespace

void probes(const settings& s, thread_pool& pool) {
    constexpr std::size_t n = 1000, units = 4000;
    std::vector<double> x(n * units);
    random_stream random = draws(700, 0);
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = random.normal() * std::pow(static_cast<double>(i % units + 1), -.25);
    const auto view = as_view(x, {n, units});
    covariance exact(units);
    exact.update(view, {.threads = pool});
    const double r = exact.centered().frobenius2();
    std::printf("| probes | sketch: relative error | its own estimate | Hutch++: relative error | its own "
                "estimate |\n"
                "| --- | --- | --- | --- | --- |\n");
    for (const std::size_t k : {16U, 64U, 256U}) {
        const std::size_t seeds =
            std::clamp<std::size_t>(6400 / k, 25, std::max<std::size_t>(25, s.repeats / 5));
        double spread[2] = {}, own[2] = {};
        for (std::size_t seed = 0; seed < seeds; ++seed) {
            covariance_sketch sketch(units, {.probes = k, .seed = seed});
            sketch.update(view, {.threads = pool});
            const auto a = sketch.centered();
            const auto b = trace_of_square(view, {.threads = pool, .probes = k, .seed = seed});
            spread[0] += std::pow(a.frobenius2 / r - 1, 2) / static_cast<double>(seeds);
            spread[1] += std::pow(b.value / r - 1, 2) / static_cast<double>(seeds);
            own[0] += a.frobenius2_error / r / static_cast<double>(seeds);
            own[1] += b.standard_error / r / static_cast<double>(seeds);
        }
        std::printf("| %zu | %.4f | %.4f | %.4f | %.4f |\n", k, std::sqrt(spread[0]), own[0],
                    std::sqrt(spread[1]), own[1]);
        std::fflush(stdout);
    }
}

void dimensions(const settings& s, thread_pool& pool) {
    std::printf("| dimension | TwoNN fit | likelihood | coverage of its interval | MacKay-Ghahramani | "
                "correlation |\n"
                "| --- | --- | --- | --- | --- | --- |\n");
    constexpr std::size_t n = 1000;
    const std::size_t repeats = std::min<std::size_t>(s.repeats, 200);
    for (const std::size_t d : {2U, 5U, 10U}) {
        std::vector<double> fit(repeats), likelihood(repeats), harmonic(repeats), correlation(repeats);
        std::vector<double> covered(repeats);
        pool.for_each(repeats, [&](std::size_t r) {
            random_stream random = draws(800 + d, r);
            std::vector<double> x(n * d);
            for (double& v : x) v = random.uniform();
            const auto view = as_view(x, {n, d});
            const auto two = two_nn(view);
            fit[r] = two.fit;
            likelihood[r] = two.likelihood;
            covered[r] = two.ci.contains(static_cast<double>(d)) ? 1 : 0;
            harmonic[r] = levina_bickel(view).harmonic;
            correlation[r] = correlation_dimension(view).dimension;
        });
        std::printf("| %zu | %.2f | %.2f | %.1f %% | %.2f | %.2f |\n", d, of(fit).mean, of(likelihood).mean,
                    100 * of(covered).mean, of(harmonic).mean, of(correlation).mean);
        std::fflush(stdout);
    }
}

} // namespace simulations
