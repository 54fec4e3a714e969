#include "layers/measure_columns.hpp"

#include "layers/unit_columns.hpp"
#include "support/format.hpp"

#include <cstddef>
#include <utility>

namespace program {

namespace {

using repscope::analysis::geometry_report;
using repscope::analysis::measure;
using repscope::analysis::neighbor_report;

// Adds a column of `cell(part)`, the part of each layer that `part_of` takes.
template <typename PartOf>
struct column_writer {
    const std::vector<layer_report>& layers;
    PartOf part_of;
    column_group& group;

    template <typename Cell>
    void operator()(std::string header, Cell&& cell) const {
        measure_column column{std::move(header), {}};
        for (const layer_report& layer : layers) column.cells.push_back(cell(*part_of(layer)));
        group.columns.push_back(std::move(column));
    }
};

column_group unit_group(const std::vector<layer_report>& layers) {
    column_group group{"Units", "mean over units", {}};
    for (const unit_column& first : unit_columns(*layers.front().unit_values)) {
        measure_column column{first.header, {}};
        for (const layer_report& layer : layers) {
            for (const unit_column& each : unit_columns(*layer.unit_values)) {
                if (each.key == first.key) column.cells.push_back(fixed(each.mean(), 3));
            }
        }
        group.columns.push_back(std::move(column));
    }
    return group;
}

// `part` takes the geometry of a layer, or that of its perturbed one.
template <typename Part>
column_group geometry_group(const std::vector<layer_report>& layers, const std::string& title,
                            const std::string& row_header, Part&& part) {
    column_group group{title, row_header, {}};
    const column_writer<Part> add{layers, part, group};
    const auto measures = layers.front().measures;
    const auto scatter = [&](std::string header, double repscope::class_scatter_result::*value) {
        add(std::move(header), [value](const geometry_report& g) { return fixed((*g.scatter).*value, 3); });
    };
    const auto collapse = [&](std::string header, double repscope::neural_collapse_result::*value) {
        add(std::move(header),
            [value](const geometry_report& g) { return fixed((*g.neural_collapse).*value, 3); });
    };
    if (measures.contains(measure::nc1)) scatter("NC1", &repscope::class_scatter_result::nc1);
    if (measures.contains(measure::nc1_trace))
        collapse("NC1 (traces)", &repscope::neural_collapse_result::nc1_trace);
    if (measures.contains(measure::nc2)) {
        collapse("NC2 norms", &repscope::neural_collapse_result::nc2_equinorm);
        collapse("angles", &repscope::neural_collapse_result::nc2_equiangular);
        collapse("simplex", &repscope::neural_collapse_result::nc2_simplex);
    }
    if (measures.contains(measure::cdnv)) {
        add("CDNV", [](const geometry_report& g) { return fixed(g.distance_variance->cdnv, 3); });
        add("unbiased",
            [](const geometry_report& g) { return fixed(g.distance_variance->cdnv_unbiased, 3); });
    }
    if (measures.contains(measure::class_separation)) {
        add("separation", [](const geometry_report& g) { return fixed(g.separation->separation, 3); });
        add("corrected",
            [](const geometry_report& g) { return fixed(g.separation->separation_corrected, 3); });
    }
    if (measures.contains(measure::lidar))
        add("LiDAR", [](const geometry_report& g) { return fixed(*g.lidar, 2); });
    if (measures.contains(measure::within_participation_ratio))
        scatter("PR within", &repscope::class_scatter_result::within_participation_ratio);
    if (measures.contains(measure::between_participation_ratio)) {
        scatter("PR between", &repscope::class_scatter_result::between_participation_ratio);
        scatter("corrected", &repscope::class_scatter_result::between_participation_ratio_corrected);
    }
    return group;
}

column_group neighbor_group(const std::vector<layer_report>& layers) {
    column_group group{"Intrinsic dimension", "neighbors", {}};
    const auto part = [](const layer_report& layer) { return &*layer.neighbors; };
    const column_writer<decltype(part)> add{layers, part, group};
    add("samples", [](const neighbor_report& n) { return std::to_string(n.samples); });
    const neighbor_report& first = *layers.front().neighbors;
    if (first.two_nn) {
        add("TwoNN", [](const neighbor_report& n) { return fixed(n.two_nn->likelihood, 2); });
        add("95 % interval", [](const neighbor_report& n) {
            return fixed(n.two_nn->ci.low, 2) + " .. " + fixed(n.two_nn->ci.high, 2);
        });
    }
    if (first.levina_bickel) {
        add("Levina-Bickel", [](const neighbor_report& n) { return fixed(n.levina_bickel->mean, 2); });
        add("harmonic",
            [](const neighbor_report& n) { return fixed(n.levina_bickel->harmonic_unbiased, 2); });
    }
    if (first.correlation_dimension) {
        add("correlation",
            [](const neighbor_report& n) { return fixed(n.correlation_dimension->dimension, 2); });
    }
    if (first.local_pca)
        add("local PCA", [](const neighbor_report& n) { return fixed(n.local_pca->mean, 2); });
    return group;
}

column_group similarity_group(const std::vector<layer_report>& layers) {
    column_group group{"Similarity to the perturbed layer", "similarity", {}};
    using repscope::analysis::similarity_report;
    const auto part = [](const layer_report& layer) { return &*layer.similarity; };
    const column_writer<decltype(part)> add{layers, part, group};
    const similarity_report& first = *layers.front().similarity;
    if (first.cka) {
        add("CKA", [](const similarity_report& s) { return fixed(s.cka->plain, 3); });
        add("CKA unbiased", [](const similarity_report& s) { return fixed(s.cka->unbiased, 3); });
    }
    if (first.procrustes)
        add("Procrustes", [](const similarity_report& s) { return fixed(*s.procrustes, 3); });
    if (first.class_mean_rsa)
        add("RSA of class means", [](const similarity_report& s) { return fixed(*s.class_mean_rsa, 3); });
    if (!first.uniformity.empty()) {
        add("change of uniformity", [](const similarity_report& s) { return fixed(s.uniformity_change, 4); });
    }
    return group;
}

column_group drift_group(const std::vector<layer_report>& layers) {
    column_group group{"Drift", "drift", {}};
    const auto part = [](const layer_report& layer) { return &*layer.drift; };
    const column_writer<decltype(part)> add{layers, part, group};
    add("samples", [](const drift_report& d) { return std::to_string(d.samples); });
    add("mean distance", [](const drift_report& d) { return fixed(d.measured.mean_distance, 3); });
    add("cosine", [](const drift_report& d) { return fixed(d.measured.mean_cosine, 3); });
    add("Frechet", [](const drift_report& d) { return fixed(d.measured.frechet, 3); });
    add("largest angle", [](const drift_report& d) {
        const auto& angles = d.measured.principal_angles;
        return angles.empty() ? std::string("-") : fixed(angles.back(), 3);
    });
    add("quotient of PR",
        [](const drift_report& d) { return fixed(d.measured.participation_ratio_quotient, 3); });
    return group;
}

} // namespace

std::vector<column_group> column_groups(const std::vector<layer_report>& layers) {
    std::vector<column_group> groups;
    if (layers.empty()) return groups;
    if (layers.front().unit_values) groups.push_back(unit_group(layers));
    if (layers.front().geometry) {
        groups.push_back(geometry_group(layers, "Class geometry", "geometry",
                                        [](const layer_report& layer) { return &*layer.geometry; }));
    }
    if (layers.front().comparison && layers.front().comparison->geometry) {
        groups.push_back(
            geometry_group(layers, "Class geometry of the perturbed layers", "perturbed geometry",
                           [](const layer_report& layer) { return &*layer.comparison->geometry; }));
    }
    if (layers.front().neighbors) groups.push_back(neighbor_group(layers));
    if (layers.front().similarity) groups.push_back(similarity_group(layers));
    if (layers.front().drift) groups.push_back(drift_group(layers));
    return groups;
}

} // namespace program
