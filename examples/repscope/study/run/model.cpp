#include "study/run/model.hpp"

#include "study/recipe.hpp"
#include "study/run/network_model.hpp"
#include "support/errors.hpp"

#include <repscope/net/accuracy.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/optim/schedule.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/serialize.hpp>
#include <repscope/net/to_onnx.hpp>
#include <repscope/net/trainer.hpp>
#include <repscope/selectivity/regularizer.hpp>

#include <algorithm>
#include <utility>

namespace program {

namespace {

namespace net = repscope::net;

template <typename Network>
class model_of final : public network_model<Network, trainable_model> {
  public:
    model_of(Network network, repscope::thread_pool& pool)
        : network_model<Network, trainable_model>(std::move(network), pool), pool_(pool) {}

    void train(const image_set& images, const study_settings& settings, const study_cell& cell,
               const std::function<void(std::size_t)>& done) override {
        this->network().initialize(cell.seed);
        const net::image_source<std::uint8_t> source{
            {images.pixels.data(), {images.images, images.channels, images.rows, images.columns}}, 1.0 / 255};
        const net::sgd<float> optimizer({.momentum = recipe::momentum, .weight_decay = recipe::weight_decay});
        const net::cosine_schedule rate{.peak = recipe::peak_rate,
                                        .warmup = recipe::warmup,
                                        .steps = step_count(settings, images.images)};
        const net::training_options options{
            .threads = pool_, .epochs = settings.epochs, .batch = recipe::batch_size, .seed = cell.seed};
        const auto observe = [&](const net::training_progress& now) { done(now.step + 1); };
        if (cell.alpha == 0.0) {
            net::train(this->network(), source, images.labels, optimizer, rate, options, net::no_penalty{},
                       observe);
        } else {
            const repscope::selectivity_regularizer penalty{.alpha = cell.alpha, .threads = pool_};
            net::train(this->network(), source, images.labels, optimizer, rate, options, penalty, observe);
        }
    }

    void save(const std::string& file) const override { net::save(this->network(), file); }
    void load(const std::string& file) override { net::load(this->network(), file); }

    [[nodiscard]] net::onnx_model exported(const image_set& images) override {
        return net::to_onnx(this->network(), {1, images.channels, images.rows, images.columns});
    }

  private:
    repscope::thread_pool& pool_;
};

} // namespace

std::size_t step_count(const study_settings& settings, std::size_t images) {
    const std::size_t per_epoch = images / recipe::batch_size;
    if (per_epoch == 0) {
        throw usage_error("--train: a batch is " + std::to_string(recipe::batch_size) + " images, got " +
                          std::to_string(images) + " to train on");
    }
    return per_epoch * settings.epochs;
}

std::unique_ptr<trainable_model> make_study_model(const study_settings& settings, const data_set& data,
                                                  repscope::thread_pool& pool) {
    const image_set& train = data.train;
    const auto [mean, deviation] = recipe::pixel_statistics(train.channels);
    const auto model = [&pool]<typename Network>(Network network) -> std::unique_ptr<trainable_model> {
        return std::make_unique<model_of<Network>>(std::move(network), pool);
    };
    if (settings.network == "mlp")
        return model(net::mlp<float>(train.image_size(), data.classes, mean, deviation));
    if (settings.network == "resnet")
        return model(net::resnet<float>(train.channels, data.classes, mean, deviation));
    return model(net::small_cnn<float>(train.channels, data.classes, mean, deviation));
}

std::vector<bool> classify_all(study_model& model, const image_set& images, const study_model::tap& look) {
    const auto classify = [&](const study_model::input_view& x, std::span<int> predicted) {
        model.classify(x, predicted, look);
    };
    return net::correct_predictions(classify, images, images.labels, {.batch = test_batch});
}

double share_of(const std::vector<bool>& right) {
    return static_cast<double>(std::count(right.begin(), right.end(), true)) /
           static_cast<double>(right.size());
}

} // namespace program
