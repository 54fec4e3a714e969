// repscope study: trains networks whose class selectivity is pushed down or up, and measures every layer of
// each.

#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "files/output_file.hpp"
#include "images/datasets.hpp"
#include "images/frost_textures.hpp"
#include "render/text_table.hpp"
#include "study/options.hpp"
#include "study/per_image.hpp"
#include "study/report/claims.hpp"
#include "study/report/notes.hpp"
#include "study/report/outcomes.hpp"
#include "study/report/page.hpp"
#include "study/report/pictures.hpp"
#include "study/report/tables.hpp"
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
#include <memory>
#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;

json data_json(const data_set& data) {
    json object;
    object["name"] = data.name;
    object["train"] = data.train.images;
    object["test"] = data.test.images;
    object["sha256"] = data.sha256;
    return object;
}

json conditions_json(const study_settings& settings, const data_set& data) {
    json object;
    object["corruption_images"] = std::min(settings.corruption_images, data.test.images);
    object["attack_images"] = std::min(settings.attack_images, data.test.images);
    object["gradient_images"] = std::min(settings.gradient_images, data.test.images);
    object["compared_images"] = compared_images(settings, data);
    object["eps"] = settings.eps;
    object["attack_steps"] = settings.attack_steps;
    object["frost"] = settings.frost_textures.empty() ? "procedural" : settings.frost_textures;
    return object;
}

// What decides the numbers of a network, apart from its alpha and seed.
json settings_of_networks(const study_settings& settings, const data_set& data) {
    json made_with;
    made_with["repscope"] = version_text();
    made_with["data"] = data_json(data);
    made_with["network"] = settings.network;
    made_with["training"] = training_json(settings);
    made_with["conditions"] = conditions_json(settings, data);
    return made_with;
}

// Takes what every network says of single images out of the study, under "network/condition".
image_verdicts take_verdicts(json& networks) {
    image_verdicts verdicts;
    for (auto& network : networks) {
        const std::string cell =
            cell_name({network["alpha"].get<double>(), network["seed"].get<std::size_t>()});
        for (const auto& [condition, right] : network["right"].items()) {
            verdicts.emplace_back(cell + "/" + condition, unpacked(right.get<std::string>()));
        }
        network.erase("right");
    }
    return verdicts;
}

// The eps whose attacked images are looked at: that of claim 2, else the largest; 0 when there is none.
double shown_eps(const json& study) {
    for (const auto& claim : study["claims"]) {
        if (claim.contains("primary_eps") && claim["primary_eps"].get<double>() > 0.0)
            return claim["primary_eps"];
    }
    const auto sizes = attack_sizes(study["networks"][0]);
    return sizes.empty() ? 0.0 : sizes.back();
}

int study(const study_settings& settings) {
    const data_set data = load_data_set(settings.data, settings.train, settings.test);
    repscope::thread_pool pool(static_cast<std::size_t>(settings.threads));
    const auto textures = read_frost_textures(settings.frost_textures);
    step_count(settings, data.train.images); // refuses images that do not fill a batch
    const study_store store(settings, settings_of_networks(settings, data));

    std::vector<study_cell> cells;
    std::vector<study_cell> missing;
    for (std::size_t seed = 0; seed < settings.seeds; ++seed) {
        for (const double alpha : settings.alphas) {
            cells.push_back({alpha, seed});
            if (!store.finished(cells.back())) missing.push_back(cells.back());
        }
    }
    corrupted_images corrupted(data.test, std::min(settings.corruption_images, data.test.images), textures,
                               pool);
    corrupted_images some_corrupted(data.test, std::min(picture_count, data.test.images), textures, pool);
    std::string plan = data.name + ": " + std::to_string(data.train.images) + " images to train on, " +
                       std::to_string(data.test.images) + " to test on; network " + settings.network + ", " +
                       counted(settings.epochs, "epoch") + "\n" + counted(settings.alphas.size(), "alpha") +
                       " x " + counted(settings.seeds, "seed") + ": " + counted(cells.size(), "network");
    if (missing.size() < cells.size()) {
        plan += ", " + std::to_string(cells.size() - missing.size()) + " of them finished before";
    }
    if (!missing.empty()) {
        const double seconds = estimated_seconds(settings, data, pool);
        plan += "; training and measuring " + std::to_string(missing.size()) + " takes about " +
                duration(seconds * static_cast<double>(missing.size())) + " on " +
                counted(pool.size(), "thread");
    }
    print(plan + "\n");

    {
        progress shown("study", static_cast<double>(missing.size()), "networks");
        for (std::size_t i = 0; i < missing.size(); ++i) {
            const auto& cell = missing[i];
            const std::string which = "network " + std::to_string(i + 1) + " of " +
                                      std::to_string(missing.size()) + ": alpha " + shortest(cell.alpha) +
                                      ", seed " + std::to_string(cell.seed) + ", ";
            json network;
            try {
                network = train_and_measure(
                    settings, cell, data, corrupted, pool, settings.dump ? store.dump_folder(cell) : "",
                    [&](const std::string& stage, double share) {
                        // Two stages, taken for equally long.
                        const double before = stage == "training" ? 0.0 : 0.5;
                        shown.done(static_cast<double>(i) + before + 0.5 * share, which + stage);
                    });
            } catch (const repscope::value_error& e) {
                throw data_error(cell_name(cell), "training diverged: " + without_function_name(e.what()));
            }
            store.keep(cell, network);
        }
    }

    json whole;
    whole["schema"] = "repscope.study/1";
    whole["repscope"] = version_text();
    whole["commit"] = commit_text();
    whole["command"] = "study";
    whole["data"] = data_json(data);
    whole["network"] = settings.network;
    whole["training"] = training_json(settings);
    whole["options"] = {{"alphas", settings.alphas}, {"seeds", settings.seeds}, {"dump", settings.dump}};
    whole["options"].update(conditions_json(settings, data));
    whole["networks"] = json::array();
    for (const auto& cell : cells) {
        const auto network = store.finished(cell);
        if (!network)
            throw data_error(settings.out, "a network that was finished is gone: " + cell_name(cell));
        whole["networks"].push_back(*network);
    }
    const image_verdicts verdicts = take_verdicts(whole["networks"]);
    whole["claims"] = study_claims(whole, verdicts);
    add_study_notes(whole, data.classes);
    const study_pictures pictures = take_pictures(whole["networks"], data, some_corrupted,
                                                  settings.corruption_images > 0, shown_eps(whole), verdicts);
    write_verdicts(settings.out + "/per_image.npz", verdicts);
    write_output(settings.out + "/study.csv", study_csv(whole));
    write_output(settings.out + "/study.json", whole.dump(1) + "\n");
    write_study_page(settings.out, whole, pictures);
    print(study_table(whole) + "\n" + claims_table(whole["claims"]) + study_notes_text(whole) + "\n" +
          stage_times_text(whole) + "report: " + settings.out +
          "/report.html; numbers beside it: study.json, study.csv, per_image.npz, " + "figures\n");
    return 0;
}

} // namespace

command add_study(CLI::App& app) {
    auto settings = std::make_shared<study_settings>();
    auto alphas = std::make_shared<std::string>("-2,-1,-0.5,0,0.5,1,2");
    auto eps = std::make_shared<std::string>("1,2,4,8,16");
    CLI::App* sub = app.add_subcommand(
        "study", "Train networks with class selectivity pushed down and up, and measure every layer");
    add_data_options(*sub, *settings);
    sub->add_option("--alphas", *alphas, "strengths of the selectivity term: below 0 pushes down, above 0 up")
        ->type_name("A,B,..")
        ->capture_default_str();
    sub->add_option("--seeds", settings->seeds, "networks an alpha; a seed fixes initialization and order")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1000})))
        ->type_name("N")
        ->capture_default_str();
    sub->add_option("--epochs", settings->epochs, "passes over the training images")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{10000})))
        ->type_name("N")
        ->capture_default_str();
    add_image_options(*sub, *settings);
    sub->add_option("--network", settings->network,
                    "small (4 convolutions), resnet (3 residual blocks)\nor mlp (784-256-128-10)")
        ->check(quiet(CLI::IsMember({"small", "resnet", "mlp"})))
        ->type_name("NAME")
        ->capture_default_str();
    sub->add_option("--corruption-images", settings->corruption_images,
                    "test images under each of 15 corruptions at 5 severities;\n0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    sub->add_option("--attack-images", settings->attack_images,
                    "test images under FGSM, PGD and random signs; 0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    sub->add_option("--gradient-images", settings->gradient_images,
                    "test images for the gradients of units with respect to the\nimage; 0: none")
        ->check(quiet(CLI::Range(std::size_t{0}, std::size_t{1} << 30U)))
        ->type_name("N")
        ->capture_default_str();
    sub->add_option("--eps", *eps, "sizes of the attacks (linf), in 255ths")
        ->type_name("E,E,..")
        ->capture_default_str();
    sub->add_option("--attack-steps", settings->attack_steps, "steps of PGD, of 2.5 eps / steps each")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{4096})))
        ->type_name("N")
        ->capture_default_str();
    add_run_options(*sub, *settings);
    sub->add_flag("--dump", settings->dump, "write each layer's test activations and the labels as .npy");
    // These were options of this command; it names the one that has them now.
    auto moved = std::make_shared<std::string>();
    for (const char* option : {"--methods", "--protocol"}) sub->add_option(option, *moved)->group("");
    sub->footer(
        "Examples:\n"
        "  repscope study --data fashion-mnist --out results\n"
        "  repscope study --data fashion-mnist --alphas -2,0,1 --seeds 2 --epochs 1 --train 20000 --out "
        "quick\n"
        "  repscope study --data cifar10:cifar-10-batches-bin --network resnet --out cifar\n"
        "Fashion-MNIST is the Debian package dataset-fashion-mnist. A study that was interrupted goes on\n"
        "where it was when it is run again with the same settings.");
    return {sub, [settings, alphas, eps, moved] {
                if (!moved->empty()) {
                    throw usage_error("expected 'repscope methods --methods LIST' for methods of training, "
                                      "got --methods or --protocol");
                }
                settings->alphas = parse_alphas(*alphas);
                settings->eps = parse_eps(*eps);
                return study(*settings);
            }};
}

} // namespace program
