#pragma once

#include "repscope/dimensionality/participation_ratio.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// The terms of the participation ratio: n samples, T = trace of their scatter matrix S, R = its squared
/// Frobenius norm, D = sum of |x|^4, where x is a sample relative to the mean; `rounding` as in
/// `scatter_matrix`.
struct ratio_sums {
    double n = 0, t = 0, r = 0, d = 0, rounding = 0;

    [[nodiscard]] constexpr double unbiased() const noexcept {
        return participation_ratio_unbiased_of(n, t, r, d, rounding);
    }
};

/// The terms for leaving out a sample: g = |x|^2, r = x . S x, c = x . t, where t is the sum of |x|^2 x over
/// samples. (In terms of the Gram matrix: the diagonal, the squares of a row, a row times the diagonal.)
struct sample_terms {
    double g = 0, r = 0, c = 0;
};

/// The sums without one of the samples, exactly: the mean changes too.
[[nodiscard]] constexpr ratio_sums without(const ratio_sums& all, const sample_terms& x) noexcept {
    const double a = 1 / (all.n - 1);
    const double f = all.n / (all.n - 1);
    const double square = (1 + a) * (1 + a);
    ratio_sums rest{all.n - 1, all.t - f * x.g, all.r - 2 * f * x.r + f * f * x.g * x.g,
                    all.d + 4 * a * a * x.r + all.n * a * a * a * a * x.g * x.g + 4 * a * x.c +
                        2 * a * a * x.g * all.t - x.g * x.g * square * square,
                    all.rounding};
    // The errors of the sums remain while the sums decrease.
    if (rest.t > 0 && rest.r > 0) rest.rounding *= all.t / rest.t * (all.t / rest.t) * (all.r / rest.r);
    return rest;
}

/// The terms of sample y after x was left out: relative to the new mean, with the new sums. `xy` is x . y and
/// `xsy` x . S y before the removal.
[[nodiscard]] constexpr sample_terms terms_without(const ratio_sums& all, const sample_terms& x,
                                                   const sample_terms& y, double xy, double xsy) noexcept {
    const double a = 1 / (all.n - 1);
    const double f = all.n / (all.n - 1);
    const double moved = xy + a * x.g; // x . (y + a x), where y + a x is y relative to the new mean
    return {y.g + 2 * a * xy + a * a * x.g, y.r + 2 * a * xsy + a * a * x.r - f * moved * moved,
            y.c + a * x.c - x.g * moved + a * moved * (all.t - x.g) + 2 * a * (xsy + a * x.r - x.g * moved) -
                2 * a * a * x.g * moved};
}

/// Up to `most` samples for leaving out all pairs: those whose terms have the smallest hash, so the choice
/// does not depend on the order of the samples. The terms are rounded before, so it does not depend on their
/// last digits either, which differ between processors.
class sampled_rows {
  public:
    static constexpr std::size_t most = 128;

    struct sample {
        std::uint64_t hash = 0;
        sample_terms terms;
        std::size_t place = 0;
        std::vector<double> row;
    };

    void offer(const sample_terms& terms, std::size_t place, const double* row, std::size_t size) {
        const std::uint64_t hash = mixed(rounded(terms.g) ^ mixed(rounded(terms.r)));
        if (kept_.size() == most && hash > kept_.back().hash) return;
        insert({hash, terms, place, std::vector<double>(row, row + size)});
    }
    void merge(const sampled_rows& other) {
        for (const sample& one : other.kept_) insert(one);
    }
    [[nodiscard]] const std::vector<sample>& kept() const noexcept { return kept_; }

  private:
    /// The sign, exponent and 20 bits of the fraction, to nearest.
    [[nodiscard]] static constexpr std::uint64_t rounded(double x) noexcept {
        return (std::bit_cast<std::uint64_t>(x) + (std::uint64_t{1} << 31U)) >> 32U;
    }
    /// The finalizer of SplitMix64.
    [[nodiscard]] static constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
        x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
        x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
        return x ^ (x >> 31U);
    }
    /// Terms decide between equal hashes.
    [[nodiscard]] static constexpr bool is_before(const sample& a, const sample& b) noexcept {
        if (a.hash != b.hash) return a.hash < b.hash;
        if (a.terms.g != b.terms.g) return a.terms.g < b.terms.g;
        return a.terms.r != b.terms.r ? a.terms.r < b.terms.r : a.terms.c < b.terms.c;
    }
    void insert(sample one) {
        if (kept_.size() == most && !is_before(one, kept_.back())) return;
        std::size_t place = kept_.size();
        while (place > 0 && is_before(one, kept_[place - 1])) --place;
        kept_.insert(kept_.begin() + static_cast<std::ptrdiff_t>(place), std::move(one));
        if (kept_.size() > most) kept_.pop_back();
    }

    std::vector<sample> kept_; // by hash
};

/// The variance that pairs of samples contribute to log PR: n (n - 1) / 2 times the mean square of a pair's
/// effect less the effects of the two alone. `products(a, b)` returns x . y and x . S y of two kept samples.
/// NaN for fewer than 2, or if a ratio without a pair is undefined.
template <typename Products>
[[nodiscard]] double variance_of_pairs(const ratio_sums& all, const sampled_rows& rows, Products&& products) {
    const auto& kept = rows.kept();
    const double whole = std::log(all.unbiased());
    std::vector<double> alone;
    alone.reserve(kept.size());
    for (const auto& one : kept) alone.push_back(std::log(without(all, one.terms).unbiased()) - whole);
    double squares = 0;
    for (std::size_t a = 0; a < kept.size(); ++a) {
        const ratio_sums rest = without(all, kept[a].terms);
        for (std::size_t b = 0; b < a; ++b) {
            const auto [xy, xsy] = products(kept[a], kept[b]);
            const ratio_sums neither =
                without(rest, terms_without(all, kept[a].terms, kept[b].terms, xy, xsy));
            const double both = std::log(neither.unbiased()) - whole;
            squares += (both - alone[a] - alone[b]) * (both - alone[a] - alone[b]);
        }
    }
    const auto count = static_cast<double>(kept.size());
    return all.n * (all.n - 1) / 2 * squares / (count * (count - 1) / 2);
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
