// How many of the units that are called selective are not: simulated layers of noise units and of selective
// units, with Benjamini and Hochberg's procedure at .05 on p-values of the cross-fit index and on
// `selectivity_p_values`. Prints a Markdown table. The same numbers every time, for any number of threads.
//
//     inference_false_units [THREADS] [CASE, from 1]

#include <repscope/parallel/thread_pool.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/selectivity/cross_fit.hpp>
#include <repscope/selectivity/p_values.hpp>
#include <repscope/statistics/multiple_testing.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace repscope;

enum class noise_kind { rectified, shifted, sparse, lognormal, correlated };

struct layer_case {
    const char* name;
    noise_kind kind;
    double parameter;
    std::vector<std::size_t> sizes; // of the classes
    std::size_t units, selective, layers;
    // Of a selective unit for its class; 0: it answers no other class; below 0: what is added, with its sign
    // changed.
    double gain;
};

std::vector<std::size_t> equal(std::size_t classes, std::size_t size) {
    return std::vector<std::size_t>(classes, size);
}

std::vector<layer_case> all_cases() {
    const std::vector<std::size_t> unequal{200, 100, 50, 20, 10, 10, 5, 5};
    using enum noise_kind;
    // As many layers as bring the standard error of the false share below .005.
    return {
        {"relu N(0,1), 2 x 50", rectified, 0, equal(2, 50), 512, 10, 250, 5},
        {"relu N(0,1), 10 x 20", rectified, 0, equal(10, 20), 512, 10, 250, 5},
        {"relu N(0,1), 10 x 50", rectified, 0, equal(10, 50), 512, 10, 250, 5},
        {"relu N(0,1), 10 x 500", rectified, 0, equal(10, 500), 512, 10, 250, 5},
        {"relu N(0,1), 10 x 50", rectified, 0, equal(10, 50), 512, 100, 60, 5},
        {"relu N(0,1), 10 x 20, one class only", rectified, 0, equal(10, 20), 2048, 30, 100, 0},
        {"relu N(0,1), 100 x 20", rectified, 0, equal(100, 20), 512, 10, 200, 5},
        {"relu N(-1,1), 10 x 50", rectified, -1, equal(10, 50), 512, 40, 120, 5},
        {"relu N(-2,1), 10 x 50, plus 1", rectified, -2, equal(10, 50), 512, 40, 80, -1},
        {"1 % firing, 10 x 500, one class only", sparse, .01, equal(10, 500), 512, 40, 80, 0},
        {"N(3,1), 10 x 50", shifted, 3, equal(10, 50), 512, 40, 80, 1.5},
        {"relu N(-1,1), 2 x 50, plus 1", rectified, -1, equal(2, 50), 512, 40, 80, -1},
        {"lognormal(1.5), 2 x 50", lognormal, 1.5, equal(2, 50), 512, 40, 80, 5},
        {"lognormal(2), 10 x 10", lognormal, 2, equal(10, 10), 512, 40, 120, 20},
        {"relu N(-1,1), 5 to 200 per class", rectified, -1, unequal, 512, 40, 200, 5},
        {"relu, correlated .5 in eights, 10 x 20", correlated, 0, equal(10, 20), 512, 40, 120, 5},
        {"relu N(0,1), 10 x 5, one class only", rectified, 0, equal(10, 5), 512, 40, 400, 0},
        {"relu N(-2,1), 10 x 50", rectified, -2, equal(10, 50), 64, 0, 2000, 1},
    };
}

std::vector<double> draw_layer(const layer_case& what, const std::vector<int>& labels, std::size_t experiment,
                               std::size_t layer, thread_pool& pool) {
    const std::size_t n = labels.size(), groups = block_count(what.units, 8);
    std::vector<double> x(n * what.units);
    pool.for_each(groups, [&](std::size_t group) {
        random_stream random(1000 + experiment, streams::id(streams::purpose::probe, 9, 1),
                             static_cast<std::uint32_t>(layer * groups + group));
        for (std::size_t i = 0; i < n; ++i) {
            const double common = what.kind == noise_kind::correlated ? random.normal() : 0;
            for (std::size_t u = 8 * group; u < std::min(8 * group + 8, what.units); ++u) {
                double v = random.normal();
                switch (what.kind) {
                case noise_kind::rectified:
                    v = std::max(0.0, v + what.parameter);
                    break;
                case noise_kind::shifted:
                    v += what.parameter;
                    break;
                case noise_kind::sparse:
                    v = random.uniform() < what.parameter ? -std::log(random.uniform()) : 0;
                    break;
                case noise_kind::lognormal:
                    v = std::exp(what.parameter * v);
                    break;
                case noise_kind::correlated:
                    v = std::max(0.0, std::sqrt(.5) * (v + common));
                    break;
                }
                const bool preferred = static_cast<std::size_t>(labels[i]) == u % what.sizes.size();
                if (u < what.selective && preferred != (what.gain == 0)) {
                    if (what.gain < 0)
                        v -= what.gain;
                    else
                        v *= what.gain;
                }
                x[i * what.units + u] = v;
            }
        }
    });
    return x;
}

struct tally {
    std::vector<double> shares; // of false units among the significant ones, one per layer
    double selective = 0;       // significant and selective, over all layers

    void add(const std::vector<double>& p, std::size_t selective_units) {
        // A unit without a p-value is not significant.
        std::vector<double> tested = p;
        std::replace_if(
            tested.begin(), tested.end(), [](double v) { return std::isnan(v); }, 1.0);
        const auto q = benjamini_hochberg(tested);
        double all = 0, right = 0;
        for (std::size_t u = 0; u < q.size(); ++u) {
            if (q[u] > .05) continue;
            all += 1;
            right += u < selective_units ? 1 : 0;
        }
        shares.push_back(all == 0 ? 0 : (all - right) / all);
        selective += right;
    }

    [[nodiscard]] std::string text() const {
        const auto n = static_cast<double>(shares.size());
        double mean = 0, squares = 0;
        for (const double s : shares) mean += s / n;
        for (const double s : shares) squares += (s - mean) * (s - mean);
        char line[100];
        std::snprintf(line, sizeof line, "%.1f | %.4f | %.4f", selective / n, mean,
                      std::sqrt(squares / (n - 1) / n));
        return line;
    }
};

} // namespace

int main(int argc, char** argv) {
    const auto number = [&](int place, long otherwise) {
        return static_cast<std::size_t>(argc > place ? std::atol(argv[place]) : otherwise);
    };
    const std::size_t threads = number(1, 0), only = number(2, 0);
    thread_pool pool(threads);
    std::printf("| layer | selective | layers | found, cross-fit | false share | +- | found, saddlepoint | "
                "false share | +- "
                "|\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    const auto cases = all_cases();
    for (std::size_t k = 0; k < cases.size(); ++k) {
        if (only != 0 && only != k + 1) continue;
        const layer_case& what = cases[k];
        std::vector<int> labels;
        for (std::size_t c = 0; c < what.sizes.size(); ++c)
            labels.insert(labels.end(), what.sizes[c], static_cast<int>(c));
        // The blocks of the cross-fit index are a hash of the place, so the order of the classes does not
        // matter.
        tally cross_fitted, saddlepoint;
        for (std::size_t layer = 0; layer < what.layers; ++layer) {
            const auto x = draw_layer(what, labels, k, layer, pool);
            const auto view = as_view(x, {labels.size(), what.units});
            saddlepoint.add(selectivity_p_values(view, labels, {.threads = pool}), what.selective);
            // Its false share is so large that fewer layers are enough.
            if (layer < 40)
                cross_fitted.add(cross_fit_selectivity(view, labels, {.threads = pool}).p_value,
                                 what.selective);
        }
        std::printf("| %s | %zu of %zu | %zu | %s | %s |\n", what.name, what.selective, what.units,
                    what.layers, cross_fitted.text().c_str(), saddlepoint.text().c_str());
        std::fflush(stdout);
    }
}
