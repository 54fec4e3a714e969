// The report of a study: figures, their numbers, what is left out, and the page.
#include "files/base64.hpp"
#include "made_up_study.hpp"
#include "process.hpp"
#include "render/csv.hpp"
#include "render/html.hpp"
#include "study/report/claims.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/page.hpp"
#include "study/report/pictures.hpp"
#include "study/report/tables.hpp"
#include "study/times.hpp"
#include "well_formed.hpp"

#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <set>
#include <sstream>

namespace study_page_test {

using namespace program_test;

namespace {

using program::condition_kind;
using program::study_result;

// NC1 is the number of dimensions, CDNV a quarter of it, and CKA a tenth.
void add_geometry(std::vector<program::compared_layer>& layers) {
    for (auto& layer : layers) {
        const double number = layer.dimensionality.participation_ratio;
        layer.classes = {{number, number / 4, number / 2, 0.9}};
        if (layer.change) layer.cka = {0.9, 0.1 * number};
    }
}

study_result whole_study(double trend, std::size_t seeds) {
    study_result study = made_up_study(trend, seeds);
    for (auto& network : study.networks) {
        add_geometry(network.reference.layers);
        for (auto& condition : network.conditions) add_geometry(condition.layers);
    }
    study.claims = program::study_claims(study);
    return study;
}

std::map<std::string, program::study_figure> figures_of(const study_result& study) {
    std::map<std::string, program::study_figure> figures;
    for (auto& figure : program::study_figures(study)) figures[figure.name] = figure;
    return figures;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

// The value of a row that begins with `before`; `column` counts from 0.
double value_of(const std::string& csv, const std::string& before, std::size_t column) {
    for (const std::string& line : lines_of(csv)) {
        if (!line.starts_with(before)) continue;
        std::istringstream in(line);
        std::string field;
        for (std::size_t k = 0; k <= column; ++k) std::getline(in, field, ',');
        return std::stod(field);
    }
    FAIL("no row " << before);
    return 0.0;
}

// Takes conditions of a kind out of a study.
void remove_kind(study_result& study, const std::set<condition_kind>& kinds) {
    for (auto& network : study.networks) {
        std::erase_if(network.conditions,
                      [&](const auto& condition) { return kinds.contains(condition.kind); });
        if (kinds.contains(condition_kind::corruption)) network.mean_corruption_accuracy.reset();
    }
}

program::study_pictures some_pictures() {
    program::study_pictures pictures;
    pictures.size = {2, 2, 3};
    pictures.images = 2;
    pictures.rows.push_back({"clean", std::vector<std::uint8_t>(24, 100), {true, false}});
    pictures.rows.push_back({"fog <3>", std::vector<std::uint8_t>(24, 110), {false, false}});
    pictures.rows[1].pixels[0] = 92;
    return pictures;
}

} // namespace

TEST_CASE("base64: the examples of RFC 4648, and bytes of all values") {
    const std::vector<std::pair<std::string, std::string>> examples{{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : examples) CHECK(program::base64(bytes) == text);
    CHECK(program::base64(std::string("\xff\x00\xfb\xef", 4)) == "/wD77w==");
}

TEST_CASE("text in pages and in CSV") {
    CHECK(program::escaped("a<b>&\"c\"") == "a&lt;b&gt;&amp;&quot;c&quot;");
    CHECK(program::csv_field("plain") == "plain");
    CHECK(program::csv_field("a,\"b\"") == "\"a,\"\"b\"\"\"");
    CHECK(program::csv_field(0.1) == "0.1");
    CHECK(program::csv_field(std::nan("")).empty());
    CHECK(program::csv_field(HUGE_VAL).empty());
    CHECK(fault_of_page("<p>a<br>b</p>").empty());
    CHECK(!fault_of_page("<p><b></p></b>").empty());
    CHECK(!fault_of_page("<p>").empty());
    CHECK(!fault_of_page("<p id='a'></p><p id='a'></p>").empty());
}

TEST_CASE("figures of a study and the numbers they show") {
    const study_result study = whole_study(1.0, 3);
    auto figures = figures_of(study);
    CHECK(figures.size() == 12);
    for (auto& named : figures) {
        const std::string& name = named.first;
        auto& figure = named.second;
        CAPTURE(name);
        CHECK(figure.meaning.starts_with("Shows "));
        CHECK(figure.meaning.find('.') == figure.meaning.size() - 1); // one sentence
        if (name == "change-full-maps") {
            CHECK(!figure.left_out.empty()); // the made-up layers have none
            continue;
        }
        CHECK(figure.left_out.empty());
        CHECK(!figure.drawing.commands.empty());
        CHECK(figure.drawing.commands.find("'NaN") == std::string::npos);
        CHECK(figure.caption.find("15 networks (5 alphas, 3 seeds)") != std::string::npos);
        CHECK(figure.caption.find("images") != std::string::npos);
        CHECK((figure.caption.find("band") != std::string::npos ||
               figure.caption.find("Bands") != std::string::npos));
    }
    // A row per network: alpha -2 has .1 more corruption accuracy than alpha 0, a selectivity of .2.
    const std::string& accuracy = figures["accuracy"].csv;
    CHECK(lines_of(accuracy).size() == 16);
    CHECK(accuracy.starts_with("alpha,seed,selectivity_mean,clean_accuracy,corruption_accuracy,"));
    CHECK(value_of(accuracy, "-2,1,", 2) == doctest::Approx(0.2));
    CHECK(value_of(accuracy, "-2,1,", 4) == doctest::Approx(0.6));
    CHECK(value_of(accuracy, "-2,1,", 7) == doctest::Approx(0.6 / 0.8));
    CHECK(lines_of(figures["attacks"].csv).size() == 1 + 4 * 5 * 2 * 3);
    CHECK(value_of(figures["attacks"].csv, "2,0,pgd,8,", 4) == doctest::Approx(0.5));
    CHECK(value_of(figures["attacks"].csv, "2,0,random,16,", 4) == doctest::Approx(0.7));
    CHECK(value_of(figures["attacks-by-selectivity"].csv, "2,0,", 4) == doctest::Approx(0.01));
    // Distances: PGD at 8/255 leaves .5 of the images of alpha 2.
    const std::string& distances = figures["distances"].csv;
    CHECK(lines_of(distances).size() == 1 + 15 * (4 + 2));
    CHECK(distances.starts_with("alpha,seed,quantity,eps_255ths,value\n"));
    CHECK(value_of(distances, "2,0,accuracy,0,", 4) == 1.0);
    CHECK(value_of(distances, "2,0,accuracy,16,", 4) == 0.45);
    CHECK(value_of(distances, "2,0,accuracy,24,", 4) == 0.01);
    CHECK(value_of(distances, "2,0,pgd_above,8,", 4) == doctest::Approx(0.5 - 0.8));
    CHECK(figures["attacks-by-selectivity"].drawing.commands.find("PGD 16/255: floor, no verdict") !=
          std::string::npos);
    CHECK(figures["attacks"].drawing.commands.find("'5 %'") != std::string::npos);
    // Two corruptions and the mean of them.
    CHECK(lines_of(figures["corruptions"].csv).size() == 1 + 3 * 15);
    CHECK(value_of(figures["corruptions"].csv, "fog,-2,0,", 4) == doctest::Approx(0.1));
    CHECK(figures["corruptions"].drawing.commands.find("'+10.0' at 0,0") != std::string::npos);
    CHECK(figures["corruptions"].drawing.commands.find("'-10.0' at 4,0") != std::string::npos);
    // Five units in each of two layers, one without an index.
    CHECK(lines_of(figures["selectivity"].csv).size() == 1 + 15 * 2 * 5);
    CHECK(figures["selectivity"].csv.find("-2,0,early,3,\n") != std::string::npos);
    CHECK(value_of(figures["dimensionality"].csv, "-2,0,late,", 4) == doctest::Approx(7.0));
    CHECK(lines_of(figures["cumulative-variance"].csv).size() == 1 + 15 * 4 * 4);
    CHECK(value_of(figures["cumulative-variance"].csv, "0,0,pgd,2,", 4) == doctest::Approx(0.8));
    // .2 of 10 units.
    CHECK(value_of(figures["change"].csv, "1,2,", 3) == doctest::Approx(0.02));
    CHECK(value_of(figures["gradients"].csv, "2,1,", 3) == doctest::Approx(1.2));
    // Three numbers for three kinds of images, and CKA for three kinds of perturbation, of two layers each.
    const std::string& geometry = figures["geometry"].csv;
    CHECK(lines_of(geometry).size() == 1 + 12 * 15 * 2);
    CHECK(value_of(geometry, "-2,0,clean_nc1_trace,late,", 4) == doctest::Approx(7.0));
    CHECK(value_of(geometry, "-2,0,corruptions_nc1_trace,late,", 4) == doctest::Approx(7.1));
    CHECK(value_of(geometry, "-2,0,pgd_cdnv,early,", 4) == doctest::Approx(1.8));
    CHECK(value_of(geometry, "1,2,pgd_activation_uniformity,early,", 4) == doctest::Approx(0.9));
    CHECK(value_of(geometry, "1,2,pgd_cka_unbiased,early,", 4) == doctest::Approx(0.42));
    CHECK(value_of(geometry, "1,2,random_cka_unbiased,late,", 4) == doctest::Approx(0.41));
    CHECK(figures["geometry"].drawing.commands.find("set logscale y") != std::string::npos);
}

TEST_CASE("what was not measured is left out of the figures") {
    const auto left_out = [](const study_result& study) {
        std::set<std::string> names;
        for (const auto& figure : program::study_figures(study)) {
            CAPTURE(figure.name);
            CHECK(figure.left_out.empty() == !figure.drawing.commands.empty());
            CHECK(figure.drawing.commands.find("'NaN") == std::string::npos);
            if (!figure.left_out.empty()) names.insert(figure.name);
        }
        return names;
    };
    using names = std::set<std::string>;
    const study_result whole = whole_study(1.0, 1);
    CHECK(left_out(whole) == names{"change-full-maps"});
    study_result study = whole;
    remove_kind(study, {condition_kind::corruption});
    CHECK(left_out(study) == names{"change-full-maps", "corruptions"});
    study = whole;
    remove_kind(study, {condition_kind::attack, condition_kind::random});
    CHECK(left_out(study) == names{"attacks", "attacks-by-selectivity", "change-full-maps"});
    study = whole;
    remove_kind(study, {condition_kind::corruption, condition_kind::attack, condition_kind::random});
    CHECK(left_out(study) ==
          names{"attacks", "attacks-by-selectivity", "change", "change-full-maps", "corruptions"});
    study = whole;
    for (auto& network : study.networks) {
        for (auto& layer : network.clean.layers) layer.gradient.reset();
    }
    CHECK(left_out(study) == names{"change-full-maps", "gradients"});
    study = whole;
    for (auto& network : study.networks) network.distances.reset();
    CHECK(left_out(study) == names{"change-full-maps", "distances"});
    study = whole;
    study.networks.erase(study.networks.begin() + 2); // alpha 0
    CHECK(left_out(study) == names{"change-full-maps", "corruptions"});
    study.networks = {whole.networks[2]};
    CHECK(left_out(study) == names{"change-full-maps", "corruptions"});
    // A network of one layer has no early one; numbers that are not defined are not numbers.
    study = whole;
    for (auto& network : study.networks) {
        network.clean.layers.pop_back();
        for (auto& condition : network.conditions) condition.layers.pop_back();
    }
    CHECK(left_out(study) == names{"change", "change-full-maps", "cumulative-variance"});
    study = whole;
    for (auto& network : study.networks) {
        for (auto& layer : network.clean.layers) {
            auto& gradient = layer.gradient->l2;
            gradient.cv_samples = gradient.cv_units = gradient.cv_samples_nonzero = gradient.zero_fraction =
                std::nan("");
        }
    }
    CHECK(left_out(study) == names{"change-full-maps", "gradients"});
    // A file of an earlier version has neither classes nor similarity.
    study = whole;
    for (auto& network : study.networks) {
        for (auto& layer : network.reference.layers) layer.classes.reset();
        for (auto& condition : network.conditions) {
            for (auto& layer : condition.layers) {
                layer.classes.reset();
                layer.cka.reset();
            }
        }
    }
    CHECK(left_out(study) == names{"change-full-maps", "geometry"});
}

TEST_CASE("colors of alphas: all different, blue below 0 and orange above") {
    study_result study = whole_study(1.0, 1);
    const program::ordered_networks networks(study);
    std::set<std::string> colors;
    for (const auto& entry : networks.legend()) colors.insert(entry.color);
    CHECK(colors.size() == 5);
    const auto channel = [&](double alpha, std::size_t c) {
        return std::stoi(networks.style(alpha).color.substr(1 + 2 * c, 2), nullptr, 16);
    };
    for (const double alpha : {1.0, 2.0}) {
        CHECK(channel(alpha, 0) > channel(alpha, 2));
        CHECK(channel(-alpha, 0) < channel(-alpha, 2));
    }
    CHECK(channel(2.0, 0) < channel(1.0, 0)); // darker the farther out
    CHECK(networks.style(0.0).label == "0");
}

TEST_CASE("differences are enlarged as much as fits") {
    const program::study_pictures pictures = some_pictures();
    const auto found = program::difference_of(pictures.rows[1], pictures.rows[0]);
    CHECK(found.factor == 12.0); // of at most 10 out of 127
    CHECK(int{found.pixels[0]} == 128 - 12 * 8);
    CHECK(int{found.pixels[1]} == 128 + 12 * 10);
    program::picture_row far = pictures.rows[0];
    far.pixels[0] = 255;
    CHECK(program::difference_of(far, pictures.rows[0]).factor == 0.5);
    CHECK(int{program::difference_of(far, pictures.rows[0]).pixels[0]} == 128 + 78);
    CHECK(program::difference_of(pictures.rows[0], pictures.rows[0]).factor == 1.0);
    CHECK(program::picture_csv(pictures) == "row,condition,images,right,factor_of_difference\n"
                                            "1,clean,2,1,\n2,fog <3>,2,0,12\n");
    const std::string table = program::picture_table(pictures);
    CHECK(fault_of_page(table).empty());
    CHECK(count_of(table, "src=\"data:image/png;base64,iVBORw0KGgo") == 3);
    CHECK(table.find("fog &lt;3&gt;") != std::string::npos);
    CHECK(program::picture_sheet(pictures).starts_with("\x89PNG"));
}

TEST_CASE("shares of time") {
    study_result study = whole_study(1.0, 1);
    const auto times = program::stage_times(study);
    REQUIRE(times.size() == 3);
    CHECK(times[0].stage == "training");
    CHECK(times[0].seconds == 25.0);
    CHECK(times[0].share == 0.5);
    CHECK(program::stage_times_text(study) ==
          "time of 5 networks: 50 s; training 50 %, clean 10 %, attacks 40 %\n");
    // A network that was measured when there was one stage for all conditions.
    study.networks[0].seconds = {{"training", 3.0}, {"conditions", 5.0}};
    const auto mixed = program::stage_times(study);
    REQUIRE(mixed.size() == 4);
    CHECK(mixed[1].stage == "conditions");
    CHECK(mixed[1].seconds == 5.0);
    CHECK(mixed[2].seconds == 4.0);
}

TEST_CASE("the page is well-formed, whole and needs nothing else") {
    const study_result study = whole_study(1.0, 3);
    const scratch_folder folder;
    program::write_study_page(folder.path().string(), study, some_pictures());
    const std::string page = slurp(folder / "report.html");
    CHECK(fault_of_page(page) == "");
    CHECK(page.find("made &lt;up&gt; &amp; small") != std::string::npos);
    CHECK(page.find("made <up>") == std::string::npos);
    CHECK(page.find("This figure is left out: no early layer has maps") != std::string::npos);
    // The summary is in tables, with the words that explain their numbers.
    CHECK(page.find("<pre") == std::string::npos);
    for (const char* part :
         {"<th>95 % early</th>", "<th>PGD ", "<p class=\"caption\">accuracy and selectivity on"})
        CHECK(page.find(part) != std::string::npos);
    for (const auto& table : program::summary_tables(study)) {
        REQUIRE(!table.rows.empty());
        for (const auto& row : table.rows) CHECK(page.find("<td>" + row[1] + "</td>") != std::string::npos);
    }
    CHECK(page.find("http") == page.find("http://www.w3.org")); // names of SVG, nothing that is fetched
    for (const char* id : {"2a", "4-full-difference-random", "5b-above", "6"})
        CHECK(page.find("<td class=\"name\">" + std::string(id) + "</td>") != std::string::npos);
    for (const char* file : {"accuracy.csv", "corruptions.csv", "gradients.csv", "images.png", "images.csv"})
        CHECK(std::filesystem::exists(folder / (std::string("figures/") + file)));
    CHECK(!std::filesystem::exists(folder / "figures/change-full-maps.csv"));
    if (std::system("gnuplot --version > /dev/null 2>&1") == 0) { // NOLINT
        CHECK(count_of(page, "<svg") == 11);
        const std::string svg = slurp(folder / "figures/corruptions.svg");
        CHECK(svg.starts_with("<?xml"));
        CHECK(fault_of_page(svg) == "");
        CHECK(svg.find("gaussian noise") != std::string::npos);
        CHECK(page.find("NaN") == std::string::npos);
    }

    // Without gnuplot the rest still comes.
    const char* const path = std::getenv("PATH");
    const std::string before = path == nullptr ? "" : path;
    ::setenv("PATH", folder.path().c_str(), 1);
    const scratch_folder bare;
    program::write_study_page(bare.path().string(), study, {});
    ::setenv("PATH", before.c_str(), 1);
    const std::string plain = slurp(bare / "report.html");
    CHECK(fault_of_page(plain) == "");
    CHECK(plain.find("gnuplot was not found") != std::string::npos);
    CHECK(plain.find("<svg") == std::string::npos);
    CHECK(slurp(bare / "figures/accuracy.csv") == slurp(folder / "figures/accuracy.csv"));
    CHECK(!std::filesystem::exists(bare / "figures/accuracy.svg"));
}

} // namespace study_page_test
