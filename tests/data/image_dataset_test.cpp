#include "repscope/data/image_dataset.hpp"

#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace image_dataset_test {

using namespace repscope;

namespace {

// 4 images of 2 channels, 2 rows and 3 columns.
data::image_dataset small_set() {
    data::image_dataset set{4, 2, 2, 3, {}, {7, 1, 0, 3}};
    for (std::size_t p = 0; p < 48; ++p) set.pixels.push_back(static_cast<std::uint8_t>(5 * p + 3));
    return set;
}

} // namespace

TEST_CASE("image_dataset: batches are the named images as numbers from 0 to 1") {
    CHECK(net::batch_source<data::image_dataset, float>);
    const data::image_dataset set = small_set();
    CHECK(set.size() == 4);
    CHECK(set.extents() == std::array<std::size_t, 3>{2, 2, 3});
    CHECK(set.view()(2, 1, 0, 2) == set.pixels[2 * 12 + 6 + 2]);
    std::vector<float> memory(24);
    const tensor_view<float, 4> batch(memory.data(), {2, 2, 2, 3});
    const std::vector<std::uint32_t> chosen{3, 1};
    set.read(chosen, batch);
    for (std::size_t n = 0; n < 2; ++n) {
        for (std::size_t p = 0; p < 12; ++p) {
            CHECK(batch(n, p / 6, p / 3 % 2, p % 3) ==
                  static_cast<float>(set.pixels[chosen[n] * 12 + p]) / 255.0F);
        }
    }
}

TEST_CASE("unit_interval and first_images: parts of a data set") {
    const data::image_dataset set = small_set();
    std::vector<double> memory;
    const auto x = data::unit_interval(set, 1, 2, memory);
    CHECK(x.extents() == std::array<std::size_t, 4>{2, 2, 2, 3});
    for (std::size_t p = 0; p < 24; ++p) CHECK(x.data_handle()[p] == set.pixels[12 + p] / 255.0);
    CHECK_THROWS_AS((void)data::unit_interval(set, 3, 2, memory), shape_error);

    const data::image_dataset part = data::first_images(set, 3);
    CHECK(part.images == 3);
    CHECK(part.labels == std::vector<std::int32_t>{7, 1, 0});
    CHECK(part.pixels == std::vector<std::uint8_t>(set.pixels.begin(), set.pixels.begin() + 36));
    CHECK_THROWS_AS((void)data::first_images(set, 5), shape_error);
}

} // namespace image_dataset_test
