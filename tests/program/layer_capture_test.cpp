// Class geometry and similarity of the layers that a study keeps.

#include "npy.hpp"
#include "study/run/layer_capture.hpp"

#include <repscope/geometry/class_distance_variance.hpp>
#include <repscope/tensor/as_view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

namespace layer_capture_test {

using namespace program_test;

TEST_CASE("a captured layer has the geometry of its classes and the similarity to the clean one") {
    constexpr std::size_t images = 60, units = 5;
    repscope::thread_pool pool(2);
    generator random(3);
    std::vector<float> clean(images * units * 4), perturbed;
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < images; ++i) {
        labels.push_back(static_cast<std::int32_t>(i % 3));
        for (std::size_t k = 0; k < units * 4; ++k) {
            const double mean = k / 4 % 3 == i % 3 ? 1.0 : 0.2;
            clean[i * units * 4 + k] = static_cast<float>(mean + random.uniform());
        }
    }
    for (const float value : clean)
        perturbed.push_back(std::max(0.0F, value + static_cast<float>(2 * random.uniform() - 1.5)));
    const auto captured = [&](const std::vector<float>& values) {
        program::layer_capture capture(images, 0, pool);
        capture(0, "conv", repscope::tensor_view<const float, 4>(values.data(), {images, units, 2, 2}));
        return capture;
    };
    const program::layer_capture before = captured(clean), after = captured(perturbed);
    const auto reference = program::compared_layers(before, labels, pool);
    REQUIRE(reference.size() == 1);
    CHECK(!reference[0].cka);
    CHECK(reference[0].classes->activation_uniformity == doctest::Approx(1).epsilon(1e-12));
    const auto changed = program::compared_layers(after, before, labels, pool);
    const auto rows = repscope::as_view(after.layers()[0].means, {images, units});
    repscope::class_moments moments(units, 3);
    moments.update(rows, labels);
    CHECK(changed[0].classes->cdnv_unbiased ==
          doctest::Approx(repscope::class_distance_variance(moments).cdnv_unbiased).epsilon(1e-12));
    CHECK(changed[0].classes->activation_uniformity < 1);
    const auto cka = repscope::linear_cka(repscope::as_view(before.layers()[0].means, {images, units}), rows);
    CHECK(changed[0].cka->unbiased == doctest::Approx(cka.unbiased).epsilon(1e-12));
    CHECK(changed[0].cka->plain < 1);
    const std::vector<std::int32_t> one_class(images, 1);
    CHECK(!program::compared_layers(before, one_class, pool)[0].classes);
}

} // namespace layer_capture_test
