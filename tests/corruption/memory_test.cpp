#include "corruption/formula.hpp"
#include "support/counted_allocations.hpp"

#include "repscope/corruption/apply.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace memory_test {

using namespace corruption_test;
namespace corruption = repscope::corruption;

TEST_CASE("a corruption takes at most 6 times the bytes of its image, the image and the result included") {
    const auto image = formula_image(1000, 1500);
    (void)corruption::procedural_frost_textures(); // made once
    const auto check = [&](corruption::kind which, int severity) {
        const std::size_t before = counted_allocations::live_bytes;
        counted_allocations::peak_bytes = before;
        const auto result = corruption::apply(which, image, {.severity = severity});
        const double ratio = 1.0 + static_cast<double>(counted_allocations::peak_bytes - before) /
                                       static_cast<double>(image.size());
        CAPTURE(std::string(corruption::name_of(which)));
        CAPTURE(severity);
        CHECK(ratio <= 6.0);
        CHECK(ratio >= 2.0); // the image and the result
    };
    for (std::size_t k = 0; k < corruption::common.size() + corruption::extra.size(); ++k)
        check(static_cast<corruption::kind>(k), 3);
    // Fields as wide as the image, and windows of half its rows.
    check(corruption::kind::elastic_transform, 1);
    check(corruption::kind::elastic_transform, 2);
}

TEST_CASE("rows in a window give the bytes of whole images") {
    // Long enough for height maps, matrices and textures that are not stored; bytes of the version that held
    // whole images in wider types.
    const auto image = formula_image(170, 1100);
    struct golden {
        const char* name;
        int severity;
        std::uint32_t checksum;
    };
    const golden cases[] = {
        {"gaussian_blur", 5, 0x91cc5184U},
        {"defocus_blur", 4, 0x992654a6U},
        {"glass_blur", 3, 0xbba54b9dU},
        {"motion_blur", 5, 0x24b3b0d7U},
        {"zoom_blur", 5, 0x0a719e7bU},
        {"snow", 3, 0xe49e7141U},
        {"frost", 3, 0x78b1a8edU},
        {"fog", 1, 0xc1d1dbb7U},
        {"fog", 5, 0x2541dda6U},
        {"elastic_transform", 1, 0x30c0f3a0U},
        {"elastic_transform", 4, 0xc2668993U},
        {"spatter", 2, 0x46a4d506U},
        {"spatter", 5, 0x1a8dc6adU},
    };
    for (const golden& expected : cases) {
        CAPTURE(std::string(expected.name));
        CAPTURE(expected.severity);
        const auto result = corruption::apply(
            expected.name, image,
            {.severity = expected.severity, .variant = corruption::variant::imagenet, .seed = 3, .index = 2});
        CHECK(checksum(result) == expected.checksum);
    }
}

} // namespace memory_test
