#include "study_network.hpp"

#include "failure.hpp"
#include "layer_statistics.hpp"
#include "unit_values.hpp"

#include <repscope/io/npy.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/schedule.hpp>
#include <repscope/net/sgd.hpp>
#include <repscope/numeric/random.hpp>
#include <repscope/numeric/streams.hpp>
#include <repscope/selectivity/regularizer.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>
#include <vector>

namespace program {

namespace {

namespace net = repscope::net;
using json = nlohmann::ordered_json;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t batch_size = 128;
constexpr std::size_t test_batch = 250;
constexpr double peak_rate = 0.05;
constexpr double momentum = 0.9;
constexpr double weight_decay = 1e-4;
constexpr std::size_t warmup = 100;

double seconds_since(clock_type::time_point start) {
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

// The images of some indices as numbers from 0 to 1.
class image_batch {
  public:
    explicit image_batch(const image_set& from) : from_(from) {}

    void gather(std::span<const std::uint32_t> indices) {
        const std::size_t size = from_.image_size();
        pixels_.resize(indices.size() * size);
        labels_.resize(indices.size());
        for (std::size_t i = 0; i < indices.size(); ++i) {
            const std::uint8_t* image = from_.pixels.data() + indices[i] * size;
            float* to = pixels_.data() + i * size;
            for (std::size_t p = 0; p < size; ++p) to[p] = static_cast<float>(image[p]) / 255.0F;
            labels_[i] = from_.labels[indices[i]];
        }
    }
    [[nodiscard]] repscope::tensor_view<const float, 4> images() const {
        return {pixels_.data(), {labels_.size(), from_.channels, from_.rows, from_.columns}};
    }
    [[nodiscard]] std::span<const int> labels() const { return labels_; }

  private:
    const image_set& from_;
    std::vector<float> pixels_;
    std::vector<int> labels_;
};

// One network with what its training needs.
template <typename Network>
class training {
  public:
    training(Network network, const study_settings& settings, const study_cell& cell, const data_set& data,
             repscope::thread_pool& pool)
        : network_(std::move(network)), data_(data), seed_(cell.seed), workspace_(pool),
          batch_(data.train), penalty_{.alpha = cell.alpha, .threads = pool},
          rate_{.peak = peak_rate, .warmup = warmup, .steps = step_count(settings, data)},
          optimizer_({.momentum = momentum, .weight_decay = weight_decay}), order_(data.train.images) {
        network_.initialize(seed_);
    }

    // Step `step` of the training, which visits every image once an epoch in an order of the seed and the
    // epoch.
    void step(std::size_t step) {
        const std::size_t per_epoch = order_.size() / batch_size;
        const std::size_t epoch = step / per_epoch;
        if (step % per_epoch == 0) {
            repscope::random_stream random(seed_,
                                           repscope::streams::id(repscope::streams::purpose::shuffle,
                                                                 static_cast<std::uint32_t>(epoch / 4096),
                                                                 static_cast<std::uint32_t>(epoch % 4096)));
            repscope::permutation(order_, random);
        }
        batch_.gather(std::span(order_).subspan(step % per_epoch * batch_size, batch_size));
        const auto logits = network_.forward_training(batch_.images(), workspace_);
        net::softmax_cross_entropy(logits, batch_.labels(), {}, {}, workspace_.logit_gradient(),
                                   1.0F / static_cast<float>(batch_size));
        const bool penalised = penalty_.alpha != 0.0;
        if (penalised) penalty_(network_.taps(workspace_), batch_.labels());
        network_.backward(workspace_, penalised);
        optimizer_.step(network_, workspace_.parameter_gradient(), rate_(step));
        network_.update_state(workspace_);
    }

    // Runs the test images through the network; `tap` sees the layers of each batch. Returns the share of
    // images that are classified correctly.
    template <typename Tap>
    double test(std::size_t images, Tap&& tap) {
        image_batch batch(data_.test);
        std::vector<std::uint32_t> indices(images);
        std::iota(indices.begin(), indices.end(), 0U);
        std::size_t correct = 0;
        for (std::size_t first = 0; first < images; first += test_batch) {
            batch.gather(std::span(indices).subspan(first, std::min(test_batch, images - first)));
            const auto logits = network_.forward(batch.images(), workspace_, tap);
            for (std::size_t i = 0; i < logits.extent(0); ++i) {
                std::size_t best = 0;
                for (std::size_t c = 1; c < logits.extent(1); ++c) {
                    if (logits(i, c) > logits(i, best)) best = c;
                }
                if (static_cast<int>(best) == batch.labels()[i]) ++correct;
            }
        }
        return static_cast<double>(correct) / static_cast<double>(images);
    }

  private:
    Network network_;
    const data_set& data_;
    std::uint64_t seed_;
    typename Network::workspace workspace_;
    image_batch batch_;
    repscope::selectivity_regularizer penalty_;
    net::cosine_schedule rate_;
    net::sgd<float> optimizer_;
    std::vector<std::uint32_t> order_;
};

// What is kept of one layer while the test images go by.
struct layer_record {
    layer_report report;
    layer_statistics statistics;
    std::unique_ptr<repscope::io::npy_writer<float>> dump;
};

class layer_recorder {
  public:
    layer_recorder(const label_set& labels, repscope::thread_pool& pool, std::string dump_folder)
        : labels_(labels), pool_(pool), dump_folder_(std::move(dump_folder)) {}

    void operator()(std::size_t index, std::string_view name,
                    const repscope::tensor_view<const float, 4>& maps) {
        const auto& extents = maps.extents();
        const std::size_t units = extents[1];
        const std::size_t positions = extents[2] * extents[3];
        if (index == layers_.size()) begin(name, extents);
        layer_record& layer = *layers_[index];
        // The order of the file that --dump writes, so that both are measured by the same sums.
        dense_.resize(maps.size());
        pool_.for_each(extents[0], [&](std::size_t n) {
            float* to = dense_.data() + n * units * positions;
            for (std::size_t u = 0; u < units; ++u) {
                for (std::size_t y = 0; y < extents[2]; ++y) {
                    for (std::size_t x = 0; x < extents[3]; ++x) *to++ = maps(n, u, y, x);
                }
            }
        });
        if (layer.dump) layer.dump->append(dense_);
        for (std::size_t first = 0; first < extents[0];) {
            const std::size_t rows = std::min(layer.statistics.room(), extents[0] - first);
            unit_values(dense_.data() + first * units * positions, rows, units, positions,
                        layer.statistics.next_values(), nullptr);
            layer.statistics.commit(rows);
            first += rows;
        }
    }

    // The LAYER objects, in forward order.
    std::vector<layer_report> finish() {
        std::vector<layer_report> reports;
        for (auto& layer : layers_) {
            if (layer->dump) layer->dump->finish();
            layer->statistics.flush();
            layer->statistics.finish(layer->report);
            reports.push_back(std::move(layer->report));
        }
        return reports;
    }

  private:
    void begin(std::string_view name, const std::array<std::size_t, 4>& extents) {
        const std::size_t units = extents[1];
        const bool flat = extents[2] * extents[3] == 1;
        statistics_options how{.labels = &labels_};
        layers_.push_back(std::unique_ptr<layer_record>(
            new layer_record{{}, layer_statistics(labels_.rows, units, how, pool_), nullptr}));
        layer_report& report = layers_.back()->report;
        report.name = std::string(name);
        report.dtype = "<f4";
        report.shape = {labels_.rows, units};
        if (!flat) report.shape.insert(report.shape.end(), {extents[2], extents[3]});
        report.layout = flat ? "nu" : "nchw";
        report.unit = flat ? "unit" : "channel_mean";
        if (!dump_folder_.empty()) {
            report.file = dump_folder_ + "/" + report.name + ".npy";
            layers_.back()->dump =
                std::make_unique<repscope::io::npy_writer<float>>(*report.file, report.shape);
        }
    }

    const label_set& labels_;
    repscope::thread_pool& pool_;
    std::string dump_folder_;
    std::vector<std::unique_ptr<layer_record>> layers_;
    std::vector<float> dense_;
};

label_set labels_of(const image_set& images) {
    const std::vector<std::int64_t> labels(images.labels.begin(), images.labels.end());
    return make_label_set(labels, {}, "test labels");
}

// Builds the network that is asked for and calls `body(network)`.
template <typename Body>
auto with_network(const study_settings& settings, const data_set& data, Body&& body) {
    const image_set& train = data.train;
    const std::vector<double> mean =
        train.channels == 1 ? std::vector<double>{0.2860} : std::vector<double>{0.4914, 0.4822, 0.4465};
    const std::vector<double> deviation =
        train.channels == 1 ? std::vector<double>{0.3530} : std::vector<double>{0.2470, 0.2435, 0.2616};
    if (settings.network == "mlp")
        return body(net::mlp<float>(train.image_size(), data.classes, mean, deviation));
    if (settings.network == "resnet")
        return body(net::resnet<float>(train.channels, data.classes, mean, deviation));
    return body(net::small<float>(train.channels, data.classes, mean, deviation));
}

} // namespace

json training_json(const study_settings& settings) {
    json object;
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

std::size_t step_count(const study_settings& settings, const data_set& data) {
    const std::size_t per_epoch = data.train.images / batch_size;
    if (per_epoch == 0) {
        throw usage_error("--train: a batch is " + std::to_string(batch_size) + " images, got " +
                          std::to_string(data.train.images) + " to train on");
    }
    return per_epoch * settings.epochs;
}

double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool) {
    return with_network(settings, data, [&](auto network) {
        constexpr std::size_t timed_steps = 8;
        const std::size_t per_epoch = data.train.images / batch_size;
        training trial(std::move(network), settings, {1.0, 0}, data, pool);
        trial.step(0); // takes the memory
        auto start = clock_type::now();
        for (std::size_t step = 0; step < timed_steps; ++step) trial.step(std::min(step, per_epoch - 1));
        const double a_step = seconds_since(start) / static_cast<double>(timed_steps);

        const std::size_t images = std::min<std::size_t>(data.test.images, 2 * test_batch);
        const label_set labels = labels_of(data.test);
        layer_recorder recorder(labels, pool, "");
        start = clock_type::now();
        trial.test(images, recorder);
        const double an_image = seconds_since(start) / static_cast<double>(images);
        return a_step * static_cast<double>(step_count(settings, data)) +
               an_image * static_cast<double>(data.test.images);
    });
}

json train_and_measure(const study_settings& settings, const study_cell& cell, const data_set& data,
                       repscope::thread_pool& pool, const std::string& dump_folder,
                       const std::function<void(std::size_t)>& done) {
    return with_network(settings, data, [&](auto network) {
        const std::size_t steps = step_count(settings, data);
        training run(std::move(network), settings, cell, data, pool);
        const auto start = clock_type::now();
        for (std::size_t step = 0; step < steps; ++step) {
            run.step(step);
            done(step + 1);
        }
        const double train_seconds = seconds_since(start);

        const label_set labels = labels_of(data.test);
        if (!dump_folder.empty()) {
            std::error_code failure;
            std::filesystem::create_directories(dump_folder, failure);
            if (failure) throw data_error(dump_folder, "cannot be made: " + failure.message());
            repscope::io::save_npy(dump_folder + "/labels.npy", data.test.labels);
        }
        layer_recorder recorder(labels, pool, dump_folder);
        const double accuracy = run.test(data.test.images, recorder);
        const std::vector<layer_report> layers = recorder.finish();

        double selectivity = 0.0;
        json clean;
        clean["kind"] = "clean";
        clean["images"] = data.test.images;
        clean["accuracy"] = accuracy;
        clean["layers"] = json::array();
        for (const auto& layer : layers) {
            clean["layers"].push_back(to_json(layer));
            selectivity += layer.selectivity->measured.mean / static_cast<double>(layers.size());
        }
        json result;
        result["alpha"] = cell.alpha;
        result["seed"] = cell.seed;
        result["selectivity_mean"] = selectivity;
        result["clean_accuracy"] = accuracy;
        result["train_seconds"] = train_seconds;
        result["images_per_second"] = static_cast<double>(steps * batch_size) / train_seconds;
        result["conditions"] = json::array({clean});
        return result;
    });
}

} // namespace program
