#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/workspace.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

/// The members about parameters of a layer without any.
class without_parameters {
  public:
    [[nodiscard]] std::size_t parameter_count() const noexcept { return 0; }
    template <typename Visitor>
    void visit_parameters(Visitor&&) {}
    template <typename Visitor>
    void visit_state(Visitor&&) {}
    template <typename Scratch>
    void update_state(const Scratch&) {}
    void initialize(initializer&) {}
};

/// The maps of every layer without parameters.
template <typename T>
struct map_scratch {
    map_buffer<T> out, gradient, tangent;

    void prepare(const feature_map_shape& shape, const extent_2d& halo) {
        out.resize(shape, halo);
        gradient.resize(shape);
    }
};

/// to = from, or to += from.
template <typename T>
inline void put(T& to, T from, bool accumulate) noexcept {
    to = accumulate ? to + from : from;
}

} // namespace detail

/// max(0, x), of maps of any shape, NaN for NaN; the derivative at 0 is 0. The tap has the layer's name.
template <typename Scalar>
class relu : public detail::without_parameters {
  public:
    using scalar = Scalar;
    using scratch = detail::map_scratch<Scalar>;
    static constexpr std::size_t tap_count = 1;

    /// `name`: of the layer and of its tap.
    explicit relu(std::string name = "relu") : name_(std::move(name)) {}

    /// The name of the layer.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const { return in; }
    [[nodiscard]] extent_2d input_halo() const noexcept { return {}; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t) const {
        s.prepare(in.shape, halo);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        const feature_map_view<Scalar> out = s.out.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::for_rows(
                first, last,
                [](std::size_t count, Scalar* to, const Scalar* from) {
                    for (std::size_t i = 0; i < count; ++i) to[i] = from[i] < Scalar(0) ? Scalar(0) : from[i];
                },
                out, in);
        });
        return out;
    }

    void backward(const feature_map_view<const Scalar>&, scratch& s, const pass& run, Scalar*,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (in_gradient.data == nullptr) return;
        mask(s, run, s.gradient.view(run.samples), in_gradient, accumulate);
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        const feature_map_view<Scalar> out = s.tangent.view(run.samples);
        mask(s, run, in, out, false);
        return out;
    }

    template <typename Visitor>
    void visit_taps(scratch& s, std::size_t samples, Visitor&& visit) const {
        visit(name_, s.out.view(samples), s.gradient.view(samples), s.tangent);
    }

  private:
    static void mask(scratch& s, const pass& run, const feature_map_view<const Scalar>& from,
                     const feature_map_view<Scalar>& to, bool accumulate) {
        const feature_map_view<const Scalar> value = s.out.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::for_rows(
                first, last,
                [&](std::size_t count, Scalar* row, const Scalar* source, const Scalar* sign) {
                    for (std::size_t i = 0; i < count; ++i) {
                        detail::put(row[i], sign[i] > Scalar(0) ? source[i] : Scalar(0), accumulate);
                    }
                },
                to, from, value);
        });
    }

    std::string name_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
