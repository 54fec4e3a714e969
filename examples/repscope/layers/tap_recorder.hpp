#pragma once

#include "dumps/labels.hpp"
#include "layers/report.hpp"

#include <repscope/analysis/layer_options.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// A tap that measures every layer of a network on batches of labeled images. If a folder is given, it also
/// writes the activations, as one file NAME.npy per layer.
class layer_recorder {
  public:
    /// `measured`: the measures and their options; classes, samples and threads are set here.
    layer_recorder(const label_set& labels, repscope::thread_pool& pool, std::string dump_folder,
                   const repscope::analysis::layer_accumulator_options& measured = {});
    layer_recorder(const layer_recorder&) = delete;
    layer_recorder& operator=(const layer_recorder&) = delete;
    ~layer_recorder();

    /// The activations (n, channels, rows, columns) of layer `index` for the next n images.
    void operator()(std::size_t index, std::string_view name,
                    const repscope::tensor_view<const float, 4>& maps);

    /// All images have been seen: the LAYER objects, in forward order.
    std::vector<layer_report> finish();

  private:
    struct record;
    void begin(std::string_view name, const std::array<std::size_t, 4>& extents);

    const label_set& labels_;
    repscope::thread_pool& pool_;
    std::string dump_folder_;
    repscope::analysis::layer_accumulator_options measured_;
    std::vector<std::unique_ptr<record>> layers_;
    std::vector<float> dense_;
};

} // namespace program
