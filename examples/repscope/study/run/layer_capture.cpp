#include "study/run/layer_capture.hpp"

#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/geometry/class_distance_variance.hpp>
#include <repscope/geometry/linear_cka.hpp>
#include <repscope/geometry/neural_collapse.hpp>
#include <repscope/moments/activation_counts.hpp>
#include <repscope/moments/class_moments.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/selectivity/activation_uniformity.hpp>
#include <repscope/tensor/as_view.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace program {

namespace {

template <typename Scalar>
repscope::dimensionality_result dimensionality_of(const std::vector<Scalar>& rows, std::size_t images,
                                                  repscope::thread_pool& pool) {
    const std::size_t columns = rows.size() / images;
    repscope::covariance state(columns);
    state.update(repscope::as_view(rows, {images, columns}), {.threads = pool});
    return repscope::dimensionality(std::move(state), {.threads = pool});
}

// The share of the variance that the first components hold, the largest first.
std::vector<double> cumulative_shares(const std::vector<double>& spectrum) {
    double all = 0.0;
    for (const double value : spectrum) all += value;
    std::vector<double> shares;
    double sum = 0.0;
    for (const double value : spectrum) shares.push_back((sum += value) / all);
    return shares;
}

// The differences to the clean rows: their dimensionality and their size.
template <typename Scalar>
change_result change_of(const std::vector<Scalar>& rows, const std::vector<Scalar>& clean, std::size_t images,
                        repscope::thread_pool& pool) {
    const std::size_t columns = rows.size() / images;
    auto measured =
        repscope::representation_change(repscope::as_view(clean, {images, columns}),
                                        repscope::as_view(rows, {images, columns}), {.threads = pool});
    return {std::move(measured.dimensionality), measured.relative_size};
}

std::optional<class_result> classes_of(const captured_layer& layer, std::span<const int> labels,
                                       repscope::thread_pool& pool) {
    const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
    if (labels.empty() || *least == *most) return std::nullopt;
    const auto rows = repscope::as_view(layer.means, {labels.size(), layer.units});
    const std::size_t classes = static_cast<std::size_t>(*most) + 1;
    repscope::class_moments moments(layer.units, classes);
    moments.update(rows, labels, {.threads = pool});
    repscope::activation_counts active(layer.units, classes);
    active.update(rows, labels, {.threads = pool});
    const auto distances = repscope::class_distance_variance(moments);
    class_result result{repscope::neural_collapse(moments).nc1_trace, distances.cdnv, distances.cdnv_unbiased,
                        std::numeric_limits<double>::quiet_NaN()};
    double sum = 0.0;
    std::size_t count = 0;
    for (const double value : repscope::activation_uniformity(active)) {
        if (std::isnan(value)) continue;
        sum += value;
        ++count;
    }
    if (count > 0) result.activation_uniformity = sum / static_cast<double>(count);
    return result;
}

compared_layer compare(const layer_capture& seen, const layer_capture* clean, std::size_t index,
                       std::span<const int> labels, repscope::thread_pool& pool) {
    const captured_layer& layer = seen.layers()[index];
    const captured_layer* before = clean == nullptr ? nullptr : &clean->layers()[index];
    compared_layer result{.name = layer.name,
                          .dimensionality = dimensionality_of(layer.means, seen.images(), pool)};
    if (seen.mapped(index)) result.cumulative_variance = cumulative_shares(result.dimensionality.spectrum);
    if (before != nullptr) result.change = change_of(layer.means, before->means, seen.images(), pool);
    result.classes = classes_of(layer, labels.first(seen.images()), pool);
    if (before != nullptr) {
        result.cka = repscope::linear_cka(repscope::as_view(before->means, {seen.images(), layer.units}),
                                          repscope::as_view(layer.means, {seen.images(), layer.units}),
                                          {.threads = pool});
    }
    if (layer.maps.empty()) return result;
    maps_result& full = result.full.emplace();
    full.samples = seen.images();
    full.dimensionality = dimensionality_of(layer.maps, seen.images(), pool);
    if (before != nullptr) full.change = change_of(layer.maps, before->maps, seen.images(), pool);
    return result;
}

std::vector<compared_layer> compare_all(const layer_capture& seen, const layer_capture* clean,
                                        std::span<const int> labels, repscope::thread_pool& pool) {
    std::vector<compared_layer> layers;
    for (std::size_t l = 0; l < seen.layers().size(); ++l)
        layers.push_back(compare(seen, clean, l, labels, pool));
    return layers;
}

} // namespace

void layer_capture::operator()(std::size_t index, std::string_view name,
                               const repscope::tensor_view<const float, 4>& maps) {
    const auto& extents = maps.extents();
    if (index == layers_.size()) {
        layers_.push_back({std::string(name), extents[1], extents[2] * extents[3], {}, {}});
    }
    captured_layer& layer = layers_[index];
    const std::size_t before = layer.means.size() / layer.units;
    const std::size_t rows = std::min(extents[0], images_ - before);
    // A map of one position is its mean.
    const bool with_map = mapped(index) && layer.positions > 1;
    layer.means.resize((before + rows) * layer.units);
    if (with_map) layer.maps.resize((before + rows) * layer.units * layer.positions);
    pool_.for_each(rows, [&](std::size_t n) {
        double* mean = layer.means.data() + (before + n) * layer.units;
        float* map = with_map ? layer.maps.data() + (before + n) * layer.units * layer.positions : nullptr;
        for (std::size_t u = 0; u < layer.units; ++u) {
            double sum = 0.0;
            for (std::size_t y = 0; y < extents[2]; ++y) {
                for (std::size_t x = 0; x < extents[3]; ++x) {
                    const float value = maps(n, u, y, x);
                    sum += static_cast<double>(value);
                    if (map != nullptr) *map++ = value;
                }
            }
            mean[u] = sum / static_cast<double>(layer.positions);
        }
    });
}

std::vector<compared_layer> compared_layers(const layer_capture& seen, std::span<const int> labels,
                                            repscope::thread_pool& pool) {
    return compare_all(seen, nullptr, labels, pool);
}

std::vector<compared_layer> compared_layers(const layer_capture& seen, const layer_capture& clean,
                                            std::span<const int> labels, repscope::thread_pool& pool) {
    return compare_all(seen, &clean, labels, pool);
}

} // namespace program
