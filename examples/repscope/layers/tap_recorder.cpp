#include "layers/tap_recorder.hpp"

#include "layers/statistics_options.hpp"
#include "layers/unit_values.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/io/npy.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace program {

// What is kept of one layer while the images go by.
struct layer_recorder::record {
    layer_report report;
    repscope::analysis::layer_accumulator statistics;
    std::size_t rows = 0; ///< so far
    std::unique_ptr<repscope::io::npy_writer<float>> dump;
};

layer_recorder::layer_recorder(const label_set& labels, repscope::thread_pool& pool, std::string dump_folder,
                               const repscope::analysis::layer_accumulator_options& measured)
    : labels_(labels), pool_(pool), dump_folder_(std::move(dump_folder)), measured_(measured) {}

layer_recorder::~layer_recorder() = default;

void layer_recorder::operator()(std::size_t index, std::string_view name,
                                const repscope::tensor_view<const float, 4>& maps) {
    const auto& extents = maps.extents();
    const std::size_t units = extents[1];
    const std::size_t positions = extents[2] * extents[3];
    if (index == layers_.size()) begin(name, extents);
    record& layer = *layers_[index];
    // The order of the file that --dump writes, so that both are measured by the same sums.
    dense_.resize(maps.size());
    pool_.for_each(extents[0], [&](std::size_t n) {
        float* to = dense_.data() + n * units * positions;
        for (std::size_t u = 0; u < units; ++u) {
            for (std::size_t y = 0; y < extents[2]; ++y) {
                for (std::size_t x = 0; x < extents[3]; ++x) *to++ = maps(n, u, y, x);
            }
        }
    });
    if (layer.dump) layer.dump->append(dense_);
    for (std::size_t first = 0; first < extents[0];) {
        const std::size_t rows = std::min(layer.statistics.room(), extents[0] - first);
        unit_values(dense_.data() + first * units * positions, rows, units, positions,
                    layer.statistics.next_values(), nullptr);
        layer.statistics.commit(rows, std::span(labels_.classes).subspan(layer.rows, rows));
        layer.rows += rows;
        first += rows;
    }
}

std::vector<layer_report> layer_recorder::finish() {
    std::vector<layer_report> reports;
    for (auto& layer : layers_) {
        if (layer->dump) layer->dump->finish();
        add_measures(layer->statistics.finish(), labels_.class_labels, labels_.class_names, layer->report);
        reports.push_back(std::move(layer->report));
    }
    return reports;
}

void layer_recorder::begin(std::string_view name, const std::array<std::size_t, 4>& extents) {
    const std::size_t units = extents[1];
    const bool flat = extents[2] * extents[3] == 1;
    const statistics_options options{.labels = &labels_, .layer = measured_};
    repscope::analysis::layer_accumulator statistics(units, options.accumulator_options(labels_.rows, pool_));
    layers_.push_back(std::unique_ptr<record>(new record{{}, std::move(statistics), 0, nullptr}));
    layer_report& report = layers_.back()->report;
    report.name = std::string(name);
    report.dtype = "<f4";
    report.shape = {labels_.rows, units};
    if (!flat) report.shape.insert(report.shape.end(), {extents[2], extents[3]});
    report.layout = flat ? "nu" : "nchw";
    report.unit = flat ? "unit" : "channel_mean";
    if (!dump_folder_.empty()) {
        report.file = dump_folder_ + "/" + report.name + ".npy";
        layers_.back()->dump = std::make_unique<repscope::io::npy_writer<float>>(*report.file, report.shape);
    }
}

} // namespace program
