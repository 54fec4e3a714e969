#pragma once

#include "analyze/inputs.hpp"
#include "analyze/model.hpp"
#include "analyze/result.hpp"
#include "analyze/settings.hpp"
#include "images/corrupted_images.hpp"
#include "study/run/conditions.hpp"
#include "study/stage_store.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// The measurement of one model, stage by stage. A stage that an earlier run has finished with the same
/// settings is read from its file.
class model_analysis {
  public:
    /// `identity`: what determines the results apart from the settings of stages, such as the hashes of the
    /// files. `corrupted` is null without images. The references must outlive this object.
    model_analysis(analyzed_model model, const analysis_settings& settings, const labeled_inputs& inputs,
                   corrupted_images* corrupted, repscope::thread_pool& pool, nlohmann::ordered_json identity);

    /// The missing stages as passes of one input, about, and the number of stages.
    [[nodiscard]] double missing_passes() const;
    [[nodiscard]] std::size_t stages() const noexcept { return stages_.size(); }
    [[nodiscard]] std::size_t missing_stages() const;
    [[nodiscard]] const analyzed_model& model() const noexcept { return model_; }

    /// Measures the missing stages. `done(passes, stage)` is called with the passes so far. Throws
    /// `data_error` for a model whose results are not finite.
    model_result run(const std::function<void(double, const std::string&)>& done);

  private:
    struct stage {
        std::string name;
        nlohmann::ordered_json settings;
        double passes = 0.0;
        std::optional<condition> what; ///< of a condition
        std::optional<nlohmann::ordered_json> result{};
    };

    void add_stage(std::string name, const nlohmann::ordered_json& settings, double passes,
                   const std::optional<condition>& what = {});
    [[nodiscard]] std::string adversarial_file(const condition& what) const;
    nlohmann::ordered_json measure(const stage& next, const std::function<void(double)>& done);
    nlohmann::ordered_json measure_clean(const std::function<void(double)>& done);
    nlohmann::ordered_json measure_condition(const condition& what);
    nlohmann::ordered_json measure_ablation(const std::function<void(double)>& done);
    condition_runner& runner();
    [[nodiscard]] model_result assemble() const;

    analyzed_model model_;
    const analysis_settings& settings_;
    const labeled_inputs& inputs_;
    corrupted_images* corrupted_;
    repscope::thread_pool& pool_;
    nlohmann::ordered_json identity_;
    condition_settings conditions_;
    stage_store store_;
    std::vector<stage> stages_;
    std::optional<condition_runner> runner_;
};

/// Returns the lines "model,condition,image,label,predicted,correct,l2,linf" of a model.
std::string per_image_rows(const model_result& model, const labeled_inputs& inputs);

} // namespace program
