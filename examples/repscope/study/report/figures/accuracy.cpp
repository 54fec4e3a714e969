// Figures of a study about accuracy: clean, corrupted, attacked.

#include "study/report/figures/figures.hpp"

#include "render/csv.hpp"
#include "render/text_table.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

namespace program {

namespace {

double clean_accuracy(const network_result& network) { return network.clean.accuracy; }
double corrupted_accuracy(const network_result& network) { return corruption_accuracy(network, true); }

// The attacks of the curves; no name means random signs.
struct attack_kind {
    const char* key;
    const char* title;
};
constexpr std::array<attack_kind, 5> attack_kinds{{{"fgsm", "FGSM"},
                                                   {"pgd", "PGD, cross-entropy loss"},
                                                   {"pgd-margin", "PGD, margin loss"},
                                                   {"autoattack", "AutoAttack"},
                                                   {"", "random signs (control)"}}};

// The images under an attack, or under random signs; 0 if it was not measured.
std::size_t images_under(const network_result& network, const std::string& attack) {
    const condition_kind kind = attack.empty() ? condition_kind::random : condition_kind::attack;
    for (const condition_result& condition : network.conditions) {
        if (condition.kind == kind && condition.name == attack) return condition.images;
    }
    return 0;
}

std::string images_text(std::size_t count) { return with_commas(count) + " images"; }

} // namespace

study_figure clean_and_corrupted_figure(const ordered_networks& networks) {
    study_figure figure{.name = "accuracy",
                        .heading = "Accuracy, clean and corrupted",
                        .meaning = "Shows whether networks of higher selectivity (to the right) are more "
                                   "accurate on clean and on corrupted images."};
    const auto images = networks.first.clean.images;
    std::vector<plot_panel> panels{scatter_panel(networks, "clean accuracy", clean_accuracy)};
    figure.caption = networks.counted() + "; clean accuracy on " + with_commas(images) + " images";
    std::vector<std::pair<std::string, network_number>> columns{{"clean_accuracy", clean_accuracy}};
    if (networks.first.mean_corruption_accuracy) {
        const network_number share = [](const network_result& network) {
            return corrupted_accuracy(network) / clean_accuracy(network);
        };
        panels.push_back(scatter_panel(networks, "accuracy on corrupted images", corrupted_accuracy));
        panels.push_back(scatter_panel(networks, "corrupted / clean", share));
        figure.caption += ", corrupted: mean over 15 corruptions at 5 severities of " +
                          images_text(networks.study.options.corruption_images);
        columns.insert(
            columns.end(),
            {{"corruption_accuracy", corrupted_accuracy},
             {"corruption_accuracy_without_frost",
              [](const network_result& network) { return network.mean_corruption_accuracy->without_frost; }},
             {"corruption_accuracy_without_intensity_kinds",
              [](const network_result& network) { return corruption_accuracy(network, false); }},
             {"corruption_accuracy_by_clean_accuracy", share}});
    } else {
        figure.caption += ". Corruptions were not measured";
    }
    figure.caption +=
        ". Each point is a network; a line joins those of one seed in the order of alpha, and is "
        "the spread, so there is no band. Every panel has a scale of its own.";
    figure.drawing = drawn_by_alpha(networks, std::move(panels), 3);
    figure.csv = network_csv(networks, columns);
    return figure;
}

study_figure attacks_by_size_figure(const ordered_networks& networks) {
    study_figure figure{
        .name = "attacks",
        .heading = "Accuracy under attack",
        .meaning = "Shows how the accuracy falls as the perturbations of an attack grow, with a line per " +
                   networks.key() + "."};
    const std::vector<double> grid = networks.sizes();
    if (grid.empty()) {
        figure.left_out = "attacks were not measured (--attack-images 0)";
        return figure;
    }
    std::string tics;
    const std::size_t step = (grid.size() + 7) / 8;
    for (std::size_t k = 0; k < grid.size(); k += step) {
        const std::string text = shortest(networks.size_number(grid[k]));
        tics += (tics.empty() ? "" : ", ") + gnuplot_string(text) + " " + text;
    }
    const std::string axes = "set logscale x\nset xtics (" + tics + ")\n" +
                             set_range("x", {networks.size_number(grid.front()) / 1.25,
                                             networks.size_number(grid.back()) * 1.25}) +
                             set_range("y", {0.0, 1.0}) + horizontal_line(floor_accuracy, gray, "5 %", true);
    const std::string& norm = networks.study.options.norm;
    std::vector<plot_panel> panels;
    figure.csv =
        networks.csv_keys() + (norm == "linf" ? "attack,eps_255ths,accuracy\n" : "attack,eps,accuracy\n");
    std::size_t in_autoattack = 0;
    for (const attack_kind& kind : attack_kinds) {
        const std::size_t images = images_under(networks.first, kind.key);
        if (images == 0) continue;
        if (std::string_view(kind.key) == "autoattack") in_autoattack = images;
        std::vector<banded_line> lines;
        for (const double alpha : networks.alphas) {
            const legend_entry look = networks.style(alpha);
            banded_line& line = lines.emplace_back(banded_line{look.color, look.shape, {}, {}});
            for (const double eps : grid) {
                // AutoAttack has fewer sizes than the others.
                if (std::isnan(attack_accuracy(networks.first, kind.key, eps))) continue;
                line.x.push_back(networks.size_number(eps));
                auto& values = line.values.emplace_back();
                for (const network_result* network : networks.of_alpha(alpha)) {
                    values.push_back(attack_accuracy(*network, kind.key, eps));
                    figure.csv += networks.csv_of(*network) + (*kind.key == '\0' ? "random" : kind.key) +
                                  "," + csv_field(networks.size_number(eps)) + "," +
                                  csv_field(values.back()) + "\n";
                }
            }
        }
        panels.push_back(line_panel(kind.title, networks.size_label(), lines, axes));
    }
    figure.caption =
        networks.counted() + "; " + images_text(networks.study.options.attack_images) +
        ", all counted, also those that are wrong without an attack; PGD of " +
        std::to_string(networks.study.options.attack_steps) + " steps, last iterate" +
        (in_autoattack == 0 ? std::string() : "; AutoAttack on the first " + images_text(in_autoattack)) +
        ". Below the dashed line, 5 %, networks are not told apart. " + band_text(networks);
    const std::size_t columns = std::clamp<std::size_t>(panels.size(), 3, 5);
    figure.drawing = drawn_by_alpha(networks, std::move(panels), columns);
    return figure;
}

study_figure attacks_by_selectivity_figure(const ordered_networks& networks) {
    study_figure figure{.name = "attacks-by-selectivity",
                        .heading = "Accuracy under attack and selectivity",
                        .meaning = "Shows the accuracy under attacks of each size against selectivity: where "
                                   "a line rises, more selective networks are more robust."};
    const std::vector<double> grid = attack_sizes(networks.first);
    if (grid.empty()) {
        figure.left_out = "attacks were not measured (--attack-images 0)";
        return figure;
    }
    std::vector<plot_panel> panels;
    std::vector<std::pair<std::string, network_number>> columns;
    for (const double eps : grid) {
        const network_number accuracy = [eps](const network_result& network) {
            return attack_accuracy(network, "pgd", eps);
        };
        columns.emplace_back("pgd_" + shortest(networks.size_number(eps)), accuracy);
        std::vector<double> values = values_of(networks, accuracy);
        const double highest = *std::max_element(values.begin(), values.end());
        const bool near_floor = *std::min_element(values.begin(), values.end()) < 3 * floor_accuracy;
        if (near_floor) values.insert(values.end(), {0.0, floor_accuracy});
        axis_range range = range_of(values, 0.05);
        if (near_floor) range.low = -0.004;
        panels.push_back(scatter_panel(
            networks,
            "PGD " + networks.size_text(eps) + (highest <= floor_accuracy ? ": floor, no verdict" : ""),
            accuracy, near_floor ? horizontal_line(floor_accuracy, gray, "5 %") : "", &range));
    }
    figure.caption =
        networks.counted() + "; " + images_text(networks.study.options.attack_images) +
        "; the PGD attacks of the figure above. A line joins the networks of one seed, so there is no "
        "band. Every panel has a scale of its own; the floor of 5 % is drawn where it is near.";
    figure.drawing = drawn_by_alpha(networks, std::move(panels),
                                    grid.size() < 3 ? 3 : std::min<std::size_t>(grid.size(), 5));
    figure.csv = network_csv(networks, columns);
    return figure;
}

namespace {

// Mean accuracy over the severities of every corruption, and of all of them, in the order of the study.
struct corruption_accuracies {
    std::vector<std::string> names;
    std::map<std::string, double> of;
};

constexpr const char* all_corruptions = "mean of all";

corruption_accuracies corruption_accuracies_of(const network_result& network) {
    corruption_accuracies means;
    std::map<std::string, double> count;
    for (const auto& condition : network.conditions) {
        if (condition.kind != condition_kind::corruption) continue;
        const std::string& name = condition.name;
        if (count[name]++ == 0.0) means.names.push_back(name);
        means.of[name] += condition.accuracy;
    }
    double sum = 0.0;
    for (const std::string& name : means.names) sum += means.of[name] /= count[name];
    means.of[all_corruptions] = sum / static_cast<double>(means.names.size());
    means.names.emplace_back(all_corruptions);
    return means;
}

// Purple for less, white for the same, green for more; `share` from -1 to 1.
std::string diverging(double share) {
    constexpr std::array<double, 3> purple{118, 42, 131};
    constexpr std::array<double, 3> green{27, 120, 55};
    const auto& end = share < 0.0 ? purple : green;
    std::array<char, 8> text{};
    std::array<unsigned, 3> mixed{};
    for (std::size_t c = 0; c < 3; ++c)
        mixed[c] =
            static_cast<unsigned>(std::lround(255 + std::min(1.0, std::abs(share)) * (end[c] - 255))) & 255U;
    std::snprintf(text.data(), text.size(), "#%02x%02x%02x", mixed[0], mixed[1], mixed[2]);
    return text.data();
}

// The cells of the map [corruption][alpha], in per cent: accuracy at alpha 0, at others the difference to it.
struct corruption_map {
    std::vector<std::string> names{}; // of the rows
    std::vector<double> alphas{};
    std::vector<std::vector<double>> cells{};
    double largest = 0.0; // of the differences
    std::string csv{};
};

corruption_map corruption_map_of(const ordered_networks& networks) {
    std::map<std::size_t, corruption_accuracies> base; // of each seed
    for (const network_result* network : networks.of_alpha(0.0))
        base[network->seed] = corruption_accuracies_of(*network);
    corruption_map map{.names = base.begin()->second.names, .alphas = networks.alphas};
    map.csv = "corruption," + networks.csv_keys() + "accuracy,difference_to_" +
              (networks.models.empty() ? "alpha_0" : "first") + "\n";
    map.cells.assign(map.names.size(), std::vector<double>(map.alphas.size()));
    for (std::size_t c = 0; c < map.alphas.size(); ++c) {
        const bool is_base = map.alphas[c] == 0.0;
        const auto those = networks.of_alpha(map.alphas[c]);
        for (const network_result* network : those) {
            corruption_accuracies means = corruption_accuracies_of(*network);
            corruption_accuracies& zero = base[network->seed];
            for (std::size_t r = 0; r < map.names.size(); ++r) {
                const std::string& name = map.names[r];
                const double difference = means.of[name] - zero.of[name];
                const double cell = is_base ? means.of[name] : difference;
                map.cells[r][c] += 100 * cell / static_cast<double>(those.size());
                map.csv += name + "," + networks.csv_of(*network) + csv_field(means.of[name]) + "," +
                           csv_field(difference) + "\n";
            }
        }
        if (is_base) continue;
        for (const auto& row : map.cells) map.largest = std::max(map.largest, std::abs(row[c]));
    }
    return map;
}

// Means are drawn a little apart.
double row_position(const corruption_map& map, std::size_t row) {
    return static_cast<double>(row) + (row + 1 == map.names.size() ? 0.25 : 0.0);
}

// A rectangle, and the number in it.
struct map_cell {
    std::string rectangle;
    std::string label;
};

map_cell cell_of(const corruption_map& map, std::size_t row, std::size_t column) {
    const double alpha = map.alphas[column];
    const double value = map.cells[row][column];
    const double share = alpha == 0.0 || map.largest == 0.0 ? 0.0 : value / map.largest;
    const std::string place = std::to_string(column) + "," + plot_number(row_position(map, row));
    const std::string text = fixed(value, 1);
    return {"set object rectangle center " + place + " size 0.96,0.92 fc rgb " +
                gnuplot_string(alpha == 0.0 ? "#f2f2f2" : diverging(share)) + " fs solid noborder\n",
            "set label " +
                gnuplot_string(alpha != 0.0 && text.front() != '-' && text != "0.0" ? "+" + text : text) +
                " at " + place + " center front tc rgb " +
                (std::abs(share) > 0.55 ? "'white'" : "'#222222'") + "\n"};
}

plot drawing_of(const corruption_map& map, const ordered_networks& networks) {
    const auto columns = static_cast<double>(map.alphas.size());
    const auto rows = static_cast<double>(map.names.size());
    const double width = 190.0 + 90.0 * columns;
    const double height = 66.0 + 25.0 * rows;
    std::string x_tics, y_tics, cells, labels;
    for (std::size_t r = 0; r < map.names.size(); ++r) {
        y_tics += (r == 0 ? "" : ", ") + gnuplot_string(spaced(map.names[r])) + " " +
                  plot_number(row_position(map, r));
    }
    for (std::size_t c = 0; c < map.alphas.size(); ++c) {
        const double alpha = map.alphas[c];
        x_tics +=
            (c == 0 ? "" : ", ") +
            gnuplot_string(alpha == 0.0 ? networks.label(alpha) + ": accuracy" : networks.label(alpha)) +
            " " + std::to_string(c);
        for (std::size_t r = 0; r < map.names.size(); ++r) {
            const map_cell cell = cell_of(map, r, c);
            cells += cell.rectangle;
            labels += cell.label;
        }
    }
    return {data_block("none", {{0.0, 0.0}}) +
                "unset border\nunset key\nunset colorbox\nset tics scale 0 tc rgb '#333333'\nset lmargin at "
                "screen " +
                plot_number(150 / width) + "\nset rmargin at screen " + plot_number(1 - 10 / width) +
                "\nset tmargin at screen " + plot_number(1 - 44 / height) + "\nset bmargin at screen " +
                plot_number(8 / height) + "\nunset xtics\nset x2tics (" + x_tics + ")\nset ytics (" + y_tics +
                ")\nset x2label " + gnuplot_string(networks.key()) + " offset 0,-0.5\nset xrange [-0.5:" +
                plot_number(columns - 0.5) + "]\nset x2range [-0.5:" + plot_number(columns - 0.5) +
                "]\nset yrange [" + plot_number(rows - 0.25) + ":-0.5]\n" + cells + labels +
                "plot $none using 1:2 with points pt 0 lc rgb 'white'\n",
            static_cast<std::size_t>(width), static_cast<std::size_t>(height)};
}

// Why there is no map; empty if there is one.
std::string no_map_reason(const ordered_networks& networks) {
    if (!networks.first.mean_corruption_accuracy)
        return "corruptions were not measured (--corruption-images 0)";
    if (std::find(networks.alphas.begin(), networks.alphas.end(), 0.0) == networks.alphas.end())
        return "it compares with alpha 0, which no network has";
    if (networks.alphas.size() == 1 && networks.models.empty())
        return "it compares with alpha 0, and there is no other";
    return {};
}

} // namespace

study_figure corruption_map_figure(const ordered_networks& networks) {
    study_figure figure{.name = "corruptions",
                        .heading = "Each corruption",
                        .meaning = "Shows under which corruptions the networks are accurate, and where they "
                                   "differ from each other."};
    figure.left_out = no_map_reason(networks);
    if (!figure.left_out.empty()) return figure;
    const corruption_map map = corruption_map_of(networks);
    figure.csv = map.csv;
    figure.drawing = drawing_of(map, networks);
    if (!networks.models.empty()) {
        figure.caption = "Accuracy of " + networks.label(0.0) + ", in per cent" +
                         (networks.alphas.size() == 1
                              ? std::string()
                              : ", and the difference to it in points: green is more, purple less") +
                         ". Mean over 5 severities; " +
                         images_text(networks.study.options.corruption_images) + ".";
        return figure;
    }
    figure.caption =
        "Accuracy at alpha 0, in per cent, and at the others the difference to it in points: green is "
        "more, purple less. Mean over 5 severities and " +
        std::to_string(networks.seeds.size()) +
        (networks.seeds.size() == 1 ? " seed" : " seeds, differences taken within the seed") + "; " +
        images_text(networks.study.options.corruption_images) + "; " + networks.counted() +
        ". Bands are left out here; corruptions.csv has every network.";
    return figure;
}

} // namespace program
