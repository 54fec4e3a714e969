// What the error bars cost.
//
//     inference_speed pr [SAMPLES] [UNITS] [THREADS] [ROUNDS]
//         the unbiased participation ratio and its jackknife beside the plain one, which keeps nothing but
//         what it needs: the products of rows about a pilot. In turn; medians of the rounds.
//     inference_speed two_nn FILE [THREADS]
//         TwoNN of the float32 (samples, units) array in the .npy file; seconds and estimate, for
//         neighbors_peers.py.

#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/dimensionality/two_nn.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/random/random_stream.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace repscope;

double seconds(auto&& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// T^2 / R and nothing else: sums and products about the first row, by the same products on the same tiles.
double plain_participation_ratio(const std::vector<float>& x, std::size_t samples, std::size_t units,
                                 thread_pool& pool) {
    constexpr std::size_t edge = 256, block_size = 512;
    std::vector<double> scatter(units * units), sum(units), rows(block_size * 4 * units);
    const std::size_t edges = block_count(units, edge), tiles = edges * (edges + 1) / 2;
    for (std::size_t first = 0; first < samples; first += block_size * 4) {
        const std::size_t count = std::min(block_size * 4, samples - first);
        pool.for_each(block_count(count, 64), [&](std::size_t task) {
            for (std::size_t i = task * 64; i < std::min(task * 64 + 64, count); ++i) {
                for (std::size_t u = 0; u < units; ++u)
                    rows[i * units + u] =
                        static_cast<double>(x[(first + i) * units + u]) - static_cast<double>(x[u]);
            }
        });
        pool.for_each(block_count(units, 512), [&](std::size_t task) {
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t u = task * 512; u < std::min(task * 512 + 512, units); ++u)
                    sum[u] += rows[i * units + u];
            }
        });
        pool.for_each(tiles, [&](std::size_t tile) {
            std::size_t i = 0;
            while ((i + 1) * (i + 2) / 2 <= tile) ++i;
            const std::size_t row = i * edge, column = (tile - i * (i + 1) / 2) * edge;
            for (std::size_t k = 0; k < count; k += block_size) {
                const double* block = rows.data() + k * units;
                const std::size_t height = std::min(edge, units - row),
                                  depth = std::min(block_size, count - k);
                double* target = scatter.data() + row * units + column;
                if (row == column) {
                    eigen_products::syrk_add<factor::transposed>(height, depth, block + row, units, target,
                                                                 units);
                } else {
                    eigen_products::gemm<factor::transposed, factor::as_is>(
                        height, std::min(edge, units - column), depth, 1.0, block + row, units,
                        block + column, units, 1.0, target, units);
                }
            }
        });
    }
    double trace = 0, squares = 0;
    for (std::size_t i = 0; i < units; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            const double v = scatter[i * units + j] - sum[i] * sum[j] / static_cast<double>(samples);
            squares += (i == j ? 1 : 2) * v * v;
            if (i == j) trace += v;
        }
    }
    return trace * trace / squares;
}

int participation_ratios(std::size_t samples, std::size_t units, std::size_t threads, std::size_t rounds) {
    thread_pool pool(threads);
    std::vector<float> x(samples * units);
    pool.for_each(samples, [&](std::size_t i) {
        random_stream random(1, 1, static_cast<std::uint32_t>(i));
        for (std::size_t u = 0; u < units; ++u)
            x[i * units + u] = static_cast<float>(random.u32()) * 0x1p-32F * static_cast<float>(1 + u % 7);
    });
    const auto view = as_view(x, {samples, units});
    std::vector<double> plain, unbiased, jackknifed, ratios, second_pass;
    double a = 0, b = 0;
    participation_ratio_estimate c;
    for (std::size_t round = 0; round < rounds; ++round) {
        plain.push_back(seconds([&] { a = plain_participation_ratio(x, samples, units, pool); }));
        unbiased.push_back(seconds([&] { b = participation_ratio_unbiased(view, {.threads = pool}); }));
        jackknifed.push_back(seconds([&] { c = participation_ratio_interval(view, {.threads = pool}); }));
        ratios.push_back(unbiased.back() / plain.back());
        second_pass.push_back((jackknifed.back() - unbiased.back()) / plain.back());
    }
    std::printf("%zu x %zu, %zu threads, %zu rounds: plain %.4f, unbiased %.4f, 95 %% %.4f .. %.4f\n"
                "plain %.2f s, unbiased %.2f s (%.2f times, median of the rounds), with jackknife %.2f s "
                "(second pass "
                "%.2f times)\n",
                samples, units, pool.size(), rounds, a, b, c.ci.low, c.ci.high, median(plain),
                median(unbiased), median(ratios), median(jackknifed), median(second_pass));
    return 0;
}

} // namespace

int main(int count, char** arguments) {
    const auto argument = [&](int index, std::size_t otherwise) {
        return count > index ? static_cast<std::size_t>(std::atoll(arguments[index])) : otherwise;
    };
    const std::string what = count > 1 ? arguments[1] : "";
    if (what == "pr")
        return participation_ratios(argument(2, 50000), argument(3, 2048), argument(4, 0), argument(5, 3));
    if (what == "two_nn" && count > 2) {
        const auto x = io::load_npy<float, 2>(arguments[2]);
        thread_pool pool(argument(3, 0));
        two_nn_result result;
        const double time = seconds([&] { result = two_nn(x, {.threads = pool}); });
        std::printf("%.6f %.10f\n", time, result.fit);
        return 0;
    }
    std::fprintf(stderr,
                 "usage: inference_speed pr [SAMPLES] [UNITS] [THREADS] [ROUNDS] | two_nn FILE [THREADS]\n");
    return 2;
}
