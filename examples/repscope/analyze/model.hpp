#pragma once

#include "analyze/settings.hpp"
#include "study/run/model.hpp"

#include <repscope/net/unit_ablation_result.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace program {

/// A network of an ONNX file, and what it was made of.
struct analyzed_model {
    std::string name; ///< of the file, without folder and extension
    std::string file;
    std::string sha256;
    std::string input; ///< tensor
    std::string logits;
    std::size_t classes = 0;
    std::vector<std::string> layers{};                 ///< tensors
    std::vector<std::array<std::size_t, 4>> extents{}; ///< of their activations for one input
    std::size_t batch = 1;                             ///< inputs per pass, by the size of the layers
    std::unique_ptr<study_model> network{};
    /// The ablation of the units of a layer: `net::unit_ablation`, on inputs with labels.
    std::function<repscope::net::unit_ablation_result(std::size_t, const study_model::input_view&,
                                                      std::span<const int>,
                                                      const std::function<void(std::size_t)>&)>
        ablate{};
};

/// Opens a model for inputs of these extents. Throws `usage_error`, `data_error` and
/// `repscope::format_error`.
analyzed_model open_model(const std::string& file, const analysis_settings& settings,
                          const std::vector<std::size_t>& extents, repscope::thread_pool& pool);

} // namespace program
