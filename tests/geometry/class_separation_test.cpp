#include "repscope/geometry/class_separation.hpp"

#include "class_samples.hpp"
#include "repscope/bytes.hpp"
#include "repscope/error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace class_separation_test {

using namespace repscope_test;
using repscope::as_view;
using repscope::class_separation;
using repscope::normalized_class_moments;

void add(normalized_class_moments& state, const class_samples& data, std::size_t first, std::size_t count,
         int threads = 1) {
    state.update(as_view(std::span<const double>(data.x).subspan(first * data.units, count * data.units),
                         {count, data.units}),
                 std::span<const int>(data.y).subspan(first, count), {.threads = threads});
}

// Mean cosine distance of pairs of two classes; `distinct`: of different samples only.
long double distance(const class_samples& data, std::size_t a, std::size_t b, bool distinct) {
    long double sum = 0, pairs = 0;
    for (std::size_t i = 0; i < data.y.size(); ++i) {
        for (std::size_t j = 0; j < data.y.size(); ++j) {
            if (data.y[i] != static_cast<int>(a) || data.y[j] != static_cast<int>(b) || (distinct && i == j))
                continue;
            long double xy = 0, xx = 0, yy = 0;
            for (std::size_t u = 0; u < data.units; ++u) {
                const long double x = data.x[i * data.units + u], y = data.x[j * data.units + u];
                xy += x * y;
                xx += x * x;
                yy += y * y;
            }
            sum += 1 - xy / std::sqrt(xx * yy);
            ++pairs;
        }
    }
    return sum / pairs;
}

TEST_CASE("class separation equals its definition over pairs of samples") {
    for (const double offset : {0.0, 3.0, 300.0}) {
        CAPTURE(offset);
        const class_samples data(offset);
        normalized_class_moments state(data.units, data.classes);
        add(state, data, 0, data.y.size());
        const auto got = class_separation(state);
        const std::vector<std::size_t> present{0, 1, 3, 4};
        long double expected[2];
        for (const bool distinct : {false, true}) {
            long double within = 0, total = 0;
            for (const std::size_t a : present) {
                within += distance(data, a, a, distinct) / 4;
                for (const std::size_t b : present) total += distance(data, a, b, distinct) / 16;
            }
            expected[distinct ? 1 : 0] = 1 - within / total;
        }
        check_near(got.separation, expected[0]);
        check_near(got.separation_corrected, expected[1]);

        for (const int threads : {2, 3}) {
            normalized_class_moments other(data.units, data.classes);
            add(other, data, 0, data.y.size(), threads);
            CHECK(class_separation(other).separation == got.separation);
        }
        normalized_class_moments first(data.units, data.classes), second(data.units, data.classes);
        add(first, data, 0, 41);
        add(second, data, 41, data.y.size() - 41);
        repscope::byte_writer out;
        second.save(out);
        const auto bytes = out.take();
        repscope::byte_reader in(bytes, "state");
        first.merge(normalized_class_moments::load(in));
        CHECK(in.left() == 0);
        CHECK(std::abs(class_separation(first).separation_corrected / got.separation_corrected - 1) < 1e-12);
    }
}

TEST_CASE("class separation: exact cases, silent samples and undefined cases") {
    // Directions e1, e1 against e2, e1: within 0 and 1 / 2; between 1 / 2; total (0 + 1 / 2 + 1) / 4.
    const std::vector<double> x{2, 0, 1e200, 0, 0, 0, 0, 5, 1e-200, 0};
    const std::vector<int> y{0, 0, 0, 1, 1};
    normalized_class_moments state(2, 2);
    state.update(as_view(x, {5, 2}), y);
    CHECK(state.silent_samples() == 1);
    CHECK(state.samples() == 4);
    const auto got = class_separation(state);
    CHECK(got.separation == doctest::Approx(1 - .25 / .375).epsilon(1e-14));
    // Different samples: within 0 and 1, total (0 + 1 + 1) / 4.
    CHECK(got.separation_corrected == doctest::Approx(0).epsilon(1e-14));
    CHECK(got.silent_samples == 1);

    normalized_class_moments equal(2, 2);
    const std::vector<double> one{1, 2, 2, 4, 3, 6};
    equal.update(as_view(one, {3, 2}), std::vector<int>{0, 0, 1});
    CHECK(std::isnan(class_separation(equal).separation));
    const std::vector<double> other{1, 2, 2, 4, 6, 3};
    normalized_class_moments single(2, 2);
    single.update(as_view(other, {3, 2}), std::vector<int>{0, 0, 1});
    CHECK(class_separation(single).separation == doctest::Approx(1).epsilon(1e-14));
    CHECK(std::isnan(class_separation(single).separation_corrected));

    normalized_class_moments silent(2, 2);
    silent.update(as_view(std::vector<double>(4).data(), {0, 2}), std::vector<int>{});
    CHECK_THROWS_AS((void)class_separation(silent), repscope::value_error);
    const std::vector<double> bad{1, 2, NAN, 4};
    CHECK_THROWS_AS(state.update(as_view(bad, {2, 2}), std::vector<int>{0, 1}), repscope::value_error);
    CHECK(state.samples() == 4);
}

} // namespace class_separation_test
