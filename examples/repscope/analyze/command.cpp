// repscope analyze: the measurements of the study, of the user's own networks.

#include "analyze/inputs.hpp"
#include "analyze/json.hpp"
#include "analyze/model.hpp"
#include "analyze/page.hpp"
#include "analyze/pictures.hpp"
#include "analyze/run.hpp"
#include "analyze/settings.hpp"
#include "analyze/tables.hpp"
#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "dump/class_labels.hpp"
#include "dump/network_choice_options.hpp"
#include "files/input_files.hpp"
#include "files/output_file.hpp"
#include "files/output_guard.hpp"
#include "images/frost_textures.hpp"
#include "onnx/file.hpp"
#include "study/report/notes.hpp"
#include "study/run/distances.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"
#include "support/progress.hpp"
#include "support/versions.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace program {

namespace {

using analysis_json = nlohmann::ordered_json;

void check_analysis_settings(const analysis_settings& settings) {
    require_onnx("repscope analyze");
    if (settings.models.size() > 2) {
        throw usage_error("expected one model, or two that are compared, got " +
                          std::to_string(settings.models.size()));
    }
    check_numbers(settings);
}

void check_analysis_outputs(const analysis_settings& settings) {
    output_guard guard;
    for (const std::string& model : settings.models) guard.add_input(model);
    guard.add_input(settings.inputs);
    guard.add_input(settings.labels);
    guard.add_input(settings.frost_textures);
    guard.add_output("--out", settings.out + "/analysis.json", file_kind::json);
    guard.add_output("--out", settings.out + "/analysis.csv", file_kind::csv);
    guard.add_output("--out", settings.out + "/per_image.csv", file_kind::csv);
    guard.add_output("--out", settings.out + "/report.html", file_kind::html);
}

analysis_json file_json(const input_record& record) {
    return {{"file", record.file}, {"bytes", record.bytes}, {"sha256", *record.sha256}};
}

// What decides the results of all stages and models.
analysis_json identity_of(const analysis_settings& settings, const std::vector<input_record>& files) {
    analysis_json identity;
    identity["repscope"] = version_text();
    identity["inputs"] = *files[0].sha256;
    identity["labels"] = *files[1].sha256;
    identity["range"] = settings.range;
    identity["mean"] = settings.mean;
    identity["std"] = settings.std;
    identity["input"] = settings.input;
    identity["logits"] = settings.logits;
    return identity;
}

// Everything of analysis.json before the models.
analysis_json head_of(const analysis_settings& settings, const analysis_inputs& inputs,
                      const std::vector<input_record>& files) {
    analysis_json head;
    head["schema"] = "repscope.analysis/1";
    head["repscope"] = version_text();
    head["commit"] = commit_text();
    head["command"] = "analyze";
    head["inputs"] = file_json(files[0]);
    head["inputs"]["samples"] = inputs.labeled->samples();
    head["inputs"]["shape"] = inputs.extents;
    head["inputs"]["images"] = inputs.images != nullptr;
    head["inputs"]["range"] = {inputs.labeled->low(), inputs.labeled->low() + inputs.labeled->width()};
    head["labels"] = file_json(files[1]);
    analysis_json& options = head["options"];
    options["mean"] = settings.mean;
    options["std"] = settings.std;
    options["layers"] = settings.layers;
    options["signed"] = settings.policy;
    const std::size_t samples = inputs.labeled->samples();
    options["corruption_images"] =
        inputs.images == nullptr ? 0 : std::min(settings.corruption_images, samples);
    options["attack_images"] = std::min(settings.attack_images, samples);
    options["gradient_images"] = std::min(settings.gradient_images, samples);
    options["ablation_images"] = std::min(settings.ablation_images, samples);
    options["compared_images"] = compared_images(settings, samples);
    options["autoattack_images"] = std::min({settings.autoattack_images, settings.attack_images, samples});
    options["distance_images"] = distance_images(settings, samples);
    options["attacks"] = settings.attacks;
    options["norm"] = to_string(settings.ball);
    options["eps"] = settings.eps;
    options["attack_steps"] = settings.attack_steps;
    options["probes"] = settings.probes;
    options["frost"] = settings.frost_textures.empty() ? "procedural" : settings.frost_textures;
    return head;
}

std::string analysis_plan(const std::vector<model_analysis>& analyses, const labeled_inputs& inputs) {
    std::string plan;
    for (const model_analysis& each : analyses) {
        const analyzed_model& model = each.model();
        plan += model.name + ": " + counted(model.layers.size(), "layer") + ", " +
                std::to_string(model.classes) + " classes, " + counted(inputs.samples(), "input") + "; " +
                counted(each.stages(), "stage");
        const std::size_t finished = each.stages() - each.missing_stages();
        if (finished > 0) plan += ", " + std::to_string(finished) + " of them finished before";
        plan += "\n";
    }
    return plan;
}

// Models of one name, from different folders, are numbered.
void name_models(std::vector<analyzed_model>& models) {
    if (models.size() == 2 && models[0].name == models[1].name) models[1].name += "-2";
}

int analyze(analysis_settings settings) {
    check_analysis_settings(settings);
    check_analysis_outputs(settings);
    repscope::thread_pool pool(static_cast<std::size_t>(settings.threads));
    const analysis_inputs inputs = read_analysis_inputs(settings);
    const auto files = input_records({settings.inputs, settings.labels}, true, pool);
    analysis_result result;
    if (inputs.images == nullptr && settings.corruption_images > 0) {
        settings.corruption_images = 0;
        result.notes.emplace_back("corruptions are left out: the inputs are not images of uint8");
    }
    const std::size_t corrupted_count = std::min(settings.corruption_images, inputs.labeled->samples());
    std::optional<corrupted_images> corrupted;
    if (corrupted_count > 0) {
        corrupted.emplace(*inputs.images, corrupted_count, read_frost_textures(settings.frost_textures), pool,
                          corrupted_storage::last);
    }
    std::vector<analyzed_model> models;
    for (const std::string& file : settings.models) {
        models.push_back(open_model(file, settings, inputs.extents, pool));
        check_class_labels(settings.labels, inputs.labeled->labels(), models.back().classes);
    }
    name_models(models);
    std::vector<model_analysis> analyses;
    analyses.reserve(models.size());
    double missing = 0.0;
    for (analyzed_model& model : models) {
        analyses.emplace_back(std::move(model), settings, *inputs.labeled, corrupted ? &*corrupted : nullptr,
                              pool, identity_of(settings, files));
        missing += analyses.back().missing_passes();
    }
    print(analysis_plan(analyses, *inputs.labeled));
    result.head = head_of(settings, inputs, files);
    {
        progress shown("analyze", missing, "passes");
        double before = 0.0;
        for (model_analysis& each : analyses) {
            const double passes = each.missing_passes();
            result.models.push_back(each.run(
                [&](double passed, const std::string& remark) { shown.done(before + passed, remark); }));
            before += passes;
        }
    }
    std::vector<const network_result*> networks;
    std::vector<std::string> names;
    for (const model_result& model : result.models) {
        networks.push_back(&model.network);
        names.push_back(model.name);
    }
    for (std::string& note : autoattack_notes(networks, names)) result.notes.push_back(std::move(note));
    std::string per_image = "model,condition,image,label,predicted,correct,l2,linf\n";
    for (const model_result& model : result.models) per_image += per_image_rows(model, *inputs.labeled);
    write_output(settings.out + "/per_image.csv", per_image);
    write_output(settings.out + "/analysis.csv", analysis_csv(result));
    write_output(settings.out + "/analysis.json", analysis_text(result));
    write_analysis_page(settings.out, result, analysis_pictures(result, inputs, settings, pool));
    print(analysis_tables(result) + "report: " + settings.out +
          "/report.html; numbers beside it: analysis.json, analysis.csv, per_image.csv, figures\n");
    return 0;
}

std::string default_eps(repscope::attack::norm ball) {
    using repscope::attack::norm;
    return ball == norm::linf ? "1,2,4,8" : ball == norm::l2 ? "0.25,0.5,1" : "4,8,12";
}

void add_input_options(CLI::App& command, analysis_settings& settings) {
    command.add_option("MODEL", settings.models, "one .onnx file, or two that are compared")
        ->required()
        ->type_name("MODEL.onnx");
    command
        .add_option("--inputs", settings.inputs,
                    "uint8 images (n, height, width, channels), which are divided by 255, or floating-point "
                    "(n, channels, height, width) in [0, 1]")
        ->required()
        ->type_name("X.npy");
    command.add_option("--labels", settings.labels, "class of each input, as the model numbers them")
        ->required()
        ->type_name("Y.npy");
    command.add_option("--out", settings.out, "folder for the results and the finished stages")
        ->required()
        ->type_name("DIR");
    add_network_choice_options(command, settings);
    command
        .add_option("--layers", settings.layers,
                    "tensors to measure, by name, with * and ?; ! in front leaves out "
                    "[outputs of ReLUs, else those of all activation functions]")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("PATTERN");
    command
        .add_option("--signed", settings.policy,
                    "selectivity of units with negative class means: undefined, rectify or shift")
        ->check(one_of({"undefined", "rectify", "shift"}))
        ->type_name("POLICY")
        ->capture_default_str();
}

void add_stage_options(CLI::App& command, analysis_settings& settings, std::string& attacks,
                       std::string& eps) {
    const auto count = [&](const char* name, std::size_t& value, const char* help) {
        command.add_option(name, value, help)
            ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
            ->type_name("N")
            ->capture_default_str();
    };
    count("--corruption-images", settings.corruption_images,
          "inputs under each of 15 corruptions at 5 severities; 0: none");
    count("--attack-images", settings.attack_images, "inputs under attacks and random signs; 0: none");
    count("--gradient-images", settings.gradient_images,
          "inputs for the gradients of units with respect to the input; 0: none");
    count("--ablation-images", settings.ablation_images,
          "inputs for the accuracy with each unit set to its mean; 0: none");
    command.add_option("--attacks", attacks, "fgsm, pgd (with both losses), autoattack")
        ->type_name("NAME,..")
        ->capture_default_str();
    count("--autoattack-images", settings.autoattack_images,
          "inputs under AutoAttack, at most --attack-images; 0: none");
    count("--distance-images", settings.distance_images,
          "inputs whose distance to the nearest misclassified input is measured (FAB), at most "
          "--attack-images; 0: none");
    command
        .add_option_function<std::string>(
            "--norm",
            [&settings](const std::string& name) {
                using repscope::attack::norm;
                settings.ball = name == "l2" ? norm::l2 : name == "l1" ? norm::l1 : norm::linf;
            },
            "norm of the perturbations of attacks and random signs")
        ->check(one_of({"linf", "l2", "l1"}))
        ->type_name("NORM")
        ->default_str("linf");
    command
        .add_option("--eps", eps,
                    "sizes of the attacks for inputs from 0 to 1, in linf in 255ths "
                    "[linf 1,2,4,8; l2 0.25,0.5,1; l1 4,8,12]")
        ->type_name("E,E,..");
    command.add_option("--attack-steps", settings.attack_steps, "steps of PGD, of 2.5 eps / steps each")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{4096})))
        ->type_name("N")
        ->capture_default_str();
    command
        .add_option("--probes", settings.probes,
                    "random directions per input for the gradients of all units; 0: exact, with a pass per "
                    "unit")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{4096})))
        ->type_name("N")
        ->capture_default_str();
    command
        .add_option("--frost-textures", settings.frost_textures,
                    "folder of photographs of ice for frost [procedural ice]")
        ->type_name("DIR");
    command.add_flag("--save-adversarial", settings.save_adversarial,
                     "write the inputs under attack as .npy");
    command.add_option("--threads", settings.threads, "0: all cores; never changes a result")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
}

} // namespace

command add_analyze(CLI::App& app) {
    auto settings = std::make_shared<analysis_settings>();
    auto attacks = std::make_shared<std::string>("fgsm,pgd");
    auto eps = std::make_shared<std::string>();
    CLI::App* sub = app.add_subcommand(
        "analyze", "Measure the layers of a network in an ONNX file, clean, corrupted and attacked");
    add_input_options(*sub, *settings);
    add_stage_options(*sub, *settings, *attacks, *eps);
    sub->footer(
        "Examples:\n"
        "  repscope analyze model.onnx --inputs images.npy --labels labels.npy --out analysis\n"
        "  repscope analyze before.onnx after.onnx --inputs images.npy --labels labels.npy --out both "
        "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225\n"
        "An analysis that was interrupted continues when it is run again. A stage with other settings is\n"
        "measured again.");
    return {sub, [settings, attacks, eps] {
                settings->attacks = parse_attacks(*attacks);
                settings->eps = parse_eps(eps->empty() ? default_eps(settings->ball) : *eps);
                if (settings->autoattack_images == 0) std::erase(settings->attacks, "autoattack");
                check_image_counts(*settings);
                return analyze(*settings);
            }};
}

} // namespace program
