// Many layers at a time, units that are positions, two dumps compared, conditions, precision.

#include "npy.hpp"
#include "process.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace layers_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

std::vector<float> noise(std::size_t count, std::uint64_t seed, double floor = 0.0) {
    generator random(seed);
    std::vector<float> values(count);
    for (float& v : values)
        v = static_cast<float>(std::max(floor, random.uniform() + random.uniform() - 0.7));
    return values;
}

std::vector<std::int64_t> labels_of(std::size_t samples, std::size_t classes) {
    std::vector<std::int64_t> labels;
    for (std::size_t n = 0; n < samples; ++n) labels.push_back(static_cast<std::int64_t>(n * 7 % classes));
    return labels;
}

json measured(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"measure"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), {"--json", "-"});
    const outcome result = run(all);
    INFO(result.err);
    REQUIRE(result.code == 0);
    return json::parse(result.out);
}

outcome measure(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"measure"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
}

} // namespace

TEST_CASE("many layers: in the order of the command line, the same bytes for any threads and memory") {
    const scratch_folder folder;
    const std::size_t samples = 700;
    write_npy(folder / "y.npy", labels_of(samples, 4), {samples});
    std::vector<std::string> files;
    for (const std::size_t units : {3U, 300U, 40U, 8U, 600U, 17U}) {
        files.push_back(folder / ("layer" + std::to_string(units) + ".npy"));
        write_npy(files.back(), noise(samples * units, units), {samples, units});
    }
    std::string first;
    for (const std::vector<std::string>& how : {std::vector<std::string>{"--threads", "1"},
                                                {"--threads", "2"},
                                                {"--threads", "4"},
                                                {"--threads", "16"},
                                                {"--threads", "2", "--memory", "40M"}}) {
        std::vector<std::string> arguments = files;
        arguments.insert(arguments.end(), how.begin(), how.end());
        arguments.insert(arguments.end(), {"--labels", folder / "y.npy", "--json", "-"});
        const outcome result = measure(arguments);
        INFO(result.err);
        REQUIRE(result.code == 0);
        if (first.empty()) first = result.out;
        CHECK(result.out == first);
    }
    const json layers = json::parse(first)["layers"];
    REQUIRE(layers.size() == files.size());
    CHECK(layers[0]["name"] == "layer3");
    CHECK(layers[4]["name"] == "layer600");
    const outcome too_small = measure({files[4], "--memory", "1M"});
    CHECK(too_small.code == 1);
    CHECK(too_small.err.find("--memory") != std::string::npos);
}

TEST_CASE("an error names a bad layer for any other layers") {
    const scratch_folder folder;
    std::vector<std::string> files;
    for (std::size_t k = 0; k < 6; ++k) {
        files.push_back(folder / ("layer" + std::to_string(k) + ".npy"));
        std::vector<float> values = noise(500 * 20, k);
        if (k == 3) values[411 * 20 + 5] = std::nanf("");
        write_npy(files.back(), values, {500, 20});
    }
    for (const std::string threads : {"1", "3"}) {
        std::vector<std::string> arguments = files;
        arguments.insert(arguments.end(), {"--threads", threads});
        const outcome result = measure(arguments);
        CHECK(result.code == 1);
        CHECK(is_one_line(result.err));
        CHECK(result.err.find("layer3.npy: holds nan at sample 411, unit 5") != std::string::npos);
        CHECK(result.out.empty());
    }
}

TEST_CASE("--unit token and --unit position") {
    const scratch_folder folder;
    const std::size_t n = 90, t = 4, d = 5;
    write_npy(folder / "y.npy", labels_of(n, 3), {n});
    const std::vector<float> tokens = noise(n * t * d, 3);
    write_npy(folder / "tokens.npy", tokens, {n, t, d});
    write_npy(folder / "map.npy", tokens, {n, d, 2, 2});
    write_npy(folder / "flat.npy", tokens, {n, t * d});
    // The columns of tokens are (feature, token), and the mean over tokens what a feature is.
    std::vector<float> turned(n * t * d);
    std::vector<double> means(n * d);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < t; ++k) {
            for (std::size_t f = 0; f < d; ++f) {
                turned[(i * d + f) * t + k] = tokens[(i * t + k) * d + f];
                means[i * d + f] += static_cast<double>(tokens[(i * t + k) * d + f]) / static_cast<double>(t);
            }
        }
    }
    write_npy(folder / "turned.npy", turned, {n, t * d});
    write_npy(folder / "means.npy", means, {n, d});
    const std::vector<std::string> base{"--labels", folder / "y.npy", "--layout", "ntd", "--layout", "nchw"};
    const auto layers = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), base.begin(), base.end());
        return measured(arguments)["layers"];
    };
    const auto same = [](const json& a, const json& b) {
        CHECK(a["selectivity"] == b["selectivity"]);
        CHECK(a["dimensionality"] == b["dimensionality"]);
    };
    const json plain = layers({folder / "turned.npy", folder / "flat.npy", folder / "means.npy"});
    const json by_token = layers({folder / "tokens.npy", folder / "map.npy", "--unit", "token"});
    CHECK(by_token[0]["units"] == 20);
    CHECK(by_token[0]["unit"] == "unit");
    CHECK(by_token[1]["units"] == 5);
    same(by_token[0], plain[0]);
    const json by_position = layers({folder / "tokens.npy", folder / "map.npy", "--unit", "position"});
    CHECK(by_position[0]["units"] == 5);
    CHECK(by_position[1]["units"] == 20);
    same(by_position[1], plain[1]);
    const json named = layers({folder / "tokens.npy", folder / "map.npy", "--unit", "tok*=token"});
    CHECK(named[0]["units"] == 20);
    CHECK(named[1]["units"] == 5);
    const json averaged = layers({folder / "tokens.npy"});
    for (std::size_t f = 0; f < d; ++f) {
        CHECK(std::abs(averaged[0]["selectivity"]["index"][f].get<double>() -
                       plain[2]["selectivity"]["index"][f].get<double>()) < 1e-12);
    }
    CHECK(measure({folder / "flat.npy", "--unit", "token"}).code == 2);
    CHECK(measure({folder / "map.npy", "--layout", "nchw", "--unit", "map=token"}).code == 2);
    CHECK(measure({folder / "map.npy", "--layout", "nchw", "--unit", "other*=position"}).code == 2);
    CHECK(measure({folder / "map.npy", "--layout", "other*=nchw"}).code == 2);
    CHECK(measure({folder / "map.npy", "--layout", "map=ntd"}).code == 2);
    CHECK(measure({folder / "map.npy", "--layers", "other"}).code == 2);
}

TEST_CASE("--compare: both dumps, their change, and the paired difference") {
    const scratch_folder folder;
    const std::size_t n = 400, u = 12;
    write_npy(folder / "y.npy", labels_of(n, 4), {n});
    const std::vector<float> clean = noise(n * u, 1);
    std::vector<double> perturbed(n * u), difference(n * u);
    generator random(9);
    double of_difference = 0.0, of_clean = 0.0;
    for (std::size_t i = 0; i < clean.size(); ++i) {
        const auto c = static_cast<double>(clean[i]);
        perturbed[i] = c + 0.25 * random.uniform() * (i % u < 3 ? 1.0 : 0.1);
        difference[i] = perturbed[i] - c;
        of_difference += difference[i] * difference[i];
        of_clean += c * c;
    }
    std::filesystem::create_directory(folder.path() / "noisy");
    write_npy(folder / "fc.npy", clean, {n, u});
    write_npy(folder / "noisy/fc.npy", perturbed, {n, u});
    write_npy(folder / "difference.npy", difference, {n, u});
    for (const std::string other : {"noisy", "noisy/fc.npy"}) {
        for (const std::string policy : {"undefined", "rectify"}) {
            const std::vector<std::string> more{"--labels", folder / "y.npy", "--signed", policy};
            const auto one = [&](std::vector<std::string> arguments) {
                arguments.insert(arguments.end(), more.begin(), more.end());
                return measured(arguments)["layers"][0];
            };
            const json both = one({folder / "fc.npy", "--compare", folder / other});
            const json a = one({folder / "fc.npy"});
            const json b = one({folder / "noisy/fc.npy"});
            const json d = one({folder / "difference.npy"});
            const json& comparison = both["comparison"];
            CHECK(both["selectivity"] == a["selectivity"]);
            CHECK(both["dimensionality"] == a["dimensionality"]);
            CHECK(comparison["file"] == folder / "noisy/fc.npy");
            CHECK(comparison["dtype"] == "<f8");
            CHECK(comparison["selectivity"] == b["selectivity"]);
            CHECK(comparison["dimensionality"] == b["dimensionality"]);
            CHECK(comparison["selectivity_change"]["mean"].get<double>() ==
                  b["selectivity"]["mean"].get<double>() - a["selectivity"]["mean"].get<double>());
            for (std::size_t k = 0; k < u; ++k) {
                CHECK(comparison["selectivity_change"]["index"][k].get<double>() ==
                      b["selectivity"]["index"][k].get<double>() -
                          a["selectivity"]["index"][k].get<double>());
            }
            json of_pairs = comparison["difference"];
            CHECK(of_pairs["relative_size"].get<double>() ==
                  doctest::Approx(std::sqrt(of_difference / of_clean)).epsilon(1e-12));
            of_pairs.erase("relative_size");
            CHECK(of_pairs == d["dimensionality"]);
            CHECK(!a.contains("comparison"));
        }
    }
    const outcome table =
        measure({folder / "fc.npy", "--compare", folder / "noisy", "--labels", folder / "y.npy"});
    CHECK(table.out.find("perturbed") != std::string::npos);
    // A dump that does not fit, or names no such layer.
    write_npy(folder / "short.npy", noise((n - 1) * u, 1), {n - 1, u});
    const outcome short_one = measure({folder / "fc.npy", "--compare", folder / "short.npy"});
    CHECK(short_one.code == 1);
    CHECK(short_one.err.find("short.npy") != std::string::npos);
    const outcome none =
        measure({folder / "fc.npy", folder / "difference.npy", "--compare", folder / "short.npy"});
    CHECK(none.code == 2);
    CHECK(none.err.find("'fc'") != std::string::npos);
}

TEST_CASE("--precision float: close to double, for few and many samples, the same for any threads") {
    const scratch_folder folder;
    write_npy(folder / "thick.npy", noise(3000 * 300, 1), {3000, 300});
    write_npy(folder / "thin.npy", noise(100 * 700, 2), {100, 700});
    const std::vector<std::string> files{folder / "thick.npy", folder / "thin.npy"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), files.begin(), files.end());
        return measured(more);
    };
    const json exact = with({});
    const json close = with({"--precision", "float", "--threads", "1"});
    CHECK(close["options"]["precision"] == "float");
    CHECK(with({"--precision", "float", "--threads", "3"}) == close);
    for (std::size_t k = 0; k < 2; ++k) {
        const json& a = exact["layers"][k]["dimensionality"];
        const json& b = close["layers"][k]["dimensionality"];
        for (const std::string key : {"participation_ratio", "stable_rank", "effective_rank_eigenvalues"}) {
            CHECK(b[key].get<double>() == doctest::Approx(a[key].get<double>()).epsilon(1e-5));
            CHECK(b[key] != a[key]);
        }
        CHECK(a["components"] == b["components"]);
    }
}

TEST_CASE("--report: a page that needs no other file, and CSV files") {
    const scratch_folder folder;
    write_npy(folder / "a<b>.npy", noise(200 * 6, 1), {200, 6});
    write_npy(folder / "conv.npy", noise(200 * 3 * 4, 2), {200, 3, 2, 2});
    write_npy(folder / "y.npy", labels_of(200, 4), {200});
    write_npy(folder / "none.npy", std::vector<float>(200 * 2, 0.0F), {200, 2});
    const std::vector<std::string> arguments{
        folder / "a<b>.npy",  folder / "conv.npy", folder / "none.npy",    "--labels",
        folder / "y.npy",     "--compare",         folder.path().string(), "--report",
        folder / "out/report"};
    const outcome result = measure(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    const std::string page = slurp(folder / "out/report/report.html");
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(page.ends_with("</html>\n"));
    CHECK(page.find("a&lt;b&gt;") != std::string::npos);
    CHECK(page.find("a<b>") == std::string::npos);
    // Nothing is loaded from elsewhere: no address but the names of XML's own.
    for (const std::string what : {"src=", "href=\"http", "url(http", "<script", "@import"}) {
        CAPTURE(what);
        CHECK(page.find(what) == std::string::npos);
    }
    CHECK(page.find((folder / "conv.npy")) != std::string::npos);
    const auto lines = [&](const std::string& name) {
        const std::string text = slurp(folder / ("out/report/" + name));
        return std::count(text.begin(), text.end(), '\n');
    };
    CHECK(lines("layers.csv") == 1 + 3);
    CHECK(lines("units.csv") == 1 + 6 + 3 + 2);
    CHECK(lines("spectra.csv") == 1 + 6 + 3 + 2);
    CHECK(slurp(folder / "out/report/layers.csv").starts_with("name,file,dtype,layout,unit,samples,units,"));

    // Without gnuplot the page has the tables, and a note on missing figures.
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", folder.path().c_str(), 1);
    const outcome without = measure(arguments);
    ::setenv("PATH", path.c_str(), 1);
    CHECK(without.code == 0);
    const std::string plain = slurp(folder / "out/report/report.html");
    CHECK(plain.find("Figures are left out") != std::string::npos);
    CHECK(plain.find("<svg") == std::string::npos);
    CHECK(plain.find("<td") != std::string::npos);
    if (page.find("<svg") == std::string::npos) {
        CHECK(page.find("Figures are left out") != std::string::npos);
    } else {
        std::size_t figures = 0;
        for (std::size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1))
            ++figures;
        CHECK(figures == 2 + 2 * 3);
    }
    CHECK(measure({folder / "conv.npy", "--report", folder / "conv.npy"}).code == 1);
    const outcome no_labels = measure({folder / "conv.npy", "--report", folder / "bare"});
    CHECK(no_labels.code == 0);
    CHECK(!std::filesystem::exists(folder / "bare/units.csv"));
}

} // namespace layers_test
