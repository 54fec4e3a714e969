#pragma once

#include "repscope/detail/common/tiles.hpp"
#include "repscope/detail/gradient/check_samples.hpp"
#include "repscope/error.hpp"
#include "repscope/gradient/variability.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/moments/gradient_moments.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/unit_values.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Moments of the gradients of one layer, for the l2 and the l1 norm over the elements of the input.
struct layer_gradients {
    gradient_moments l2; ///< of the l2 norms
    gradient_moments
        l1; ///< no samples if the gradients are estimated from probes, which do not contain the l1 norm

    /// Moments of `units` units, exact or from `probes` random probes.
    explicit layer_gradients(std::size_t units, std::size_t probes = 0)
        : l2(units, probes), l1(units, probes) {}

    /// Adds gradients that the caller computed: `gradients` (samples, units, elements of the input), of float
    /// or double. Throws as `gradient_moments::update`; after a throw the moments are unchanged. O(elements).
    template <tensor_like Gradients>
    void update(const Gradients& gradients) {
        const auto g = as_view<3>(gradients);
        const std::array<std::size_t, 2> extents{g.extent(0), g.extent(1)};
        std::vector<double> l2_norms(extents[0] * extents[1]), l1_norms(l2_norms.size());
        for (std::size_t i = 0; i < extents[0]; ++i) {
            for (std::size_t u = 0; u < extents[1]; ++u) {
                double squares = 0, sizes = 0;
                for (std::size_t p = 0; p < g.extent(2); ++p) {
                    const auto value = static_cast<double>(g(i, u, p));
                    squares += value * value;
                    sizes += std::abs(value);
                }
                l2_norms[i * extents[1] + u] = std::sqrt(squares);
                l1_norms[i * extents[1] + u] = sizes;
            }
        }
        l2.update(tensor_view<const double, 2>(l2_norms.data(), extents));
        l1.update(tensor_view<const double, 2>(l1_norms.data(), extents));
    }

    /// Adds the samples of another state.
    void merge(const layer_gradients& other) {
        l2.merge(other.l2);
        l1.merge(other.l1);
    }
};

/// Options of `input_unit_gradients`.
struct input_gradient_options {
    thread_source threads = 1;    ///< threads of the norms; the model has its own threads
    std::size_t probes = 0;       ///< random directions per sample; 0: exact, with one backward pass per unit
    std::uint64_t seed = 0;       ///< of the directions
    std::size_t first_sample = 0; ///< index of the first sample in its data set, for the directions
    std::size_t batch = 128;      ///< samples per call of the model; changes results by 1e-12 at most
};

namespace detail {

/// l2 and l1 norms of each sample of `gradient`, written to column `unit` of (samples, units).
template <typename Scalar>
void norms_of_samples(const tensor_view<const Scalar, 4>& gradient, std::size_t unit, std::size_t units,
                      std::vector<double>& l2, std::vector<double>& l1, thread_pool& pool) {
    constexpr std::size_t together = 16;
    const std::size_t samples = gradient.extent(0);
    pool.for_each((samples + together - 1) / together, [&](std::size_t task) {
        for (std::size_t n = task * together; n < (std::min)(samples, (task + 1) * together); ++n) {
            double squares[4] = {}, sizes[4] = {};
            for (std::size_t c = 0; c < gradient.extent(1); ++c) {
                for (std::size_t y = 0; y < gradient.extent(2); ++y) {
                    const Scalar* const row = &gradient(n, c, y, std::size_t{0});
                    for (std::size_t x = 0; x < gradient.extent(3); ++x) {
                        const auto value =
                            static_cast<double>(row[static_cast<std::ptrdiff_t>(x) * gradient.stride(3)]);
                        squares[x % 4] += value * value;
                        sizes[x % 4] += std::abs(value);
                    }
                }
            }
            l2[n * units + unit] = std::sqrt((squares[0] + squares[1]) + (squares[2] + squares[3]));
            l1[n * units + unit] = (sizes[0] + sizes[1]) + (sizes[2] + sizes[3]);
        }
    });
}

/// Calls `visit(unit, gradient)` for the units of a layer: by the model's own loop, or with one vjp per unit.
template <typename Scalar, typename Model, typename Visit>
void for_each_unit_gradient(Model& model, std::size_t layer, const tensor_view<const Scalar, 4>& x,
                            const std::array<std::size_t, 4>& extents, Visit&& visit) {
    if constexpr (requires { model.unit_gradients(layer, x, visit); }) {
        model.unit_gradients(layer, x, visit);
    } else {
        const std::size_t positions = extents[2] * extents[3], units = extents[1];
        std::vector<Scalar> upstream(extents[0] * units * positions), gradient(x.size());
        const auto set = [&](std::size_t unit, Scalar value) {
            for (std::size_t n = 0; n < extents[0]; ++n) {
                std::fill_n(upstream.data() + (n * units + unit) * positions, positions, value);
            }
        };
        for (std::size_t unit = 0; unit < units; ++unit) {
            set(unit, Scalar(1) / static_cast<Scalar>(positions));
            model.vjp(layer, x, tensor_view<const Scalar, 4>(upstream.data(), extents),
                      tensor_view<Scalar, 4>(gradient.data(), x.extents()));
            visit(unit, tensor_view<const Scalar, 4>(gradient.data(), x.extents()));
            set(unit, Scalar(0));
        }
    }
}

/// Calls `visit(index, layer, out)` for all directions and layers: by the model's own loop, or with one jvp
/// per direction.
template <typename Scalar, typename Model, typename Fill, typename Visit>
void for_each_tangent(Model& model, const tensor_view<const Scalar, 4>& x, std::size_t directions,
                      Fill&& fill, Visit&& visit) {
    if constexpr (requires { model.tangents(x, directions, fill, visit); }) {
        model.tangents(x, directions, fill, visit);
    } else {
        std::vector<Scalar> direction(x.size()), out;
        const tensor_view<Scalar, 4> tangent(direction.data(), x.extents());
        for (std::size_t index = 0; index < directions; ++index) {
            fill(index, tangent);
            for (std::size_t layer = 0; layer < model.layers(); ++layer) {
                const std::array<std::size_t, 4> extents = model.extents(layer, x.extents());
                out.resize(extents[0] * extents[1] * extents[2] * extents[3]);
                const tensor_view<Scalar, 4> change(out.data(), extents);
                model.jvp(layer, x, tensor_view<const Scalar, 4>(tangent), change);
                visit(index, layer, tensor_view<const Scalar, 4>(change));
            }
        }
    }
}

/// Sums over the probes of one batch for one layer.
struct probed_layer {
    std::size_t units = 0;
    std::vector<double> squares;            // (samples, units): sums over probes of (J z)^2
    std::vector<double> of_probe, of_sizes; // (samples, probes): sums over units of (J z)^2 and of |J z|

    probed_layer(std::size_t samples, std::size_t width, std::size_t probes)
        : units(width), squares(samples * width), of_probe(samples * probes), of_sizes(samples * probes) {}

    /// sum_u r^2 / (sum_u r)^2 of a sample and the variance of that estimate. All units of a sample share its
    /// probes, so the square of the sum is estimated from pairs of different probes. The jackknife over
    /// probes removes the remaining bias, of order 1 / k, and gives the variance.
    void ratio(std::size_t sample, std::size_t probes, double& estimate, double& variance) const {
        const double* const s = of_probe.data() + sample * probes;
        const double* const m = of_sizes.data() + sample * probes;
        double sum_s = 0, sum_m = 0, sum_mm = 0;
        for (std::size_t k = 0; k < probes; ++k) {
            sum_s += s[k];
            sum_m += m[k];
            sum_mm += m[k] * m[k];
        }
        estimate = variance = 0;
        if (sum_s == 0) return;
        if (probes < 3) {
            estimate = std::numeric_limits<double>::quiet_NaN();
            return;
        }
        constexpr double half_pi = 1.5707963267948966; // E|z| of a normal is sqrt(2 / pi) of its sd
        const auto of = [&](double total_s, double total_m, double total_mm, double k) {
            return (total_s / k) / (half_pi * (total_m * total_m - total_mm) / (k * (k - 1)));
        };
        const auto k = static_cast<double>(probes);
        double mean = 0, spread = 0;
        for (std::size_t out = 0; out < probes; ++out) {
            const double without = of(sum_s - s[out], sum_m - m[out], sum_mm - m[out] * m[out], k - 1);
            const double change = without - mean;
            mean += change / (static_cast<double>(out) + 1);
            spread += change * (without - mean);
        }
        estimate = k * of(sum_s, sum_m, sum_mm, k) - (k - 1) * mean;
        variance = (k - 1) / k * spread;
    }
};

} // namespace detail

/// The dependence of each unit of each layer on the input: moments of the norms of the derivative of the
/// unit's spatial mean with respect to each sample, one entry per layer.
///
/// `model` is a `layered`; `images` (samples, channels, rows, columns) or (samples, features), of float or
/// double. The exact method takes one backward pass per unit and batch of samples, and the memory of one
/// batch of gradients. The method with `probes` takes one derivative J z for each of `probes` random
/// directions z, which are normal and independent per sample. J z is normal with standard deviation
/// |gradient|, for all units of all layers at once. Thus k probes give the l2 norm with a relative error of
/// about 1 / sqrt(2 k), which `gradient_variability` accounts for. Probes give no information on the l1 norm.
/// Results do not depend on threads. Throws `shape_error` for shapes that do not fit, and `value_error` with
/// the sample for images or gradients that are not finite.
template <typename Model, tensor_like Images>
    requires layered<std::remove_reference_t<Model>, element_type_of<Images>>
[[nodiscard]] std::vector<layer_gradients> input_unit_gradients(Model&& model, const Images& images,
                                                                const input_gradient_options& options = {}) {
    using scalar = element_type_of<Images>;
    constexpr const char* name = "input_unit_gradients";
    const auto x = as_activations(images, layout::unstated, name);
    if (x.extent(0) == 0) errors::throw_shape_error(name, "expected at least 1 sample", x.extents());
    if (options.batch == 0) errors::throw_value_error(name, "expected at least 1 sample per batch, got 0");
    if (options.probes > streams::index_limit) {
        errors::throw_value_error(name, "expected at most " + errors::text_of(streams::index_limit) +
                                            " probes, got " + errors::text_of(options.probes));
    }
    detail::check_finite_samples(name, x);
    const std::size_t layers = model.layers(), probes = options.probes;
    std::vector<layer_gradients> result;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        result.emplace_back(std::array<std::size_t, 4>(model.extents(layer, x.extents()))[1], probes);
    }
    const scoped_pool pool(options.threads);
    for (std::size_t first = 0; first < x.extent(0); first += options.batch) {
        const std::size_t count = (std::min)(options.batch, x.extent(0) - first);
        const auto part = samples(x, first, count);
        if (probes == 0) {
            for (std::size_t layer = 0; layer < layers; ++layer) {
                const std::array<std::size_t, 4> extents = model.extents(layer, part.extents());
                const std::array<std::size_t, 2> shape{count, extents[1]};
                std::vector<double> l2(count * extents[1]), l1(l2.size());
                detail::for_each_unit_gradient<scalar>(
                    model, layer, part, extents,
                    [&](std::size_t unit, const tensor_view<const scalar, 4>& gradient) {
                        detail::norms_of_samples(gradient, unit, extents[1], l2, l1, *pool);
                    });
                result[layer].l2.update(tensor_view<const double, 2>(l2.data(), shape));
                result[layer].l1.update(tensor_view<const double, 2>(l1.data(), shape));
            }
            continue;
        }
        std::vector<detail::probed_layer> seen;
        seen.reserve(result.size());
        for (const layer_gradients& layer : result) seen.emplace_back(count, layer.l2.units(), probes);
        std::vector<tile_scalar_t<scalar>> scratch;
        std::vector<double> values;
        detail::for_each_tangent<scalar>(
            model, part, probes,
            [&](std::size_t index, const tensor_view<scalar, 4>& direction) {
                pool->for_each(count, [&](std::size_t n) {
                    random_stream random(
                        options.seed, streams::id(streams::purpose::probe, static_cast<std::uint32_t>(index)),
                        static_cast<std::uint32_t>(options.first_sample + first + n));
                    for (std::size_t c = 0; c < direction.extent(1); ++c) {
                        for (std::size_t row = 0; row < direction.extent(2); ++row) {
                            for (std::size_t column = 0; column < direction.extent(3); ++column) {
                                direction(n, c, row, column) = static_cast<scalar>(random.normal());
                            }
                        }
                    }
                });
            },
            [&](std::size_t index, std::size_t layer, const tensor_view<const scalar, 4>& change) {
                detail::probed_layer& own = seen[layer];
                const auto block = fetch_tile<scalar>(change, 0, count, scratch);
                values.resize(own.units);
                for (std::size_t n = 0; n < count; ++n) {
                    unit_values<false>(block.data + n * own.units * block.positions, own.units,
                                       block.positions, values.data());
                    double squares = 0, sizes = 0;
                    for (std::size_t u = 0; u < own.units; ++u) {
                        own.squares[n * own.units + u] += values[u] * values[u];
                        squares += values[u] * values[u];
                        sizes += std::abs(values[u]);
                    }
                    own.of_probe[n * probes + index] = squares;
                    own.of_sizes[n * probes + index] = sizes;
                }
            });
        const double factor = detail::probe_factor(probes);
        std::vector<double> ratios(count), variances(count);
        for (std::size_t layer = 0; layer < layers; ++layer) {
            detail::probed_layer& own = seen[layer];
            for (double& value : own.squares) {
                value = factor * std::sqrt(value / static_cast<double>(probes));
            }
            for (std::size_t n = 0; n < count; ++n) own.ratio(n, probes, ratios[n], variances[n]);
            result[layer].l2.update(tensor_view<const double, 2>(own.squares.data(), {count, own.units}),
                                    ratios, variances);
        }
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
