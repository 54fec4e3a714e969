#pragma once

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// Options of an environment of colored images.
struct coloring_options {
    double label_noise = .25;      ///< share of labels that are flipped
    double color_flips = .1;       ///< share of colors that differ from the (noisy) label
    std::size_t stride = 2;        ///< stride of the pixels that are kept, in both directions
    std::size_t first_classes = 5; ///< classes below it have label 1, the others 0
    bool colored = true;           ///< false: one gray channel with the same labels
    std::uint64_t seed = 0;        ///< seed of the random draws
    std::size_t environment = 0;   ///< the draws depend on it and on the seed
};

/// Images with a color that correlates with their label, and the binary label of each.
template <typename Scalar>
struct colored_images {
    array<Scalar, 4> x;      ///< (samples, 2, rows / stride, columns / stride), or one channel when gray
    std::vector<int> labels; ///< 0 or 1 per image
};

namespace detail {

inline void check_share(std::string_view function, const char* what, double value) {
    if (value >= 0 && value <= 1) return;
    errors::throw_value_error(function, std::string("expected ") + what + " from 0 to 1, got " +
                                            errors::text_of(value));
}

} // namespace detail

/// An environment of colored images: label = [class < first_classes], flipped with probability
/// `label_noise`; color = label, flipped with probability `color_flips`.
///
/// `images` (n, rows, columns), one channel; their values are divided by 255. The image is in channel 0 if
/// the color is 1 and in channel 1 if it is 0; the other channel is 0. `chosen`: indices of the images to
/// use, in order; `classes`: their classes (one for every image of `images`). The draws of an image depend on
/// the seed, the environment and its index in `images`, so gray and colored images have the same labels.
/// Throws `value_error` for a probability outside [0, 1] and an index without image, `shape_error` for a
/// stride that leaves no pixel. Arjovsky et al. 2019, section 5.2.
template <typename Scalar = float>
[[nodiscard]] colored_images<Scalar>
colored_environment(const tensor_view<const std::uint8_t, 3>& images, std::span<const int> classes,
                    std::span<const std::uint32_t> chosen, const coloring_options& how) {
    constexpr std::string_view function = "data::colored_environment";
    detail::check_share(function, "a share of label noise", how.label_noise);
    detail::check_share(function, "a share of color flips", how.color_flips);
    if (classes.size() != images.extent(0) || how.stride == 0 || images.empty()) {
        errors::throw_shape_error(function,
                                  "expected images, a class for each and a stride above 0, got " +
                                      errors::text_of(classes.size()) + " classes, stride " +
                                      errors::text_of(how.stride),
                                  images.extents());
    }
    const std::size_t rows = (images.extent(1) + how.stride - 1) / how.stride,
                      columns = (images.extent(2) + how.stride - 1) / how.stride;
    const auto stream =
        streams::id(streams::purpose::environment, static_cast<std::uint32_t>(how.environment));
    colored_images<Scalar> made{
        array<Scalar, 4>({chosen.size(), how.colored ? std::size_t{2} : std::size_t{1}, rows, columns}),
        std::vector<int>(chosen.size())};
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (chosen[i] >= images.extent(0)) {
            errors::throw_value_error(function, "expected images below " + errors::text_of(images.extent(0)) +
                                                    ", got " + errors::text_of(chosen[i]));
        }
        random_stream random(how.seed, stream, chosen[i]);
        const bool clean = static_cast<std::size_t>(classes[chosen[i]]) < how.first_classes;
        const bool label = clean != (random.uniform() < how.label_noise);
        const bool color = label != (random.uniform() < how.color_flips);
        made.labels[i] = label ? 1 : 0;
        const std::size_t channel = how.colored && !color ? 1 : 0;
        for (std::size_t y = 0; y < rows; ++y) {
            for (std::size_t x = 0; x < columns; ++x) {
                made.x(i, channel, y, x) =
                    static_cast<Scalar>(images(chosen[i], y * how.stride, x * how.stride)) / Scalar(255);
            }
        }
    }
    return made;
}

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
