#pragma once

#include "repscope/attack/input_bounds.hpp"
#include "repscope/error.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Options of `random_signs`.
struct random_signs_options {
    thread_source threads = 1;    ///< threads to use
    double eps = 0;               ///< radius of the linf ball, in data units: 8 / 255., not 8
    input_bounds bounds{};        ///< smallest and largest value of an input
    std::uint64_t seed = 0;       ///< seed of the random signs
    std::uint32_t draw = 0;       ///< below 4096; another number gives independent signs
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the random draws
};

/// Returns inputs with every component moved up or down by eps, each with probability 1/2, and then clipped
/// to the bounds. This is a control for linf attacks: it has the same size and uses no information on the
/// model.
///
/// `images` (samples, channels, rows, columns) or (samples, features), of float or double; the result is of
/// that element type, with 4 axes. The signs of a sample depend only on the seed, the draw and its index in
/// the data set. Sums are rounded in the element type, so the perturbation is eps up to rounding. Throws
/// `shape_error` for bounds of another number of channels. Throws `value_error` for an eps that is not finite
/// and above 0 or is wider than the bounds, a draw of 4096 or more, and indices that do not fit in 32 bits.
/// O(size of the images).
template <tensor_like Images>
[[nodiscard]] array<element_type_of<Images>, 4> random_signs(const Images& images,
                                                             const random_signs_options& options) {
    using scalar = element_type_of<Images>;
    constexpr std::string_view function = "attack::random_signs";
    const tensor_view<const scalar, 4> x = as_activations(images, layout::unstated, function);
    detail::check_bounds(function, options.bounds, x.extent(1));
    const double width = options.bounds.width();
    if (!(options.eps > 0 && options.eps <= width)) {
        errors::throw_value_error(function, "expected an eps above 0 and up to the width of the bounds, " +
                                                errors::text_of(width) + ", got " +
                                                errors::text_of(options.eps));
    }
    constexpr std::size_t last = (std::numeric_limits<std::uint32_t>::max)();
    if (x.extent(0) > last || options.first_sample > last - x.extent(0)) {
        errors::throw_value_error(function, "expected places of samples below 2^32, got " +
                                                errors::text_of(options.first_sample) + " + " +
                                                errors::text_of(x.extent(0)));
    }
    const std::uint32_t stream = streams::id(streams::purpose::control, options.draw);
    const auto eps = static_cast<scalar>(options.eps);
    array<scalar, 4> perturbed(x.extents());
    const std::size_t size = x.extent(1) * x.extent(2) * x.extent(3);
    const scoped_pool pool(options.threads);
    pool->for_each(x.extent(0), [&](std::size_t n) {
        random_stream random(options.seed, stream, static_cast<std::uint32_t>(options.first_sample + n));
        scalar* to = perturbed.data_handle() + n * size;
        for (std::size_t c = 0; c < x.extent(1); ++c) {
            const auto lower = static_cast<scalar>(options.bounds.lower_of(c));
            const auto upper = static_cast<scalar>(options.bounds.upper_of(c));
            for (std::size_t i = 0; i < x.extent(2); ++i) {
                for (std::size_t j = 0; j < x.extent(3); ++j) {
                    const scalar sign = random.below(2) == 0 ? -eps : eps;
                    *to++ = std::clamp(static_cast<scalar>(x(n, c, i, j) + sign), lower, upper);
                }
            }
        }
    });
    return perturbed;
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
