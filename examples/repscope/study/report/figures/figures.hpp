#pragma once

#include "render/gnuplot.hpp"
#include "render/plot.hpp"
#include "study/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// A figure of a study's report: how it is drawn, and the numbers it shows.
struct study_figure {
    std::string name;         ///< of its files
    std::string heading;      ///< of its part of the page
    std::string meaning = {}; ///< one sentence: what the figure shows, and how to read it
    std::string caption = {};
    plot drawing = {};
    std::string csv = {};
    std::string left_out = {}; ///< why there is none; everything behind `heading` is empty then
};

/// The networks of a study in the order of figures: by seed, then by alpha.
struct ordered_networks {
    /// `models`: names of the networks, if they are models that are compared; the alpha of a network is then
    /// its place.
    explicit ordered_networks(const study_result& study, std::vector<std::string> models = {});

    [[nodiscard]] std::vector<const network_result*> of_alpha(double alpha) const;
    /// "21 networks (7 alphas, 3 seeds)", or "2 models".
    [[nodiscard]] std::string counted() const;
    /// What tells networks apart: "alpha" or "model"; and its value for a network.
    [[nodiscard]] std::string key() const { return models.empty() ? "alpha" : "model"; }
    [[nodiscard]] std::string label(double alpha) const;
    /// The first columns of a CSV table: "alpha,seed," or "model,"; and those of a network: "-2,0,".
    [[nodiscard]] std::string csv_keys() const { return models.empty() ? "alpha,seed," : "model,"; }
    [[nodiscard]] std::string csv_of(const network_result& network) const;
    /// The sizes of the attacks, and one as a number and as text: 8 and "8/255", or .5 and "0.5 (l2)".
    [[nodiscard]] std::vector<double> sizes() const;
    [[nodiscard]] double size_number(double eps) const;
    [[nodiscard]] std::string size_text(double eps) const;
    /// The label of an axis of sizes: "eps (255ths, linf)".
    [[nodiscard]] std::string size_label() const;
    /// Blue below 0, gray at 0, orange above, darker the farther out: told apart by color-blind readers and
    /// by shape too.
    [[nodiscard]] legend_entry style(double alpha) const;
    [[nodiscard]] std::vector<legend_entry> legend() const;

    const study_result& study;
    std::vector<std::string> models;
    const network_result& first;
    std::vector<double> alphas; ///< ascending
    std::vector<std::size_t> seeds;
    std::vector<const network_result*> all;
};

/// All figures, in the order of the page.
std::vector<study_figure> study_figures(const study_result& study);

// One by one: of accuracy,
study_figure clean_and_corrupted_figure(const ordered_networks& networks);
study_figure attacks_by_size_figure(const ordered_networks& networks);
study_figure accuracy_by_distance_figure(const ordered_networks& networks);
study_figure attacks_by_selectivity_figure(const ordered_networks& networks);
study_figure corruption_map_figure(const ordered_networks& networks);
// of layers,
study_figure unit_selectivity_figure(const ordered_networks& networks);
study_figure cumulative_variance_figure(const ordered_networks& networks);
study_figure dimensionality_by_depth_figure(const ordered_networks& networks);
study_figure geometry_figure(const ordered_networks& networks);
// of changes under perturbations, and of gradients.
study_figure change_figure(const ordered_networks& networks, bool full_maps);
study_figure gradient_figure(const ordered_networks& networks);

} // namespace program
