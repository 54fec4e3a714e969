#include "dump/run.hpp"

#include "dump/class_labels.hpp"
#include "dump/inputs.hpp"
#include "dump/network.hpp"
#include "dump/sink.hpp"
#include "dump/tensors.hpp"
#include "files/output_file.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"
#include "support/plural.hpp"
#include "support/progress.hpp"

#include <repscope/error.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/net/graph.hpp>
#include <repscope/net/loss.hpp>
#include <repscope/net/onnx_network.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace program {

namespace {

namespace io = repscope::io;
namespace net = repscope::net;

// Samples per pass; the results do not depend on it.
constexpr std::size_t dump_batch = 32;

// The inputs in the order of axes that the model has.
network_inputs inputs_of(const net::onnx_model& model, const dump_options& options) {
    network_inputs inputs(options.inputs, options.input_range());
    if (inputs.is_image() && has_channels_last(chosen_input(model, options.input), inputs.extents()))
        inputs.keep_channels_last();
    return inputs;
}

// A network and the dump that is made of it.
template <typename Scalar>
class network_dump {
  public:
    network_dump(const net::onnx_model& model, const dump_options& options, const network_inputs& inputs,
                 std::vector<int> labels)
        : options_(options), inputs_(inputs), labels_(std::move(labels)),
          pool_(static_cast<std::size_t>(options.threads)),
          network_(observed_network<Scalar>(model, options, inputs.extents(), inputs.is_channels_last())),
          workspace_(pool_) {
        const net::graph<Scalar>& graph = network_.network;
        const std::array<std::size_t, 4> x = input_extents(1);
        classes_ = graph.classes(x);
        check_class_labels(options.labels, labels_, classes_);
        std::vector<std::string> names;
        for (std::size_t i = 0; i < graph.layers(); ++i) names.push_back(graph.layer_name(i));
        first_bad_.resize(names.size());
        const std::vector<std::string> files = file_names(names);
        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto shape = graph.extents(i, x);
            if (shape[2] * shape[3] == 1 && rank_of(names[i]) == 2) {
                arrays_.push_back({files[i], {shape[1]}});
            } else {
                arrays_.push_back({files[i], {shape[1], shape[2], shape[3]}});
            }
        }
        arrays_.push_back({"logits", {classes_}});
        if (!labels_.empty()) arrays_.push_back({"loss_gradient", inputs.extents()});
    }

    void run() {
        std::unique_ptr<dump_sink> sink; // made after the first inputs were accepted
        progress shown("dump", static_cast<double>(inputs_.count()), "inputs");
        for (std::size_t first = 0; first < inputs_.count(); first += dump_batch) {
            const std::size_t count = std::min(dump_batch, inputs_.count() - first);
            inputs_.read(first, count, pixels_);
            if (sink == nullptr) {
                sink = make_dump_sink(options_.out, arrays_, inputs_.count(),
                                      sizeof(Scalar) == 8 ? io::dtype::float64 : io::dtype::float32);
            }
            const repscope::tensor_view<const Scalar, 4> x(pixels_.data(), input_extents(count));
            write_layers(x, first, count, *sink);
            if (!labels_.empty()) write_gradient(x, first, count, *sink);
            shown.done(static_cast<double>(first + count));
        }
        sink->finish();
    }

    /// The layers with values that are not finite, each with the first such input; empty without.
    [[nodiscard]] std::string not_finite() const {
        std::string text;
        for (std::size_t i = 0; i < first_bad_.size(); ++i) {
            if (!first_bad_[i]) continue;
            text += (text.empty() ? "" : ", ") + arrays_[i].name + " (input " +
                    std::to_string(*first_bad_[i]) + ")";
        }
        return text;
    }

    [[nodiscard]] std::string summary() const {
        std::string text = counted(inputs_.count(), "input") + ", " +
                           counted(network_.network.layers(), "layer") + ", logits of " +
                           std::to_string(classes_) + " classes" + " (" + network_.logits + ")";
        if (!labels_.empty()) {
            text += ", accuracy " +
                    fixed(100 * static_cast<double>(correct_) / static_cast<double>(labels_.size()), 2) + "%";
        }
        return text;
    }

  private:
    [[nodiscard]] std::size_t rank_of(const std::string& name) const {
        for (const net::onnx_tensor_info& each : network_.tensors) {
            if (each.name == name) return each.shape.size();
        }
        return 0;
    }
    [[nodiscard]] std::array<std::size_t, 4> input_extents(std::size_t count) const {
        std::array<std::size_t, 4> out{count, 1, 1, 1};
        std::copy(inputs_.extents().begin(), inputs_.extents().end(), out.begin() + 1);
        return out;
    }

    void write_layers(const repscope::tensor_view<const Scalar, 4>& x, std::size_t first, std::size_t count,
                      dump_sink& sink) {
        const auto logits = network_.network.forward(
            x, workspace_,
            [&](std::size_t layer, std::string_view,
                const repscope::tensor_view<const Scalar, 4>& activation) {
                values_.clear();
                for (std::size_t n = 0; n < activation.extent(0); ++n) {
                    for (std::size_t c = 0; c < activation.extent(1); ++c) {
                        for (std::size_t row = 0; row < activation.extent(2); ++row) {
                            for (std::size_t column = 0; column < activation.extent(3); ++column) {
                                values_.push_back(activation(n, c, row, column));
                            }
                        }
                    }
                }
                const auto bad = std::find_if(values_.begin(), values_.end(),
                                              [](Scalar value) { return !std::isfinite(value); });
                if (bad != values_.end() && !first_bad_[layer]) {
                    const auto place = static_cast<std::size_t>(bad - values_.begin());
                    first_bad_[layer] = first + place / (values_.size() / count);
                }
                sink.write(layer, count, std::as_bytes(std::span(values_)));
            });
        values_.clear();
        for (std::size_t n = 0; n < count; ++n) {
            for (std::size_t k = 0; k < classes_; ++k) {
                values_.push_back(logits(n, k));
                if (std::isfinite(values_.back())) continue;
                const std::string layers = not_finite();
                throw data_error(options_.model,
                                 "logit " + std::to_string(k) + " of input " + std::to_string(first + n) +
                                     " is not finite" +
                                     (layers.empty() ? "" : "; layers that are not finite: " + layers));
            }
        }
        sink.write(network_.network.layers(), count, std::as_bytes(std::span(values_)));
    }
    void write_gradient(const repscope::tensor_view<const Scalar, 4>& x, std::size_t first, std::size_t count,
                        dump_sink& sink) {
        losses_.resize(count);
        predicted_.resize(count);
        values_.resize(x.size());
        const auto labels = std::span<const int>(labels_).subspan(first, count);
        network_.network.evaluate(x, labels, losses_, predicted_,
                                  repscope::tensor_view<Scalar, 4>(values_.data(), x.extents()), workspace_);
        for (std::size_t i = 0; i < count; ++i) correct_ += predicted_[i] == labels[i] ? 1U : 0U;
        sink.write(network_.network.layers() + 1, count, std::as_bytes(std::span(values_)));
    }

    const dump_options& options_;
    const network_inputs& inputs_;
    std::vector<int> labels_;
    repscope::thread_pool pool_;
    net::onnx_network<Scalar> network_;
    typename net::graph<Scalar>::workspace workspace_;
    std::size_t classes_ = 0;
    std::size_t correct_ = 0;
    std::vector<dumped_array> arrays_;
    std::vector<std::optional<std::size_t>> first_bad_; // per layer: the first input that is not finite
    std::vector<Scalar> pixels_, values_;
    std::vector<double> losses_;
    std::vector<int> predicted_;
};

template <typename Scalar>
void dump_as(const net::onnx_model& model, const dump_options& options, const network_inputs& inputs,
             std::vector<int> labels) {
    network_dump<Scalar> dump(model, options, inputs, std::move(labels));
    try {
        dump.run();
    } catch (const repscope::value_error& e) {
        throw data_error(options.model, without_function_name(e.what()));
    }
    std::fputs(("dump: " + on_one_line(dump.summary()) + "\n").c_str(), stderr);
    if (const std::string layers = dump.not_finite(); !layers.empty())
        std::fputs(("dump: layers that are not finite: " + on_one_line(layers) + "\n").c_str(), stderr);
}

} // namespace

void list_tensors(const net::onnx_model& model, const dump_options& options) {
    check_tensors(model, options);
    std::vector<std::size_t> extents;
    bool channels_last = false;
    if (!options.inputs.empty()) {
        const network_inputs inputs = inputs_of(model, options);
        extents = inputs.extents();
        channels_last = inputs.is_channels_last();
    }
    const auto network =
        network_of<float>(model, network_options(options, std::move(extents), channels_last));
    std::string text = tensor_table(network.tensors, options.layers.empty()
                                                         ? net::default_taps(network.tensors)
                                                         : chosen_tensors(network.tensors, options.layers));
    text += "logits: " + on_one_line(network.logits);
    std::string left_out;
    for (const std::string& name : network.left_out) left_out += (left_out.empty() ? "" : ", ") + name;
    print(text + (left_out.empty() ? "" : "; not computed for them: " + on_one_line(left_out)) + "\n");
}

void dump_network(const net::onnx_model& model, const dump_options& options) {
    check_tensors(model, options);
    const bool is_double = chosen_input(model, options.input).type == io::dtype::float64;
    const network_inputs inputs = inputs_of(model, options);
    std::vector<int> labels;
    if (!options.labels.empty())
        labels =
            class_labels(options.labels, io::load_labels(options.labels), options.inputs, inputs.count());
    if (is_double)
        dump_as<double>(model, options, inputs, std::move(labels));
    else
        dump_as<float>(model, options, inputs, std::move(labels));
}

} // namespace program
