#include "measure/choice/catalog.hpp"

#include <array>

namespace program {

namespace {

using repscope::analysis::measure;

constexpr std::string_view scatter_cost = "time n u min(n, u), memory 2 u min(n, u)";
constexpr std::string_view count_cost = "time n u, memory C u";
constexpr std::string_view moment_cost = "time n u, memory 2 C u";
constexpr std::string_view sample_cost = "time r u log r after the pass, memory 4 r u";
constexpr std::string_view neighbor_cost = "time r^2 u after the pass, memory 4 r u";
constexpr std::string_view class_scatter_cost = "as participation_ratio, then C u^2";
constexpr std::string_view similarity_cost = "three times participation_ratio";
constexpr std::string_view eigen_cost = "as participation_ratio, then min(n, u)^3";

constexpr std::array catalog{
    catalog_entry{measure::selectivity, "selectivity", "selectivity", true, "selectivity",
                  "time n u, memory C u",
                  "class selectivity index (mu_max - mu_rest) / (mu_max + mu_rest) of every unit, its mean "
                  "under shuffled labels"},
    catalog_entry{measure::participation_ratio, "participation_ratio", "participation_ratio", false,
                  "dimensionality.participation_ratio dimensionality.se_log dimensionality.ci", scatter_cost,
                  "(sum of eigenvalues)^2 / sum of their squares, plain and unbiased, without eigenvalues"},
    catalog_entry{measure::components, "components", "spectrum", false,
                  "dimensionality.components dimensionality.limited_by_samples", eigen_cost,
                  "principal components that hold 90, 95 and 99 % of the variance"},
    catalog_entry{measure::effective_rank, "effective_rank", "spectrum", false,
                  "dimensionality.effective_rank", eigen_cost,
                  "exp of the entropy of the eigenvalues, and of the singular values, as shares"},
    catalog_entry{measure::stable_rank, "stable_rank", "spectrum", false, "dimensionality.stable_rank",
                  eigen_cost, "sum of the eigenvalues over the largest"},
    catalog_entry{measure::power_law, "power_law", "spectrum", false, "dimensionality.power_law", eigen_cost,
                  "exponent alpha of eigenvalue k ~ k^-alpha from rank 11 to n / 2, at most 500, with the "
                  "range of the fit (alpha-ReQ)"},
    catalog_entry{measure::rankme, "rankme", "spectrum", false, "dimensionality.rankme", eigen_cost,
                  "RankMe: exp of the entropy of the singular values of the samples, which are not centered"},
    catalog_entry{measure::activation_frequency, "activation_frequency", "activity", false,
                  "unit_measures.activation_frequency unit_measures.mean.activation_frequency", count_cost,
                  "share of the samples for which a unit is above 0"},
    catalog_entry{measure::class_purity, "class_purity", "activity", true,
                  "unit_measures.class_purity unit_measures.mean.class_purity", count_cost,
                  "largest share that one class has of the samples for which a unit is above 0"},
    catalog_entry{measure::label_entropy, "label_entropy", "activity", true,
                  "unit_measures.label_entropy unit_measures.mean.label_entropy", count_cost,
                  "entropy of the class means of a unit as shares of their sum, in nats"},
    catalog_entry{measure::mono_score, "mono_score", "activity", true,
                  "unit_measures.mono_score unit_measures.mean.mono_score", moment_cost,
                  "MonoScore in its class form: share of pairs of samples with the same class, weighted by "
                  "the product of their activations"},
    catalog_entry{measure::d_prime, "d_prime", "discrimination", true,
                  "unit_measures.d_prime unit_measures.mean.d_prime", moment_cost,
                  "d': difference of the best class and the others in standard deviations"},
    catalog_entry{measure::auc, "auc", "discrimination", true,
                  "unit_measures.auc unit_measures.mean.auc unit_measures.samples", sample_cost,
                  "area under the ROC curve of the class and side that separate best, plain and cross-fit"},
    catalog_entry{measure::precision_at_k, "precision_at_k", "discrimination", true,
                  "unit_measures.precision_at_k unit_measures.mean.precision_at_k unit_measures.k",
                  sample_cost, "share of the most frequent class among the 60 samples of largest activation"},
    catalog_entry{measure::mutual_information, "mutual_information", "discrimination", true,
                  "unit_measures.mutual_information unit_measures.mean.mutual_information", sample_cost,
                  "mutual information of the class and ten bins of the activation in nats, plain and "
                  "corrected"},
    catalog_entry{measure::gini, "gini", "discrimination", true, "unit_measures.gini unit_measures.mean.gini",
                  count_cost, "Gini index of the class means of a unit"},
    catalog_entry{measure::sparseness, "sparseness", "discrimination", false,
                  "unit_measures.sparseness unit_measures.mean.sparseness", moment_cost,
                  "lifetime sparseness (Vinje and Gallant) of a unit over samples"},
    catalog_entry{measure::class_sparseness, "class_sparseness", "discrimination", true,
                  "unit_measures.class_sparseness unit_measures.mean.class_sparseness", count_cost,
                  "the same over class means"},
    catalog_entry{measure::nc1, "nc1", "geometry", true, "geometry.nc1", class_scatter_cost,
                  "NC1: trace of the scatter within classes times the pseudo-inverse of that between, over "
                  "C"},
    catalog_entry{measure::nc1_trace, "nc1_trace", "geometry", true, "geometry.nc1_trace", moment_cost,
                  "NC1 as the quotient of the two traces"},
    catalog_entry{measure::nc2, "nc2", "geometry", true, "geometry.nc2", moment_cost,
                  "NC2: spread of the norms of class means, deviation of their angles, distance to the "
                  "simplex"},
    catalog_entry{measure::cdnv, "cdnv", "geometry", true, "geometry.cdnv", moment_cost,
                  "class-distance normalized variance, plain and with unbiased distances"},
    catalog_entry{measure::class_separation, "class_separation", "geometry", true,
                  "geometry.class_separation", moment_cost,
                  "class separation R2 by cosine distances, plain and corrected"},
    catalog_entry{measure::lidar, "lidar", "geometry", true, "geometry.lidar",
                  "as nc1, then u^3 / 3, memory u^2",
                  "LiDAR: effective rank of the discriminant matrix of the classes"},
    catalog_entry{measure::within_participation_ratio, "within_participation_ratio", "geometry", true,
                  "geometry.within_participation_ratio", class_scatter_cost,
                  "participation ratio of the scatter within classes"},
    catalog_entry{measure::between_participation_ratio, "between_participation_ratio", "geometry", true,
                  "geometry.between_participation_ratio", class_scatter_cost,
                  "participation ratio of the class means, plain and corrected for their noise"},
    catalog_entry{measure::two_nn, "two_nn", "neighbors", false, "neighbors.two_nn neighbors.samples",
                  neighbor_cost,
                  "TwoNN: intrinsic dimension from the quotient of the distances of two neighbors, with its "
                  "interval"},
    catalog_entry{measure::levina_bickel, "levina_bickel", "neighbors", false, "neighbors.levina_bickel",
                  neighbor_cost, "maximum likelihood from the distances of 20 neighbors"},
    catalog_entry{measure::correlation_dimension, "correlation_dimension", "neighbors", false,
                  "neighbors.correlation_dimension", neighbor_cost,
                  "growth of the number of near pairs between two radii"},
    catalog_entry{measure::local_pca, "local_pca", "neighbors", false, "neighbors.local_pca", neighbor_cost,
                  "mean number of principal components of neighborhoods of 21 samples"},
    catalog_entry{measure::cka, "cka", "similarity", false, "similarity.cka", similarity_cost,
                  "linear CKA of a layer and the perturbed one, plain and unbiased", true},
    catalog_entry{measure::procrustes, "procrustes", "similarity", false, "similarity.procrustes",
                  "as cka, then u^3", "Procrustes distance of a layer and the perturbed one", true},
    catalog_entry{measure::class_mean_rsa, "class_mean_rsa", "similarity", true, "similarity.class_mean_rsa",
                  count_cost, "rank correlation of the distances between class means, clean and perturbed",
                  true},
    catalog_entry{measure::activation_uniformity, "activation_uniformity", "similarity", true,
                  "similarity.activation_uniformity", count_cost,
                  "entropy of the activation frequencies of the units, per class, clean and perturbed", true},
};

} // namespace

std::span<const catalog_entry> measure_catalog() { return catalog; }

} // namespace program
