// Participation ratios, components and the dimension from neighbors of activations in memory, beside
// OpenBLAS's matrix products on a matrix of the same size; eigenvalues of a matrix, beside OpenBLAS's LAPACK.

#include "blas.hpp"
#include "layer.hpp"
#include "registration.hpp"

#include <repscope/dimensionality/component_count.hpp>
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/dimensionality/two_nn.hpp>
#include <repscope/linalg/symmetric_eigenvalues.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/random/random_stream.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace benchmarks;

constexpr std::size_t samples = 50000;
constexpr std::size_t units = 2048;

const layer& activations() {
    return held_layer({samples, units, 1, 1}, [] { return falling_layer(samples, units); });
}

/// Adds the library's implementation of a work: `body(layer, pool)` per iteration.
template <typename Body>
void add_library(const std::string& work, std::size_t threads, Body body) {
    add(work, library, threads, [=](benchmark::State& state) {
        const layer& x = activations();
        repscope::thread_pool pool(threads);
        for (auto _ : state) {
            double result = body(x, pool);
            benchmark::DoNotOptimize(result);
        }
        set_items(state, samples, "samples");
    });
}

/// Adds the product of the matrix with its transpose by OpenBLAS. The copy that it needs is not timed.
template <typename Scalar>
void add_syrk(const std::string& work, std::size_t threads) {
    constexpr bool doubled = std::is_same_v<Scalar, double>;
    add(work, limit(doubled ? "DSYRK" : "SSYRK"), threads, [=](benchmark::State& state) {
        const layer& x = activations();
        const std::vector<Scalar> rows(x.values.begin(), x.values.end());
        std::vector<Scalar> product(units * units);
        const int n = static_cast<int>(samples), u = static_cast<int>(units);
        const Scalar one = 1, zero = 0;
        openblas_set_num_threads(static_cast<int>(threads));
        for (auto _ : state) {
            if constexpr (doubled) {
                dsyrk_("U", "N", &u, &n, &one, rows.data(), &u, &zero, product.data(), &u);
            } else {
                ssyrk_("U", "N", &u, &n, &one, rows.data(), &u, &zero, product.data(), &u);
            }
            benchmark::DoNotOptimize(product.data());
        }
    });
}

template <typename Scalar>
void add_covariance_works(const std::string& precision, repscope::product_precision products,
                          std::size_t threads) {
    const std::string ratio = "participation ratio, 50000 x 2048, " + precision;
    add_library(ratio, threads, [=](const layer& x, repscope::thread_pool& pool) {
        repscope::covariance state(units, {.products = products});
        state.update(x.view(), {.threads = pool});
        return repscope::participation_ratio(std::move(state).centered());
    });
    add_syrk<Scalar>(ratio, threads);
    const std::string components = "components for 95 %, 50000 x 2048, " + precision;
    add_library(components, threads, [=](const layer& x, repscope::thread_pool& pool) {
        repscope::covariance state(units, {.products = products});
        state.update(x.view(), {.threads = pool});
        const auto eigenvalues = repscope::spectrum(std::move(state).centered(), {.threads = pool});
        return static_cast<double>(repscope::component_count(eigenvalues, 0.95));
    });
    add_syrk<Scalar>(components, threads);
}

/// Adds the eigenvalues of a symmetric matrix without zeros. LAPACK replaces its matrix; the copy that it
/// needs is timed, as is that of the library.
template <typename Scalar>
void add_eigenvalues(std::size_t order, std::size_t threads) {
    constexpr bool doubled = std::is_same_v<Scalar, double>;
    const std::string work =
        "eigenvalues, " + std::to_string(order) + (doubled ? " units, double" : " units, float");
    const auto matrix = [order] {
        repscope::random_stream random(1, 1);
        std::vector<Scalar> result(order * order);
        for (Scalar& value : result) value = static_cast<Scalar>(random.normal());
        return result;
    };
    add(work, library, threads, [=](benchmark::State& state) {
        const std::vector<Scalar> lower = matrix();
        repscope::thread_pool pool(threads);
        for (auto _ : state) {
            auto values = repscope::eigenvalues_of_symmetric<Scalar>("benchmark", lower, order, pool);
            benchmark::DoNotOptimize(values.data());
        }
        set_items(state, order, "units");
    });
    add(work, doubled ? "OpenBLAS dsyevd" : "OpenBLAS ssyevd", threads, [=](benchmark::State& state) {
        const std::vector<Scalar> lower = matrix();
        const int n = static_cast<int>(order), size = 2 * n + 1 + 64 * n, one = 1;
        std::vector<Scalar> values(order), memory(static_cast<std::size_t>(size));
        int numbers = 0, info = 0;
        openblas_set_num_threads(static_cast<int>(threads));
        for (auto _ : state) {
            std::vector<Scalar> copy = lower;
            if constexpr (doubled) {
                dsyevd_("N", "U", &n, copy.data(), &n, values.data(), memory.data(), &size, &numbers, &one,
                        &info);
            } else {
                ssyevd_("N", "U", &n, copy.data(), &n, values.data(), memory.data(), &size, &numbers, &one,
                        &info);
            }
            benchmark::DoNotOptimize(values.data());
        }
    });
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t threads : thread_counts()) {
        add_covariance_works<double>("double", repscope::product_precision::float64, threads);
        add_covariance_works<float>("float", repscope::product_precision::float32, threads);
        const std::string unbiased = "unbiased participation ratio, 50000 x 2048";
        add_library(unbiased, threads, [](const layer& x, repscope::thread_pool& pool) {
            return repscope::participation_ratio_unbiased(x.view(), {.threads = pool});
        });
        add_syrk<double>(unbiased, threads);
        const std::string interval = "participation ratio with interval, 50000 x 2048";
        add_library(interval, threads, [](const layer& x, repscope::thread_pool& pool) {
            return repscope::participation_ratio_interval(x.view(), {.threads = pool}).ci.low;
        });
        add_syrk<double>(interval, threads);

        for (const std::size_t order : {256U, 1024U, 4096U}) add_eigenvalues<double>(order, threads);
        add_eigenvalues<float>(1024, threads);

        // The limit is the products of all pairs of points, each pair once.
        constexpr std::size_t points = 20000, dimensions = 64;
        const std::string neighbors = "TwoNN, 20000 x 64";
        add(neighbors, library, threads, [=](benchmark::State& state) {
            const layer x = filled({points, dimensions, 1, 1}, [](std::size_t, float v) { return v; });
            repscope::thread_pool pool(threads);
            for (auto _ : state) {
                double dimension = repscope::two_nn(x.view(), {.threads = pool}).fit;
                benchmark::DoNotOptimize(dimension);
            }
            set_items(state, points, "samples");
        });
        add_product_limit(neighbors, 0.5 * points * points * dimensions, threads);
    }
    return run(argc, argv);
}
