// `repscope measure` against numbers computed here from the definitions.

#include "npy.hpp"
#include "process.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace measure_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

struct layer {
    std::size_t samples, units, positions;
    std::vector<double> values; // samples x units x positions
    [[nodiscard]] double at(std::size_t n, std::size_t u, std::size_t p) const {
        return values[(n * units + u) * positions + p];
    }
};

// Class-dependent, partly negative when `floor` is below 0; unit 0 is silent when `floor` is 0.
layer make_layer(std::size_t samples, std::size_t units, std::size_t positions, std::size_t classes,
                 double floor, std::uint64_t seed, std::vector<std::int64_t>& labels) {
    generator random(seed);
    labels.resize(samples);
    for (std::size_t n = 0; n < samples; ++n) {
        labels[n] = static_cast<std::int64_t>(n < classes ? n : random.below(classes));
    }
    std::vector<double> gain(classes * units);
    for (double& g : gain) g = random.uniform() * random.uniform() * 2;
    layer made{samples, units, positions, std::vector<double>(samples * units * positions)};
    for (std::size_t n = 0; n < samples; ++n) {
        for (std::size_t u = 0; u < units; ++u) {
            for (std::size_t p = 0; p < positions; ++p) {
                const double value = gain[static_cast<std::size_t>(labels[n]) * units + u] +
                                     random.uniform() - (u % 2 == 1 ? 0.4 : 0.7);
                const double clipped = u == 0 ? 0.0 : std::max(value, floor);
                made.values[(n * units + u) * positions + p] =
                    static_cast<double>(static_cast<float>(clipped));
            }
        }
    }
    return made;
}

struct expected_unit {
    double index, largest, rest;
    bool undefined, silent;
    std::size_t preferred;
};

// The class-selectivity index of every unit, by its definition.
std::vector<expected_unit> expected_selectivity(const layer& x, const std::vector<std::int64_t>& labels,
                                                std::size_t classes, const std::string& policy) {
    std::vector<expected_unit> all;
    for (std::size_t u = 0; u < x.units; ++u) {
        std::vector<double> means(classes);
        for (std::size_t c = 0; c < classes; ++c) {
            double sum = 0.0;
            double count = 0.0;
            for (std::size_t n = 0; n < x.samples; ++n) {
                if (labels[n] != static_cast<std::int64_t>(c)) continue;
                for (std::size_t p = 0; p < x.positions; ++p) {
                    sum += policy == "rectify" ? std::max(x.at(n, u, p), 0.0) : x.at(n, u, p);
                }
                count += static_cast<double>(x.positions);
            }
            means[c] = sum / count;
        }
        if (policy == "shift") {
            const double least = *std::min_element(means.begin(), means.end());
            for (double& mean : means) mean -= least;
        }
        const auto top = std::max_element(means.begin(), means.end());
        const double rest =
            (std::accumulate(means.begin(), means.end(), 0.0) - *top) / static_cast<double>(classes - 1);
        const bool undefined = *std::min_element(means.begin(), means.end()) < 0.0;
        const bool silent = std::all_of(means.begin(), means.end(), [](double m) { return m == 0.0; });
        all.push_back({(*top - rest) / (*top + rest + 1e-6), *top, rest, undefined, silent,
                       static_cast<std::size_t>(top - means.begin())});
    }
    return all;
}

std::vector<float> as_floats(const layer& x) { return {x.values.begin(), x.values.end()}; }

json measured(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"measure"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--json", "-"});
    const outcome result = run(all);
    INFO(result.err);
    REQUIRE(result.code == 0);
    return json::parse(result.out);
}

void check_selectivity(const json& ours, const std::vector<expected_unit>& expected) {
    double sum = 0.0;
    double live_sum = 0.0;
    std::size_t defined = 0;
    std::size_t silent = 0;
    std::vector<double> sorted;
    REQUIRE(ours["index"].size() == expected.size());
    for (std::size_t u = 0; u < expected.size(); ++u) {
        CAPTURE(u);
        const auto& unit = expected[u];
        CHECK(ours["mu_max"][u].get<double>() == doctest::Approx(unit.largest).epsilon(1e-12));
        CHECK(ours["mu_rest"][u].get<double>() == doctest::Approx(unit.rest).epsilon(1e-12));
        if (unit.undefined) {
            CHECK(ours["index"][u].is_null());
            CHECK(ours["preferred_class"][u].is_null());
            continue;
        }
        CHECK(std::abs(ours["index"][u].get<double>() - unit.index) < 1e-12);
        if (unit.silent) {
            CHECK(ours["preferred_class"][u].is_null());
            ++silent;
        } else {
            CHECK(ours["preferred_class"][u] == unit.preferred);
            live_sum += unit.index;
        }
        sum += unit.index;
        sorted.push_back(unit.index);
        ++defined;
    }
    CHECK(ours["silent_units"] == silent);
    CHECK(ours["undefined_units"] == expected.size() - defined);
    REQUIRE(defined > silent);
    CHECK(std::abs(ours["mean"].get<double>() - sum / static_cast<double>(defined)) < 1e-12);
    CHECK(std::abs(ours["mean_live"].get<double>() - live_sum / static_cast<double>(defined - silent)) <
          1e-12);
    std::sort(sorted.begin(), sorted.end());
    const double median = 0.5 * (sorted[(defined - 1) / 2] + sorted[defined / 2]);
    CHECK(std::abs(ours["median"].get<double>() - median) < 1e-12);
}

} // namespace

TEST_CASE("selectivity of flat layers and of maps, under each policy for negative values") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    for (const double floor : {0.0, -5.0}) {
        const layer flat = make_layer(500, 13, 1, 7, floor, 3, labels);
        write_npy(folder / "flat.npy", as_floats(flat), {500, 13});
        write_npy(folder / "labels.npy", labels, {500});
        for (const std::string policy : {"undefined", "rectify", "shift"}) {
            CAPTURE(policy);
            const json all =
                measured({folder / "flat.npy", "--labels", folder / "labels.npy", "--signed", policy});
            const json& ours = all["layers"][0]["selectivity"];
            CHECK(ours["signed"] == policy);
            check_selectivity(ours, expected_selectivity(flat, labels, 7, policy));
        }
        const layer maps = make_layer(400, 9, 20, 5, floor, 4, labels);
        write_npy(folder / "maps.npy", as_floats(maps), {400, 9, 4, 5});
        write_npy(folder / "labels.npy", labels, {400});
        for (const std::string policy : {"undefined", "rectify", "shift"}) {
            CAPTURE(policy);
            const json all = measured({folder / "maps.npy", "--labels", folder / "labels.npy", "--layout",
                                       "nchw", "--signed", policy});
            check_selectivity(all["layers"][0]["selectivity"], expected_selectivity(maps, labels, 5, policy));
        }
    }
}

TEST_CASE("--spatial flatten makes every position a unit") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    const layer maps = make_layer(300, 4, 9, 3, 0.0, 5, labels);
    write_npy(folder / "maps.npy", as_floats(maps), {300, 4, 3, 3});
    write_npy(folder / "flat.npy", as_floats(maps), {300, 36});
    write_npy(folder / "labels.npy", labels, {300});
    const json flattened = measured(
        {folder / "maps.npy", "--labels", folder / "labels.npy", "--spatial", "flatten"})["layers"][0];
    CHECK(flattened["unit"] == "unit");
    CHECK(flattened["units"] == 36);
    layer as_units = maps;
    as_units.units = 36;
    as_units.positions = 1;
    check_selectivity(flattened["selectivity"], expected_selectivity(as_units, labels, 3, "undefined"));
    const json flat = measured({folder / "flat.npy", "--labels", folder / "labels.npy"})["layers"][0];
    CHECK(flattened["selectivity"] == flat["selectivity"]);
    CHECK(flattened["dimensionality"] == flat["dimensionality"]);
    CHECK(measured({folder / "maps.npy"})["layers"][0]["unit"] == "channel_mean");
}

TEST_CASE("dimensionality: the exact case in rational numbers, and spectra that are known") {
    const scratch_folder folder;
    write_npy(folder / "golden.npy",
              std::vector<double>{1, 0, 2, 0, 1, 1, 2, 1, 0, 1, 3, 1, 0, 2, 4, 3, 0, 1}, {6, 3});
    const json golden = measured({folder / "golden.npy"})["layers"][0];
    CHECK(golden["selectivity"].is_null());
    CHECK(std::abs(golden["dimensionality"]["participation_ratio"].get<double>() - 19321.0 / 8953.0) < 1e-14);
    CHECK(std::abs(golden["dimensionality"]["participation_ratio_unbiased"].get<double>() - 1765.0 / 469.0) <
          1e-14);

    // Orthogonal columns of +-1 (a Hadamard matrix without its constant column) scaled by 2, sqrt 2, 1, 1:
    // the spectrum (4, 2, 1, 1) up to a factor.
    std::vector<double> rows;
    const double scale[] = {2.0, std::sqrt(2.0), 1.0, 1.0};
    for (unsigned n = 0; n < 8; ++n) {
        const unsigned bits[] = {n & 1U, (n >> 1U) & 1U, (n >> 2U) & 1U, (n ^ (n >> 1U)) & 1U};
        for (std::size_t u = 0; u < 4; ++u) rows.push_back(scale[u] * (bits[u] != 0U ? -1.0 : 1.0));
    }
    write_npy(folder / "known.npy", rows, {8, 4});
    const json known = measured({folder / "known.npy"})["layers"][0]["dimensionality"];
    CHECK(known["participation_ratio"].get<double>() == doctest::Approx(64.0 / 22.0).epsilon(1e-12));
    CHECK(known["components"] == json({{"90", 4}, {"95", 4}, {"99", 4}}));
    CHECK(known["components_fraction"]["95"] == 1.0);
    CHECK(known["components_interpolated"]["90"].get<double>() ==
          doctest::Approx(3.0 + (0.9 - 0.875) / 0.125));
    CHECK(known["effective_rank_eigenvalues"].get<double>() == doctest::Approx(3.363585661).epsilon(1e-9));
    CHECK(known["effective_rank_singular_values"].get<double>() ==
          doctest::Approx(3.828427125).epsilon(1e-9));
    CHECK(known["stable_rank"].get<double>() == doctest::Approx(2.0).epsilon(1e-12));
    CHECK(known["limited_by_samples"] == true);
}

TEST_CASE("the form of the JSON") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    const layer flat = make_layer(200, 6, 1, 3, 0.0, 6, labels);
    for (auto& label : labels) label = 10 * label + 5;
    write_npy(folder / "one.npy", as_floats(flat), {200, 6});
    write_npy(folder / "two.npy", as_floats(flat), {200, 6, 1, 1});
    write_npy(folder / "labels.npy", labels, {200});
    const json all = measured({folder / "one.npy", folder / "two.npy", "--labels", folder / "labels.npy"});
    CHECK(all["schema"] == "repscope.measure/1");
    CHECK(all["repscope"].is_string());
    CHECK(all["command"] == "measure");
    CHECK(all["options"]["signed"] == "undefined");
    REQUIRE(all["layers"].size() == 2);
    const json& layer = all["layers"][0];
    CHECK(layer["name"] == "one");
    CHECK(layer["file"] == folder / "one.npy");
    CHECK(layer["dtype"] == "<f4");
    CHECK(layer["shape"] == json({200, 6}));
    CHECK(layer["layout"] == "nu");
    CHECK(layer["unit"] == "unit");
    CHECK(layer["samples"] == 200);
    CHECK(layer["units"] == 6);
    CHECK(all["layers"][1]["layout"] == "nchw");
    CHECK(all["layers"][1]["unit"] == "channel_mean");
    const json& selectivity = layer["selectivity"];
    CHECK(selectivity["epsilon"] == 1e-6);
    CHECK(selectivity["classes"] == 3);
    CHECK(selectivity["class_labels"] == json({5, 15, 25}));
    std::vector<std::uint64_t> counts(3);
    for (const auto label : labels) ++counts[static_cast<std::size_t>(label / 10)];
    CHECK(selectivity["class_counts"] == json(counts));
    CHECK(selectivity["preferred_class"][0].is_null());
    CHECK(selectivity["preferred_class"][1].get<int>() % 10 == 5);
    CHECK(selectivity["null_mean"].get<double>() > 0.0);
    CHECK(selectivity["null_mean"].get<double>() < selectivity["mean"].get<double>());
    CHECK(all["layers"][1]["selectivity"] == selectivity);
}

TEST_CASE("--batch, --threads and --memory never change a byte") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    const layer maps = make_layer(3001, 24, 16, 10, 0.0, 7, labels);
    write_npy(folder / "maps.npy", as_floats(maps), {3001, 24, 4, 4});
    const layer flat = make_layer(3001, 150, 1, 10, -1.0, 8, labels);
    write_npy(folder / "flat.npy", as_floats(flat), {3001, 150});
    write_npy(folder / "labels.npy", labels, {3001});
    for (const std::string policy : {"undefined", "rectify"}) {
        const std::vector<std::string> base{"measure",
                                            folder / "maps.npy",
                                            folder / "flat.npy",
                                            "--labels",
                                            folder / "labels.npy",
                                            "--signed",
                                            policy,
                                            "--ignore-label",
                                            "3",
                                            "--json",
                                            "-"};
        std::string first;
        for (const std::vector<std::string>& more : {std::vector<std::string>{"--threads", "1"},
                                                     {"--threads", "2"},
                                                     {"--threads", "3"},
                                                     {"--threads", "8"},
                                                     {"--batch", "1"},
                                                     {"--batch", "1000", "--threads", "2"},
                                                     {"--memory", "64M"},
                                                     {"--batch", "100000"}}) {
            std::vector<std::string> arguments = base;
            arguments.insert(arguments.end(), more.begin(), more.end());
            const outcome result = run(arguments);
            INFO(result.err << " " << more[0] << " " << more[1]);
            REQUIRE(result.code == 0);
            if (first.empty()) first = result.out;
            CHECK(result.out == first);
        }
    }
}

TEST_CASE("--ignore-label measures as if the samples were not there") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    const layer flat = make_layer(900, 11, 1, 6, 0.0, 9, labels);
    write_npy(folder / "flat.npy", as_floats(flat), {900, 11});
    std::vector<std::int64_t> marked = labels;
    std::vector<float> kept;
    std::vector<std::int64_t> kept_labels;
    for (std::size_t n = 0; n < 900; ++n) {
        if (n % 7 == 3 || (n > 300 && n < 350)) {
            marked[n] = -1;
            continue;
        }
        kept_labels.push_back(labels[n]);
        for (std::size_t u = 0; u < 11; ++u) kept.push_back(static_cast<float>(flat.at(n, u, 0)));
    }
    write_npy(folder / "labels.npy", marked, {900});
    write_npy(folder / "kept.npy", kept, {kept_labels.size(), 11});
    write_npy(folder / "kept_labels.npy", kept_labels, {kept_labels.size()});
    const json some = measured(
        {folder / "flat.npy", "--labels", folder / "labels.npy", "--ignore-label", "-1"})["layers"][0];
    const json only = measured({folder / "kept.npy", "--labels", folder / "kept_labels.npy"})["layers"][0];
    CHECK(some["samples"] == kept_labels.size());
    CHECK(some["shape"] == json({900, 11}));
    CHECK(some["selectivity"] == only["selectivity"]);
    CHECK(some["dimensionality"] == only["dimensionality"]);
}

TEST_CASE("one-hot labels, labels of small types") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    const layer flat = make_layer(120, 5, 1, 4, 0.0, 10, labels);
    write_npy(folder / "flat.npy", as_floats(flat), {120, 5});
    write_npy(folder / "labels.npy", labels, {120});
    std::vector<std::uint8_t> one_hot(120 * 4);
    std::vector<std::uint8_t> bytes(120);
    std::vector<float> one_hot_floats(120 * 4);
    for (std::size_t n = 0; n < 120; ++n) {
        one_hot[4 * n + static_cast<std::size_t>(labels[n])] = 1;
        one_hot_floats[4 * n + static_cast<std::size_t>(labels[n])] = 1.0F;
        bytes[n] = static_cast<std::uint8_t>(labels[n]);
    }
    write_npy(folder / "one_hot.npy", one_hot, {120, 4});
    write_npy(folder / "one_hot_floats.npy", one_hot_floats, {120, 4});
    write_npy(folder / "bytes.npy", bytes, {120});
    const json expected = measured({folder / "flat.npy", "--labels", folder / "labels.npy"})["layers"];
    for (const std::string name : {"one_hot.npy", "one_hot_floats.npy", "bytes.npy"}) {
        CAPTURE(name);
        CHECK(measured({folder / "flat.npy", "--labels", folder / name})["layers"] == expected);
    }
}

TEST_CASE("the table, its notes, and the JSON file") {
    const scratch_folder folder;
    std::vector<std::int64_t> labels;
    const layer flat = make_layer(400, 8, 1, 4, 0.0, 11, labels);
    write_npy(folder / "flat.npy", as_floats(flat), {400, 8});
    write_npy(folder / "labels.npy", labels, {400});
    outcome result =
        run({"measure", folder / "flat.npy", "--labels", folder / "labels.npy", "--json", folder / "o.json"});
    CHECK(result.code == 0);
    CHECK(result.err.empty());
    CHECK(result.out.find("flat") != std::string::npos);
    CHECK(result.out.find("nu") != std::string::npos);
    CHECK(result.out.find("note: ") == std::string::npos);
    CHECK(json::parse(slurp(folder / "o.json"))["layers"][0]["name"] == "flat");
    CHECK(folder.names() == std::vector<std::string>{"flat.npy", "labels.npy", "o.json"});

    result = run({"measure", folder / "flat.npy"});
    CHECK(result.code == 0);
    CHECK(result.out.find("no --labels") != std::string::npos);

    result = run({"measure", folder / "flat.npy", "--labels", folder / "labels.npy", "--signed", "shift"});
    CHECK(result.out.find("shifted selectivity") != std::string::npos);

    std::vector<std::int64_t> shuffled = labels;
    std::rotate(shuffled.begin(), shuffled.begin() + 137, shuffled.end());
    write_npy(folder / "shuffled.npy", shuffled, {400});
    result = run({"measure", folder / "flat.npy", "--labels", folder / "shuffled.npy"});
    CHECK(result.code == 0);
    CHECK(result.out.find("belong to these rows") != std::string::npos);

    std::vector<float> negative = as_floats(flat);
    for (float& value : negative) value -= 3.0F;
    write_npy(folder / "negative.npy", negative, {400, 8});
    result = run({"measure", folder / "negative.npy", "--labels", folder / "labels.npy"});
    CHECK(result.code == 0);
    CHECK(result.out.find("--signed") != std::string::npos);
}

TEST_CASE("help shows examples on standard output") {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--help"}, {"measure", "--help"}, {"study", "--help"}}) {
        const outcome result = run(arguments);
        CHECK(result.code == 0);
        CHECK(result.err.empty());
        CHECK(result.out.find("Examples:") != std::string::npos);
    }
    CHECK(run({"--version"}).code == 0);
}

} // namespace measure_test
