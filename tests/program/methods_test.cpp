// `repscope methods` on small made-up images, and its parts on made-up numbers.

#include "made_up_images.hpp"
#include "methods/catalog.hpp"
#include "methods/costs.hpp"
#include "methods/json.hpp"
#include "methods/protocol.hpp"
#include "methods/report.hpp"
#include "process.hpp"
#include "support/errors.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace methods_test {

using namespace program_test;
using json = nlohmann::ordered_json;

namespace {

std::vector<std::string> methods_study(const scratch_folder& folder, const std::string& methods,
                                       const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"methods",
                                       "--data",
                                       "fashion-mnist:" + folder.path().string(),
                                       "--out",
                                       folder / "out",
                                       "--methods",
                                       methods,
                                       "--seeds",
                                       "2",
                                       "--epochs",
                                       "1",
                                       "--train",
                                       "128",
                                       "--test",
                                       "20",
                                       "--corruption-images",
                                       "1",
                                       "--attack-images",
                                       "6",
                                       "--attack-steps",
                                       "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

std::string refusal(const std::string& list) {
    try {
        program::parse_methods(list);
    } catch (const program::usage_error& e) {
        return e.what();
    }
    return "";
}

program::method_network made_up_network(const char* method, std::size_t seed, double selectivity,
                                        double clean, double corrupted, double linf) {
    const bool is_plain = method == std::string("ce");
    program::method_network network;
    network.method = method;
    network.seed = seed;
    network.clean.accuracy = clean;
    network.clean.selectivity_mean = selectivity;
    network.robust.corruption_accuracy = corrupted;
    network.robust.corruptions = {{"fog", corrupted}};
    network.robust.balls = {
        {"linf", .1, linf + .01, linf, {}}, {"l2", 1.5, .5, .5, {}}, {"l1", 10, .5, .5, {}}};
    network.robust.accuracy = linf;
    const auto extra = static_cast<double>(seed);
    network.cost = {is_plain ? 2.0 : 17.0 + extra, is_plain ? 800.0 : 100.0, is_plain ? 1.0 : 8.0};
    return network;
}

// A run of three methods, two seeds, and the arms of one.
program::methods_result made_up_result() {
    program::methods_result result;
    result.networks = {made_up_network("ce", 0, .30, .9, .6, .05), made_up_network("ce", 1, .32, .8, .6, .07),
                       made_up_network("at-linf", 0, .40, .7, .5, .45),
                       made_up_network("at-linf", 1, .46, .75, .5, .49),
                       made_up_network("augmix", 0, .25, .9, .7, .065)};
    program::arm_group& fairness = result.groups.emplace_back();
    fairness.name = "fairness";
    for (std::size_t seed = 0; seed < 2; ++seed) {
        program::attribute_measures erm, irm;
        erm.misleading = {.5, .4, .1};
        irm.misleading = {.7, .1 * static_cast<double>(seed), .1};
        fairness.arms.push_back({"erm", seed, erm});
        fairness.arms.push_back({"irm", seed, irm});
    }
    return result;
}

} // namespace

TEST_CASE("lists of methods") {
    const auto methods =
        program::parse_methods("ce,selectivity:-2,selectivity:+.5,deep-pursuit,deep-pursuit:0,eman:600");
    REQUIRE(methods.size() == 6);
    CHECK(methods[1].name == "selectivity:-2");
    CHECK(methods[1].number == -2);
    CHECK(methods[2].name == "selectivity:0.5");
    CHECK(methods[3].name == "deep-pursuit");
    CHECK(methods[3].number == 3);
    CHECK(methods[4].kind == "deep-pursuit");
    CHECK(methods[4].number == 0);
    CHECK(program::shares_training(methods[4]));
    CHECK(!program::shares_training(methods[5]));
    CHECK(program::method_cell("selectivity:-2", 3) == "method_selectivity_-2_seed_3");

    const std::string unknown = refusal("ce,trades");
    CHECK(unknown.find("'trades' is not known") != std::string::npos);
    for (const char* known : {"ce", "selectivity:ALPHA", "at-linf", "at-l2", "at-l1", "augmix", "msd", "max",
                              "avg", "ascl", "deep-pursuit[:N]", "eman[:LABELS]", "irm"})
        CHECK(unknown.find(known) != std::string::npos);
    for (const char* bad :
         {"", "ce,", "ce:1", "selectivity", "selectivity:0", "selectivity:x", "selectivity:101",
          "deep-pursuit:1.5", "deep-pursuit:-1", "eman:9", "ce,ce", "eman,eman:100"})
        CHECK(!refusal(bad).empty());
}

TEST_CASE("protocols") {
    const auto quick = program::protocol_of("quick", 1);
    CHECK(quick.train == 20000);
    REQUIRE(quick.balls.size() == 3);
    CHECK(quick.balls[0].eps == .1);
    CHECK(program::to_json(quick)["balls"][1]["training_step"] == doctest::Approx(.375));
    const auto paper = program::to_json(program::protocol_of("paper", 3));
    CHECK(paper["epochs"] == 50);
    CHECK(paper["balls"][2]["eps"] == 12);
    CHECK(paper["balls"][0]["training_step"] == .003);
    CHECK_THROWS_AS((void)program::protocol_of("long", 1), program::usage_error);
}

TEST_CASE("comparisons are differences seed by seed") {
    program::methods_result result = made_up_result();
    result.comparisons = program::method_comparisons(result);
    const auto get = [&](const char* first, const char* second, const char* quantity) {
        for (const auto& each : result.comparisons) {
            if (each.first == first && each.second == second && each.quantity == quantity) return each;
        }
        return program::method_comparison{};
    };
    const auto selectivity = get("at-linf", "ce", "selectivity_mean");
    REQUIRE(selectivity.per_seed.size() == 2);
    CHECK(selectivity.per_seed[0] == doctest::Approx(.1));
    CHECK(selectivity.per_seed[1] == doctest::Approx(.14));
    CHECK(selectivity.mean == doctest::Approx(.12));
    // t of one degree of freedom: 12.706 times s / sqrt(2) = .02
    CHECK(selectivity.high == doctest::Approx(.12 + 12.7062 * .02).epsilon(1e-4));
    CHECK(get("at-linf", "ce", "clean_accuracy").mean == doctest::Approx(-.125));
    CHECK(get("at-linf", "ce", "robust_linf").mean == doctest::Approx(.41));
    const auto once = get("augmix", "ce", "selectivity_mean");
    CHECK(once.mean == doctest::Approx(-.05));
    CHECK(std::isnan(once.low));
    CHECK(get("msd", "max", "robust_all").per_seed.empty());
    const auto fair = get("irm", "erm", "equalised odds");
    CHECK(fair.group == "fairness");
    CHECK(fair.mean == doctest::Approx(-.35));

    result.correlations = program::method_correlations(result);
    CHECK(result.correlations[0].spearman == doctest::Approx(-1)); // .31 .43 .25 and .6 .5 .7
    CHECK(result.correlations[1].spearman == doctest::Approx(.5)); // and .06 .47 .065
    result.costs = program::method_costs(result);
    const std::string csv = program::methods_csv(result);
    CHECK(csv.find("networks,at-linf,1,,robust_linf,0.49\n") != std::string::npos);
    CHECK(csv.find("networks,ce,0,,corruption_fog,0.6\n") != std::string::npos);
    CHECK(csv.find("networks,ce,0,,components_95_early,\n") != std::string::npos);
    CHECK(csv.find("fairness,irm,0,,equalised odds,0\n") != std::string::npos);
    CHECK(csv.find("fairness,irm,0,,accuracy like training,\n") != std::string::npos);
    const std::string table = program::methods_table(result);
    CHECK(table.find("0.310 +- 0.014") != std::string::npos);
    CHECK(table.find("0.350") != std::string::npos);

    const json written = json::parse(program::methods_text(result));
    CHECK(written["comparisons"].size() == result.comparisons.size());
    CHECK(written["correlations"][0]["spearman"] == doctest::Approx(-1));
    CHECK(written["networks"][2]["robust"]["linf"]["accuracy"] == .45);
    CHECK(written["networks"][2]["settings"].is_null());
    CHECK(!written["networks"][2].contains("right"));
    CHECK(written["fairness"][1]["misleading"]["accuracy"] == .7);
    CHECK(written["fairness"][1]["like_training"]["accuracy"].is_null());
}

TEST_CASE("networks and arms that are kept are read again as the same bytes") {
    program::method_network network = made_up_network("at-linf", 3, .4, .7, 1.0 / 3.0, .5);
    network.settings = {
        {"iterations", std::size_t{3}}, {"shrinkage", .01}, {"distance", std::string("linf")}};
    network.notes = {{"fooled", .25}, {"loss", std::nan("")}};
    network.clean.correct = {true, false, true, true, false};
    network.robust.images = 2;
    for (auto& ball : network.robust.balls) ball.correct = {true, ball.norm == "l2"};
    network.robust.correct = {true, false};
    program::layer_report layer;
    layer.name = "conv1";
    layer.selectivity.emplace();
    network.clean.layers = {layer, layer};
    const std::string text = program::to_json(network).dump();
    const auto again = program::method_network_from_json(json::parse(text));
    CHECK(program::to_json(again).dump() == text);
    CHECK(text.find("autoattack") == std::string::npos);
    CHECK(again.clean.correct == network.clean.correct);
    CHECK(again.robust.balls[1].correct == std::vector<bool>{true, true});
    CHECK(std::get<std::size_t>(again.settings[0].second) == 3);
    CHECK(std::isnan(again.notes[1].second));

    network.robust.autoattack_images = 2;
    network.robust.autoattack = 0;
    for (auto& ball : network.robust.balls) {
        ball.autoattack = .5;
        ball.autoattack_correct = {ball.norm == "l2", ball.norm != "l2"};
    }
    const json attacked = program::to_json(network);
    CHECK(attacked["robust"]["l1"]["autoattack"] == .5);
    CHECK(attacked["robust"]["all"]["autoattack"] == 0);
    CHECK(program::to_json(program::method_network_from_json(attacked)).dump() == attacked.dump());
    program::methods_result table_of_one;
    table_of_one.networks = {network};
    // PGD leaves the first image in linf and in l1, and both in l2.
    CHECK(program::methods_csv(table_of_one).find("pgd_minus_autoattack_l2,0.5\n") != std::string::npos);
    CHECK(program::methods_csv(table_of_one).find("pgd_minus_autoattack_linf,0\n") != std::string::npos);
    CHECK(program::methods_table(table_of_one).find("against AutoAttack on 2 images") != std::string::npos);

    program::semi_supervised_measures semi;
    semi.train_images = 700;
    semi.cost = {1.5, 100, 4};
    semi.student_accuracy = .5;
    semi.clean = network.clean;
    program::colored_measures colored;
    colored.train = {{.2, .75, .5, 1e-12}, {.1, .8, .4, 0.0}};
    colored.flipped_accuracy = .7;
    program::attribute_measures attribute;
    attribute.misleading = {.5, .25, .125};
    const auto same = [](const program::method_arm& arm, const char* group) {
        const std::string kept = program::to_json(arm).dump();
        return program::to_json(program::method_arm_from_json(json::parse(kept), group)).dump() == kept;
    };
    CHECK(same({"labels", 1, semi}, "eman:600"));
    CHECK(!program::to_json(program::method_arm{"labels", 1, semi}).contains("unlabelled_kept"));
    semi.unlabeled_kept = .25;
    CHECK(same({"eman", 1, semi}, "eman"));
    CHECK(same({"grey", 2, colored}, "irm"));
    CHECK(same({"erm", 0, attribute}, "fairness"));
    CHECK_THROWS_AS((void)program::method_arm_from_json(json{{"arm", "erm"}, {"seed", 0}}, "irm"),
                    json::exception);
}

TEST_CASE("the cost of methods is relative to the plain training of their network") {
    program::methods_result result = made_up_result();
    program::arm_group& group = result.groups.emplace_back();
    group.name = "eman:600";
    for (std::size_t seed = 0; seed < 3; ++seed) {
        program::semi_supervised_measures labels, eman;
        labels.cost = {2, 5, 1};
        const double seconds = 10.0 + 5.0 * static_cast<double>(seed * seed);
        eman.cost = {seconds, 60 / seconds, 6};
        group.arms.push_back({"labels", seed, labels});
        group.arms.push_back({"eman", seed, eman});
    }
    const auto costs = program::method_costs(result);
    REQUIRE(costs.size() == 3 + 2);
    CHECK(costs[1].method == "at-linf");
    CHECK(costs[1].baseline == "ce");
    CHECK(costs[1].times_as_long == doctest::Approx(17.5 / 2));
    CHECK(costs[1].predicted_factor == 8);
    CHECK(costs[2].times_as_long == doctest::Approx(8.5));
    CHECK(costs[4].group == "eman:600");
    CHECK(costs[4].baseline == "labels");
    CHECK(costs[4].images_per_second == doctest::Approx(4)); // 6, 4, 2
    CHECK(costs[4].times_as_long == doctest::Approx(7.5));   // 10, 15, 30
    CHECK(program::costs_table(costs).find("7.50") != std::string::npos);

    const auto quick = program::protocol_of("quick", 1);
    const auto factor = [&](const char* name) {
        return program::predicted_factor(program::parse_methods(name).front(), quick);
    };
    CHECK(factor("ce") == 1);
    CHECK(factor("max") == 22);
    CHECK(factor("avg") == 24);
    CHECK(factor("deep-pursuit:0") == 1);
    CHECK(factor("layer-pursuit") == 8);
    CHECK(program::plain_method("layer-pursuit:2") == "deep-pursuit:0");
    CHECK(program::plain_method("msd") == "ce");
}

TEST_CASE("methods are trained, measured, written, and not trained again" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    const auto arguments = methods_study(folder, "ce,at-linf");
    const outcome result = run(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.out.find("4 networks, 0 of them finished before") != std::string::npos);
    CHECK(result.out.find("from 20 steps of each: about") != std::string::npos);
    const json all = json::parse(slurp(folder / "out/methods.json"));
    CHECK(all["schema"] == "repscope.methods/1");
    CHECK(all["protocol"]["training_attack_statistics"] == "batch");
    CHECK(all["data"]["train"] == 128);
    REQUIRE(all["networks"].size() == 4);
    for (const auto& network : all["networks"]) {
        REQUIRE(network["layers"].size() == 4);
        double selectivity = 0;
        for (const auto& layer : network["layers"])
            selectivity += layer["selectivity"]["mean"].get<double>() / 4;
        CHECK(network["selectivity_mean"].get<double>() == doctest::Approx(selectivity).epsilon(1e-14));
        CHECK(network["corruptions"].size() == 15);
        const json& robust = network["robust"];
        CHECK(robust["images"] == 6);
        double least = 1;
        for (const char* norm : {"linf", "l2", "l1"}) {
            const double accuracy = robust[norm]["accuracy"];
            CHECK(accuracy <= robust[norm]["cross_entropy"].get<double>());
            least = std::min(least, accuracy);
        }
        CHECK(robust["all"]["accuracy"].get<double>() <= least);
        CHECK(!network.contains("right"));
    }
    CHECK(all["networks"][0]["predicted_factor"] == 1);
    CHECK(all["networks"][1]["predicted_factor"] == 8);
    CHECK(all["comparisons"].size() == 2 + 1);
    CHECK(!slurp(folder / "out/per_image.npz").empty());

    // Numbers without times, from one thread, and with a method more: nothing is trained again.
    const outcome more = run(methods_study(folder, "ce,at-linf,selectivity:-1", {"--threads", "1"}));
    REQUIRE(more.code == 0);
    CHECK(more.out.find("6 networks, 4 of them finished before") != std::string::npos);
    const json later = json::parse(slurp(folder / "out/methods.json"));
    CHECK(later["networks"][0] == all["networks"][0]);

    // Beside others or alone, with as many threads as you like, a method does the same.
    auto alone = methods_study(folder, "at-linf", {"--threads", "1"});
    alone[4] = folder / "alone";
    alone[8] = "1";
    REQUIRE(run(alone).code == 0);
    const json again = json::parse(slurp(folder / "alone/methods.json"));
    CHECK(again["networks"][0]["layers"] == all["networks"][1]["layers"]);
    CHECK(again["networks"][0]["robust"] == all["networks"][1]["robust"]);
}

TEST_CASE("methods against AutoAttack" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    auto arguments = methods_study(folder, "ce", {"--autoattack-images", "4"});
    arguments[8] = "1";
    const outcome result = run(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.out.find("against AutoAttack on 4 images") != std::string::npos);
    const json robust = json::parse(slurp(folder / "out/methods.json"))["networks"][0]["robust"];
    CHECK(robust["autoattack_images"] == 4);
    double least = 1;
    for (const char* norm : {"linf", "l2", "l1"}) {
        const double accuracy = robust[norm]["autoattack"];
        CHECK(std::fmod(4 * accuracy, 1.0) == 0);
        least = std::min(least, accuracy);
    }
    CHECK(robust["all"]["autoattack"].get<double>() <= least);
}

TEST_CASE("methods with more than an attack" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    auto arguments = methods_study(folder, "ascl,augmix,msd,deep-pursuit:1");
    arguments[8] = "1";
    const outcome result = run(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    const json all = json::parse(slurp(folder / "out/methods.json"));
    REQUIRE(all["networks"].size() == 4);
    for (const char* share : {"positives_kept", "negatives_kept"}) {
        const double kept = all["networks"][0]["notes"][share];
        CHECK(kept >= 0);
        CHECK(kept < 1);
    }
    CHECK(all["networks"][0]["predicted_factor"] == 9);
    CHECK(all["networks"][1]["notes"]["consistency"] > 0);
    CHECK(all["networks"][2]["predicted_factor"] == 18);
    CHECK(all["networks"][3]["settings"]["iterations"] == 1);
    CHECK(all["networks"][3]["predicted_factor"] == doctest::Approx((3 + 9.48) / 3));
    CHECK(all["costs"][3]["baseline"] == "deep-pursuit:0");
    CHECK(all["costs"][3]["times_as_long"].is_null());
    CHECK(all["networks"][3]["layers"].size() == 4);
}

TEST_CASE("invalid methods are errors") {
    const scratch_folder folder;
    write_data(folder);
    const auto refused = [&](const std::string& methods, const std::vector<std::string>& more,
                             const std::string& reason) {
        const outcome result = run(methods_study(folder, methods, more));
        CHECK(result.code == 2);
        CHECK(is_one_line(result.err));
        INFO(result.err);
        CHECK(result.err.find(reason) != std::string::npos);
    };
    refused("ce,trades", {}, "'trades' is not known; expected some of ce, selectivity:ALPHA, at-linf");
    refused("ce", {"--protocol", "long"}, "expected quick or paper");
    refused("ce", {"--eps", "3"}, "--eps");
    const outcome study =
        run({"study", "--data", "fashion-mnist", "--out", folder / "out", "--methods", "ce"});
    CHECK(study.code == 2);
    CHECK(is_one_line(study.err));
    CHECK(study.err.find("expected 'repscope methods --methods LIST'") != std::string::npos);
    refused("irm", {}, "12000 of them");
    refused("eman:650", {}, "at least 970 images");
}

} // namespace methods_test
