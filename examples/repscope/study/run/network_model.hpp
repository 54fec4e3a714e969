#pragma once

#include "study/run/model.hpp"

#include <repscope/net/inference_model.hpp>
#include <repscope/net/loss.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>

namespace program {

/// A network of the library as a `study_model`.
template <typename Network, typename Base = study_model>
class network_model : public Base {
  public:
    using typename Base::input_view;
    using typename Base::logit_function;
    using typename Base::logit_view;
    using typename Base::loss;
    using typename Base::output_view;
    using typename Base::tap;

    network_model(Network network, repscope::thread_pool& pool)
        : network_(std::move(network)), workspace_(pool), evaluation_(network_, pool),
          margin_(network_, pool, repscope::net::loss_function::margin) {}

    void classify(const input_view& x, std::span<int> predicted, const tap& look) override {
        const auto logits = look ? network_.forward(x, workspace_, look) : network_.forward(x, workspace_);
        repscope::net::argmax(logits, predicted);
    }

    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const output_view& gradient) override {
        (loss_ == loss::margin ? margin_ : evaluation_)(x, labels, losses, predicted, gradient);
    }
    void attack_with(loss function) override { loss_ = function; }
    void logits(const input_view& x, const logit_view& to) override { evaluation_.logits(x, to); }
    void logit_vjp(const input_view& x, const logit_function& upstream_of,
                   const output_view& gradient) override {
        evaluation_.logit_vjp(x, upstream_of, gradient);
    }
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const override {
        return network_.classes(x);
    }
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& x) const override {
        return network_.extents(layer, x);
    }
    void unit_gradients(std::size_t layer, const input_view& x,
                        const std::function<void(std::size_t, const input_view&)>& visit) override {
        evaluation_.unit_gradients(layer, x, visit);
    }
    void tangents(const input_view& x, std::size_t directions,
                  const std::function<void(std::size_t, const output_view&)>& fill,
                  const std::function<void(std::size_t, std::size_t, const input_view&)>& visit) override {
        evaluation_.tangents(x, directions, fill, visit);
    }
    [[nodiscard]] std::size_t layers() const override { return network_.layers(); }
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const output_view& gradient) override {
        evaluation_.vjp(layer, x, upstream, gradient);
    }
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const output_view& out) override {
        evaluation_.jvp(layer, x, tangent, out);
    }

    [[nodiscard]] Network& network() noexcept { return network_; }
    [[nodiscard]] const Network& network() const noexcept { return network_; }

  private:
    Network network_;
    typename Network::workspace workspace_;
    repscope::net::inference_model<Network> evaluation_;
    repscope::net::inference_model<Network> margin_;
    loss loss_ = loss::cross_entropy;
};

} // namespace program
