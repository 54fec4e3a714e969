// Times of the statistics from arrays in memory, for statistics_peers.py: reads names of measurements from
// standard input, a line each, and answers each with its seconds. Threads: the first argument.
//
//     echo "conv_10" | statistics 2
//
// conv: 10000 x 256 x 8 x 8, flat: 50000 x 2048 activations behind a ReLU; square: 50000 x 2048 with a
// spectrum that falls.

#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/moments/class_moments.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#ifdef REPSCOPE_BENCHMARK_BLAS
extern "C" {
void dsyrk_(const char*, const char*, const int*, const int*, const double*, const double*, const int*,
            const double*, double*, const int*);
void ssyrk_(const char*, const char*, const int*, const int*, const float*, const float*, const int*,
            const float*, float*, const int*);
}
#endif

namespace {

double sink = 0;

struct stopwatch {
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    double processor_start = processor();

    [[nodiscard]] static double processor() {
        timespec now{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
    }
    void print() const {
        std::printf("%.6f %.6f\n",
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                    processor() - processor_start);
        std::fflush(stdout);
    }
};

// Activations of a layer: noise, what is negative cut off, in one of `directions` hidden ones where they are
// given.
class layer {
  public:
    layer(std::size_t samples, std::size_t units, std::size_t rows, std::size_t columns, bool falling)
        : extents{samples, units, rows, columns}, values(samples * units * rows * columns) {
        std::uint32_t state = 1;
        const auto next = [&] {
            state = state * 1664525U + 1013904223U;
            return static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31F;
        };
        if (!falling) {
            for (float& v : values) v = std::max(0.0F, next() + next());
        } else {
            for (std::size_t i = 0; i < values.size(); ++i) {
                const auto unit = static_cast<float>(i % units + 1);
                values[i] = 0.3F + (next() + next()) / std::sqrt(unit);
            }
        }
        for (std::size_t n = 0; n < samples; ++n) {
            ten.push_back(static_cast<int>(n * 7919 % 10));
            hundred.push_back(static_cast<int>(n * 7919 % 100));
        }
    }
    [[nodiscard]] repscope::tensor_view<const float, 4> view() const { return {values.data(), extents}; }

    std::array<std::size_t, 4> extents;
    std::vector<float> values;
    std::vector<int> ten, hundred;
};

// The least that can be done with an array: eight sums at a time of all its elements.
void read(const layer& x, repscope::thread_pool& pool) {
    std::vector<float> sums(pool.size() * 16);
    constexpr std::size_t part = std::size_t{1} << 18U;
    pool.for_each((x.values.size() + part - 1) / part, [&](std::size_t k, std::size_t worker) {
        typedef float eight __attribute__((vector_size(32)));
        eight partial[8] = {};
        const float* from = x.values.data() + k * part;
        const std::size_t count = std::min(part, x.values.size() - k * part) / 64 * 64;
        for (std::size_t i = 0; i < count; i += 64) {
            for (std::size_t j = 0; j < 8; ++j) {
                eight values;
                __builtin_memcpy(&values, from + i + 8 * j, sizeof values);
                partial[j] += values;
            }
        }
        float sum = 0;
        for (const eight& p : partial) sum += p[0] + p[3] + p[7];
        sums[worker * 16] += sum;
    });
    sink += static_cast<double>(sums[0]);
}

template <typename State>
void selectivity(const layer& x, const std::vector<int>& labels, std::size_t classes,
                 repscope::thread_pool& pool) {
    State state(x.extents[1], classes);
    state.update(x.view(), labels, {.threads = pool});
    sink += repscope::class_selectivity(state).mean;
}

void participation(const layer& x, repscope::product_precision products, bool count,
                   repscope::thread_pool& pool) {
    repscope::covariance state(x.extents[1], {.products = products});
    state.update(x.view(), {.threads = pool});
    if (count) {
        const auto centered = std::move(state).centered();
        const auto eigenvalues = repscope::spectrum(centered);
        sink += static_cast<double>(repscope::component_count(eigenvalues, 0.95));
    } else {
        sink += repscope::participation_ratio(std::move(state).centered());
    }
}

#ifdef REPSCOPE_BENCHMARK_BLAS
template <typename Scalar>
void syrk(const layer& x) {
    // What a person would have to do first: a centered copy. It is not timed.
    const int n = static_cast<int>(x.extents[0]), u = static_cast<int>(x.extents[1]);
    static std::vector<Scalar> rows;
    rows.assign(x.values.begin(), x.values.end());
    std::vector<Scalar> product(static_cast<std::size_t>(u) * static_cast<std::size_t>(u));
    const Scalar one = 1, zero = 0;
    const stopwatch watch;
    if constexpr (sizeof(Scalar) == 8)
        dsyrk_("U", "N", &u, &n, &one, rows.data(), &u, &zero, product.data(), &u);
    else
        ssyrk_("U", "N", &u, &n, &one, rows.data(), &u, &zero, product.data(), &u);
    watch.print();
    sink += static_cast<double>(product[0]);
    rows = {};
}
#endif

} // namespace

int main(int argc, char** argv) {
    repscope::thread_pool pool(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1);
    std::vector<layer> held; // one at a time: 0.4 to 0.7 GB
    std::string holds;
    for (std::string name; std::getline(std::cin, name);) {
        const std::string kind = name.substr(0, name.find('_'));
        const std::string what = name.substr(kind.size() + 1);
        if (kind != holds) {
            held.clear();
            if (kind == "conv") held.emplace_back(10000, 256, 8, 8, false);
            if (kind == "flat") held.emplace_back(50000, 2048, 1, 1, false);
            if (kind == "square") held.emplace_back(50000, 2048, 1, 1, true);
            if (held.empty()) return 2;
            holds = kind;
        }
        const layer& x = held.front();
        const stopwatch watch;
        if (what == "read")
            read(x, pool);
        else if (what == "10")
            selectivity<repscope::class_sums>(x, x.ten, 10, pool);
        else if (what == "100")
            selectivity<repscope::class_sums>(x, x.hundred, 100, pool);
        else if (what == "10_squares")
            selectivity<repscope::class_moments>(x, x.ten, 10, pool);
        else if (what == "double" || what == "float")
            participation(x,
                          what == "float" ? repscope::product_precision::float32
                                          : repscope::product_precision::float64,
                          false, pool);
        else if (what == "double_95" || what == "float_95")
            participation(x,
                          what == "float_95" ? repscope::product_precision::float32
                                             : repscope::product_precision::float64,
                          true, pool);
#ifdef REPSCOPE_BENCHMARK_BLAS
        else if (what == "dsyrk") {
            syrk<double>(x);
            continue;
        } else if (what == "ssyrk") {
            syrk<float>(x);
            continue;
        }
#endif
        else
            return 2;
        watch.print();
    }
    return std::isfinite(sink) ? 0 : 1;
}
