#pragma once

#include "images/labeled_inputs.hpp"
#include "study/result.hpp"
#include "study/run/model.hpp"

#include <repscope/analysis/layer_options.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace program {

/// Options of `measure_clean_layers`.
struct layer_measurement {
    std::string dump_folder{}; ///< the activations are written to it; empty: nowhere
    std::size_t batch = test_batch;
    repscope::analysis::layer_accumulator_options layer{};
    std::function<void(std::size_t)> done{}; ///< called with the number of images after each batch
};

/// Measures every layer of a network on all inputs, without perturbations.
clean_result measure_clean_layers(study_model& model, const labeled_inputs& inputs,
                                  repscope::thread_pool& pool, const layer_measurement& options = {});

/// Returns, for every layer, the variability of the gradients of its units with respect to the input, from
/// the first `images` inputs. `probes`: random directions per input; 0: exact. With probes the l1 norm has no
/// numbers. `batch`: inputs per pass.
std::vector<gradient_result> measure_gradients(study_model& model, const labeled_inputs& inputs,
                                               std::size_t images, std::size_t probes, std::size_t batch,
                                               repscope::thread_pool& pool);

/// Returns the mean over the layers of their selectivity.
double mean_selectivity(const std::vector<layer_result>& layers);

} // namespace program
