#include "repscope/bytes.hpp"
#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/error.hpp"
#include "repscope/geometry/class_mean_rsa.hpp"
#include "repscope/geometry/linear_cka.hpp"
#include "repscope/geometry/linear_cka_interval.hpp"
#include "repscope/geometry/linear_cka_matrix.hpp"
#include "repscope/geometry/procrustes.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/gram_matrix.hpp"
#include "repscope/random/random_stream.hpp"
#include "symmetric_matrix.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace similarity_test {

using namespace repscope_test;
using repscope::as_view;
using repscope::covariance;
using repscope::cross_covariance;
using repscope::linear_cka;
using repscope::procrustes_distance;

// Rows of two layers that share some directions; the layers have offsets.
struct paired_layers {
    std::size_t samples, units_x, units_y;
    std::vector<double> x, y;

    paired_layers(std::size_t n, std::size_t p, std::size_t q, double offset = 0, std::uint64_t seed = 1)
        : samples(n), units_x(p), units_y(q) {
        repscope::random_stream random(seed, 17);
        for (std::size_t i = 0; i < n; ++i) {
            const double common = random.normal(), other = random.normal();
            for (std::size_t u = 0; u < p; ++u)
                x.push_back(offset + common * std::cos(static_cast<double>(u)) + random.normal());
            for (std::size_t v = 0; v < q; ++v)
                y.push_back(2 * offset + common + other * std::sin(static_cast<double>(v * v)) +
                            random.normal());
        }
    }
};

// The states of a range of samples.
repscope::paired_moments moments_of(const paired_layers& data, std::size_t first, std::size_t count,
                                    int threads = 1) {
    repscope::paired_moments state(data.units_x, data.units_y);
    state.update(
        as_view(std::span(data.x).subspan(first * data.units_x, count * data.units_x), {count, data.units_x}),
        as_view(std::span(data.y).subspan(first * data.units_y, count * data.units_y), {count, data.units_y}),
        {.threads = threads});
    return state;
}

double procrustes(const repscope::paired_moments& state, int threads = 1) {
    return procrustes_distance(state.x.centered().trace(), state.y.centered().trace(), state.xy, threads);
}

square_matrix gram(const std::vector<double>& rows, std::size_t samples, std::size_t units) {
    square_matrix result(samples);
    for (std::size_t i = 0; i < samples; ++i)
        for (std::size_t j = 0; j < samples; ++j)
            for (std::size_t u = 0; u < units; ++u)
                result(i, j) +=
                    static_cast<real>(rows[i * units + u]) * static_cast<real>(rows[j * units + u]);
    return result;
}

square_matrix centered(square_matrix a) {
    const std::size_t n = a.order;
    std::vector<real> mean(n);
    real all = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) mean[i] += a(i, j) / static_cast<real>(n);
    for (const real value : mean) all += value / static_cast<real>(n);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) a(i, j) += all - mean[i] - mean[j];
    return a;
}

real product(const square_matrix& a, const square_matrix& b) {
    real sum = 0;
    for (std::size_t k = 0; k < a.at.size(); ++k) sum += a.at[k] * b.at[k];
    return sum;
}

// The U-statistic of Song et al. on Gram matrices without their diagonals.
real hsic_unbiased(square_matrix k, square_matrix l) {
    const std::size_t order = k.order;
    const auto n = static_cast<real>(order);
    for (std::size_t i = 0; i < order; ++i) k(i, i) = l(i, i) = 0;
    real trace = 0, sum_k = 0, sum_l = 0, rows = 0;
    for (std::size_t i = 0; i < order; ++i) {
        real row_k = 0, row_l = 0;
        for (std::size_t j = 0; j < order; ++j) {
            trace += k(i, j) * l(j, i);
            row_k += k(i, j);
            row_l += l(i, j);
        }
        sum_k += row_k;
        sum_l += row_l;
        rows += row_k * row_l;
    }
    return (trace + sum_k * sum_l / (n - 1) / (n - 2) - 2 * rows / (n - 2)) / (n * (n - 3));
}

// The sum of singular values of X^T Y, from the eigenvalues of (X X^T)^1/2 Y Y^T (X X^T)^1/2.
real nuclear_norm(const square_matrix& k, const square_matrix& l) {
    const square_matrix root = function_of(k, [](real value) { return value > 0 ? std::sqrt(value) : 0; });
    square_matrix product = root * l * root;
    jacobi(product);
    real sum = 0;
    for (std::size_t i = 0; i < k.order; ++i) sum += product(i, i) > 0 ? std::sqrt(product(i, i)) : 0;
    return sum;
}

TEST_CASE("CKA equals its definition on Gram matrices, and the U-statistic of Song et al.") {
    for (const std::size_t samples : {4U, 9U, 25U, 60U}) {
        for (const double offset : {0.0, 50.0}) {
            const paired_layers data(samples, 20, 24, offset);
            CAPTURE(samples);
            CAPTURE(offset);
            const repscope::paired_moments state = moments_of(data, 0, samples);
            CHECK(state.xy.is_thin() == (samples <= 10));
            const square_matrix k = gram(data.x, samples, 20), l = gram(data.y, samples, 24);
            const square_matrix kc = centered(k), lc = centered(l);
            const real plain = product(kc, lc) / std::sqrt(product(kc, kc) * product(lc, lc));
            // A shift of all rows does not change it; an offset would cost digits here.
            const square_matrix& ks = offset > 0 ? kc : k;
            const square_matrix& ls = offset > 0 ? lc : l;
            const real unbiased =
                hsic_unbiased(ks, ls) / std::sqrt(hsic_unbiased(ks, ks) * hsic_unbiased(ls, ls));
            const auto got = linear_cka(state.x, state.y, state.xy);
            CHECK(std::abs(got.plain - static_cast<double>(plain)) < 1e-12);
            CHECK(std::abs(got.unbiased - static_cast<double>(unbiased)) < 1e-12);
            const auto direct = linear_cka(as_view(data.x, {samples, 20}), as_view(data.y, {samples, 24}));
            CHECK(direct.plain == got.plain);
            CHECK(direct.unbiased == got.unbiased);
            // Gram matrices of more samples than units too.
            const auto of_grams = linear_cka(repscope::gram_matrix(as_view(data.x, {samples, 20})),
                                             repscope::gram_matrix(as_view(data.y, {samples, 24})));
            CHECK(std::abs(of_grams.plain - static_cast<double>(plain)) < 1e-12);
            CHECK(std::abs(of_grams.unbiased - static_cast<double>(unbiased)) < 1e-12);
        }
    }
}

TEST_CASE("Procrustes distance equals its definition, for few and many samples and units") {
    for (const std::size_t samples : {8U, 40U}) {
        const paired_layers data(samples, 20, 24, 3);
        const repscope::paired_moments state = moments_of(data, 0, samples);
        REQUIRE(state.xy.is_thin() == (samples == 8));
        const square_matrix k = centered(gram(data.x, samples, 20)), l = centered(gram(data.y, samples, 24));
        const real similarity = nuclear_norm(k, l) / std::sqrt(k.trace() * l.trace());
        CHECK(std::abs(procrustes(state) / static_cast<double>(std::sqrt(2 - 2 * similarity)) - 1) < 1e-9);
    }
}

TEST_CASE("similarity: exact cases in rational numbers, and layers that are equal up to a rotation") {
    // Centered x: -1, -1, 1, 1; y: -3, -1, 1, 3. S_xy = 8, S_xx = 4, S_yy = 20.
    const std::vector<double> x{0, 0, 2, 2}, y{1, 3, 5, 7};
    const auto got = linear_cka(as_view(x, {4, 1}), as_view(y, {4, 1}));
    CHECK(got.plain == doctest::Approx(64.0 / 80).epsilon(1e-15));
    // 6 |S|^2 + T T - 12 D: 6 * 64 + 80 - 12 * 20 = 224; 6 * 16 + 16 - 48 = 64; 2400 + 400 - 12 * 164 = 832.
    CHECK(got.unbiased == doctest::Approx(224 / std::sqrt(64.0 * 832)).epsilon(1e-15));
    CHECK(std::isnan(
        linear_cka(as_view(std::span(x).first(3), {3, 1}), as_view(std::span(y).first(3), {3, 1})).unbiased));

    for (const std::size_t samples : {9U, 50U}) {
        paired_layers data(samples, 20, 20);
        // A rotation of pairs of units, a scale and a shift; and a silent unit in both layers.
        for (std::size_t i = 0; i < samples; ++i) {
            data.x[i * 20 + 4] = 0;
            for (std::size_t u = 0; u < 20; u += 2) {
                const double a = data.x[i * 20 + u], b = data.x[i * 20 + u + 1];
                data.y[i * 20 + u] = 7 + 5 * (.6 * a - .8 * b);
                data.y[i * 20 + u + 1] = 5 * (.8 * a + .6 * b) - 2;
            }
        }
        const repscope::paired_moments state = moments_of(data, 0, samples);
        const auto same = linear_cka(state.x, state.y, state.xy);
        CHECK(same.plain == doctest::Approx(1).epsilon(1e-13));
        CHECK(same.unbiased == doctest::Approx(1).epsilon(1e-12));
        CHECK(procrustes(state) < 1e-6);
    }
    const std::vector<double> constant(4, 3.0);
    CHECK(std::isnan(linear_cka(as_view(x, {4, 1}), as_view(constant, {4, 1})).plain));
    CHECK(std::isnan(procrustes_distance(0, 1, cross_covariance(1, 1))));

    const paired_layers data(8, 5, 6);
    const repscope::paired_moments state = moments_of(data, 0, 8), fewer = moments_of(data, 0, 7);
    CHECK_THROWS_AS((void)linear_cka(state.x, fewer.y, state.xy), repscope::value_error);
    CHECK_THROWS_AS((void)linear_cka(state.y, state.x, state.xy), repscope::shape_error);
    const auto gram_of_8 = repscope::gram_matrix(as_view(data.x, {8, 5}));
    CHECK_THROWS_AS((void)linear_cka(gram_of_8, fewer.y.centered()), repscope::value_error);
    CHECK_THROWS_AS(
        (void)linear_cka(gram_of_8, repscope::gram_matrix(as_view(std::span(data.y).first(42), {7, 6}))),
        repscope::value_error);
    CHECK_THROWS_AS((void)repscope::gram_matrix(as_view(data.x.data(), {0, 5})), repscope::shape_error);
    cross_covariance cross(5, 6);
    std::vector<double> bad = data.x;
    bad[13] = NAN;
    CHECK_THROWS_AS(cross.update(as_view(bad, {8, 5}), as_view(data.y, {8, 6})), repscope::value_error);
    bad[13] = 1e200;
    CHECK_THROWS_AS(cross.update(as_view(bad, {8, 5}), as_view(data.y, {8, 6})), repscope::value_error);
    CHECK(cross.samples() == 0);
    CHECK_THROWS_AS(cross.update(as_view(data.x, {8, 5}), as_view(std::span(data.y).first(42), {7, 6})),
                    repscope::shape_error);
    CHECK_THROWS_AS(cross.merge(cross_covariance(6, 5)), repscope::shape_error);
    CHECK_THROWS_AS(cross_covariance(0, 5), repscope::value_error);
    cross_covariance small(5, 6, {.max_bytes = 100});
    CHECK_THROWS_AS(small.update(as_view(data.x, {8, 5}), as_view(data.y, {8, 6})), repscope::value_error);
}

TEST_CASE("similarity: merged and saved states agree, and threads change no bit") {
    for (const std::size_t samples : {9U, 200U, 700U}) {
        const paired_layers data(samples, 150, 140, 20);
        const repscope::paired_moments whole = moments_of(data, 0, samples);
        const auto expected = linear_cka(whole.x, whole.y, whole.xy);
        const double distance = procrustes(whole);
        const auto of_x = as_view(data.x, {samples, 150});
        for (const int threads : {2, 3}) {
            CHECK(repscope::gram_matrix(of_x, {.threads = threads}).lower ==
                  repscope::gram_matrix(of_x).lower);
            const repscope::paired_moments other = moments_of(data, 0, samples, threads);
            CHECK(linear_cka(other.x, other.y, other.xy).unbiased == expected.unbiased);
            CHECK(procrustes(other, threads) == distance);
        }
        const std::size_t part = samples / 3;
        repscope::paired_moments merged = moments_of(data, 0, part);
        merged.merge(moments_of(data, part, part));
        repscope::byte_writer out;
        merged.xy.save(out);
        const repscope::paired_moments last = moments_of(data, 2 * part, samples - 2 * part);
        last.xy.save(out);
        const auto bytes = out.take();
        repscope::byte_reader in(bytes, "state");
        merged.xy = cross_covariance::load(in);
        merged.xy.merge(cross_covariance::load(in));
        merged.x.merge(last.x);
        merged.y.merge(last.y);
        CHECK(in.left() == 0);
        const auto got = linear_cka(merged.x, merged.y, merged.xy);
        CHECK(std::abs(got.plain / expected.plain - 1) < 1e-12);
        CHECK(std::abs(got.unbiased / expected.unbiased - 1) < 1e-12);
        CHECK(std::abs(procrustes(merged) / distance - 1) < 1e-12);

        repscope::byte_reader cut(std::span<const std::byte>(bytes).first(bytes.size() / 3), "state");
        CHECK_THROWS_AS((void)cross_covariance::load(cut), repscope::format_error);
    }
}

TEST_CASE("RSA of class means: Spearman's correlation of their distances") {
    // Class means at 0, 1, 3, 7 and at 0, 2, 3, 9 of one unit: distances in the same order but for 1-3 and
    // 0-2.
    const std::vector<double> x{0, 1, 3, 7}, y{0, 2, 3, 9};
    const std::vector<int> labels{0, 1, 3, 4};
    repscope::class_sums a(1, 5);
    repscope::class_moments b(1, 5);
    a.update(as_view(x, {4, 1}), labels);
    b.update(as_view(y, {4, 1}), labels);
    // Pairs 10, 20, 21, 30, 31, 32: distances 1 3 2 7 6 4 (ranks 1 3 2 6 5 4), 2 3 1 9 7 6 (2 3 1 6 5 4).
    CHECK(repscope::class_mean_rsa(a, b) == doctest::Approx(1 - 6.0 * 2 / (6 * 35)).epsilon(1e-14));
    CHECK(repscope::class_mean_rsa(a, a) == doctest::Approx(1).epsilon(1e-14));
    b.update(as_view(y, {4, 1}), labels);
    CHECK_THROWS_AS((void)repscope::class_mean_rsa(a, b), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::class_mean_rsa(a, repscope::class_sums(1, 4)), repscope::value_error);
    repscope::class_sums two(1, 2);
    two.update(as_view(std::span(x).first(2), {2, 1}), std::vector<int>{0, 1});
    CHECK(std::isnan(repscope::class_mean_rsa(two, two)));
}

TEST_CASE("the block jackknife of CKA leaves out each block exactly") {
    const paired_layers data(130, 12, 10, 1);
    const std::vector<std::size_t> ends{0, 20, 45, 60, 92, 130};
    std::vector<repscope::paired_moments> blocks;
    for (std::size_t k = 0; k + 1 < ends.size(); ++k)
        blocks.push_back(moments_of(data, ends[k], ends[k + 1] - ends[k]));
    const auto got = repscope::linear_cka_interval(std::span<const repscope::paired_moments>(blocks));
    // Source: Busing et al. 1999, equations 4 and 5, from rows without a block.
    std::vector<double> without;
    for (std::size_t k = 0; k + 1 < ends.size(); ++k) {
        std::vector<double> x, y;
        for (std::size_t i = 0; i < 130; ++i) {
            if (i >= ends[k] && i < ends[k + 1]) continue;
            x.insert(x.end(), data.x.begin() + static_cast<std::ptrdiff_t>(i * 12),
                     data.x.begin() + static_cast<std::ptrdiff_t>(i * 12 + 12));
            y.insert(y.end(), data.y.begin() + static_cast<std::ptrdiff_t>(i * 10),
                     data.y.begin() + static_cast<std::ptrdiff_t>(i * 10 + 10));
        }
        const std::size_t n = x.size() / 12;
        without.push_back(linear_cka(as_view(x, {n, 12}), as_view(y, {n, 10})).unbiased);
    }
    const double value = linear_cka(as_view(data.x, {130, 12}), as_view(data.y, {130, 10})).unbiased;
    const auto share = [&](std::size_t k) { return static_cast<double>(ends[k + 1] - ends[k]) / 130; };
    double jackknife = 5 * value, variance = 0;
    for (std::size_t k = 0; k < 5; ++k) jackknife -= (1 - share(k)) * without[k];
    for (std::size_t k = 0; k < 5; ++k) {
        const double h = 1 / share(k), pseudo = h * value - (h - 1) * without[k];
        variance += (pseudo - jackknife) * (pseudo - jackknife) / (h - 1) / 5;
    }
    CHECK(got.unbiased.estimate == doctest::Approx(value).epsilon(1e-12));
    CHECK(got.unbiased.error == doctest::Approx(std::sqrt(variance)).epsilon(1e-9));
    // Student's quantile for 4 degrees of freedom.
    CHECK(got.unbiased.range.high - got.unbiased.estimate ==
          doctest::Approx(2.7764451051977987 * got.unbiased.error).epsilon(1e-9));
    CHECK(got.plain.range.contains(got.plain.estimate));
    CHECK_THROWS_AS(
        (void)repscope::linear_cka_interval(std::span<const repscope::paired_moments>(blocks).first(1)),
        repscope::value_error);

    // From arrays: the same value, blocks by the index of a sample alone, any threads.
    const auto x = as_view(data.x, {130, 12});
    const auto y = as_view(data.y, {130, 10});
    const auto direct = repscope::linear_cka_interval(x, y);
    CHECK(direct.unbiased.estimate == doctest::Approx(value).epsilon(1e-12));
    std::vector<repscope::paired_moments> hashed;
    for (std::size_t k = 0; k < 20; ++k) {
        hashed.emplace_back(12, 10);
        for (std::size_t i = 0; i < 130; ++i) {
            if (repscope::sample_block(i, 20) == k) hashed[k].merge(moments_of(data, i, 1));
        }
        REQUIRE(hashed[k].samples() > 0);
    }
    const auto expected = repscope::linear_cka_interval(std::span<const repscope::paired_moments>(hashed));
    CHECK(direct.unbiased.error == doctest::Approx(expected.unbiased.error).epsilon(1e-9));
    CHECK(direct.plain.error == doctest::Approx(expected.plain.error).epsilon(1e-9));
    CHECK(repscope::linear_cka_interval(x, y, {.first_index = 7}).unbiased.error != direct.unbiased.error);
    CHECK(repscope::linear_cka_interval(x, y, {.threads = 3}).unbiased.error == direct.unbiased.error);
    CHECK(repscope::linear_cka_interval(x, y, {.confidence = .9}).unbiased.range.high <
          direct.unbiased.range.high);
    CHECK_THROWS_AS((void)repscope::linear_cka_interval(x, y, {.blocks = 1}), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::linear_cka_interval(x, as_view(std::span(data.y).first(1290), {129, 10})),
                    repscope::shape_error);
}

TEST_CASE("CKA of all pairs of layers is that of each pair") {
    const paired_layers a(50, 12, 7), b(50, 9, 60, 0, 2);
    std::vector<repscope::scatter_matrix> grams;
    grams.push_back(repscope::gram_matrix(as_view(a.x, {50, 12})));
    grams.push_back(repscope::gram_matrix(as_view(a.y, {50, 7})));
    grams.push_back(repscope::gram_matrix(as_view(b.y, {50, 60})));
    const auto first = std::span(grams).first(2);
    for (const int threads : {1, 3}) {
        const auto pairs = repscope::linear_cka_matrix(grams, first, threads);
        REQUIRE(pairs.rows == 3);
        REQUIRE(pairs.columns == 2);
        const auto all = repscope::linear_cka_matrix(grams, grams, threads);
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 3; ++j) {
                const auto expected = linear_cka(grams[i < j ? i : j], grams[i < j ? j : i]);
                CHECK(all.plain[3 * i + j] == expected.plain);
                CHECK(all.unbiased[3 * i + j] == expected.unbiased);
                if (j == 2) continue;
                CHECK(pairs.plain[2 * i + j] == linear_cka(grams[i], grams[j]).plain);
                CHECK(pairs.unbiased[2 * i + j] == linear_cka(grams[i], grams[j]).unbiased);
            }
        }
        CHECK(all.plain[1] < 1);
    }
}

} // namespace similarity_test
