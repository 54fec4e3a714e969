#include "repscope/net/accuracy.hpp"

#include "repscope/error.hpp"
#include "repscope/net/models.hpp"
#include "repscope/net/trainer.hpp"
#include "repscope/random/random_stream.hpp"

#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

namespace accuracy_test {

using namespace repscope;

TEST_CASE("argmax: the lowest of the largest logits") {
    const std::vector<double> values{1, 3, 3, -1, -2, -3, 0, 0, 0};
    const tensor_view<const double, 2> logits(values.data(), {3, 3});
    CHECK(net::argmax(logits, 0) == 1);
    std::vector<int> predicted(4, 7);
    net::argmax(logits, predicted);
    CHECK(predicted == std::vector<int>{1, 0, 0, 7});
    CHECK_THROWS_AS(net::argmax(logits, std::span(predicted).first(2)), shape_error);
    CHECK_THROWS_AS(net::argmax(tensor_view<const double, 2>(values.data(), {2, 0}), predicted), shape_error);
}

TEST_CASE("accuracy: a network agrees with its logits, sample by sample, for any batch and threads") {
    constexpr std::size_t samples = 23;
    std::vector<double> pixels(samples * 6);
    random_stream random(4, 1);
    for (double& p : pixels) p = random.normal();
    const net::image_source<double> source{{pixels.data(), {samples, 1, 2, 3}}};
    auto network = net::mlp<double>(6, 4, std::vector<double>{0.0}, std::vector<double>{1.0});
    network.initialize(2);
    using network_type = decltype(network);

    std::vector<int> labels(samples);
    std::vector<bool> expected(samples);
    std::size_t right = 0;
    network_type::workspace workspace;
    for (std::size_t n = 0; n < samples; ++n) {
        const auto logits =
            network.forward(tensor_view<const double, 4>(pixels.data() + n * 6, {1, 1, 2, 3}), workspace);
        int largest = 0;
        for (int c = 1; c < 4; ++c) {
            if (logits(0, static_cast<std::size_t>(c)) > logits(0, static_cast<std::size_t>(largest)))
                largest = c;
        }
        expected[n] = n % 3 != 0;
        right += expected[n] ? 1U : 0U;
        labels[n] = expected[n] ? largest : (largest + 1) % 4;
    }
    for (const std::size_t batch : {1U, 5U, 23U, 250U}) {
        for (const int threads : {1, 2}) {
            const net::accuracy_options options{.threads = threads, .batch = batch};
            CHECK(net::correct_predictions(network, source, labels, options) == expected);
            CHECK(net::accuracy(network, source, labels, options) == static_cast<double>(right) / samples);
        }
    }
}

TEST_CASE("correct_predictions: any classifier, batches in order, bad input") {
    const std::vector<float> pixels{0, 1, 2, 3, 4};
    const net::image_source<float> source{{pixels.data(), {5, 1, 1, 1}}, 2.0};
    std::vector<std::size_t> batches;
    const auto twice = [&](const tensor_view<const float, 4>& x, std::span<int> predicted) {
        batches.push_back(predicted.size());
        for (std::size_t n = 0; n < x.extent(0); ++n) predicted[n] = static_cast<int>(x(n, 0, 0, 0));
    };
    const std::vector<int> labels{0, 2, 3, 6, 7};
    CHECK(net::correct_predictions(twice, source, labels, {.batch = 2}) ==
          std::vector<bool>{true, true, false, true, false});
    CHECK(batches == std::vector<std::size_t>{2, 2, 1});
    CHECK_THROWS_AS((void)net::correct_predictions(twice, source, std::vector<int>{1}), shape_error);
    CHECK_THROWS_AS((void)net::correct_predictions(twice, source, labels, {.batch = 0}), value_error);

    const net::image_source<float> none{{pixels.data(), {0, 1, 1, 1}}};
    auto network = net::mlp<float>(1, 2, std::vector<double>{0.0}, std::vector<double>{1.0});
    network.initialize(1);
    CHECK(std::isnan(net::accuracy(network, none, std::vector<int>{})));
}

} // namespace accuracy_test
