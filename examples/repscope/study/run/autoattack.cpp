#include "study/run/autoattack.hpp"

#include "render/text_table.hpp"
#include "study/network_json.hpp"
#include "study/report/outcomes.hpp"
#include "study/run/conditions.hpp"
#include "study/run/model.hpp"
#include "support/stopwatch.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

condition autoattack_condition(double eps) {
    return {.kind = condition_kind::attack, .name = "autoattack", .eps = eps};
}

// A network as it was trained.
std::unique_ptr<trainable_model> trained_model(const study_settings& settings, const study_cell& cell,
                                               const data_set& data, const study_store& store,
                                               repscope::thread_pool& pool) {
    auto model = make_study_model(settings, data, pool);
    const std::string file = store.parameter_file(cell);
    if (std::filesystem::exists(file)) {
        model->load(file);
        return model;
    }
    model->train(data.train, settings, cell, [](std::size_t) {});
    model->save(file);
    return model;
}

// Conditions of attacks are in front of random signs.
void insert_attack(network_result& network, condition_result condition) {
    const auto place =
        std::find_if(network.conditions.begin(), network.conditions.end(),
                     [](const condition_result& each) { return each.kind == condition_kind::random; });
    network.conditions.insert(place, std::move(condition));
}

} // namespace

condition_settings without_autoattack(const condition_settings& settings, std::size_t samples) {
    condition_settings before = settings;
    before.compared_images = compared_images(settings, samples);
    std::erase(before.attacks, "autoattack");
    return before;
}

std::vector<double> autoattack_sizes(const study_settings& settings,
                                     const std::vector<network_result>& networks) {
    std::vector<double> sizes;
    if (!uses_autoattack(settings) || settings.attack_images == 0) return sizes;
    for (const double eps : settings.autoattack_eps) sizes.push_back(eps / 255.0);
    if (!sizes.empty()) return sizes;
    if (const double eps = primary_eps(networks); eps > 0.0) sizes.push_back(eps);
    return sizes;
}

void add_autoattack(network_result& network, const std::vector<double>& sizes, const study_settings& settings,
                    const data_set& data, const study_store& store, const stage_store& stages,
                    repscope::thread_pool& pool) {
    const study_cell cell{network.alpha, network.seed};
    const labeled_inputs inputs(data.test);
    std::unique_ptr<trainable_model> model;
    std::optional<condition_runner> runner;
    double seconds = 0.0;
    for (const double eps : sizes) {
        const condition what = autoattack_condition(eps);
        const std::string stage = cell_name(cell) + "_" + shortest(in_255ths(eps));
        const json stage_settings = store.autoattack_settings(
            {{"eps", eps}, {"images", images_of(what, settings, data.test.images)}});
        std::optional<json> result = stages.finished(stage, stage_settings);
        if (!result) {
            stopwatch watch;
            if (!runner) {
                model = trained_model(settings, cell, data, store, pool);
                runner.emplace(*model, settings, inputs, nullptr, pool);
            }
            result = attack_stage_json(runner->measure(what));
            (*result)["seconds"] = watch.lap();
            stages.keep(stage, stage_settings, *result);
        }
        seconds += (*result)["seconds"].get<double>();
        insert_attack(network, attack_stage_from_json(*result));
    }
    network.seconds.push_back({"autoattack", seconds});
}

} // namespace program
