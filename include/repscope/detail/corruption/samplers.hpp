#pragma once

#include "repscope/corruption/blur.hpp"
#include "repscope/corruption/brightness_saturate.hpp"
#include "repscope/corruption/contrast.hpp"
#include "repscope/corruption/elastic.hpp"
#include "repscope/corruption/fog.hpp"
#include "repscope/corruption/frost.hpp"
#include "repscope/corruption/frost_textures.hpp"
#include "repscope/corruption/image.hpp"
#include "repscope/corruption/jpeg.hpp"
#include "repscope/corruption/kind.hpp"
#include "repscope/corruption/motion_blur.hpp"
#include "repscope/corruption/noise.hpp"
#include "repscope/corruption/pixelate.hpp"
#include "repscope/corruption/severity.hpp"
#include "repscope/corruption/snow.hpp"
#include "repscope/corruption/spatter.hpp"
#include "repscope/corruption/zoom_blur.hpp"
#include "repscope/detail/corruption/part_reader.hpp"
#include "repscope/detail/corruption/poisson.hpp"
#include "repscope/random/random_field.hpp"
#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

// Each corruption with its published parameters and draws of its own: made once for images of one size, then
// called for each. The draws of an image depend on the seed, its index, the corruption and the severity, and
// on nothing else.

/// What a corruption is made for.
struct sampler_context {
    std::size_t set;   ///< which published table
    std::size_t level; ///< severity - 1
    image_shape shape;
    std::span<const frost_texture> textures;
};

/// The random numbers of one image.
struct draw_source {
    std::uint64_t seed;
    std::uint32_t stream;
    std::uint32_t index;

    [[nodiscard]] random_field field(std::uint32_t draw) const noexcept {
        return {seed, stream, index, draw};
    }

    [[nodiscard]] double uniform(std::uint32_t draw, double low, double high) const noexcept {
        double u = 0.0;
        field(draw).uniforms(std::span(&u, 1));
        return low + (high - low) * u;
    }
};

/// Calls `use(part of the image, first element, out)` for parts of `noise_part` elements: noise has no
/// rows.
template <pixel T, typename Use>
void each_part(const picture<T>& image, T* out, Use&& use) {
    for (std::size_t first = 0; first < image.size(); first += noise_part) {
        const std::size_t count = (std::min)(noise_part, image.size() - first);
        use(picture<T>{image.pixels + first, 1, count, 1}, first, out + first);
    }
}

template <kind Which>
struct sampler;

template <>
struct sampler<kind::gaussian_noise> {
    double sigma;
    explicit sampler(const sampler_context& s) : sigma(published::gaussian_noise[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        double* noise = memory.take<double>(noise_part);
        each_part(image, out, [&](const picture<T>& part, std::size_t first, T* to) {
            draws.field(0).normals(std::span(noise, part.size()), 0.0, sigma, first);
            add_noise(part, noise, to);
        });
    }
};

template <>
struct sampler<kind::speckle_noise> {
    double sigma;
    explicit sampler(const sampler_context& s) : sigma(published::speckle_noise[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        double* noise = memory.take<double>(noise_part);
        each_part(image, out, [&](const picture<T>& part, std::size_t first, T* to) {
            draws.field(0).normals(std::span(noise, part.size()), 0.0, sigma, first);
            speckle_noise(part, noise, to);
        });
    }
};

template <>
struct sampler<kind::shot_noise> {
    double photons;
    poisson_table table;
    explicit sampler(const sampler_context& s)
        : photons(published::shot_noise[s.set][s.level]), table(photons) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        double* counts = memory.take<double>(noise_part);
        double* more = memory.take<double>(noise_part);
        each_part(image, out, [&](const picture<T>& part, std::size_t first, T* to) {
            draws.field(0).uniforms(std::span(counts, part.size()), first);
            if constexpr (std::is_same_v<T, std::uint8_t>) {
                for (std::size_t i = 0; i < part.size(); ++i)
                    counts[i] = table.draw(part.pixels[i], counts[i]);
            } else {
                draws.field(1).uniforms(std::span(more, part.size()), first);
                for (std::size_t i = 0; i < part.size(); ++i)
                    counts[i] = table.draw(part.pixels[i], counts[i], more[i]);
            }
            shot_noise(part, photons, counts, to);
        });
    }
};

template <>
struct sampler<kind::impulse_noise> {
    std::uint32_t salt_below;
    std::uint32_t pepper_below;
    explicit sampler(const sampler_context& s)
        : salt_below(
              static_cast<std::uint32_t>(0.5 * published::impulse_noise[s.set][s.level] * 4294967296.0)),
          pepper_below(static_cast<std::uint32_t>(published::impulse_noise[s.set][s.level] * 4294967296.0)) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        auto* impulses = memory.take<impulse>(image.size());
        draws.field(0).words(image.size(),
                             [&](std::size_t first, const std::uint32_t* words, std::size_t count) {
                                 for (std::size_t i = 0; i < count; ++i) {
                                     const auto value = static_cast<std::uint8_t>(
                                         (words[i] < pepper_below ? 1 : 0) + (words[i] < salt_below ? 1 : 0));
                                     impulses[first + i] = static_cast<impulse>(value);
                                 }
                             });
        impulse_noise(image, impulses, out);
    }
};

template <>
struct sampler<kind::gaussian_blur> {
    std::vector<double> weights;
    explicit sampler(const sampler_context& s)
        : weights(gaussian_weights(published::gaussian_blur[s.set][s.level])) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch& memory, T* out) const {
        gaussian_blur(image, weights, memory, out);
    }
};

template <>
struct sampler<kind::defocus_blur> {
    disk_kernel disk;
    explicit sampler(const sampler_context& s) : disk(make_disk(published::defocus_blur[s.set][s.level])) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch& memory, T* out) const {
        defocus_blur(image, disk, memory, out);
    }
};

template <>
struct sampler<kind::glass_blur> {
    glass_parameters parameters;
    std::vector<double> weights;
    explicit sampler(const sampler_context& s)
        : parameters(published::glass_blur[s.set][s.level]), weights(gaussian_weights(parameters.sigma)) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        const std::size_t count = glass_draws(image.height, image.width, parameters);
        auto* offsets = memory.take<std::int8_t>(count);
        const auto span = 2 * static_cast<std::uint64_t>(parameters.max_delta);
        const int delta = parameters.max_delta;
        // One word gives both: the whole part of word x span / 2^32, and that of what is left.
        draws.field(0).words(count / 2, [&](std::size_t first, const std::uint32_t* words, std::size_t n) {
            for (std::size_t i = 0; i < n; ++i) {
                const std::uint64_t x = words[i] * span;
                const std::uint64_t y = (x & 0xFFFFFFFFU) * span;
                offsets[2 * (first + i)] = static_cast<std::int8_t>(static_cast<int>(x >> 32U) - delta);
                offsets[2 * (first + i) + 1] = static_cast<std::int8_t>(static_cast<int>(y >> 32U) - delta);
            }
        });
        glass_blur(image, parameters, weights, offsets, memory, out);
    }
};

template <>
struct sampler<kind::motion_blur> {
    std::vector<double> weights;
    explicit sampler(const sampler_context& s)
        : weights(trail_weights(published::motion_blur[s.set][s.level])) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        motion_blur(image, weights, draws.uniform(0, -45.0, 45.0), memory, out);
    }
};

template <>
struct sampler<kind::zoom_blur> {
    std::vector<zoom_grid> grids;
    explicit sampler(const sampler_context& s)
        : grids(zoom_grids(s.shape.height, s.shape.width, published::zoom_blur[s.set][s.level])) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch& memory, T* out) const {
        zoom_blur(image, grids, memory, out);
    }
};

template <>
struct sampler<kind::snow> {
    snow_plan plan;
    explicit sampler(const sampler_context& s)
        : plan(s.shape.height, s.shape.width, published::snow[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        const scratch::frame frame(memory);
        part_reader layer(image.area(), memory, [&](std::span<double> values, std::size_t first) {
            draws.field(0).normals(values, plan.parameters.loc, plan.parameters.scale, first);
        });
        const auto load = [&](std::size_t y, double* to) { layer.read(y * image.width, image.width, to); };
        snow(image, plan, load, draws.uniform(1, -135.0, -45.0), memory, out);
    }
};

template <>
struct sampler<kind::frost> {
    /// A texture that is scaled so that its size relative to the image is that of the published set, and that
    /// covers the image.
    struct fitted_texture {
        const frost_texture* texture;
        double factor;
        std::array<std::size_t, 2> sides;
    };

    frost_parameters parameters;
    std::vector<fitted_texture> textures;
    std::vector<frost_texture> resized; ///< all of them, where they take no more memory than the images

    explicit sampler(const sampler_context& s)
        : parameters(published::frost[s.set][s.level]), textures(fit_textures(s.textures, s.set, s.shape)) {
        std::size_t area = 0;
        for (const fitted_texture& fitted : textures) area += fitted.sides[0] * fitted.sides[1];
        if (area > s.shape.count * s.shape.height * s.shape.width) return;
        for (const fitted_texture& fitted : textures)
            resized.push_back(resize_texture(*fitted.texture, fitted.factor));
    }

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        random_stream random(draws.seed, draws.stream, draws.index);
        frost_crop crop;
        crop.texture = random.below(static_cast<std::uint32_t>(textures.size()));
        const fitted_texture& fitted = textures[crop.texture];
        const auto place = [&random](std::size_t texture, std::size_t side) {
            return random.below(static_cast<std::uint32_t>((std::max<std::size_t>)(1, texture - side)));
        };
        crop.row = place(fitted.sides[0], image.height);
        crop.column = place(fitted.sides[1], image.width);
        if (!resized.empty() || fitted.factor == 1.0) {
            const frost_texture& texture = resized.empty() ? *fitted.texture : resized[crop.texture];
            frost(
                image, parameters, [&](std::size_t y) { return crop_row(texture, crop, y); }, out);
            return;
        }
        const scratch::frame frame(memory);
        auto* row = memory.take<std::uint8_t>(3 * image.width);
        const resized_texture texture(*fitted.texture, fitted.factor);
        const auto ice_row = [&](std::size_t y) {
            texture.row(crop.row + y, crop.column, image.width, row);
            return static_cast<const std::uint8_t*>(row);
        };
        frost(image, parameters, ice_row, out);
    }

    [[nodiscard]] static std::vector<fitted_texture> fit_textures(std::span<const frost_texture> given,
                                                                  std::size_t set, const image_shape& shape) {
        if (given.empty()) given = procedural_frost_textures();
        const double usual = published::frost_scale[set] *
                             static_cast<double>((std::min)(shape.height, shape.width)) /
                             published::image_side[set];
        std::vector<fitted_texture> fitted;
        for (const frost_texture& texture : given) {
            const double least =
                (std::max)(static_cast<double>(shape.height) / static_cast<double>(texture.extent(0)),
                           static_cast<double>(shape.width) / static_cast<double>(texture.extent(1)));
            double factor = (std::max)(usual, least);
            auto sides = resized_sides(texture, factor);
            // With rounding to the even side of a half it may be one pixel short.
            while (sides[0] < shape.height || sides[1] < shape.width) {
                factor *= 1.001;
                sides = resized_sides(texture, factor);
            }
            fitted.push_back({&texture, factor, sides});
        }
        return fitted;
    }
};

template <>
struct sampler<kind::fog> {
    fog_parameters parameters;
    explicit sampler(const sampler_context& s) : parameters(published::fog[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        const scratch::frame frame(memory);
        const auto make = [&](std::span<double> values, std::size_t first) {
            draws.field(0).uniforms(values, first);
        };
        const auto scale = [](double* values, std::size_t count, double wibble) {
            for (std::size_t i = 0; i < count; ++i) values[i] = wibble * (2.0 * values[i] - 1.0);
        };
        const std::size_t size = fog_draws(image.height, image.width);
        if (fog_side(image.height, image.width) <= max_stored_fog_side) {
            double* all = memory.take<double>(size);
            make(std::span(all, size), 0);
            const auto heights = [&](std::size_t, std::size_t first, std::size_t count, double wibble,
                                     double* to) {
                std::copy_n(all + first, count, to);
                scale(to, count, wibble);
            };
            fog(image, parameters, heights, memory, out);
            return;
        }
        // A reader for each stream, since they are far apart.
        using reader = part_reader<decltype(make)>;
        std::array<reader, 3> readers{reader(size, memory, make), reader(size, memory, make),
                                      reader(size, memory, make)};
        const auto heights = [&](std::size_t stream, std::size_t first, std::size_t count, double wibble,
                                 double* to) {
            readers[stream].read(first, count, to);
            scale(to, count, wibble);
        };
        fog(image, parameters, heights, memory, out);
    }
};

template <>
struct sampler<kind::brightness> {
    double amount;
    explicit sampler(const sampler_context& s) : amount(published::brightness[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch&, T* out) const {
        brightness(image, amount, out);
    }
};

template <>
struct sampler<kind::contrast> {
    double factor;
    explicit sampler(const sampler_context& s) : factor(published::contrast[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch& memory, T* out) const {
        contrast(image, factor, memory, out);
    }
};

template <>
struct sampler<kind::elastic_transform> {
    elastic_plan plan;
    explicit sampler(const sampler_context& s)
        : plan(s.shape.height, s.shape.width,
               elastic_pixels(published::elastic_transform[s.set][s.level], static_cast<variant>(s.set + 1),
                              s.shape.height, s.shape.width)) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        double moves[6];
        draws.field(0).uniforms(moves);
        for (double& move : moves) move = plan.parameters.affine * (2.0 * move - 1.0);
        const scratch::frame frame(memory);
        const std::size_t count = 2 * image.area();
        float* fields = memory.take<float>(count);
        if (plan.parameters.alpha > 0.0) {
            double* part = memory.take<double>(noise_part);
            for (std::size_t first = 0; first < count; first += noise_part) {
                const std::size_t length = (std::min)(noise_part, count - first);
                draws.field(1).uniforms(std::span(part, length), first);
                for (std::size_t i = 0; i < length; ++i)
                    fields[first + i] = static_cast<float>(2.0 * part[i] - 1.0);
            }
        }
        elastic_transform(image, plan, moves, fields, memory, out);
    }
};

template <>
struct sampler<kind::pixelate> {
    pixelate_plan plan;
    explicit sampler(const sampler_context& s)
        : plan(s.shape.height, s.shape.width, published::pixelate[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch& memory, T* out) const {
        pixelate(image, plan, memory, out);
    }
};

template <>
struct sampler<kind::jpeg_compression> {
    jpeg_plan plan;
    explicit sampler(const sampler_context& s) : plan(published::jpeg_compression[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch& memory, T* out) const {
        jpeg_compression(image, plan, memory, out);
    }
};

template <>
struct sampler<kind::spatter> {
    spatter_plan plan;
    explicit sampler(const sampler_context& s) : plan(published::spatter[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source& draws, scratch& memory, T* out) const {
        const scratch::frame frame(memory);
        part_reader layer(image.area(), memory, [&](std::span<double> values, std::size_t first) {
            draws.field(0).normals(values, plan.parameters.loc, plan.parameters.scale, first);
        });
        const auto load = [&](std::size_t y, double* to) { layer.read(y * image.width, image.width, to); };
        spatter(image, plan, load, memory, out);
    }
};

template <>
struct sampler<kind::saturate> {
    saturate_parameters parameters;
    explicit sampler(const sampler_context& s) : parameters(published::saturate[s.set][s.level]) {}

    template <pixel T>
    void operator()(const picture<T>& image, const draw_source&, scratch&, T* out) const {
        saturate(image, parameters, out);
    }
};

/// Whether colors matter: such a corruption needs 1 channel or 3.
[[nodiscard]] constexpr bool needs_colors(kind which) noexcept {
    return which == kind::snow || which == kind::frost || which == kind::brightness ||
           which == kind::jpeg_compression || which == kind::spatter || which == kind::saturate;
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
