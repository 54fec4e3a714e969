#include "study/run/layer_capture.hpp"

#include "layers/json.hpp"

#include <repscope/dimensionality/representation_change.hpp>
#include <repscope/dimensionality/spectrum.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/tensor/as_view.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;

template <typename Scalar>
repscope::dimensionality_result dimensionality_of(const std::vector<Scalar>& rows, std::size_t images,
                                                  repscope::thread_pool& pool) {
    const std::size_t columns = rows.size() / images;
    repscope::covariance state(columns);
    state.update(repscope::as_view(rows, {images, columns}), {.threads = pool});
    return repscope::dimensionality(state);
}

// Which share of the variance the first components hold, the largest first.
json cumulative_shares(const std::vector<double>& spectrum) {
    double all = 0.0;
    for (const double value : spectrum) all += value;
    json shares = json::array();
    double sum = 0.0;
    for (const double value : spectrum) shares.push_back((sum += value) / all);
    return shares;
}

// The differences to the clean rows: their dimensionality and their size.
template <typename Scalar>
json change_of(const std::vector<Scalar>& rows, const std::vector<Scalar>& clean, std::size_t images,
               repscope::thread_pool& pool) {
    const std::size_t columns = rows.size() / images;
    const auto measured =
        repscope::representation_change(repscope::as_view(clean, {images, columns}),
                                        repscope::as_view(rows, {images, columns}), {.threads = pool});
    json change;
    change["dimensionality"] = to_json(measured.dimensionality);
    change["relative_size"] = measured.relative_size;
    return change;
}

template <typename Scalar>
json part_json(const std::vector<Scalar>& rows, const std::vector<Scalar>* clean, std::size_t images,
               bool with_spectrum, repscope::thread_pool& pool) {
    json part;
    const auto found = dimensionality_of(rows, images, pool);
    part["dimensionality"] = to_json(found);
    if (with_spectrum) part["cumulative_variance"] = cumulative_shares(found.spectrum);
    if (clean != nullptr) part["change"] = change_of(rows, *clean, images, pool);
    return part;
}

json layers_json(const layer_capture& seen, const layer_capture* clean, repscope::thread_pool& pool) {
    json layers = json::array();
    for (std::size_t l = 0; l < seen.layers().size(); ++l) {
        const captured_layer& layer = seen.layers()[l];
        const captured_layer* before = clean == nullptr ? nullptr : &clean->layers()[l];
        json object;
        object["name"] = layer.name;
        object.update(part_json(layer.means, before == nullptr ? nullptr : &before->means, seen.images(),
                                seen.mapped(l), pool));
        if (!layer.maps.empty()) {
            json full;
            full["samples"] = seen.images();
            full.update(part_json(layer.maps, before == nullptr ? nullptr : &before->maps, seen.images(),
                                  false, pool));
            object["full"] = std::move(full);
        }
        layers.push_back(std::move(object));
    }
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

nlohmann::ordered_json captured_json(const layer_capture& seen, repscope::thread_pool& pool) {
    return layers_json(seen, nullptr, pool);
}

nlohmann::ordered_json captured_json(const layer_capture& seen, const layer_capture& clean,
                                     repscope::thread_pool& pool) {
    return layers_json(seen, &clean, pool);
}

} // namespace program
