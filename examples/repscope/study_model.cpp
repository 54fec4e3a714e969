#include "study_model.hpp"

#include "failure.hpp"

#include <repscope/net/evaluation.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/schedule.hpp>
#include <repscope/net/sgd.hpp>
#include <repscope/net/trainer.hpp>
#include <repscope/selectivity/regularizer.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace program {

namespace {

namespace net = repscope::net;

constexpr std::size_t batch_size = 128;
constexpr double peak_rate = 0.05;
constexpr double momentum = 0.9;
constexpr double weight_decay = 1e-4;
constexpr std::size_t warmup = 100;

template <typename Network>
class model_of final : public study_model {
  public:
    model_of(Network network, repscope::thread_pool& pool)
        : network_(std::move(network)), pool_(pool), workspace_(pool), evaluation_(network_, pool),
          margin_(network_, pool, net::loss_function::margin) {}

    void train(const image_set& images, const study_settings& settings, const study_cell& cell,
               const std::function<void(std::size_t)>& done) override {
        network_.initialize(cell.seed);
        const net::image_source<std::uint8_t> source{
            {images.pixels.data(), {images.images, images.channels, images.rows, images.columns}}, 1.0 / 255};
        const net::sgd<float> optimizer({.momentum = momentum, .weight_decay = weight_decay});
        const net::cosine_schedule rate{
            .peak = peak_rate, .warmup = warmup, .steps = step_count(settings, images.images)};
        const net::training_options options{
            .threads = pool_, .epochs = settings.epochs, .batch = batch_size, .seed = cell.seed};
        const auto observe = [&](const net::training_progress& now) { done(now.step + 1); };
        if (cell.alpha == 0.0) {
            net::train(network_, source, images.labels, optimizer, rate, options, net::no_penalty{}, observe);
        } else {
            const repscope::selectivity_regularizer penalty{.alpha = cell.alpha, .threads = pool_};
            net::train(network_, source, images.labels, optimizer, rate, options, penalty, observe);
        }
    }

    void classify(const input_view& x, std::span<int> predicted, const tap& look) override {
        const auto logits = look ? network_.forward(x, workspace_, look) : network_.forward(x, workspace_);
        for (std::size_t i = 0; i < logits.extent(0); ++i) {
            std::size_t best = 0;
            for (std::size_t c = 1; c < logits.extent(1); ++c) {
                if (logits(i, c) > logits(i, best)) best = c;
            }
            predicted[i] = static_cast<int>(best);
        }
    }

    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const output_view& gradient) override {
        (loss_ == loss::margin ? margin_ : evaluation_)(x, labels, losses, predicted, gradient);
    }
    void attack_with(loss function) override { loss_ = function; }
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
    [[nodiscard]] std::size_t layers() const override { return network_.layers(); }
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const output_view& gradient) override {
        evaluation_.vjp(layer, x, upstream, gradient);
    }
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const output_view& out) override {
        evaluation_.jvp(layer, x, tangent, out);
    }

  private:
    Network network_;
    repscope::thread_pool& pool_;
    typename Network::workspace workspace_;
    net::evaluation<Network> evaluation_;
    net::evaluation<Network> margin_;
    loss loss_ = loss::cross_entropy;
};

} // namespace

nlohmann::ordered_json training_json(const study_settings& settings) {
    nlohmann::ordered_json object;
    object["epochs"] = settings.epochs;
    object["batch"] = batch_size;
    object["optimizer"] = "sgd";
    object["rate"] = peak_rate;
    object["warmup_steps"] = warmup;
    object["schedule"] = "cosine";
    object["momentum"] = momentum;
    object["weight_decay"] = weight_decay;
    object["epsilon"] = repscope::selectivity_regularizer{}.epsilon;
    return object;
}

std::size_t step_count(const study_settings& settings, std::size_t images) {
    const std::size_t per_epoch = images / batch_size;
    if (per_epoch == 0) {
        throw usage_error("--train: a batch is " + std::to_string(batch_size) + " images, got " +
                          std::to_string(images) + " to train on");
    }
    return per_epoch * settings.epochs;
}

std::unique_ptr<study_model> make_study_model(const study_settings& settings, const data_set& data,
                                              repscope::thread_pool& pool) {
    const image_set& train = data.train;
    // Means and deviations of the pixels of Fashion-MNIST and CIFAR-10.
    const std::vector<double> mean =
        train.channels == 1 ? std::vector<double>{0.2860} : std::vector<double>{0.4914, 0.4822, 0.4465};
    const std::vector<double> deviation =
        train.channels == 1 ? std::vector<double>{0.3530} : std::vector<double>{0.2470, 0.2435, 0.2616};
    const auto model = [&pool]<typename Network>(Network network) -> std::unique_ptr<study_model> {
        return std::make_unique<model_of<Network>>(std::move(network), pool);
    };
    if (settings.network == "mlp")
        return model(net::mlp<float>(train.image_size(), data.classes, mean, deviation));
    if (settings.network == "resnet")
        return model(net::resnet<float>(train.channels, data.classes, mean, deviation));
    return model(net::small<float>(train.channels, data.classes, mean, deviation));
}

study_model::input_view unit_interval(const image_set& images, std::size_t first, std::size_t count,
                                      std::vector<float>& pixels) {
    const std::size_t size = images.image_size();
    if (pixels.size() < count * size) pixels.resize(count * size);
    const std::uint8_t* from = images.pixels.data() + first * size;
    for (std::size_t p = 0; p < count * size; ++p) pixels[p] = static_cast<float>(from[p]) / 255.0F;
    return {pixels.data(), {count, images.channels, images.rows, images.columns}};
}

std::vector<bool> classify_all(study_model& model, const image_set& images, const study_model::tap& look) {
    std::vector<float> pixels;
    std::vector<int> predicted(test_batch);
    std::vector<bool> right;
    for (std::size_t first = 0; first < images.images; first += test_batch) {
        const std::size_t count = std::min(test_batch, images.images - first);
        model.classify(unit_interval(images, first, count, pixels), predicted, look);
        for (std::size_t i = 0; i < count; ++i) right.push_back(predicted[i] == images.labels[first + i]);
    }
    return right;
}

double share_of(const std::vector<bool>& right) {
    return static_cast<double>(std::count(right.begin(), right.end(), true)) /
           static_cast<double>(right.size());
}

} // namespace program
