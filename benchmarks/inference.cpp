// How biased the plain numbers are and how often the intervals cover: simulated units, spectra and layers of
// which the truth is known, through the library. Prints Markdown tables; with a folder, writes figures' data
// there too. The same numbers every time, whatever the threads.
//
//     inference bias|noise|selective|ratio|probes|dimensions [REPEATS] [THREADS] [FOLDER]

#include <repscope/dimensionality/correlation_dimension.hpp>
#include <repscope/dimensionality/hutch_plus_plus.hpp>
#include <repscope/dimensionality/levina_bickel.hpp>
#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/dimensionality/two_nn.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/selectivity/cross_fit.hpp>
#include <repscope/selectivity/p_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace repscope;

struct settings {
    std::size_t repeats = 2000;
    std::size_t threads = 0;
    std::string folder;
};

struct summary {
    double mean = 0, sd = 0, error = 0;
    std::size_t count = 0;
};

// Of the values that are not NaN.
summary of(std::span<const double> values) {
    summary s;
    for (const double v : values) {
        if (std::isnan(v)) continue;
        s.mean += v;
        ++s.count;
    }
    s.mean /= static_cast<double>(s.count);
    for (const double v : values) {
        if (!std::isnan(v)) s.sd += (v - s.mean) * (v - s.mean);
    }
    s.sd = std::sqrt(s.sd / static_cast<double>(s.count - 1));
    s.error = s.sd / std::sqrt(static_cast<double>(s.count));
    return s;
}

// Streams of their own for each experiment.
random_stream draws(std::uint64_t experiment, std::size_t repeat) {
    return {experiment, streams::id(streams::purpose::probe, 9), static_cast<std::uint32_t>(repeat)};
}

// ---- selectivity

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

void bias_of_selectivity(const settings& s, thread_pool& pool) {
    std::printf(
        "| unit | classes | a class | repeats | plain | reference | held out | reference | cross-fit | +- |\n"
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

void coverage_of_selectivity(const settings& s, thread_pool& pool) {
    std::printf("Noise units, coverage of 0, and share of p-values below .05:\n\n"
                "| unit | classes | a class | repeats | coverage | undefined | p < .05, cross-fit | p < .05, "
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
        "| g | classes | a class | truth | estimand | plain | reference | cross-fit | reference | +- | "
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

// ---- dimensionality

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

// Relative error of tr S^2 from random probes, one layer of 1000 x 4000, many seeds.
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

} // namespace

int main(int count, char** arguments) {
    const std::string what = count > 1 ? arguments[1] : "";
    settings s;
    if (count > 2) s.repeats = static_cast<std::size_t>(std::atoll(arguments[2]));
    if (count > 3) s.threads = static_cast<std::size_t>(std::atoll(arguments[3]));
    if (count > 4) s.folder = arguments[4];
    thread_pool pool(s.threads);
    if (what == "bias") {
        bias_of_selectivity(s, pool);
        std::printf("\n");
        bias_of_participation_ratio(s, pool);
    } else if (what == "noise") {
        coverage_of_selectivity(s, pool);
    } else if (what == "selective") {
        coverage_of_selective_units(s, pool);
    } else if (what == "ratio") {
        coverage_of_participation_ratio(s, pool);
    } else if (what == "probes") {
        probes(s, pool);
    } else if (what == "dimensions") {
        dimensions(s, pool);
    } else {
        std::fprintf(
            stderr,
            "usage: inference bias|noise|selective|ratio|probes|dimensions [REPEATS] [THREADS] [FOLDER]\n");
        return 2;
    }
}
