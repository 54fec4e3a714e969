// The one source of `analyze` that instantiates the graph.

#include "analyze/model.hpp"

#include "dump/network.hpp"
#include "files/input_files.hpp"
#include "onnx/file.hpp"
#include "study/run/network_model.hpp"

#include <repscope/net/graph.hpp>
#include <repscope/net/unit_ablation.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace program {

namespace net = repscope::net;

analyzed_model open_model(const std::string& file, const analysis_settings& settings,
                          const std::vector<std::size_t>& extents, repscope::thread_pool& pool) {
    net::onnx_model model = read_onnx_file(file);
    check_tensors(model, settings);
    if (const net::onnx_value& input = chosen_input(model, settings.input); has_channels_last(input, extents))
        put_channels_first(model, std::string(input.name));
    auto made = observed_network<float>(model, settings, extents, false);

    analyzed_model result{.name = std::filesystem::path(file).stem().string(),
                          .file = file,
                          .sha256 = *input_records({file}, true, pool)[0].sha256,
                          .input = made.input,
                          .logits = made.logits};
    std::array<std::size_t, 4> one{1, 1, 1, 1};
    std::copy(extents.begin(), extents.end(), one.begin() + 1);
    result.classes = made.network.classes(one);
    std::size_t numbers = 0;
    for (std::size_t l = 0; l < made.network.layers(); ++l) {
        result.layers.push_back(made.network.layer_name(l));
        result.extents.push_back(made.network.extents(l, one));
        const auto& shape = result.extents.back();
        numbers += shape[1] * shape[2] * shape[3];
    }
    constexpr std::size_t most_numbers = std::size_t{1} << 25U;
    result.batch = std::clamp<std::size_t>(most_numbers / numbers, 1, test_batch);
    auto network = std::make_unique<network_model<net::graph<float>>>(std::move(made.network), pool);
    result.ablate = [graph = &network->network(), batch = result.batch,
                     &pool](std::size_t layer, const study_model::input_view& x, std::span<const int> labels,
                            const std::function<void(std::size_t)>& observe) {
        return net::unit_ablation(*graph, layer, x, labels, {.threads = pool, .batch = batch}, observe);
    };
    result.network = std::move(network);
    return result;
}

} // namespace program
