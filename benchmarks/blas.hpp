#pragma once

#include "registration.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

extern "C" {
void openblas_set_num_threads(int threads);
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
            const int*, const float*, const int*, const float*, float*, const int*);
void dsyrk_(const char*, const char*, const int*, const int*, const double*, const double*, const int*,
            const double*, double*, const int*);
void ssyrk_(const char*, const char*, const int*, const int*, const float*, const float*, const int*,
            const float*, float*, const int*);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*, const int*, int*,
             const int*, int*);
void ssyevd_(const char*, const char*, const int*, float*, const int*, float*, float*, const int*, int*,
             const int*, int*);
}

namespace benchmarks {

/// Adds the limit of a work of `multiply_adds` multiply-adds in float: OpenBLAS's products of matrices with
/// 1024 rows and columns and at most 512 terms that take as many.
inline void add_product_limit(const std::string& work, double multiply_adds, std::size_t threads) {
    add(work, limit("SGEMM"), threads, [=](benchmark::State& state) {
        constexpr int n = 1024;
        const double products = std::ceil(multiply_adds / n / n / 512);
        const int terms = std::max(1, static_cast<int>(std::lround(multiply_adds / n / n / products)));
        const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(terms);
        const std::vector<float> a(size, 0.5F), b(size, 0.25F);
        std::vector<float> c(static_cast<std::size_t>(n) * n);
        const float one = 1, zero = 0;
        openblas_set_num_threads(static_cast<int>(threads));
        for (auto _ : state) {
            for (double k = 0; k < products; ++k) {
                sgemm_("N", "N", &n, &n, &terms, &one, a.data(), &n, b.data(), &terms, &zero, c.data(), &n);
            }
            benchmark::DoNotOptimize(c.data());
        }
    });
}

} // namespace benchmarks
