// repscope study: trains networks whose class selectivity is pushed down or up, and measures every layer of
// each.

#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "files/output_file.hpp"
#include "images/datasets.hpp"
#include "images/frost_textures.hpp"
#include "onnx/file.hpp"
#include "render/text_table.hpp"
#include "study/json.hpp"
#include "study/options.hpp"
#include "study/per_image.hpp"
#include "study/report/claims.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/notes.hpp"
#include "study/report/outcomes.hpp"
#include "study/report/page.hpp"
#include "study/report/pictures.hpp"
#include "study/report/tables.hpp"
#include "study/run/autoattack.hpp"
#include "study/run/conditions.hpp"
#include "study/run/model.hpp"
#include "study/run/run_network.hpp"
#include "study/settings.hpp"
#include "study/store.hpp"
#include "study/times.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"
#include "support/progress.hpp"
#include "support/versions.hpp"

#include <repscope/error.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

namespace program {

namespace {

// The eps whose attacked images are shown: that of claim 2, else the largest; 0 without attacks.
double shown_eps(const study_result& study) {
    for (const study_claim& claim : study.claims) {
        if (claim.attack && claim.attack->primary_eps > 0.0) return claim.attack->primary_eps;
    }
    const auto sizes = attack_sizes(study.networks[0]);
    return sizes.empty() ? 0.0 : sizes.back();
}

// Which images each network classifies correctly, under "network/condition".
image_verdicts verdicts_of(const std::vector<network_result>& networks) {
    image_verdicts verdicts;
    for (const network_result& network : networks) {
        const std::string cell = cell_name({network.alpha, network.seed}) + "/";
        verdicts.emplace_back(cell + std::string(clean_label), network.clean.correct);
        for (const condition_result& condition : network.conditions)
            verdicts.emplace_back(cell + condition_label(condition), condition.correct);
    }
    return verdicts;
}

// The data of a study and what trains on them.
struct study_run {
    explicit study_run(const study_settings& of)
        : settings(of), data(load_data_set(of.data, of.train, of.test)),
          pool(static_cast<std::size_t>(of.threads)), textures(read_frost_textures(of.frost_textures)) {
        step_count(settings, data.train.images); // refuses images that do not fill a batch
        for (std::size_t seed = 0; seed < settings.seeds; ++seed) {
            for (const double alpha : settings.alphas) cells.push_back({alpha, seed});
        }
    }

    const study_settings& settings;
    data_set data;
    repscope::thread_pool pool;
    std::vector<repscope::corruption::frost_texture> textures;
    std::vector<study_cell> cells;
};

std::string plan_of(study_run& run, std::size_t missing) {
    const study_settings& settings = run.settings;
    std::string plan = run.data.name + ": " + std::to_string(run.data.train.images) +
                       " images to train on, " + std::to_string(run.data.test.images) +
                       " to test on; network " + settings.network + ", " + counted(settings.epochs, "epoch") +
                       "\n" + counted(settings.alphas.size(), "alpha") + " x " +
                       counted(settings.seeds, "seed") + ": " + counted(run.cells.size(), "network");
    if (missing < run.cells.size())
        plan += ", " + std::to_string(run.cells.size() - missing) + " of them finished before";
    if (missing > 0) {
        const double seconds = estimated_seconds(settings, run.data, run.pool);
        plan += "; training and measuring " + std::to_string(missing) + " takes about " +
                duration(seconds * static_cast<double>(missing)) + " on " +
                counted(run.pool.size(), "thread");
    }
    return plan + "\n";
}

// Trains and measures networks, and keeps each when it is finished.
void train_networks(study_run& run, const study_store& store, corrupted_images& corrupted,
                    const std::vector<study_cell>& missing) {
    progress shown("study", static_cast<double>(missing.size()), "networks");
    for (std::size_t i = 0; i < missing.size(); ++i) {
        const study_cell& cell = missing[i];
        const std::string label = "network " + std::to_string(i + 1) + " of " +
                                  std::to_string(missing.size()) + ": alpha " + shortest(cell.alpha) +
                                  ", seed " + std::to_string(cell.seed) + ", ";
        network_result network;
        try {
            network = train_and_measure(
                run.settings, cell, run.data, corrupted, run.pool,
                run.settings.dump ? store.dump_folder(cell) : "",
                run.settings.export_onnx ? store.onnx_file(cell) : "", store.parameter_file(cell),
                [&](const std::string& stage, double share) {
                    // Two stages, taken for equally long.
                    const double before = stage == "training" ? 0.0 : 0.5;
                    shown.done(static_cast<double>(i) + before + 0.5 * share, label + stage);
                });
        } catch (const repscope::value_error& e) {
            throw data_error(cell_name(cell), "training diverged: " + without_function_name(e.what()));
        }
        keep_network(store, network);
    }
}

// All networks, read from their files.
study_result assemble(const study_run& run, const study_store& store) {
    const study_settings& settings = run.settings;
    study_result study{.version = version_text(),
                       .commit = commit_text(),
                       .data = summary_of(run.data),
                       .network = settings.network,
                       .epochs = settings.epochs,
                       .alphas = settings.alphas,
                       .seeds = settings.seeds,
                       .dump = settings.dump,
                       .options = options_of(settings, run.data)};
    for (const study_cell& cell : run.cells) {
        auto network = finished_network(store, settings, cell);
        if (!network)
            throw data_error(settings.out, "a network that was finished is gone: " + cell_name(cell));
        study.networks.push_back(std::move(*network));
    }
    return study;
}

// The networks under AutoAttack.
void attack_networks(study_run& run, const study_store& store, study_result& study) {
    const std::vector<double> sizes = autoattack_sizes(run.settings, study.networks);
    if (sizes.empty()) return;
    std::string text;
    for (const double eps : sizes) {
        study.options.autoattack_eps.push_back(in_255ths(eps));
        text += (text.empty() ? "" : ", ") + eps_text(eps);
    }
    print("AutoAttack: linf " + text + ", " + counted(study.options.autoattack_images, "image") + "\n");
    const stage_store stages = store.autoattack_stages();
    progress shown("study", static_cast<double>(study.networks.size()), "networks");
    for (std::size_t i = 0; i < study.networks.size(); ++i) {
        shown.done(static_cast<double>(i), "AutoAttack, network " + std::to_string(i + 1) + " of " +
                                               std::to_string(study.networks.size()));
        add_autoattack(study.networks[i], sizes, run.settings, run.data, store, stages, run.pool);
    }
}

void write_study(const std::string& folder, const study_result& study, const study_pictures& pictures) {
    write_verdicts(folder + "/per_image.npz", verdicts_of(study.networks));
    write_output(folder + "/study.csv", study_csv(study));
    write_output(folder + "/study.json", study_text(study));
    write_study_page(folder, study, pictures);
    print(study_table(study) + "\n" + claims_table(study.claims) + study_notes_text(study) + "\n" +
          stage_times_text(study) + "report: " + folder +
          "/report.html; numbers beside it: study.json, study.csv, per_image.npz, " + "figures\n");
}

int study(const study_settings& settings) {
    study_run run(settings);
    const study_store store = open_study(settings, summary_of(run.data), options_of(settings, run.data));
    std::vector<study_cell> missing;
    for (const study_cell& cell : run.cells) {
        // A network that was finished without --export is trained again: its parameters were not kept.
        const bool is_exported = !settings.export_onnx || std::filesystem::exists(store.onnx_file(cell));
        if (!finished_network(store, settings, cell) || !is_exported) missing.push_back(cell);
    }
    const std::size_t test_images = run.data.test.images;
    corrupted_images corrupted(run.data.test, std::min(settings.corruption_images, test_images), run.textures,
                               run.pool);
    corrupted_images some_corrupted(run.data.test, std::min(picture_count, test_images), run.textures,
                                    run.pool);
    print(plan_of(run, missing.size()));
    train_networks(run, store, corrupted, missing);
    study_result result = assemble(run, store);
    attack_networks(run, store, result);
    result.claims = study_claims(result);
    add_study_notes(result, run.data.classes);
    write_study(settings.out, result,
                take_pictures(ordered_networks(result), run.data.test,
                              settings.corruption_images > 0 ? &some_corrupted : nullptr, shown_eps(result)));
    return 0;
}

// The networks: alphas, seeds, training and architecture.
void add_network_options(CLI::App& command, study_settings& settings, std::string& alphas) {
    command
        .add_option("--alphas", alphas, "strengths of the selectivity term: below 0 pushes down, above 0 up")
        ->type_name("A,B,..")
        ->capture_default_str();
    command
        .add_option("--seeds", settings.seeds, "networks per alpha; a seed fixes initialization and order")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1000})))
        ->type_name("N")
        ->capture_default_str();
    command.add_option("--epochs", settings.epochs, "passes over the training images")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{10000})))
        ->type_name("N")
        ->capture_default_str();
    add_image_options(command, settings);
    command
        .add_option("--network", settings.network,
                    "small (4 convolutions), resnet (3 residual blocks)\nor mlp (784-256-128-10)")
        ->check(one_of({"small", "resnet", "mlp"}))
        ->type_name("NAME")
        ->capture_default_str();
}

// The images and the sizes of corruptions, attacks and gradients.
void add_condition_options(CLI::App& command, study_settings& settings, std::string& eps,
                           std::string& attacks, std::string& autoattack_eps) {
    command
        .add_option("--corruption-images", settings.corruption_images,
                    "test images under each of 15 corruptions at 5 severities;\n0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    command
        .add_option("--attack-images", settings.attack_images,
                    "test images under FGSM, PGD and random signs; 0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    command
        .add_option("--gradient-images", settings.gradient_images,
                    "test images for the gradients of units with respect to the\nimage; 0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    command.add_option("--eps", eps, "sizes of the attacks (linf), in 255ths")
        ->type_name("E,E,..")
        ->capture_default_str();
    command
        .add_option("--attacks", attacks,
                    "fgsm, pgd (with the cross-entropy and the margin) and autoattack,\nthe standard "
                    "evaluation of the field")
        ->type_name("LIST")
        ->capture_default_str();
    command
        .add_option("--autoattack-images", settings.autoattack_images,
                    "test images under AutoAttack, at most --attack-images")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    command
        .add_option("--autoattack-eps", autoattack_eps,
                    "sizes of AutoAttack (linf), in 255ths; primary: the eps of claim 2,\nat which PGD "
                    "leaves the networks of alpha 0 about half of their\naccuracy")
        ->type_name("E,E,..")
        ->capture_default_str();
    command
        .add_option("--distance-images", settings.distance_images,
                    "test images whose distance to the nearest misclassified image is\nmeasured (FAB), at "
                    "most --attack-images; 0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    command.add_option("--attack-steps", settings.attack_steps, "steps of PGD, of 2.5 eps / steps each")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{4096})))
        ->type_name("N")
        ->capture_default_str();
}

} // namespace

command add_study(CLI::App& app) {
    auto settings = std::make_shared<study_settings>();
    auto alphas = std::make_shared<std::string>("-2,-1,-0.5,0,0.5,1,2");
    auto eps = std::make_shared<std::string>("1,2,4,8,16");
    auto attacks = std::make_shared<std::string>("fgsm,pgd,autoattack");
    auto autoattack_eps = std::make_shared<std::string>("primary");
    CLI::App* sub = app.add_subcommand(
        "study", "Train networks with class selectivity pushed down and up, and measure every layer");
    add_data_options(*sub, *settings);
    add_network_options(*sub, *settings, *alphas);
    add_condition_options(*sub, *settings, *eps, *attacks, *autoattack_eps);
    add_run_options(*sub, *settings);
    sub->add_flag("--dump", settings->dump, "write each layer's test activations and the labels as .npy");
    sub->add_flag("--export", settings->export_onnx,
                  "write each trained network as networks/NAME.onnx, which takes\nimages in [0, 1]");
    // These were options of this command; it names the one that has them now.
    auto moved = std::make_shared<std::string>();
    for (const char* option : {"--methods", "--protocol"}) sub->add_option(option, *moved)->group("");
    sub->footer(
        "Examples:\n"
        "  repscope study --data fashion-mnist --out results\n"
        "  repscope study --data fashion-mnist --alphas -2,0,1 --seeds 2 --epochs 1 --train 20000 --out "
        "quick\n"
        "  repscope study --data cifar10:cifar-10-batches-bin --network resnet --out cifar\n"
        "Fashion-MNIST is the Debian package dataset-fashion-mnist. The same settings continue a study that\n"
        "was interrupted.");
    return {sub, [settings, alphas, eps, attacks, autoattack_eps, moved] {
                if (!moved->empty()) {
                    throw usage_error("expected 'repscope methods --methods LIST' for methods of training, "
                                      "got --methods or --protocol");
                }
                settings->alphas = parse_alphas(*alphas);
                settings->eps = parse_eps(*eps);
                settings->attacks = parse_attacks(*attacks);
                settings->autoattack_eps = parse_autoattack_eps(*autoattack_eps);
                check_autoattack_eps(*settings);
                check_image_counts(*settings);
                if (settings->export_onnx) require_onnx("--export");
                return study(*settings);
            }};
}

} // namespace program
