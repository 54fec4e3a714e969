// Neighbors against all distances written out, and the estimators of intrinsic dimension against figures of
// scikit-dimension for its own published case and against lattices and cubes.

#include "repscope/dimensionality/correlation_dimension.hpp"
#include "repscope/dimensionality/levina_bickel.hpp"
#include "repscope/dimensionality/local_pca.hpp"
#include "repscope/dimensionality/nearest_neighbors.hpp"
#include "repscope/dimensionality/two_nn.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace neighbors_test {

namespace {

using repscope::as_view;

// Thirty points of a ball of 5 dimensions: scikit-dimension's hyperBall(30, 5, seed 0).
const std::vector<double> ball{
    0.49164874872630254,   0.11152548349104485,   0.27277835961978364,   0.62454628397794321,
    0.52049620360181237,   -0.47150450549539508,  0.45838648219374106,   -0.073024885880558998,
    -0.049799708634435336, 0.19810030248314356,   0.065674935708833301,  0.66305853363064293,
    0.34698600755463865,   0.055476261947246697,  0.20237410832805028,   0.14938350544053225,
    0.66888804754607933,   -0.091847823153182143, 0.14015807293548788,   -0.38237228654275623,
    -0.69475323802641964,  0.17787130712392296,   0.23524177201963553,   -0.20196772736003352,
    0.61767554447750073,   -0.5324241356551217,   0.016751591053469878,  -0.068525544365654278,
    0.56113030072721115,   0.53791291055274781,   0.062230801931012492,  0.15187962464847743,
    -0.35655719202468111,  -0.79553791955735265,  -0.13973031147002482,  0.069943155152522182,
    0.55037402841852567,   0.53788803851891476,   -0.17327175126226915,  -0.13523599360903407,
    -0.32511599509234285,  -0.44029301339620752,  -0.52904884102440852,  0.60486051248909489,
    -0.15802356365524195,  -0.17577751924780799,  -0.50268472655168694,  0.31196837039878733,
    -0.64757726924347325,  -0.085362137341908992, -0.41678047927069062,  0.18007753217926575,
    -0.23774601897595632,  -0.54950622263885429,  -0.013116963986062432, 0.22493261332468362,
    0.034930607996125254,  0.15883897299454861,   -0.33310555678371273,  -0.19048855347815077,
    -0.28228432726528618,  -0.15093262757275913,  -0.34134119256284423,  -0.72465603691731673,
    0.074479650618890628,  -0.17276947986682117,  -0.70100020957461151,  0.199000605487509,
    -0.39014660072686397,  0.022336995622219222,  0.31991020023960876,   0.056595093872361925,
    0.49994598758313885,   -0.54181660817354493,  0.17653937887965729,   -0.33930073705409353,
    -0.43145116938378741,  -0.28680085252306736,  -0.15436396919434442,  0.027828068347066751,
    -0.41982804957961783,  0.32458677312556494,   0.16778799343360634,   -0.55354098495619175,
    0.53624863853023419,   0.67207161525910752,   0.41786424039952685,   -0.063781352073970468,
    -0.3795698888835819,   0.37379140315316228,   -0.18555149652695938,  0.56259792117170004,
    0.095853034657390507,  0.44947221349502303,   0.16400818252148186,   0.30369545653148478,
    0.0045130621002202435, 0.76759319397973902,   0.054548669080682455,  0.17278089339924474,
    0.6051444163656502,    -0.43309803709893896,  -0.40826626573847508,  0.31151251256847146,
    -0.37697943102611181,  0.59476197755600879,   -0.12657036503190147,  -0.22872651577820105,
    0.58843400701714765,   0.45304811022642738,   0.61489018483929325,   0.29831345580240981,
    -0.28355689533393696,  0.62888520092445033,   -0.088239592855589216, 0.36903115550800902,
    0.43561929352915985,   -0.071285560272646473, 0.28240091399301753,   0.42410154048013776,
    0.16365505390914717,   -0.47797633465097827,  0.1296622583691818,    0.57666055424094786,
    -0.30197085776549532,  -0.062831124024598117, -0.18271975653545397,  0.77650065568978721,
    0.28229468387736995,   0.1710920828312355,    -0.37939201977123088,  0.26572615721992732,
    -0.33229132189352784,  0.015685163870428689,  -0.3133262649615115,   0.32366350508188146,
    0.27589032961243626,   -0.099667928586957263, 0.18948345921700827,   -0.52301405301728454,
    -0.49670992083464693,  0.14635313055106403,   0.055515813697564413,  0.21151705532905857,
    0.79378080504020321,   0.38114769430645701,   -0.36837230594428061,  0.4507754679428127,
    -0.5310386115800706,   -0.18627393212433963};

/// frac(i sqrt(prime)) of the primes 2, 3, 5, i = 1 .. 200.
std::vector<double> lattice() {
    std::vector<double> x;
    for (int i = 1; i <= 200; ++i) {
        for (const double prime : {2.0, 3.0, 5.0}) {
            const double v = i * std::sqrt(prime);
            x.push_back(v - std::floor(v));
        }
    }
    return x;
}

std::vector<double> cube(std::size_t n, std::size_t d, std::uint64_t seed) {
    repscope::random_stream random(seed, 31);
    std::vector<double> x(n * d);
    for (double& v : x) v = random.uniform();
    return x;
}

/// The k nearest of all distances written out.
repscope::neighbors written_out(const std::vector<double>& x, std::size_t units, std::size_t k) {
    const std::size_t n = x.size() / units;
    repscope::neighbors result{n, k, {}, {}};
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<std::pair<double, std::uint32_t>> all;
        for (std::size_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::size_t u = 0; u < units; ++u)
                sum += (x[i * units + u] - x[j * units + u]) * (x[i * units + u] - x[j * units + u]);
            if (j != i) all.emplace_back(sum, static_cast<std::uint32_t>(j));
        }
        std::sort(all.begin(), all.end());
        for (std::size_t m = 0; m < k; ++m) {
            result.index.push_back(all[m].second);
            result.distance.push_back(std::sqrt(all[m].first));
        }
    }
    return result;
}

void check_neighbors(const std::vector<double>& x, std::size_t units, std::size_t k) {
    const auto expected = written_out(x, units, k);
    for (const int threads : {1, 3}) {
        const auto r =
            repscope::nearest_neighbors(as_view(x, {x.size() / units, units}), k, {.threads = threads});
        CHECK(r.index == expected.index);
        CHECK(r.distance == expected.distance);
    }
}

bool near(double a, double b, double relative = 1e-10) { return std::abs(a - b) <= relative * std::abs(b); }

} // namespace

TEST_CASE("neighbors are those of all distances written out") {
    check_neighbors(cube(700, 7, 1), 7, 5);
    check_neighbors(cube(300, 130, 2), 130, 20);
    // Far from the origin, on very different scales, with equal points, and with one far away.
    auto hard = cube(400, 3, 3);
    for (std::size_t i = 0; i < hard.size(); ++i) hard[i] = 1e5 + hard[i] * (i % 3 == 0 ? 1e-4 : 1);
    for (std::size_t i = 30; i < 90; ++i) hard[i] = hard[i - 30];
    hard[601] = 1e9;
    check_neighbors(hard, 3, 4);
    // A lattice: many neighbors are equally near, and the first of them count.
    std::vector<double> grid;
    for (int i = 0; i < 20; ++i)
        for (int j = 0; j < 20; ++j) grid.insert(grid.end(), {0.25 * i, 0.25 * j});
    check_neighbors(grid, 2, 6);
    check_neighbors(std::vector<double>(60, 3.0), 2, 4); // all points equal
    check_neighbors({1, 2}, 1, 1);
}

TEST_CASE("scikit-dimension's published case") {
    const auto x = as_view(ball, {30, 5});
    CHECK(near(repscope::two_nn(x).fit, 4.522311661670988));
    CHECK(near(repscope::two_nn(x, {.discard = .05}).fit, 4.63403271891445));
    const auto likelihood = repscope::levina_bickel(x);
    CHECK(near(likelihood.harmonic, 3.341161830518472));
    CHECK(near(likelihood.mean, 3.438942454136744));
    CHECK(near(likelihood.harmonic_unbiased, 3.165311207859605));
    CHECK(near(repscope::levina_bickel(x, {.k = 5}).harmonic, 4.35013203809371));
    CHECK(near(repscope::correlation_dimension(x).dimension, 2.9309171335492548));
    repscope::covariance state(5);
    state.update(x);
    const auto values = repscope::spectrum(state);
    CHECK(repscope::fukunaga_olsen(values) == 5);
    CHECK(repscope::component_count(values, .95) == 5);
    CHECK(near(repscope::participation_ratio(state), 4.387876415881797));
    // The neighborhood of all: it is the same for every sample.
    const auto local = repscope::local_pca(x, {.k = 29});
    CHECK(local.mean == 5);
    CHECK(local.components.size() == 30);
}

TEST_CASE("a case without random numbers") {
    const auto points = lattice();
    const auto x = as_view(points, {200, 3});
    CHECK(near(repscope::two_nn(x).fit, 2.3687424903, 1e-9));
    CHECK(near(repscope::two_nn(x).likelihood, 2.6752080595, 1e-9));
    const auto likelihood = repscope::levina_bickel(x);
    CHECK(near(likelihood.mean, 3.2322972281, 1e-9));
    CHECK(near(likelihood.harmonic, 3.1321783775, 1e-9));
    CHECK(near(likelihood.harmonic_unbiased, 2.9673268839, 1e-9));
    CHECK(near(repscope::correlation_dimension(x).dimension, 4.6122376608, 1e-9));
}

TEST_CASE("pairs within a radius are those of all distances written out") {
    const auto x = cube(500, 4, 5);
    const auto r = repscope::correlation_dimension(as_view(x, {500, 4}), {.threads = 2});
    std::array<std::uint64_t, 2> pairs{};
    for (std::size_t i = 0; i < 500; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            double sum = 0;
            for (std::size_t u = 0; u < 4; ++u) sum += std::pow(x[i * 4 + u] - x[j * 4 + u], 2);
            for (std::size_t w = 0; w < 2; ++w) pairs[w] += std::sqrt(sum) < r.radii[w] ? 1U : 0U;
        }
    }
    CHECK(r.pairs == pairs);
}

TEST_CASE("known dimensions") {
    // Two dimensions in six: a plane, turned.
    const auto flat = cube(600, 2, 7);
    std::vector<double> x;
    for (std::size_t i = 0; i < 600; ++i) {
        for (int u = 0; u < 6; ++u)
            x.push_back(std::cos(u) * flat[2 * i] + std::sin(2.0 * u) * flat[2 * i + 1] + 100 * u);
    }
    const auto view = as_view(x, {600, 6});
    const auto two = repscope::two_nn(view);
    CHECK(two.fit == doctest::Approx(2).epsilon(.12));
    // The interval covers; its length is that of n independent ratios, d / sqrt n, and some more.
    int covered = 0;
    double lengths = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const auto plane = cube(300, 2, seed);
        const auto r = repscope::two_nn(as_view(plane, {300, 2}));
        covered += r.ci.contains(2) ? 1 : 0;
        lengths += (r.ci.high - r.ci.low) / r.likelihood / 100;
    }
    CHECK(covered >= 88);
    CHECK(covered <= 99);
    CHECK(lengths > 2 * 1.96 / std::sqrt(300));
    CHECK(lengths < 2.6 * 1.96 / std::sqrt(300));
    CHECK(repscope::levina_bickel(view).harmonic == doctest::Approx(2).epsilon(.08));
    CHECK(repscope::correlation_dimension(view).dimension == doctest::Approx(2).epsilon(.08));
    CHECK(repscope::local_pca(view, {.share = .001}).mean == 2);
    // Duplicates do not count.
    auto doubled = x;
    doubled.insert(doubled.end(), x.begin(), x.begin() + 600);
    const auto again = repscope::two_nn(as_view(doubled, {700, 6}));
    CHECK(again.fit == two.fit);
    CHECK(again.duplicates == 100);
    CHECK(again.samples == 600);
}

TEST_CASE("degenerate input") {
    const std::vector<double> x{1, 2, 3, 4, 9, 6};
    for (const std::size_t n : {std::size_t{1}, std::size_t{2}}) {
        const auto view = as_view(x.data(), {n, 2});
        CHECK(std::isnan(repscope::two_nn(view).fit));
        CHECK(std::isnan(repscope::two_nn(view).likelihood));
        CHECK(std::isnan(repscope::levina_bickel(view).harmonic));
        CHECK(std::isnan(repscope::correlation_dimension(view).dimension));
        CHECK(std::isnan(repscope::local_pca(view).mean));
    }
    CHECK(std::isfinite(repscope::two_nn(as_view(x, {3, 2})).likelihood));
    CHECK(repscope::local_pca(as_view(x, {3, 2}), {.k = 2, .share = .001}).mean == 2);
    const std::vector<double> constant(80, 4.0);
    CHECK(std::isnan(repscope::two_nn(as_view(constant, {40, 2})).fit));
    CHECK(repscope::two_nn(as_view(constant, {40, 2})).duplicates == 39);
    CHECK(std::isnan(repscope::levina_bickel(as_view(constant, {40, 2})).mean));
    CHECK(repscope::local_pca(as_view(constant, {40, 2})).mean == 0);
    CHECK_THROWS_WITH_AS((void)repscope::nearest_neighbors(as_view(x, {3, 2}), 3),
                         "repscope::nearest_neighbors: expected more than 3 samples, got shape (3, 2, 1, 1)",
                         repscope::shape_error);
    CHECK_THROWS_AS((void)repscope::nearest_neighbors(as_view(x, {3, 2}), 0), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::two_nn(as_view(x, {3, 2}), {.discard = 1}), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::levina_bickel(as_view(x, {3, 2}), {.k = 2}), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::correlation_dimension(as_view(x, {3, 2}), {.k1 = 2, .k2 = 2}),
                    repscope::value_error);
    CHECK_THROWS_AS((void)repscope::local_pca(as_view(x, {3, 2}), {.share = 1}), repscope::value_error);
    const std::vector<double> bad{1, 2, 3, std::numeric_limits<double>::quiet_NaN()};
    CHECK_THROWS_WITH_AS((void)repscope::two_nn(as_view(bad, {2, 2})),
                         "repscope::two_nn: expected finite activations, got NaN in sample 1, unit 1",
                         repscope::value_error);
}

} // namespace neighbors_test
