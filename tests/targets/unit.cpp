// Compiled twice: for plain x86-64 as compute_plain, and for the widest level of the machine as compute_wide.
#include "results.hpp"

#include "repscope/corruption/blur.hpp"
#include "repscope/corruption/contrast.hpp"
#include "repscope/corruption/jpeg.hpp"
#include "repscope/corruption/noise.hpp"
#include "repscope/corruption/pixelate.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/network.hpp"
#include "repscope/random/portable_math.hpp"
#include "repscope/random/portable_trigonometry.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

void add_exact(target_results& results, const void* data, std::size_t bytes) {
    std::uint64_t hash = 14695981039346656037U;
    for (std::size_t i = 0; i < bytes; ++i)
        hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211U;
    results.exact[results.exact_count++] = hash;
}

void add_rounded(target_results& results, double value) { results.rounded[results.rounded_count++] = value; }

template <typename T>
std::vector<T> draws(std::size_t count, std::uint32_t stream) {
    repscope::random_stream random(1, stream);
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(random.normal());
    return values;
}

void corrupt(target_results& results) {
    std::vector<std::uint8_t> bytes(std::size_t{40} * 36 * 3);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i / 64 % 251);
    const repscope::tensor_view<const std::uint8_t, 3> image(bytes.data(), {40, 36, 3});
    const auto add = [&](const auto& out) { add_exact(results, out.data_handle(), out.size()); };
    add(repscope::corruption::gaussian_blur(image, 2.0));
    add(repscope::corruption::gaussian_noise(image, draws<double>(bytes.size(), 1)));
    add(repscope::corruption::contrast(image, 0.3));
    add(repscope::corruption::pixelate(image, 0.4));
    add(repscope::corruption::jpeg_compression(image, 20));
}

void compute_functions(target_results& results) {
    std::vector<double> values;
    for (double x = -3; x < 3; x += 0.37) {
        values.push_back(repscope::portable::exp(x));
        values.push_back(repscope::portable::log(x + 4));
        values.push_back(repscope::portable::sin(x));
        values.push_back(repscope::portable::cos(x));
    }
    add_exact(results, values.data(), values.size() * sizeof(double));
}

void compute_statistics(target_results& results) {
    // Feature maps of 5 x 5 positions, so that unit sums cross vectors and have a remainder.
    const std::size_t samples = 24, units = 9, classes = 3;
    auto values = draws<float>(samples * units * 25, 2);
    for (float& value : values) value = std::abs(value);
    std::vector<int> labels(samples);
    for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<int>(i % classes);
    const repscope::tensor_view<const float, 4> maps(values.data(), {samples, units, 5, 5});
    repscope::class_sums sums(units, classes);
    repscope::covariance covariance(units);
    sums.update(maps, labels);
    covariance.update(maps);
    for (const double index : repscope::class_selectivity(sums).index) add_rounded(results, index);
    add_rounded(results, repscope::participation_ratio(covariance));
}

void compute_network(target_results& results) {
    using namespace repscope;
    net::network network(
        "n", net::normalization<float>({0.1F, 0.2F}, {0.5F, 1.7F}),
        net::sequential(net::conv_bn_relu<float>({.in = 2, .out = 21, .win = {{3, 3}, {1, 2}, {1, 1}}}),
                        net::max_pool<float>({{2, 2}, {2, 1}, {0, 0}}), net::global_average_pool<float>(),
                        net::dense<float>(21, 4)));
    network.initialize(5);
    const auto values = draws<float>(std::size_t{3} * 2 * 13 * 11, 3);
    const std::vector<int> labels{0, 3, 1};
    std::vector<float> gradient(values.size());
    std::vector<double> losses(labels.size());
    std::vector<int> predicted(labels.size());
    net::inference_model model(network);
    model({values.data(), {3, 2, 13, 11}}, labels, losses, predicted, {gradient.data(), {3, 2, 13, 11}});
    for (const double loss : losses) add_rounded(results, loss);
    for (std::size_t i = 0; i < gradient.size(); i += 17)
        add_rounded(results, static_cast<double>(gradient[i]));
}

template <typename T>
void multiply(target_results& results) {
    using repscope::factor;
    const std::size_t m = 37, n = 29, k = 41;
    const auto a = draws<T>(m * k, 4), b = draws<T>(k * n, 5);
    std::vector<T> c(m * n), d(m * m);
    repscope::eigen_products::gemm<factor::as_is, factor::as_is>(m, n, k, T(2), a.data(), k, b.data(), n,
                                                                 T(0), c.data(), n);
    repscope::eigen_products::syrk_add<factor::as_is>(m, k, a.data(), k, d.data(), m);
    for (std::size_t i = 0; i < c.size(); i += 67) add_rounded(results, static_cast<double>(c[i]));
    for (std::size_t i = 0; i < m; i += 5) add_rounded(results, static_cast<double>(d[i * m + i / 2]));
}

} // namespace

void COMPUTE(target_results& results, void (*throws)()) {
    results.target = TEXT(REPSCOPE_TARGET);
    corrupt(results);
    compute_functions(results);
    compute_statistics(results);
    compute_network(results);
    multiply<float>(results);
    multiply<double>(results);
    try {
        throws();
    } catch (const repscope::value_error&) {
        results.caught = true;
    }
}

void THROW() { repscope::errors::throw_value_error("test", "expected a catch"); }
