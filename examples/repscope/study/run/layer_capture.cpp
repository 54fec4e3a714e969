#include "study/run/layer_capture.hpp"

#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/tensor/as_view.hpp>

#include <algorithm>
#include <utility>

namespace program {

namespace {

template <typename Scalar>
repscope::dimensionality_result dimensionality_of(const std::vector<Scalar>& rows, std::size_t images,
                                                  repscope::thread_pool& pool) {
    const std::size_t columns = rows.size() / images;
    repscope::covariance state(columns);
    state.update(repscope::as_view(rows, {images, columns}), {.threads = pool});
    return repscope::dimensionality(state);
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

compared_layer compare(const layer_capture& seen, const layer_capture* clean, std::size_t index,
                       repscope::thread_pool& pool) {
    const captured_layer& layer = seen.layers()[index];
    const captured_layer* before = clean == nullptr ? nullptr : &clean->layers()[index];
    compared_layer result{.name = layer.name,
                          .dimensionality = dimensionality_of(layer.means, seen.images(), pool)};
    if (seen.mapped(index)) result.cumulative_variance = cumulative_shares(result.dimensionality.spectrum);
    if (before != nullptr) result.change = change_of(layer.means, before->means, seen.images(), pool);
    if (layer.maps.empty()) return result;
    maps_result& full = result.full.emplace();
    full.samples = seen.images();
    full.dimensionality = dimensionality_of(layer.maps, seen.images(), pool);
    if (before != nullptr) full.change = change_of(layer.maps, before->maps, seen.images(), pool);
    return result;
}

std::vector<compared_layer> compare_all(const layer_capture& seen, const layer_capture* clean,
                                        repscope::thread_pool& pool) {
    std::vector<compared_layer> layers;
    for (std::size_t l = 0; l < seen.layers().size(); ++l) layers.push_back(compare(seen, clean, l, pool));
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

std::vector<compared_layer> compared_layers(const layer_capture& seen, repscope::thread_pool& pool) {
    return compare_all(seen, nullptr, pool);
}

std::vector<compared_layer> compared_layers(const layer_capture& seen, const layer_capture& clean,
                                            repscope::thread_pool& pool) {
    return compare_all(seen, &clean, pool);
}

} // namespace program
