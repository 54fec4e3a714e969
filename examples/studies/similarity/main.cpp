// How far CKA of independent layers is from 0, and how often the 95 % intervals of the block jackknife
// contain the true value: unbiased CKA, the unbiased class-distance variance, the corrected participation
// ratio of class means. Prints Markdown tables. The same numbers every time, for any number of threads.
//
//     similarity_study bias|coverage [DRAWS] [THREADS]

#include <repscope/geometry/class_distance_variance.hpp>
#include <repscope/geometry/class_scatter.hpp>
#include <repscope/geometry/linear_cka_interval.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/statistics/block_jackknife.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace repscope;

constexpr std::size_t blocks = 20;

struct study_options {
    std::size_t draws;
    std::size_t threads;
};

struct mean_and_error {
    double mean = 0, error = 0;
};

mean_and_error summary(const std::vector<double>& values) {
    mean_and_error result;
    const auto n = static_cast<double>(values.size());
    for (const double value : values) result.mean += value / n;
    double squares = 0;
    for (const double value : values) squares += (value - result.mean) * (value - result.mean);
    result.error = std::sqrt(squares / (n - 1) / n);
    return result;
}

void bias(const study_options& options) {
    std::printf("| samples | units | plain | unbiased | +- |\n| --- | --- | --- | --- | --- |\n");
    thread_pool pool(options.threads);
    for (const auto& [samples, units] :
         std::vector<std::pair<std::size_t, std::size_t>>{{50, 20}, {50, 200}, {50, 2000}, {200, 2000}}) {
        std::vector<double> plain(options.draws), unbiased(options.draws);
        const std::size_t n = samples, u = units;
        pool.for_each(options.draws, [&, n, u](std::size_t draw) {
            random_stream random(1, static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(draw));
            std::vector<double> x(n * u), y(n * u);
            for (double& value : x) value = random.normal();
            for (double& value : y) value = random.normal();
            const auto cka = linear_cka(as_view(x, {n, u}), as_view(y, {n, u}));
            plain[draw] = cka.plain;
            unbiased[draw] = cka.unbiased;
        });
        const mean_and_error mean = summary(unbiased);
        std::printf("| %zu | %zu | %.4f | %.5f | %.5f |\n", samples, units, summary(plain).mean, mean.mean,
                    mean.error);
        std::fflush(stdout);
    }
}

// Prints a row: the share of intervals that contain `truth`, of the defined ones, and their mean width.
void print_coverage(const char* name, std::size_t samples, double truth,
                    const std::vector<estimate_interval>& got) {
    std::size_t defined = 0, covered = 0;
    double value = 0, error = 0;
    std::vector<double> values;
    for (const estimate_interval& one : got) {
        if (!std::isfinite(one.error)) continue;
        ++defined;
        covered += one.range.contains(truth) ? 1U : 0U;
        value += one.estimate;
        error += one.error;
        values.push_back(one.estimate);
    }
    const auto n = static_cast<double>(defined);
    const double spread = summary(values).error * std::sqrt(n);
    std::printf("| %s | %zu | %.4f | %.4f | %.4f | %.4f | %.1f %% | %zu |\n", name, samples, truth, value / n,
                error / n, spread, 100 * static_cast<double>(covered) / n, got.size() - defined);
    std::fflush(stdout);
}

// Two layers with loadings on common normal factors, and noise of their own.
void coverage_of_cka(const study_options& options, thread_pool& pool, std::size_t samples, double noise) {
    constexpr std::size_t units = 20, factors = 6;
    random_stream fixed(2, 1);
    std::vector<double> a(units * factors), b(units * factors);
    for (double& value : a) value = fixed.normal();
    for (double& value : b) value = fixed.normal();
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t u = 0; u < units; ++u) {
        for (std::size_t v = 0; v < units; ++v) {
            double of_x = u == v ? noise * noise : 0, of_y = of_x, mixed = 0;
            for (std::size_t k = 0; k < factors; ++k) {
                of_x += a[u * factors + k] * a[v * factors + k];
                of_y += b[u * factors + k] * b[v * factors + k];
                mixed += a[u * factors + k] * b[v * factors + k];
            }
            xx += of_x * of_x;
            yy += of_y * of_y;
            xy += mixed * mixed;
        }
    }
    std::vector<estimate_interval> got(options.draws);
    pool.for_each(options.draws, [&](std::size_t draw) {
        random_stream random(3, static_cast<std::uint32_t>(samples), static_cast<std::uint32_t>(draw));
        std::vector<paired_moments> parts;
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::size_t n = samples * (block + 1) / blocks - samples * block / blocks;
            std::vector<double> x(n * units), y(n * units);
            for (std::size_t i = 0; i < n; ++i) {
                double f[factors];
                for (double& value : f) value = random.normal();
                for (std::size_t u = 0; u < units; ++u) {
                    x[i * units + u] = noise * random.normal();
                    y[i * units + u] = noise * random.normal();
                    for (std::size_t k = 0; k < factors; ++k) {
                        x[i * units + u] += a[u * factors + k] * f[k];
                        y[i * units + u] += b[u * factors + k] * f[k];
                    }
                }
            }
            parts.emplace_back(units, units).update(as_view(x, {n, units}), as_view(y, {n, units}));
        }
        got[draw] = linear_cka_interval(std::span<const paired_moments>(parts)).unbiased;
    });
    print_coverage(noise > 1 ? "unbiased CKA, much noise" : "unbiased CKA", samples, xy / std::sqrt(xx * yy),
                   got);
}

struct class_state {
    covariance products;
    class_moments moments;
    [[nodiscard]] std::uint64_t samples() const { return moments.samples(); }
    void merge(const class_state& other) {
        products.merge(other.products);
        moments.merge(other.moments);
    }
};

// Normal classes of equal size in a few units, with class means of decreasing variance.
void coverage_of_classes(const study_options& options, thread_pool& pool, std::size_t samples) {
    constexpr std::size_t units = 20, classes = 10;
    random_stream fixed(4, 1);
    std::vector<double> means(classes * units);
    for (std::size_t k = 0; k < means.size(); ++k)
        means[k] = fixed.normal() / std::sqrt(static_cast<double>(k % units + 1));
    double distance_variance = 0;
    std::vector<double> center(units);
    for (std::size_t c = 0; c < classes; ++c)
        for (std::size_t u = 0; u < units; ++u) center[u] += means[c * units + u] / classes;
    double trace = 0, squares = 0;
    for (std::size_t a = 0; a < classes; ++a) {
        for (std::size_t b = 0; b < classes; ++b) {
            double distance2 = 0, product = 0;
            for (std::size_t u = 0; u < units; ++u) {
                const double x = means[a * units + u], y = means[b * units + u];
                distance2 += (x - y) * (x - y);
                product += (x - center[u]) * (y - center[u]);
            }
            if (b < a) distance_variance += units / distance2 / (classes * (classes - 1) / 2.0);
            if (b == a) trace += product;
            squares += product * product;
        }
    }
    std::vector<estimate_interval> of_distance(options.draws), of_ratio(options.draws);
    pool.for_each(options.draws, [&](std::size_t draw) {
        random_stream random(5, static_cast<std::uint32_t>(samples), static_cast<std::uint32_t>(draw));
        std::vector<class_state> parts;
        std::size_t sample = 0;
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::size_t n = samples * (block + 1) / blocks - samples * block / blocks;
            std::vector<double> x(n * units);
            std::vector<int> labels(n);
            for (std::size_t i = 0; i < n; ++i, ++sample) {
                labels[i] = static_cast<int>(sample % classes);
                for (std::size_t u = 0; u < units; ++u)
                    x[i * units + u] = means[sample % classes * units + u] + random.normal();
            }
            class_state part{covariance(units), class_moments(units, classes)};
            part.products.update(as_view(x, {n, units}));
            part.moments.update(as_view(x, {n, units}), labels);
            parts.push_back(std::move(part));
        }
        const auto both = block_jackknife(std::span<const class_state>(parts), [](const class_state& state) {
            return std::vector<double>{
                class_distance_variance(state.moments).cdnv_unbiased,
                class_scatter(state.products, state.moments).between_participation_ratio_corrected};
        });
        of_distance[draw] = both[0];
        of_ratio[draw] = both[1];
    });
    print_coverage("unbiased CDNV", samples, distance_variance, of_distance);
    print_coverage("corrected ratio of class means", samples, trace * trace / squares, of_ratio);
}

void coverage(const study_options& options) {
    std::printf("| measure | samples | truth | mean estimate | mean error | spread | coverage | undefined |\n"
                "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    thread_pool pool(options.threads);
    for (const double noise : {.5, 3.0})
        for (const std::size_t samples : {100U, 200U, 500U, 2000U})
            coverage_of_cka(options, pool, samples, noise);
    for (const std::size_t samples : {200U, 500U, 2000U}) coverage_of_classes(options, pool, samples);
}

} // namespace

int main(int argc, char** argv) {
    const std::string command = argc > 1 ? argv[1] : "";
    const study_options options{argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 2000,
                                argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0};
    if (command == "bias" && options.draws > 1) {
        bias(options);
    } else if (command == "coverage" && options.draws > 1) {
        coverage(options);
    } else {
        std::fprintf(stderr, "usage: similarity_study bias|coverage [DRAWS, at least 2] [THREADS]\n");
        return 2;
    }
    return 0;
}
