#include "measure/similarity_matrix.hpp"

#include "render/csv.hpp"
#include "render/plot.hpp"
#include "render/text_table.hpp"

#include <algorithm>
#include <utility>

namespace program {

similarity_matrix similarity_of_layers(std::vector<layer_report>& layers, repscope::thread_pool& pool) {
    similarity_matrix matrix;
    std::vector<repscope::scatter_matrix> x, y;
    for (layer_report& layer : layers) {
        matrix.layers.push_back(layer.name);
        x.push_back(std::move(layer.gram.value()));
        layer.gram.reset();
        if (!layer.perturbed_gram) continue;
        y.push_back(*std::move(layer.perturbed_gram));
        layer.perturbed_gram.reset();
    }
    matrix.is_compared = !y.empty();
    matrix.samples = static_cast<std::size_t>(x.front().samples);
    matrix.all_samples = layers.front().samples;
    matrix.cka = repscope::linear_cka_matrix(x, matrix.is_compared ? y : x, pool);
    return matrix;
}

std::string samples_of_similarity(const similarity_matrix& matrix) {
    const std::string kept = std::to_string(matrix.samples);
    if (matrix.samples >= matrix.all_samples) return kept + " samples";
    return kept + " of " + std::to_string(matrix.all_samples) + " samples, chosen at random";
}

std::string similarity_tables(const similarity_matrix& matrix, bool is_markdown) {
    constexpr std::size_t max_width = 100, cell_width = 7;
    std::vector<std::string> names;
    std::size_t widest = 0;
    for (std::size_t k = 0; k < matrix.layers.size(); ++k) {
        names.push_back(std::to_string(k + 1) + " " + matrix.layers[k]);
        widest = std::max(widest, display_width(names.back()));
    }
    const std::size_t spare = max_width > widest ? (max_width - widest) / cell_width : 0;
    const std::size_t columns = std::max<std::size_t>(4, spare);
    std::string text;
    for (std::size_t first = 0; first < names.size(); first += columns) {
        const std::size_t end = std::min(first + columns, names.size());
        std::vector<std::string> header{matrix.is_compared ? "CKA, perturbed layer" : "CKA of layers"};
        for (std::size_t k = first; k < end; ++k) header.push_back(std::to_string(k + 1));
        text_table table(header, 1);
        for (std::size_t row = 0; row < names.size(); ++row) {
            std::vector<std::string> cells{names[row]};
            for (std::size_t k = first; k < end; ++k)
                cells.push_back(fixed(matrix.cka.unbiased[row * names.size() + k], 3));
            table.add_row(std::move(cells));
        }
        text += (text.empty() ? "" : "\n") + (is_markdown ? table.markdown() : table.text());
    }
    const std::string note = "CKA of layers: unbiased, of " + samples_of_similarity(matrix) + "\n";
    return text + (is_markdown ? "\n" : "") + note;
}

std::string similarity_csv(const similarity_matrix& matrix) {
    std::string text = "layer,other,cka,cka_unbiased\n";
    const std::size_t count = matrix.layers.size();
    for (std::size_t row = 0; row < count; ++row) {
        for (std::size_t k = 0; k < count; ++k) {
            text += csv_field(matrix.layers[row]) + "," + csv_field(matrix.layers[k]) + "," +
                    csv_field(matrix.cka.plain[row * count + k]) + "," +
                    csv_field(matrix.cka.unbiased[row * count + k]) + "\n";
        }
    }
    return text;
}

plot similarity_figure(const similarity_matrix& matrix) {
    const std::size_t count = matrix.layers.size();
    std::vector<std::vector<double>> rows;
    for (std::size_t row = 0; row < count; ++row) {
        for (std::size_t k = 0; k < count; ++k) {
            rows.push_back(
                {static_cast<double>(k), static_cast<double>(row), matrix.cka.unbiased[row * count + k]});
        }
    }
    const std::string range = " [-0.5:" + plot_number(static_cast<double>(count) - 0.5) + "]\n";
    // About twenty names fit beside the map. Below it the numbers stand for them.
    const std::size_t step = (count + 19) / 20;
    std::string names, numbers;
    for (std::size_t k = 0; k < count; k += step) {
        const std::string number = std::to_string(k + 1), place = std::to_string(k);
        names +=
            (k == 0 ? "" : ", ") + gnuplot_string(axis_name(matrix.layers[k]) + "  " + number) + " " + place;
        numbers += (k == 0 ? "" : ", ") + gnuplot_string(number) + " " + place;
    }
    return {.commands = data_block("cka", rows) + plot_style +
                        "unset grid\nunset key\nset tics scale 0\nset xtics (" + numbers + ")\nset ytics (" +
                        names + ")\nset xrange" + range + "set yrange" + range +
                        "set cbrange [0:1]\nset cblabel 'unbiased CKA'\n"
                        "set palette defined (0 '#f7fbff', 0.5 '#6baed6', 1 '#08306b')\n" +
                        (matrix.is_compared ? "set xlabel 'perturbed layer'\nset ylabel 'clean layer'\n"
                                            : "set xlabel 'layer'\n") +
                        "plot $cka using 1:2:3 with image pixels\n",
            .height = std::max<std::size_t>(300, 70 + 16 * std::min<std::size_t>(count, 20))};
}

} // namespace program
