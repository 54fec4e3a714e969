#include "repscope/moments/gradient_moments.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/slice.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace gradient_moments_test {

using namespace repscope;

namespace {

/// Norms with zeros among them, one unit that has nothing else, and one sample.
array<double, 2> norms(std::size_t samples, std::size_t units) {
    random_stream random(4, 1);
    array<double, 2> r({samples, units});
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double value = 3 + std::abs(random.normal()) * static_cast<double>(u);
            r(i, u) = u == 2 || i == 5 || random.below(4) == 0 ? 0 : value;
        }
    }
    return r;
}

void check_same(const gradient_moments& a, const gradient_moments& b, double tolerance) {
    REQUIRE(a.units() == b.units());
    REQUIRE(a.samples() == b.samples());
    CHECK(a.probes() == b.probes());
    const auto near = [&](double x, double y) {
        return std::abs(x - y) <= tolerance * std::max(1.0, std::abs(x));
    };
    for (std::size_t u = 0; u < a.units(); ++u) {
        CHECK(near(a.mean(u), b.mean(u)));
        CHECK(near(a.mean_square(u), b.mean_square(u)));
        CHECK(near(a.m2(u), b.m2(u)));
        CHECK(near(a.square_m2(u), b.square_m2(u)));
        CHECK(near(a.cross_m2(u), b.cross_m2(u)));
        CHECK(a.zeros(u) == b.zeros(u));
    }
    for (std::size_t i = 0; i < a.samples(); ++i) CHECK(a.ratios()[i] == b.ratios()[i]);
}

} // namespace

TEST_CASE("gradient moments equal their definitions") {
    const auto r = norms(40, 5);
    gradient_moments moments(5);
    moments.update(r);
    CHECK(moments.samples() == 40);
    for (std::size_t u = 0; u < 5; ++u) {
        double mean = 0, square = 0, rr = 0, ss = 0, rs = 0;
        std::uint64_t zeros = 0;
        for (std::size_t i = 0; i < 40; ++i) {
            mean += r(i, u) / 40;
            square += r(i, u) * r(i, u) / 40;
            zeros += r(i, u) == 0 ? 1U : 0U;
        }
        for (std::size_t i = 0; i < 40; ++i) {
            const double d = r(i, u) - mean, s = r(i, u) * r(i, u) - square;
            rr += d * d;
            ss += s * s;
            rs += d * s;
        }
        CHECK(moments.mean(u) == doctest::Approx(mean).epsilon(1e-12));
        CHECK(moments.mean_square(u) == doctest::Approx(square).epsilon(1e-12));
        CHECK(moments.m2(u) == doctest::Approx(rr).epsilon(1e-12));
        CHECK(moments.square_m2(u) == doctest::Approx(ss).epsilon(1e-12));
        CHECK(moments.cross_m2(u) == doctest::Approx(rs).epsilon(1e-12));
        CHECK(moments.zeros(u) == zeros);
    }
    CHECK(moments.zeros(2) == 40);
    CHECK(moments.ratios()[5] == 0);
    double sum = 0, squares = 0;
    for (std::size_t u = 0; u < 5; ++u) {
        sum += r(0, u);
        squares += r(0, u) * r(0, u);
    }
    CHECK(moments.ratios()[0] == doctest::Approx(squares / (sum * sum)).epsilon(1e-14));
}

TEST_CASE("parts of gradient moments merge, and survive as bytes") {
    const auto r = norms(40, 5);
    gradient_moments whole(5, 3);
    whole.update(r);
    gradient_moments merged(5, 3);
    for (const auto& [first, count] :
         {std::pair<std::size_t, std::size_t>{0, 1}, {1, 24}, {25, 0}, {25, 15}}) {
        gradient_moments part(5, 3);
        part.update(samples(r.view(), first, count));
        merged.merge(part);
    }
    check_same(whole, merged, 1e-12);

    byte_writer out;
    whole.save(out);
    byte_reader in(out.bytes());
    check_same(whole, gradient_moments::load(in), 0);
    CHECK(in.left() == 0);
    for (std::size_t length = 0; length < out.bytes().size(); length += 7) {
        byte_reader cut(std::span(out.bytes()).first(length));
        CHECK_THROWS_AS((void)gradient_moments::load(cut), format_error);
    }
    gradient_moments twice = whole;
    twice.merge(twice);
    CHECK(twice.samples() == 80);
    CHECK(twice.m2(1) == doctest::Approx(2 * whole.m2(1)).epsilon(1e-12));
}

TEST_CASE("invalid input of gradient moments throws and leaves the state unchanged") {
    gradient_moments moments(3);
    moments.update(array<float, 2>({1, 3}, {1, 2, 3}));
    CHECK_THROWS_WITH_AS(moments.update(array<double, 2>({2, 3}, {1, 2, 3, 4, -5, 6})),
                         "repscope::gradient_moments::update: expected finite norms of 0 or above, got -5 in "
                         "sample 2, unit 1",
                         value_error);
    CHECK_THROWS_AS(moments.update(array<double, 2>({1, 3}, {1, 2, std::nan("")})), value_error);
    CHECK_THROWS_AS(moments.update(array<double, 2>({1, 3}, {1, 2, std::numeric_limits<double>::infinity()})),
                    value_error);
    CHECK_THROWS_AS(moments.update(array<double, 2>({2, 2}, {1, 2, 3, 4})), shape_error);
    CHECK_THROWS_AS(moments.update(array<double, 2>({1, 3}, {1, 2, 3}), std::vector<double>{1, 2},
                                   std::vector<double>{1}),
                    shape_error);
    CHECK(moments.samples() == 1);
    CHECK(moments.mean(1) == 2);
    CHECK_THROWS_AS(moments.merge(gradient_moments(2)), shape_error);
    CHECK_THROWS_AS(moments.merge(gradient_moments(3, 4)), value_error);
    CHECK_THROWS_AS(gradient_moments(0), value_error);
}

} // namespace gradient_moments_test
