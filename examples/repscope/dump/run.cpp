#include "dump/run.hpp"

#include "dump/inputs.hpp"
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
#include <limits>
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

std::array<double, 2> range_of(const dump_options& options) {
    if (options.range.empty()) return {0, 1};
    return {options.range[0], options.range[1]};
}

net::onnx_network_options network_options(const dump_options& options, std::vector<std::size_t> extents) {
    return {.input = options.input,
            .logits = options.logits,
            .extents = std::move(extents),
            .taps = {},
            .mean = options.mean,
            .std = options.std,
            .fold_batch_norm = false};
}

bool is_double(const net::onnx_model& model) {
    return std::any_of(model.inputs.begin(), model.inputs.end(),
                       [](const net::onnx_value& input) { return input.type == io::dtype::float64; });
}

std::vector<int> read_class_labels(const std::string& file, const network_inputs& inputs,
                                   const std::string& inputs_file) {
    const std::vector<std::int64_t> labels = io::load_labels(file);
    if (labels.size() != inputs.count()) {
        throw data_error(file, counted(labels.size(), "label") + ", but " + inputs_file + " holds " +
                                   counted(inputs.count(), "input"));
    }
    std::vector<int> out;
    for (const std::int64_t label : labels) {
        if (label < 0 || label > std::numeric_limits<int>::max()) {
            throw data_error(file, "expected labels of at least 0, got " + std::to_string(label));
        }
        out.push_back(static_cast<int>(label));
    }
    return out;
}

// The tensors of a model, for inputs of these extents.
template <typename Scalar>
std::vector<net::onnx_tensor_info> tensors_of_model(const net::onnx_model& model, const dump_options& options,
                                                    std::vector<std::size_t> extents) {
    return net::make_onnx_network<Scalar>(model, network_options(options, std::move(extents))).tensors;
}

// A network and the dump that is made of it.
template <typename Scalar>
class network_dump {
  public:
    network_dump(const net::onnx_model& model, const dump_options& options, const network_inputs& inputs,
                 std::vector<int> labels)
        : options_(options), inputs_(inputs), labels_(std::move(labels)),
          pool_(static_cast<std::size_t>(options.threads)), network_(made(model, options, inputs)),
          workspace_(pool_) {
        const net::graph<Scalar>& graph = network_.network;
        const std::array<std::size_t, 4> x = input_extents(1);
        classes_ = graph.classes(x);
        for (const int label : labels_) {
            if (static_cast<std::size_t>(label) >= classes_) {
                throw data_error(options.labels, "expected labels below " + std::to_string(classes_) +
                                                     ", the classes of the model, got " +
                                                     std::to_string(label));
            }
        }
        std::vector<std::string> names;
        for (std::size_t i = 0; i < graph.layers(); ++i) names.push_back(graph.layer_name(i));
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
            write_layers(x, count, *sink);
            if (!labels_.empty()) write_gradient(x, first, count, *sink);
            shown.done(static_cast<double>(first + count));
        }
        sink->finish();
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
    static net::onnx_network<Scalar> made(const net::onnx_model& model, const dump_options& options,
                                          const network_inputs& inputs) {
        net::onnx_network_options choice = network_options(options, inputs.extents());
        choice.taps =
            chosen_tensors(tensors_of_model<Scalar>(model, options, inputs.extents()), options.layers);
        choice.fold_batch_norm = true;
        return net::make_onnx_network<Scalar>(model, choice);
    }
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

    void write_layers(const repscope::tensor_view<const Scalar, 4>& x, std::size_t count, dump_sink& sink) {
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
                sink.write(layer, count, std::as_bytes(std::span(values_)));
            });
        values_.clear();
        for (std::size_t n = 0; n < count; ++n) {
            for (std::size_t k = 0; k < classes_; ++k) {
                values_.push_back(logits(n, k));
                if (std::isfinite(values_.back())) continue;
                throw data_error(options_.model, "logit " + std::to_string(k) + " of an input is not finite");
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
    std::vector<Scalar> pixels_, values_;
    std::vector<double> losses_;
    std::vector<int> predicted_;
};

template <typename Scalar>
void dump_as(const net::onnx_model& model, const dump_options& options, const network_inputs& inputs,
             std::vector<int> labels) {
    network_dump<Scalar> dump(model, options, inputs, std::move(labels));
    dump.run();
    std::fputs(("dump: " + on_one_line(dump.summary()) + "\n").c_str(), stderr);
}

} // namespace

void list_tensors(const net::onnx_model& model, const dump_options& options) {
    std::vector<std::size_t> extents;
    if (!options.inputs.empty()) extents = network_inputs(options.inputs, range_of(options)).extents();
    const auto tensors = tensors_of_model<float>(model, options, std::move(extents));
    print(tensor_table(tensors, options.layers.empty() ? net::default_taps(tensors)
                                                       : chosen_tensors(tensors, options.layers)));
}

void dump_network(const net::onnx_model& model, const dump_options& options) {
    const network_inputs inputs(options.inputs, range_of(options));
    std::vector<int> labels;
    if (!options.labels.empty()) labels = read_class_labels(options.labels, inputs, options.inputs);
    if (is_double(model))
        dump_as<double>(model, options, inputs, std::move(labels));
    else
        dump_as<float>(model, options, inputs, std::move(labels));
}

} // namespace program
