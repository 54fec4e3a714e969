#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/workspace.hpp"

#include <cstddef>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Maps (n, c, h, w) as a flat layer (n, c h w, 1, 1), in the order channel, row, column.
template <typename Scalar>
class flatten : public detail::without_parameters {
  public:
    using scalar = Scalar;
    using scratch = detail::map_scratch<Scalar>;
    static constexpr std::size_t tap_count = 0;

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        return {in.n, in.c * in.h * in.w, 1, 1};
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return {}; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t) const {
        s.prepare(output_shape(in.shape), halo);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        return spread(in, s.out.view(run.samples), run);
    }

    void backward(const feature_map_view<const Scalar>&, scratch& s, const pass& run, Scalar*,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (in_gradient.data == nullptr) return;
        const feature_map_view<const Scalar> from = s.gradient.view(run.samples);
        visit_numbers(in_gradient, run, [&](std::size_t n, std::size_t unit, Scalar& number) {
            detail::put(number, from.at(n)[unit], accumulate);
        });
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        return spread(in, s.tangent.view(run.samples), run);
    }

    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}

  private:
    template <typename T, typename Body>
    static void visit_numbers(const feature_map_view<T>& maps, const pass& run, Body&& body) {
        const feature_map_shape& shape = maps.shape;
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                for (std::size_t y = 0; y < shape.h; ++y) {
                    for (std::size_t x = 0; x < shape.w; ++x) {
                        for (std::size_t c = 0; c < shape.c; ++c) {
                            body(n, (c * shape.h + y) * shape.w + x, maps.at(n, y, x)[c]);
                        }
                    }
                }
            }
        });
    }
    static feature_map_view<const Scalar> spread(const feature_map_view<const Scalar>& in,
                                                 const feature_map_view<Scalar>& out, const pass& run) {
        visit_numbers(in, run, [&](std::size_t n, std::size_t unit, const Scalar& number) {
            out.at(n)[unit] = number;
        });
        return out;
    }
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
