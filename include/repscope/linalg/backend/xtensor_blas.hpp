#pragma once

#ifndef XBLAS_HPP
#error "include <xtensor-blas/xlinalg.hpp> or <xtensor-blas/xblas.hpp> before this header, and link a BLAS"
#else

#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"

#include <cstddef>
#include <limits>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Products by the BLAS of xtensor-blas (see `product_backend` for the arguments): opt-in, passed as the last
/// argument, `state.update(x, {}, xtensor_blas{})`. Throws `value_error` if an extent does not fit in the
/// BLAS's index type.
///
/// A BLAS has its own threads, so it is called from one thread at a time. Its own setting
/// (OPENBLAS_NUM_THREADS) decides their number, and whether the number changes the last bits.
struct xtensor_blas {
    static constexpr bool concurrent = false;

    template <factor A, factor B, std::floating_point T>
    static void gemm(std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t a_stride,
                     const T* b, std::size_t b_stride, T beta, T* c, std::size_t c_stride) {
        cxxblas::gemm<index>(cxxblas::RowMajor, transpose(A), transpose(B), fit(m), fit(n), fit(k), alpha, a,
                             fit(a_stride), b, fit(b_stride), beta, c, fit(c_stride));
    }

    template <factor A, std::floating_point T>
    static void syrk_add(std::size_t n, std::size_t k, const T* a, std::size_t a_stride, T* c,
                         std::size_t c_stride) {
        cxxblas::syrk<index>(cxxblas::RowMajor, cxxblas::Lower, transpose(A), fit(n), fit(k), T(1), a,
                             fit(a_stride), T(1), c, fit(c_stride));
    }

  private:
    using index = xt::blas_index_t;

    [[nodiscard]] static constexpr cxxblas::Transpose transpose(factor f) noexcept {
        return f == factor::transposed ? cxxblas::Trans : cxxblas::NoTrans;
    }

    [[nodiscard]] static index fit(std::size_t extent) {
        if (extent > static_cast<std::size_t>((std::numeric_limits<index>::max)())) {
            errors::throw_value_error("xtensor_blas",
                                      "expected extents that fit in the BLAS's index type, got " +
                                          errors::text_of(extent));
        }
        return static_cast<index>(extent);
    }
};

static_assert(product_backend<xtensor_blas>);

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope

#endif
