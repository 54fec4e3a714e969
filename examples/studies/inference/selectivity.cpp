// Bias and coverage of the selectivity index: simulated units whose true index is known.

#include "simulations.hpp"

#include <repscope/selectivity/cross_fit.hpp>
#include <repscope/selectivity/p_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace simulations {
namespace {

enum class unit_kind { relu0, relu1, positive, exponential };

double draw(unit_kind kind, double gain, random_stream& random) {
    switch (kind) {
    case unit_kind::relu0:
        return std::max(0.0, random.normal());
    case unit_kind::relu1:
        return std::max(0.0, random.normal() - 1);
    case unit_kind::positive:
        return random.normal() + 3;
    case unit_kind::exponential:
        break;
    }
    return -gain * std::log(random.uniform());
}

struct units_seen {
    std::vector<double> plain, cross_fitted, held_out, p_saddlepoint, p_fitted;
    std::size_t covered = 0, with_interval = 0;
};

// The index with numerator and denominator held out, summed over folds of equal size: what cross-fitting is
// compared with.
double held_out_index(std::span<const double> column, std::size_t classes, std::size_t a_class) {
    constexpr std::size_t folds = 5;
    std::vector<double> of_fold(folds * classes), total(classes);
    std::vector<double> size(folds);
    for (std::size_t i = 0; i < column.size(); ++i) {
        const std::size_t c = i % classes, fold = i / classes % folds;
        of_fold[fold * classes + c] += column[i];
        total[c] += column[i];
    }
    for (std::size_t k = 0; k < a_class; ++k) size[k % folds] += 1;
    double above = 0, below = 0;
    for (std::size_t fold = 0; fold < folds; ++fold) {
        std::size_t chosen = 0;
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            if (total[c] - of_fold[fold * classes + c] > total[chosen] - of_fold[fold * classes + chosen])
                chosen = c;
            sum += of_fold[fold * classes + c] / size[fold];
        }
        const double a = of_fold[fold * classes + chosen] / size[fold];
        const double b = (sum - a) / static_cast<double>(classes - 1);
        above += a - b;
        below += a + b;
    }
    return above / below;
}

// `repeats` units; unit number r prefers class r mod classes by `gain`. `truth`: what intervals should cover.
units_seen simulate_units(unit_kind kind, std::size_t classes, std::size_t a_class, double gain, double truth,
                          std::size_t repeats, thread_pool& pool, std::uint64_t experiment) {
    const std::size_t samples = classes * a_class;
    std::vector<int> labels(samples);
    for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<int>(i % classes);
    units_seen seen;
    const std::size_t a_batch = std::clamp<std::size_t>(8'000'000 / samples, 2, 256);
    for (std::size_t first = 0; first < repeats; first += a_batch) {
        const std::size_t units = std::min(a_batch, repeats - first);
        std::vector<double> x(samples * units);
        seen.held_out.resize(first + units);
        pool.for_each(units, [&](std::size_t u) {
            random_stream random = draws(experiment, first + u);
            std::vector<double> column(samples);
            for (std::size_t i = 0; i < samples; ++i) {
                const bool preferred = i % classes == (first + u) % classes;
                column[i] = draw(kind, preferred ? gain : 1, random);
                x[i * units + u] = column[i];
            }
            seen.held_out[first + u] = held_out_index(column, classes, a_class);
        });
        const auto view = as_view(x, {samples, units});
        class_sums sums(units, classes);
        sums.update(view, labels, {.threads = pool});
        const auto plain = class_selectivity(sums);
        const auto fitted = cross_fit_selectivity(view, labels, {.threads = pool});
        const auto p = selectivity_p_values(view, labels, {.threads = pool});
        for (std::size_t u = 0; u < units; ++u) {
            seen.plain.push_back(plain.index[u]);
            seen.cross_fitted.push_back(fitted.index[u]);
            seen.p_saddlepoint.push_back(p[u]);
            seen.p_fitted.push_back(fitted.p_value[u]);
            if (std::isnan(fitted.ci[u].low)) continue;
            ++seen.with_interval;
            seen.covered += fitted.ci[u].contains(truth) ? 1U : 0U;
        }
    }
    return seen;
}

// Means of an independent simulation in NumPy, plain and with numerator and denominator held out, for the
// same cells: what the tables must reproduce.
struct noise_cell {
    std::size_t classes, a_class;
    double plain[3], held_out[3];
};
constexpr noise_cell noise_cells[] = {
    {2, 10, {.269, .591, .060}, {-.003, .004, .000}},
    {10, 10, {.314, .552, .084}, {-.094, -.309, -.004}},
    {10, 50, {.160, .306, .039}, {-.017, -.082, -.001}},
    {10, 500, {.054, .112, .013}, {-.002, -.011, .000}},
    {100, 10, {.405, .641, .118}, {-.103, -.317, -.007}},
    {100, 50, {.221, .402, .056}, {-.019, -.087, -.002}},
    {1000, 10, {.477, .713, .146}, {-.089, -.317, -.003}},
    {1000, 50, {.271, .476, .070}, {-.020, -.074, -.002}},
    {1000, 500, {.100, .197, .023}, {-.002, -.021, .000}},
};
constexpr const char* kind_names[] = {"relu N(0,1)", "relu N(-1,1)", "N(3,1)"};

std::size_t repeats_of(std::size_t samples, const settings& s) {
    return std::clamp<std::size_t>(100'000'000 / samples, 50, s.repeats);
}

} // namespace

void bias_of_selectivity(const settings& s, thread_pool& pool) {
    std::printf("| unit | classes | per class | repeats | plain | reference | held out | reference | "
                "cross-fit | +- |\n"
                "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    std::ofstream figure;
    if (!s.folder.empty()) figure.open(s.folder + "/selectivity_bias.txt");
    for (std::size_t kind = 0; kind < 3; ++kind) {
        for (std::size_t c = 0; c < std::size(noise_cells); ++c) {
            const auto& cell = noise_cells[c];
            const std::size_t repeats = repeats_of(cell.classes * cell.a_class, s);
            const auto seen = simulate_units(static_cast<unit_kind>(kind), cell.classes, cell.a_class, 1, 0,
                                             repeats, pool, 100 + 10 * kind + c);
            const summary plain = of(seen.plain), held = of(seen.held_out), fitted = of(seen.cross_fitted);
            std::printf("| %s | %zu | %zu | %zu | %.3f | %.3f | %.3f | %.3f | %.4f | %.4f |\n",
                        kind_names[kind], cell.classes, cell.a_class, repeats, plain.mean, cell.plain[kind],
                        held.mean, cell.held_out[kind], fitted.mean, fitted.error);
            std::fflush(stdout);
            if (figure.is_open() && kind == 0) {
                figure << '"' << cell.classes << " x " << cell.a_class << "\" " << plain.mean << ' '
                       << held.mean << ' ' << fitted.mean << '\n';
            }
        }
        if (figure.is_open()) figure << "\n\n";
    }
}

namespace {

struct selective_cell {
    double gain;
    std::size_t classes, a_class;
    double plain, fitted; // references; NaN: none
};
constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr selective_cell selective_cells[] = {
    {2, 10, 100, .332, .335}, {4, 100, 50, .595, .611}, {1.5, 100, 50, .210, .111},
    {2, 10, 20, none, none},  {3, 10, 50, none, none},
};

// What an independent sample of the training size would choose, and the selectivity of that class.
double estimand(const selective_cell& cell, std::uint64_t experiment, thread_pool& pool) {
    constexpr std::size_t repeats = 4000;
    std::vector<double> values(repeats);
    pool.for_each(repeats, [&](std::size_t r) {
        random_stream random = draws(experiment, r);
        const std::size_t training = cell.a_class * 4 / 5;
        std::size_t chosen = 0;
        double largest = -1;
        for (std::size_t c = 0; c < cell.classes; ++c) {
            double sum = 0;
            for (std::size_t k = 0; k < training; ++k)
                sum += draw(unit_kind::exponential, c == 0 ? cell.gain : 1, random);
            if (sum > largest) {
                largest = sum;
                chosen = c;
            }
        }
        const double others = static_cast<double>(cell.classes - 1);
        const double mean = chosen == 0 ? cell.gain : 1;
        const double rest = chosen == 0 ? 1 : (cell.gain + others - 1) / others;
        values[r] = (mean - rest) / (mean + rest);
    });
    return of(values).mean;
}

} // namespace

void coverage_of_selectivity(const settings& s, thread_pool& pool) {
    std::printf(
        "Noise units, coverage of 0, and share of p-values below .05:\n\n"
        "| unit | classes | per class | repeats | coverage | undefined | p < .05, cross-fit | p < .05, "
        "saddlepoint |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    const std::size_t sizes[][2] = {{2, 50}, {10, 10}, {10, 20}, {10, 50}, {10, 100}, {100, 10}, {100, 50}};
    for (std::size_t kind = 0; kind < 3; ++kind) {
        for (std::size_t c = 0; c < std::size(sizes); ++c) {
            const auto seen = simulate_units(static_cast<unit_kind>(kind), sizes[c][0], sizes[c][1], 1, 0,
                                             s.repeats, pool, 200 + 10 * kind + c);
            const auto below = [&](const std::vector<double>& p) {
                return static_cast<double>(
                           std::count_if(p.begin(), p.end(), [](double v) { return v < .05; })) /
                       static_cast<double>(s.repeats);
            };
            std::printf("| %s | %zu | %zu | %zu | %.1f %% | %zu | %.3f | %.3f |\n", kind_names[kind],
                        sizes[c][0], sizes[c][1], s.repeats,
                        100 * static_cast<double>(seen.covered) / static_cast<double>(seen.with_interval),
                        s.repeats - seen.with_interval, below(seen.p_fitted), below(seen.p_saddlepoint));
            std::fflush(stdout);
        }
    }
}

void coverage_of_selective_units(const settings& s, thread_pool& pool) {
    std::printf(
        "Selective units (exponential, one class g times the others), coverage of the cross-fit estimand:\n\n"
        "| g | classes | per class | truth | estimand | plain | reference | cross-fit | reference | +- | "
        "coverage |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (std::size_t c = 0; c < std::size(selective_cells); ++c) {
        const auto& cell = selective_cells[c];
        const double target = estimand(cell, 300 + c, pool);
        const auto seen = simulate_units(unit_kind::exponential, cell.classes, cell.a_class, cell.gain,
                                         target, s.repeats, pool, 400 + c);
        const summary plain = of(seen.plain), fitted = of(seen.cross_fitted);
        std::printf("| %.1f | %zu | %zu | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | %.4f | %.1f %% |\n",
                    cell.gain, cell.classes, cell.a_class, (cell.gain - 1) / (cell.gain + 1), target,
                    plain.mean, cell.plain, fitted.mean, cell.fitted, fitted.error,
                    100 * static_cast<double>(seen.covered) / static_cast<double>(seen.with_interval));
        std::fflush(stdout);
    }
}

} // namespace simulations
