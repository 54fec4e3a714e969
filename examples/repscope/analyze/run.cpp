#include "analyze/run.hpp"

#include "files/output_file.hpp"
#include "render/csv.hpp"
#include "study/network_json.hpp"
#include "study/report/outcomes.hpp"
#include "study/report/pictures.hpp"
#include "study/run/distances.hpp"
#include "study/run/measure_layers.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"
#include "support/stopwatch.hpp"

#include <repscope/analysis/measure_set.hpp>
#include <repscope/error.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/statistics/rank_correlation.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

// A pass with a gradient, in passes.
constexpr double backward_passes = 3.0;

// "corruption-fog-3": a condition in names of files.
std::string file_name_of(const condition& what, repscope::attack::norm ball) {
    if (what.kind == condition_kind::corruption)
        return "corruption-" + what.name + "-" + std::to_string(what.severity);
    const std::string norm(to_string(ball));
    const std::string size = (norm == "linf" ? "" : norm + "-") + shortest(stated_eps(what.eps, norm, 1.0));
    return what.kind == condition_kind::random ? "random-" + size : "attack-" + what.name + "-" + size;
}

// A LAYER without what `layer_from_json` refuses: estimates.
json without_estimates(json clean) {
    for (json& layer : clean["layers"]) {
        layer["selectivity"].erase("cross_fit");
        layer["dimensionality"].erase("method");
    }
    return clean;
}

std::vector<bool> correct_of(const std::vector<int>& predicted, const labeled_inputs& inputs) {
    std::vector<bool> correct;
    for (std::size_t i = 0; i < predicted.size(); ++i) correct.push_back(predicted[i] == inputs.labels()[i]);
    return correct;
}

std::size_t ablation_images(const analysis_settings& settings, std::size_t samples) {
    return std::min(settings.ablation_images, samples);
}

// Adds, to each layer, the mean loss of accuracy over its units, and Spearman's correlation of the loss and
// the selectivity index over the units that have one.
void add_correlations(json& ablation, const clean_result& clean) {
    for (std::size_t l = 0; l < clean.layers.size(); ++l) {
        json& layer = ablation["layers"][l];
        if (layer.contains("reason")) continue;
        const auto without = layer["accuracy_without"].get<std::vector<double>>();
        const double accuracy = layer["accuracy"].get<double>();
        std::vector<double> index, loss;
        double sum = 0.0;
        for (std::size_t u = 0; u < without.size(); ++u) {
            const double value = clean.layers[l].report.selectivity->measured.index[u];
            sum += accuracy - without[u];
            if (!std::isfinite(value)) continue;
            index.push_back(value);
            loss.push_back(accuracy - without[u]);
        }
        layer["mean_loss"] = sum / static_cast<double>(without.size());
        layer["rank_correlation"] = repscope::spearman(index, loss);
    }
}

} // namespace

model_analysis::model_analysis(analyzed_model model, const analysis_settings& settings,
                               const labeled_inputs& inputs, corrupted_images* corrupted,
                               repscope::thread_pool& pool, json identity)
    : model_(std::move(model)), settings_(settings), inputs_(inputs), corrupted_(corrupted), pool_(pool),
      identity_(std::move(identity)), conditions_(settings), store_(settings.out + "/stages/" + model_.name) {
    conditions_.batch = model_.batch;
    if (corrupted == nullptr) conditions_.corruption_images = 0;
    const std::size_t samples = inputs.samples();
    identity_["sha256"] = model_.sha256;
    identity_["layers"] = model_.layers;
    add_stage("clean", {{"signed", settings.policy}}, 3.0 * static_cast<double>(samples));
    if (const std::size_t images = ::program::gradient_images(settings, samples); images > 0) {
        double passes = static_cast<double>(settings.probes);
        if (settings.probes == 0) {
            for (const auto& shape : model_.extents) passes += static_cast<double>(shape[1]);
        }
        add_stage("gradients", {{"images", images}, {"probes", settings.probes}},
                  static_cast<double>(images) * (1.0 + passes));
    }
    if (const std::size_t images = ablation_images(settings, samples); images > 0) {
        double units = 0.0;
        for (const auto& shape : model_.extents) units += static_cast<double>(shape[1]);
        // The nodes behind a layer are half of the network, about.
        add_stage("ablation", {{"images", images}}, static_cast<double>(images) * units / 2);
    }
    if (const std::size_t images = distance_images(settings, samples); images > 0) {
        add_stage("distances",
                  {{"images", images}, {"norm", to_string(settings.ball)}, {"max_eps", settings.eps.back()}},
                  distance_passes(settings, samples, backward_passes));
    }
    const std::vector<condition> all = conditions_of(conditions_);
    if (all.empty()) return;
    const std::size_t compared = ::program::compared_images(conditions_, samples);
    add_stage("reference", {{"compared", compared}}, static_cast<double>(compared));
    for (const condition& what : all) {
        json options{{"images", images_of(what, conditions_, samples)}, {"compared", compared}};
        if (what.kind == condition_kind::corruption)
            options["frost"] = settings.frost_textures;
        else
            options["draw"] = what.place;
        if (what.name.starts_with("pgd")) options["steps"] = settings.attack_steps;
        add_stage(file_name_of(what, settings.ball), options,
                  passes_of(what, conditions_, samples, backward_passes), what);
    }
}

void model_analysis::add_stage(std::string name, const json& settings, double passes,
                               const std::optional<condition>& what) {
    stage next{.name = std::move(name), .settings = identity_, .passes = passes, .what = what};
    next.settings.update(settings);
    next.result = store_.finished(next.name, next.settings);
    const bool is_saved = what && settings_.save_adversarial && what->kind != condition_kind::corruption;
    if (is_saved && !std::filesystem::exists(adversarial_file(*what))) next.result.reset();
    stages_.push_back(std::move(next));
}

double model_analysis::missing_passes() const {
    double passes = 0.0;
    for (const stage& each : stages_) passes += each.result ? 0.0 : each.passes;
    return passes;
}

std::size_t model_analysis::missing_stages() const {
    return static_cast<std::size_t>(
        std::count_if(stages_.begin(), stages_.end(), [](const stage& each) { return !each.result; }));
}

std::string model_analysis::adversarial_file(const condition& what) const {
    return settings_.out + "/adversarial/" + model_.name + "/" + file_name_of(what, settings_.ball) + ".npy";
}

model_result model_analysis::run(const std::function<void(double, const std::string&)>& done) {
    double passed = 0.0;
    for (stage& next : stages_) {
        if (next.result) continue;
        const std::string remark = model_.name + ", " + next.name;
        stopwatch watch;
        try {
            next.result = measure(next, [&](double share) { done(passed + share * next.passes, remark); });
        } catch (const repscope::value_error& e) {
            throw data_error(model_.file, next.name + ": " + without_function_name(e.what()));
        }
        (*next.result)["seconds"] = watch.lap();
        store_.keep(next.name, next.settings, *next.result);
        passed += next.passes;
        done(passed, remark);
    }
    return assemble();
}

json model_analysis::measure(const stage& next, const std::function<void(double)>& done) {
    if (next.what) return measure_condition(*next.what);
    if (next.name == "clean") return measure_clean(done);
    if (next.name == "ablation") return measure_ablation(done);
    if (next.name == "distances") {
        return distances_json(measure_distances(*model_.network, conditions_, inputs_, pool_, done));
    }
    json object;
    if (next.name == "gradients") {
        object["images"] = next.settings["images"];
        object["probes"] = settings_.probes;
        const std::size_t images = ::program::gradient_images(settings_, inputs_.samples());
        for (const gradient_result& layer :
             measure_gradients(*model_.network, inputs_, images, settings_.probes, model_.batch, pool_)) {
            object["layers"].push_back(gradient_json(layer));
        }
        return object;
    }
    const reference_result reference = runner().reference();
    object["images"] = reference.images;
    object["layers"] = compared_json(reference.layers);
    return object;
}

json model_analysis::measure_clean(const std::function<void(double)>& done) {
    using namespace repscope::analysis;
    layer_measurement options{.batch = model_.batch};
    options.layer.measures = default_measures | geometry_measures;
    options.layer.inference = true;
    options.layer.trace = trace_method::blocks; // one pass
    options.layer.negatives = *policy_named(settings_.policy);
    options.done = [&](std::size_t images) {
        done(static_cast<double>(images) / static_cast<double>(inputs_.samples()));
    };
    const clean_result clean = measure_clean_layers(*model_.network, inputs_, pool_, options);
    json object = clean_json(clean);
    object["predicted"] = clean.predicted;
    return object;
}

// The units of every layer, and their importance. A layer that cannot be cut has a reason in their place.
json model_analysis::measure_ablation(const std::function<void(double)>& done) {
    const std::size_t images = ablation_images(settings_, inputs_.samples());
    std::vector<float> pixels;
    const auto x = inputs_.read(0, images, pixels);
    const auto labels = inputs_.labels().first(images);
    double units = 0.0;
    for (const auto& shape : model_.extents) units += static_cast<double>(shape[1]);
    json object;
    object["images"] = images;
    double before = 0.0;
    for (std::size_t l = 0; l < model_.layers.size(); ++l) {
        json& layer = object["layers"].emplace_back();
        layer["name"] = model_.layers[l];
        try {
            const auto measured = model_.ablate(l, x, labels, [&](std::size_t passes) {
                done((before + static_cast<double>(passes) / static_cast<double>(images)) / units);
            });
            layer["accuracy"] = measured.accuracy;
            layer["accuracy_without"] = measured.accuracy_without;
        } catch (const repscope::error& e) {
            layer["reason"] = without_function_name(e.what());
        }
        before += static_cast<double>(model_.extents[l][1]);
    }
    return object;
}

condition_runner& model_analysis::runner() {
    if (!runner_) runner_.emplace(*model_.network, conditions_, inputs_, corrupted_, pool_);
    return *runner_;
}

json model_analysis::measure_condition(const condition& what) {
    const condition_result result = runner().measure(what);
    json object = condition_json(result);
    object["predicted"] = result.predicted;
    object["distance_l2"] = result.l2;
    object["distance_linf"] = result.linf;
    const auto extents = inputs_.extents(1);
    if (shows_pictures(extents[1], extents[2], extents[3])) {
        const std::size_t bytes = shown_pictures(extents[3]) * inputs_.sample_size();
        object["pictures"] = std::vector<std::uint8_t>(
            result.pixels.begin(),
            result.pixels.begin() + static_cast<std::ptrdiff_t>(std::min(bytes, result.pixels.size())));
    }
    if (settings_.save_adversarial && what.kind != condition_kind::corruption) {
        const std::string file = adversarial_file(what);
        make_folder(std::filesystem::path(file).parent_path().string());
        const auto& values = runner().perturbed();
        repscope::io::save_npy(
            file, repscope::tensor_view<const float, 4>(values.data(), inputs_.extents(result.images)));
    }
    return object;
}

model_result model_analysis::assemble() const {
    model_result result{.name = model_.name};
    network_result& network = result.network;
    json& object = result.json;
    object["name"] = model_.name;
    object["file"] = model_.file;
    object["sha256"] = model_.sha256;
    object["input"] = model_.input;
    object["logits"] = model_.logits;
    object["classes"] = model_.classes;
    json conditions = json::array(), seconds = json::object(), reference, ablation, distances;
    for (const stage& each : stages_) {
        json part = *each.result;
        const double time = part["seconds"].get<double>();
        part.erase("seconds");
        std::string kind = each.name;
        if (each.what) kind = each.what->kind == condition_kind::corruption ? "corruptions" : "attacks";
        seconds[kind] = seconds.value(kind, 0.0) + time;
        if (each.name == "gradients") {
            for (std::size_t l = 0; l < part["layers"].size(); ++l) {
                json& gradient = conditions[0]["layers"][l]["gradient"];
                gradient = part["layers"][l];
                gradient["probes"] = part["probes"];
                network.clean.layers[l].gradient = gradient_from_json(gradient);
            }
            continue;
        }
        if (each.name == "ablation") {
            add_correlations(part, network.clean);
            ablation = std::move(part);
            continue;
        }
        if (each.name == "distances") {
            network.distances = distances_from_json(part);
            distances = std::move(part);
            continue;
        }
        if (each.name == "reference") {
            network.reference = {part["images"].get<std::size_t>(), compared_from_json(part["layers"])};
            reference = std::move(part);
            continue;
        }
        std::vector<int> predicted = part["predicted"].get<std::vector<int>>();
        if (each.name == "clean") {
            network.clean = clean_from_json(without_estimates(part));
            network.clean.correct = correct_of(predicted, inputs_);
            network.clean.predicted = std::move(predicted);
        } else {
            condition_result& condition = network.conditions.emplace_back(condition_from_json(part));
            condition.range = inputs_.width();
            condition.correct = correct_of(predicted, inputs_);
            condition.predicted = std::move(predicted);
            condition.l2 = part["distance_l2"].get<std::vector<double>>();
            condition.linf = part["distance_linf"].get<std::vector<double>>();
            condition.pixels = part.value("pictures", std::vector<std::uint8_t>());
        }
        for (const char* key : {"predicted", "distance_l2", "distance_linf", "pictures"}) part.erase(key);
        conditions.push_back(std::move(part));
    }
    network.selectivity_mean = mean_selectivity(network.clean.layers);
    network.mean_corruption_accuracy = mean_corruption_accuracy(network.conditions);
    object["clean_accuracy"] = network.clean.accuracy;
    object["selectivity_mean"] = network.selectivity_mean;
    object["mean_corruption_accuracy"] = nullptr;
    if (const auto& means = network.mean_corruption_accuracy)
        object["mean_corruption_accuracy"] = {{"all", means->all}, {"without_frost", means->without_frost}};
    object["seconds"] = std::move(seconds);
    object["reference"] = std::move(reference);
    object["ablation"] = std::move(ablation);
    object["distances"] = std::move(distances);
    object["conditions"] = std::move(conditions);
    return result;
}

std::string per_image_rows(const model_result& model, const labeled_inputs& inputs) {
    std::string text;
    const auto add = [&](const std::string& condition, const std::vector<int>& predicted,
                         std::span<const double> l2, std::span<const double> linf) {
        const std::string before = csv_field(model.name) + "," + condition + ",";
        for (std::size_t i = 0; i < predicted.size(); ++i) {
            const std::int32_t label = inputs.labels()[i];
            text += before + std::to_string(i) + "," + std::to_string(label) + "," +
                    std::to_string(predicted[i]) + "," + (predicted[i] == label ? "1" : "0") + "," +
                    (l2.empty() ? "0,0" : csv_field(l2[i]) + "," + csv_field(linf[i])) + "\n";
        }
    };
    add(std::string(clean_label), model.network.clean.predicted, {}, {});
    for (const condition_result& condition : model.network.conditions)
        add(condition_label(condition), condition.predicted, condition.l2, condition.linf);
    return text;
}

} // namespace program
