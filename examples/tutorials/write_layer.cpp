// A layer of your own in a network that is trained: a leaky ReLU. net/concepts.hpp describes the members
// (`layer_like`). A layer that omits one does not compile, and the message names the member.
#include <repscope/net/accuracy.hpp>
#include <repscope/net/concepts.hpp>
#include <repscope/net/layers/dense.hpp>
#include <repscope/net/layers/flatten.hpp>
#include <repscope/net/network.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/sequential.hpp>
#include <repscope/net/trainer.hpp>

#include <cstdio>
#include <vector>

namespace {

namespace net = repscope::net;

class leaky_relu {
  public:
    using scalar = float;
    static constexpr std::size_t tap_count = 0; // activations that callers can observe
    struct scratch {                            // memory of one workspace; passes of the layer are const
        net::map_buffer<float> out, gradient, tangent;
    };

    explicit leaky_relu(float slope) : slope_(slope) {}

    [[nodiscard]] net::feature_map_shape output_shape(const net::feature_map_shape& in) const { return in; }
    [[nodiscard]] net::extent_2d input_halo() const {
        return {};
    } // a border of zeros that the layer reads: none
    void prepare(scratch& memory, const net::feature_map_view<const float>& in, const net::extent_2d& halo,
                 std::size_t) const {
        memory.out.resize(in.shape, halo);
        memory.gradient.resize(in.shape);
    }

    net::feature_map_view<const float> forward(const net::feature_map_view<const float>& in, scratch& memory,
                                               const net::pass& run) const {
        const auto out = memory.out.view(run.samples);
        for_each_number(
            run, in, [&](float x, float& to) { to = x > 0 ? x : slope_ * x; }, in, out);
        return out;
    }
    void backward(const net::feature_map_view<const float>& in, scratch& memory, const net::pass& run, float*,
                  const net::feature_map_view<float>& in_gradient, bool accumulate) const {
        if (in_gradient.data == nullptr) return; // the first layer of a network: nobody needs it
        const net::feature_map_view<const float> above = memory.gradient.view(run.samples);
        for_each_number(
            run, in,
            [&](float x, float gradient, float& to) {
                to = (accumulate ? to : 0.0F) + (x > 0 ? gradient : slope_ * gradient);
            },
            in, above, in_gradient);
    }
    // The directional derivative for input-unit gradients, in the direction `in` at the last forward pass.
    net::feature_map_view<const float> tangent(const net::feature_map_view<const float>& in, scratch& memory,
                                               const net::pass& run) const {
        memory.tangent.resize(memory.out.shape(), memory.out.halo());
        const auto tangent = memory.tangent.view(run.samples);
        const net::feature_map_view<const float> value = memory.out.view(run.samples);
        for_each_number(
            run, in,
            [&](float y, float direction, float& to) { to = y > 0 ? direction : slope_ * direction; }, value,
            in, tangent);
        return tangent;
    }

    // It has no parameters, state or taps.
    [[nodiscard]] std::size_t parameter_count() const { return 0; }
    template <typename Visitor>
    void visit_parameters(Visitor&&) {}
    template <typename Visitor>
    void visit_state(Visitor&&) {}
    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}
    void update_state(const scratch&) {}
    void initialize(net::initializer&) {}

  private:
    // Calls `body` with the numbers of the maps at each place. Samples are independent, so threads share
    // them.
    template <typename Body, typename... Maps>
    static void for_each_number(const net::pass& run, const net::feature_map_view<const float>& shape,
                                Body body, const Maps&... maps) {
        run.pool.for_each(run.samples, [&](std::size_t n) {
            for (std::size_t y = 0; y < shape.shape.h; ++y) {
                for (std::size_t i = 0; i < shape.row_length(); ++i) body(maps.at(n, y)[i]...);
            }
        });
    }

    float slope_;
};

static_assert(net::layer_like<leaky_relu>);

} // namespace

int main() {
    // 256 images of 4 x 4: class 1 is brighter on the right.
    std::vector<float> pixels;
    std::vector<int> labels;
    for (std::size_t n = 0; n < 256; ++n) {
        labels.push_back(static_cast<int>(n % 2));
        for (std::size_t i = 0; i < 16; ++i) {
            const float noise = static_cast<float>((n * 7 + i * 13) % 11) / 22;
            pixels.push_back(noise + (n % 2 == 1 && i % 4 >= 2 ? 0.3F : 0.0F));
        }
    }
    const net::image_source<float> images{
        repscope::tensor_view<const float, 4>(pixels.data(), {256, 1, 4, 4})};

    net::network network("leaky", net::normalization<float>({0.5}, {0.25}),
                         net::sequential(net::flatten<float>(), net::dense<float>(16, 8, "first"),
                                         leaky_relu(0.1F), net::dense<float>(8, 2, "second")));
    network.initialize(1);
    std::printf("accuracy before training %.2f\n", net::accuracy(network, images, labels));
    net::train(
        network, images, labels, net::sgd<float>{}, [](std::size_t) { return 0.05; },
        {.epochs = 3, .batch = 32}, {},
        [](const net::training_progress& progress) {
            if (progress.end_of_epoch)
                std::printf("epoch %zu: loss %.3f\n", progress.epoch + 1, progress.loss);
        });
    std::printf("accuracy %.2f\n", net::accuracy(network, images, labels));
}
