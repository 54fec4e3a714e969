#pragma once

#include "repscope/error.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/training/layers/convolutional_dictionary.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// The order in which the activations of the layers are inferred.
enum class pursuit_order {
    joint,          ///< deep pursuit: all layers in turn, each with the reconstruction of those above
    layer_by_layer, ///< layered basis pursuit: a layer is finished before the next one begins
};

/// The activations of layer `from` (1 is the first, 0 the input) are added to the target that layer `to`
/// reconstructs.
struct pursuit_skip {
    std::size_t from, to; ///< numbers of layers
};

/// Convolutional layers whose activations are inferred together, as one non-negative sparse code.
///
/// With w_0 = x, dictionaries B_j, and u_j = w_{j-1} + sum over skips (i, j) of w_i, the activations w_1 ...
/// w_L >= 0 minimize
///
///     F(w) = sum_j 1/2 |u_j - B_j w_j|^2 + lambda_j . w_j,
///
/// by block proximal gradient, unrolled: they start from the feed-forward pass w_j = max(0, B_j^T u_j -
/// lambda_j), and an iteration takes the layers in turn, w_j = max(0, w_j - eta_j (dF/dw_j)), where dF/dw_j =
/// -B_j^T (u_j - B_j w_j) + sum over the layers k that read w_j of (u_k - B_k w_k), plus lambda_j, and eta_j
/// = 1 / (curvature_j + number of those layers). Without iterations this is the plain network of convolutions
/// with bias -lambda and ReLU. `layer_by_layer` omits the sum and finishes one layer after the other.
///
/// F decreases at every block (if eta is below 2 over the Lipschitz constant; see `dictionary::renew`).
/// Gradients pass through all iterations and treat eta as a constant. There is no batch norm; after every
/// training step atoms are normalized to unit length. Output and last tap: w_L. Taps: every w_j. Cost: an
/// iteration is about twice a forward pass, more with skips. Throws `value_error` for a skip that does not
/// join two layers and `shape_error` if it joins maps of different shapes.
///
/// After Cazenavette, Murdock and Lucey 2021 (arXiv 2011.14427).
template <typename Scalar, std::size_t Layers>
class deep_pursuit {
  public:
    using scalar = Scalar;
    static constexpr std::size_t tap_count = Layers;

    /// Settings of the layers.
    struct config {
        std::array<typename dictionary<Scalar>::config, Layers> layers; ///< settings of each layer
        std::vector<pursuit_skip> skips;                                ///< further terms of the targets
        std::size_t iterations = 3;                                     ///< after the feed-forward pass
        pursuit_order order = pursuit_order::joint;                     ///< order of the updates
    };
    /// Memory of one workspace.
    struct scratch {
        std::array<typename dictionary<Scalar>::scratch, Layers> operators;
        std::array<std::vector<net::map_buffer<Scalar>>, Layers> history; ///< w_j after each of its updates
        std::array<net::map_buffer<Scalar>, Layers> decoded;              ///< B_j w_j
        std::array<net::map_buffer<Scalar>, Layers> moving;               ///< m of a backward pass
        std::array<net::map_buffer<Scalar>, Layers - 1> inner_gradient,
            inner_tangent;                              ///< derivatives of the inner layers
        std::array<std::size_t, Layers> version{};      ///< place of the latest entry of the history
        net::map_buffer<Scalar> out, gradient, tangent; ///< the output, and derivatives of it
    };

    /// Throws `value_error` for a skip that does not join two layers.
    explicit deep_pursuit(config values)
        : iterations_(values.iterations), order_(values.order),
          dictionaries_(make(values.layers, std::make_index_sequence<Layers>{})) {
        for (std::size_t j = 0; j < Layers; ++j) below_[j].push_back(j);
        for (const pursuit_skip& skip : values.skips) {
            if (skip.to < 2 || skip.to > Layers || skip.from + 1 >= skip.to) {
                errors::throw_value_error("training::deep_pursuit",
                                          "expected skips over at least one layer, from 0 to at most " +
                                              errors::text_of(Layers) + ", got one from " +
                                              errors::text_of(skip.from) + " to " + errors::text_of(skip.to));
            }
            below_[skip.to - 1].push_back(skip.from);
        }
        for (std::size_t k = 0; k < Layers; ++k) {
            for (const std::size_t i : below_[k]) {
                if (i > 0) above_[i - 1].push_back(k);
            }
        }
        // Blocks in the order of their updates.
        if (order_ == pursuit_order::joint) {
            for (std::size_t t = 0; t <= iterations_; ++t) {
                for (std::size_t j = 0; j < Layers; ++j) updates_.push_back({j, t == 0});
            }
        } else {
            for (std::size_t j = 0; j < Layers; ++j) {
                for (std::size_t t = 0; t <= iterations_; ++t) updates_.push_back({j, t == 0});
            }
        }
    }

    /// Number of iterations.
    [[nodiscard]] std::size_t iterations() const noexcept { return iterations_; }
    /// The dictionary of a layer, counted from 0.
    [[nodiscard]] dictionary<Scalar>& layer(std::size_t index) noexcept { return dictionaries_[index]; }
    /// The dictionary of a layer, counted from 0.
    [[nodiscard]] const dictionary<Scalar>& layer(std::size_t index) const noexcept {
        return dictionaries_[index];
    }
    [[nodiscard]] std::size_t parameter_count() const noexcept {
        std::size_t count = 0;
        for (const auto& each : dictionaries_) count += each.parameter_count();
        return count;
    }
    [[nodiscard]] net::feature_map_shape output_shape(net::feature_map_shape shape) const {
        for (const auto& each : dictionaries_) shape = each.output_shape(shape);
        return shape;
    }
    [[nodiscard]] net::extent_2d input_halo() const noexcept { return {}; }

    void prepare(scratch& s, const net::feature_map_view<const Scalar>& in, const net::extent_2d& halo,
                 std::size_t workers) const {
        std::array<net::feature_map_shape, Layers + 1> shape{in.shape};
        for (std::size_t j = 0; j < Layers; ++j) {
            for (const std::size_t i : below_[j]) {
                if (shape[i] == shape[j]) continue;
                const std::size_t got[] = {shape[i].n, shape[i].c, shape[i].h, shape[i].w};
                errors::throw_shape_error("training::deep_pursuit",
                                          "expected a skip from " + errors::text_of(i) + " to " +
                                              errors::text_of(j + 1) + " of the shape of activations " +
                                              errors::text_of(j),
                                          got);
            }
            shape[j + 1] = dictionaries_[j].output_shape(shape[j]);
            dictionaries_[j].prepare(s.operators[j], shape[j], workers);
            s.history[j].resize(iterations_ + 1);
            for (auto& each : s.history[j]) each.resize(shape[j + 1]);
            s.decoded[j].resize(shape[j]);
            s.moving[j].resize(shape[j + 1]);
            if (j + 1 < Layers) s.inner_gradient[j].resize(shape[j + 1]);
        }
        s.out.resize(shape[Layers], halo);
        s.gradient.resize(shape[Layers]);
    }

    net::feature_map_view<const Scalar> forward(const net::feature_map_view<const Scalar>& in, scratch& s,
                                                const net::pass& run) const {
        std::array<bool, Layers> decoded{};
        const auto reconstruct = [&](std::size_t j) {
            if (!decoded[j]) {
                dictionaries_[j].decode(latest(s, run, j), s.decoded[j].view(run.samples), s.operators[j],
                                        run);
            }
            decoded[j] = true;
            return net::feature_map_view<const Scalar>(s.decoded[j].view(run.samples));
        };
        for (const update& now : updates_) {
            const std::size_t j = now.layer;
            const net::feature_map_view<Scalar> lower = s.operators[j].lower.view(run.samples);
            gather(in, s, run, j, lower);
            if (now.first) {
                s.version[j] = 0;
                step(run, dictionaries_[j].encode(s.operators[j], run), Scalar(1), j, latest(s, run, j));
            } else {
                const Scalar eta = rate(j);
                detail::combine<true>(run, lower, reconstruct(j), Scalar(-1));
                const net::feature_map_view<Scalar> before = latest(s, run, j);
                ++s.version[j];
                const net::feature_map_view<Scalar> after = latest(s, run, j);
                // Descent first, then the shrinkage.
                detail::combine<false>(run, after, net::feature_map_view<const Scalar>(before));
                detail::combine<true>(run, after, dictionaries_[j].encode(s.operators[j], run), eta);
                if (order_ == pursuit_order::joint) {
                    for (const std::size_t k : above_[j]) {
                        detail::combine<true>(run, after, reconstruct(k), eta);
                        for (const std::size_t i : below_[k]) {
                            // Layer j itself before this update.
                            detail::combine<true>(run, after,
                                                  i == j + 1 ? net::feature_map_view<const Scalar>(before)
                                                             : value(in, s, run, i),
                                                  -eta);
                        }
                    }
                }
                step(run, after, eta, j, after);
            }
            decoded[j] = false;
        }
        const net::feature_map_view<Scalar> out = s.out.view(run.samples);
        detail::combine<false>(run, out, net::feature_map_view<const Scalar>(latest(s, run, Layers - 1)));
        return out;
    }

    void backward(const net::feature_map_view<const Scalar>& in, scratch& s, const net::pass& run,
                  Scalar* parameters, const net::feature_map_view<Scalar>& in_gradient,
                  bool accumulate) const {
        if (parameters != nullptr) std::fill_n(parameters, parameter_count(), Scalar(0));
        if (in_gradient.data != nullptr && !accumulate) clear(run, in_gradient);
        for (std::size_t j = 0; j + 1 < Layers && !run.tapped; ++j) clear(run, cotangent(s, run, j));
        const auto add_below = [&](std::size_t i, const net::feature_map_view<const Scalar>& from,
                                   Scalar factor) {
            if (i > 0)
                detail::combine<true>(run, cotangent(s, run, i - 1), from, factor);
            else if (in_gradient.data != nullptr)
                detail::combine<true>(run, in_gradient, from, factor);
        };
        const auto add_atoms = [&](std::size_t j, const net::feature_map_view<const Scalar>& w,
                                   Scalar factor) {
            if (parameters == nullptr) return;
            dictionaries_[j].add_gradient(w, factor, s.operators[j], run, parameters + parameters_before(j));
        };
        s.version.fill(iterations_);
        for (std::size_t u = updates_.size(); u-- > 0;) {
            const std::size_t j = updates_[u].layer;
            const Scalar eta = updates_[u].first ? Scalar(1) : rate(j);
            auto& own = s.operators[j];
            const net::feature_map_view<Scalar> m = s.moving[j].view(run.samples), hat = cotangent(s, run, j),
                                                lower = own.lower.view(run.samples),
                                                decoded = s.decoded[j].view(run.samples);
            mask(run, hat, latest(s, run, j), m);
            if (parameters != nullptr) {
                dictionaries_[j].add_shrinkage_gradient(
                    m, -eta, own, run, parameters + parameters_before(j) + dictionaries_[j].atoms().size());
            }
            if (updates_[u].first) {
                gather(in, s, run, j, lower);
                add_atoms(j, m, Scalar(1));
                dictionaries_[j].decode(m, decoded, own, run);
                for (const std::size_t i : below_[j]) add_below(i, decoded, Scalar(1));
                continue;
            }
            --s.version[j];
            const net::feature_map_view<const Scalar> before = latest(s, run, j);
            // eta <m, B^T (u - B w)>: by the B outside, then by the one inside, u and w.
            gather(in, s, run, j, lower);
            if (parameters != nullptr) {
                dictionaries_[j].decode(before, decoded, own, run);
                detail::combine<true>(run, lower, net::feature_map_view<const Scalar>(decoded), Scalar(-1));
                add_atoms(j, m, eta);
            }
            dictionaries_[j].decode(m, decoded, own, run);
            for (const std::size_t i : below_[j]) add_below(i, decoded, eta);
            detail::combine<false>(run, lower, net::feature_map_view<const Scalar>(decoded), -eta);
            add_atoms(j, before, Scalar(1));
            detail::combine<false>(run, hat, net::feature_map_view<const Scalar>(m));
            detail::combine<true>(run, hat, dictionaries_[j].encode(own, run));
            if (order_ == pursuit_order::layer_by_layer) continue;
            for (const std::size_t k : above_[j]) { // -eta <m, u_k - B_k w_k>
                for (const std::size_t i : below_[k]) add_below(i, m, -eta);
                auto& other = s.operators[k];
                detail::combine<false>(run, other.lower.view(run.samples),
                                       net::feature_map_view<const Scalar>(m), eta);
                detail::combine<true>(run, cotangent(s, run, k), dictionaries_[k].encode(other, run));
                add_atoms(k, latest(s, run, k), Scalar(1));
            }
        }
        s.version.fill(iterations_);
    }

    net::feature_map_view<const Scalar> tangent(const net::feature_map_view<const Scalar>& in, scratch& s,
                                                const net::pass& run) const {
        for (std::size_t j = 0; j + 1 < Layers; ++j) s.inner_tangent[j].resize(s.inner_gradient[j].shape());
        s.tangent.resize(s.out.shape(), s.out.halo());
        const auto moved = [&](std::size_t i) {
            return i == 0 ? in
                          : net::feature_map_view<const Scalar>(i < Layers
                                                                    ? s.inner_tangent[i - 1].view(run.samples)
                                                                    : s.tangent.view(run.samples));
        };
        for (const update& now : updates_) {
            const std::size_t j = now.layer;
            auto& own = s.operators[j];
            const net::feature_map_view<Scalar> lower = own.lower.view(run.samples),
                                                to = j + 1 < Layers ? s.inner_tangent[j].view(run.samples)
                                                                    : s.tangent.view(run.samples),
                                                change = s.moving[j].view(run.samples);
            s.version[j] = now.first ? 0 : s.version[j] + 1;
            clear(run, lower);
            for (const std::size_t i : below_[j]) detail::combine<true>(run, lower, moved(i));
            if (now.first) {
                mask(run, dictionaries_[j].encode(own, run), latest(s, run, j), to);
                continue;
            }
            const Scalar eta = rate(j);
            dictionaries_[j].decode(moved(j + 1), s.decoded[j].view(run.samples), own, run);
            detail::combine<true>(
                run, lower, net::feature_map_view<const Scalar>(s.decoded[j].view(run.samples)), Scalar(-1));
            detail::combine<false>(run, change, moved(j + 1));
            detail::combine<true>(run, change, dictionaries_[j].encode(own, run), eta);
            if (order_ == pursuit_order::joint) {
                for (const std::size_t k : above_[j]) {
                    const net::feature_map_view<Scalar> other = s.decoded[k].view(run.samples);
                    dictionaries_[k].decode(moved(k + 1), other, s.operators[k], run);
                    detail::combine<true>(run, change, net::feature_map_view<const Scalar>(other), eta);
                    for (const std::size_t i : below_[k]) detail::combine<true>(run, change, moved(i), -eta);
                }
            }
            mask(run, change, latest(s, run, j), to);
        }
        return s.tangent.view(run.samples);
    }

    /// F of each sample at the end of the last forward pass, whose input was `in`.
    void objective(const net::feature_map_view<const Scalar>& in, scratch& s, const net::pass& run,
                   std::span<double> values) const {
        std::fill(values.begin(), values.end(), 0.0);
        for (std::size_t j = 0; j < Layers; ++j) {
            const net::feature_map_view<Scalar> lower = s.operators[j].lower.view(run.samples),
                                                decoded = s.decoded[j].view(run.samples),
                                                w = latest(s, run, j);
            gather(in, s, run, j, lower);
            dictionaries_[j].decode(w, decoded, s.operators[j], run);
            detail::combine<true>(run, lower, net::feature_map_view<const Scalar>(decoded), Scalar(-1));
            for (std::size_t n = 0; n < run.samples; ++n) {
                net::detail::for_rows(
                    n, n + 1,
                    [&](std::size_t count, const Scalar* row) {
                        for (std::size_t i = 0; i < count; ++i) {
                            values[n] += .5 * static_cast<double>(row[i]) * static_cast<double>(row[i]);
                        }
                    },
                    lower);
                net::detail::for_rows(
                    n, n + 1,
                    [&](std::size_t count, const Scalar* row) {
                        for (std::size_t i = 0; i < count; ++i) {
                            values[n] += static_cast<double>(row[i]) *
                                         static_cast<double>(dictionaries_[j].shrinkage()[i % w.shape.c]);
                        }
                    },
                    w);
            }
        }
    }

    template <typename Visitor>
    void visit_taps(scratch& s, std::size_t samples, Visitor&& visit) const {
        for (std::size_t j = 0; j + 1 < Layers; ++j) {
            visit(dictionaries_[j].settings().name, s.history[j].back().view(samples),
                  s.inner_gradient[j].view(samples), s.inner_tangent[j]);
        }
        visit(dictionaries_[Layers - 1].settings().name, s.out.view(samples), s.gradient.view(samples),
              s.tangent);
    }
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        for (auto& each : dictionaries_) each.visit_parameters(visit);
    }
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        for (auto& each : dictionaries_) each.visit_state(visit);
    }
    /// Called after a training step: normalizes atoms to unit length, and every 16 steps updates the
    /// curvature, which changes slowly and costs more.
    void update_state(const scratch&) {
        ++trained_;
        for (auto& each : dictionaries_) each.renew(trained_ % 16 == 0 ? 8 : 0);
    }
    void initialize(net::initializer& random) {
        trained_ = 0;
        for (auto& each : dictionaries_) each.initialize(random);
    }

  private:
    struct update {
        std::size_t layer;
        bool first;
    };

    template <std::size_t... J>
    [[nodiscard]] static std::array<dictionary<Scalar>, Layers>
    make(const std::array<typename dictionary<Scalar>::config, Layers>& layers, std::index_sequence<J...>) {
        return {dictionary<Scalar>(layers[J])...};
    }
    [[nodiscard]] std::size_t parameters_before(std::size_t layer) const noexcept {
        std::size_t count = 0;
        for (std::size_t j = 0; j < layer; ++j) count += dictionaries_[j].parameter_count();
        return count;
    }
    [[nodiscard]] Scalar rate(std::size_t j) const noexcept {
        const std::size_t readers = order_ == pursuit_order::joint ? above_[j].size() : 0;
        return Scalar(1) / (dictionaries_[j].curvature() + static_cast<Scalar>(readers));
    }
    [[nodiscard]] static net::feature_map_view<Scalar> latest(const scratch& s, const net::pass& run,
                                                              std::size_t j) {
        return s.history[j][s.version[j]].view(run.samples);
    }
    /// The current w_i, or the input for 0.
    [[nodiscard]] static net::feature_map_view<const Scalar>
    value(const net::feature_map_view<const Scalar>& in, const scratch& s, const net::pass& run,
          std::size_t i) {
        return i == 0 ? in : net::feature_map_view<const Scalar>(latest(s, run, i - 1));
    }
    [[nodiscard]] static net::feature_map_view<Scalar> cotangent(const scratch& s, const net::pass& run,
                                                                 std::size_t j) {
        return j + 1 < Layers ? s.inner_gradient[j].view(run.samples) : s.gradient.view(run.samples);
    }
    /// to = u_j.
    void gather(const net::feature_map_view<const Scalar>& in, const scratch& s, const net::pass& run,
                std::size_t j, const net::feature_map_view<Scalar>& to) const {
        detail::combine<false>(run, to, value(in, s, run, j));
        for (std::size_t b = 1; b < below_[j].size(); ++b) {
            detail::combine<true>(run, to, value(in, s, run, below_[j][b]));
        }
    }
    /// to = max(0, from - factor lambda).
    void step(const net::pass& run, const net::feature_map_view<const Scalar>& from, Scalar factor,
              std::size_t j, const net::feature_map_view<Scalar>& to) const {
        const std::span<const Scalar> lambda = dictionaries_[j].shrinkage();
        net::detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            net::detail::for_rows(
                first, last,
                [&](std::size_t count, Scalar* row, const Scalar* source) {
                    for (std::size_t x = 0; x < count; x += lambda.size()) {
                        for (std::size_t c = 0; c < lambda.size(); ++c) {
                            const Scalar shrunk = source[x + c] - factor * lambda[c];
                            row[x + c] = shrunk > Scalar(0) ? shrunk : Scalar(0);
                        }
                    }
                },
                to, from);
        });
    }
    /// to = from if w is above 0, else 0.
    static void mask(const net::pass& run, const net::feature_map_view<const Scalar>& from,
                     const net::feature_map_view<const Scalar>& w, const net::feature_map_view<Scalar>& to) {
        net::detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            net::detail::for_rows(
                first, last,
                [](std::size_t count, Scalar* row, const Scalar* source, const Scalar* sign) {
                    for (std::size_t i = 0; i < count; ++i)
                        row[i] = sign[i] > Scalar(0) ? source[i] : Scalar(0);
                },
                to, from, w);
        });
    }
    static void clear(const net::pass& run, const net::feature_map_view<Scalar>& map) {
        net::detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            net::detail::fill_zero(map, first, last);
        });
    }

    std::size_t iterations_;
    pursuit_order order_;
    std::array<dictionary<Scalar>, Layers> dictionaries_;
    std::array<std::vector<std::size_t>, Layers>
        below_; // input of layer j: 0 the network's input, i the output of i - 1
    std::array<std::vector<std::size_t>, Layers> above_; // the layers that read the output of j
    std::vector<update> updates_;
    std::size_t trained_ = 0;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
