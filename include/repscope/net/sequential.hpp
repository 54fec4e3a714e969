#pragma once

#include "repscope/net/concepts.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/workspace.hpp"

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

/// The output maps of a layer, with their gradient and tangent, in the layer's scratch.
template <typename Scratch>
[[nodiscard]] auto& maps_of(Scratch& s) noexcept {
    if constexpr (requires { s.conv.out; })
        return s.conv;
    else if constexpr (requires { s.each; })
        return maps_of(std::get<std::tuple_size_v<decltype(s.each)> - 1>(s.each));
    else
        return s;
}

/// Whether the output of a layer is a tap.
template <typename Layer>
inline constexpr bool taps_output = [] {
    if constexpr (requires { Layer::taps_output; })
        return Layer::taps_output;
    else
        return Layer::tap_count > 0;
}();

} // namespace detail

/// Layers one after the other, composed at compile time; itself a layer.
template <layer_like First, layer_like... Rest>
class sequential {
  public:
    using scalar = typename First::scalar;
    /// Memory of one workspace.
    struct scratch {
        std::tuple<typename First::scratch, typename Rest::scratch...> each; ///< of each layer
    };
    static constexpr std::size_t size = 1 + sizeof...(Rest); ///< number of layers
    static constexpr std::size_t tap_count = First::tap_count + (std::size_t{0} + ... + Rest::tap_count);
    template <std::size_t Index>
    using layer_type = std::tuple_element_t<Index, std::tuple<First, Rest...>>;
    static constexpr bool taps_output = detail::taps_output<layer_type<size - 1>>; ///< the output is a tap

    /// The layers in their order.
    explicit sequential(First first, Rest... rest) : layers_(std::move(first), std::move(rest)...) {}

    /// The layer at place `Index`.
    template <std::size_t Index>
    [[nodiscard]] auto& layer() noexcept {
        return std::get<Index>(layers_);
    }
    /// The layer at place `Index`.
    template <std::size_t Index>
    [[nodiscard]] const auto& layer() const noexcept {
        return std::get<Index>(layers_);
    }

    [[nodiscard]] std::size_t parameter_count() const noexcept {
        return std::apply([](const auto&... layer) { return (layer.parameter_count() + ...); }, layers_);
    }
    [[nodiscard]] feature_map_shape output_shape(feature_map_shape shape) const {
        std::apply([&](const auto&... layer) { ((shape = layer.output_shape(shape)), ...); }, layers_);
        return shape;
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return layer<0>().input_halo(); }
    void prepare(scratch& s, const feature_map_view<const scalar>& in, const extent_2d& halo,
                 std::size_t workers) const {
        prepare_from<0>(s, in, halo, workers);
    }

    feature_map_view<const scalar> forward(const feature_map_view<const scalar>& in, scratch& s,
                                           const pass& run) const {
        return forward_from<0>(in, s, run);
    }
    void backward(const feature_map_view<const scalar>& in, scratch& s, const pass& run, scalar* parameters,
                  const feature_map_view<scalar>& in_gradient, bool accumulate) const {
        backward_below(size - 1, in, s, run, parameters, in_gradient, accumulate);
    }
    /// The backward pass from the output of layer `top` downwards.
    void backward_below(std::size_t top, const feature_map_view<const scalar>& in, scratch& s,
                        const pass& run, scalar* parameters, const feature_map_view<scalar>& in_gradient,
                        bool accumulate) const {
        backward_from<size - 1>(top, in, s, run, parameters, in_gradient, accumulate);
    }
    feature_map_view<const scalar> tangent(const feature_map_view<const scalar>& in, scratch& s,
                                           const pass& run) const {
        return tangent_from<0>(in, s, run);
    }

    /// The layer that owns tap `tap`.
    [[nodiscard]] static constexpr std::size_t layer_of_tap(std::size_t tap) noexcept {
        constexpr std::size_t counts[] = {First::tap_count, Rest::tap_count...};
        std::size_t layer = 0;
        while (tap >= counts[layer]) tap -= counts[layer++];
        return layer;
    }

    /// Whether a tap is the output of the layer that owns it.
    [[nodiscard]] static constexpr bool tap_is_output(std::size_t tap) noexcept {
        constexpr std::size_t counts[] = {First::tap_count, Rest::tap_count...};
        constexpr bool last_is_output[] = {detail::taps_output<First>, detail::taps_output<Rest>...};
        std::size_t layer = 0;
        while (tap >= counts[layer]) tap -= counts[layer++];
        return tap + 1 == counts[layer] && last_is_output[layer];
    }
    /// Shape of a tap for inputs of this shape.
    [[nodiscard]] feature_map_shape tap_shape(std::size_t tap, feature_map_shape shape) const {
        feature_map_shape found{};
        bool searching = true;
        const auto look = [&](const auto& layer) {
            using type = std::remove_cvref_t<decltype(layer)>;
            if (!searching) return;
            if (tap < type::tap_count) {
                searching = false;
                if constexpr (requires { layer.tap_shape(tap, shape); })
                    found = layer.tap_shape(tap, shape);
                else
                    found = layer.output_shape(shape); // all taps of a layer have the shape of its output
                return;
            }
            tap -= type::tap_count;
            shape = layer.output_shape(shape);
        };
        std::apply([&](const auto&... layer) { (look(layer), ...); }, layers_);
        return found;
    }

    template <typename Visitor>
    void visit_taps(scratch& s, std::size_t samples, Visitor&& visit) const {
        with_scratch(s, [&](const auto& layer, auto& own) { layer.visit_taps(own, samples, visit); });
    }
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        std::apply([&](auto&... layer) { (layer.visit_parameters(visit), ...); }, layers_);
    }
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        std::apply([&](auto&... layer) { (layer.visit_state(visit), ...); }, layers_);
    }
    void update_state(const scratch& s) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (std::get<I>(layers_).update_state(std::get<I>(s.each)), ...);
        }
        (std::make_index_sequence<size>{});
    }
    void initialize(initializer& random) {
        std::apply([&](auto&... layer) { (layer.initialize(random), ...); }, layers_);
    }

  private:
    template <typename Body>
    void with_scratch(scratch& s, Body&& body) const {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (body(std::get<I>(layers_), std::get<I>(s.each)), ...);
        }
        (std::make_index_sequence<size>{});
    }
    template <std::size_t I>
    void prepare_from(scratch& s, const feature_map_view<const scalar>& in, const extent_2d& halo,
                      std::size_t workers) const {
        auto& own = std::get<I>(s.each);
        if constexpr (I + 1 < size) {
            layer<I>().prepare(own, in, layer<I + 1>().input_halo(), workers);
            prepare_from<I + 1>(s, detail::maps_of(own).out.view(in.shape.n), halo, workers);
        } else {
            layer<I>().prepare(own, in, halo, workers);
        }
    }
    template <std::size_t I>
    feature_map_view<const scalar> forward_from(const feature_map_view<const scalar>& in, scratch& s,
                                                const pass& run) const {
        const feature_map_view<const scalar> out = layer<I>().forward(in, std::get<I>(s.each), run);
        if constexpr (I + 1 < size)
            return forward_from<I + 1>(out, s, run);
        else
            return out;
    }
    template <std::size_t I>
    feature_map_view<const scalar> tangent_from(const feature_map_view<const scalar>& in, scratch& s,
                                                const pass& run) const {
        const feature_map_view<const scalar> out = layer<I>().tangent(in, std::get<I>(s.each), run);
        if constexpr (I + 1 < size)
            return tangent_from<I + 1>(out, s, run);
        else
            return out;
    }
    template <std::size_t I>
    [[nodiscard]] std::size_t parameters_before() const noexcept {
        return [&]<std::size_t... J>(std::index_sequence<J...>) {
            return (std::size_t{0} + ... + std::get<J>(layers_).parameter_count());
        }
        (std::make_index_sequence<I>{});
    }
    template <std::size_t I>
    void backward_from(std::size_t top, const feature_map_view<const scalar>& in, scratch& s, const pass& run,
                       scalar* parameters, const feature_map_view<scalar>& in_gradient,
                       bool accumulate) const {
        auto& own = std::get<I>(s.each);
        scalar* const gradients = parameters != nullptr ? parameters + parameters_before<I>() : nullptr;
        if constexpr (I == 0) {
            layer<0>().backward(in, own, run, gradients, in_gradient, accumulate);
        } else {
            auto& below = detail::maps_of(std::get<I - 1>(s.each));
            if (I <= top) {
                layer<I>().backward(below.out.view(run.samples), own, run, gradients,
                                    below.gradient.view(run.samples),
                                    run.tapped && detail::taps_output<layer_type<I - 1>>);
            }
            backward_from<I - 1>(top, in, s, run, parameters, in_gradient, accumulate);
        }
    }

    std::tuple<First, Rest...> layers_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
