#pragma once

#include "repscope/detail/net/check_evaluation.hpp"
#include "repscope/detail/net/graph/cut.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/net/unit_ablation_result.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Options of `unit_ablation`.
struct unit_ablation_options {
    thread_source threads = 1; ///< threads to use; changes no bit of the result
    std::size_t batch = 64;    ///< samples per pass; does not change the result
};

namespace detail {

/// A layer as rows of elements, without the axis of samples: unit u has the elements (before * units + u) *
/// after + j for each `before` and each j < `after`.
struct unit_places {
    std::size_t before = 1, units = 1, after = 1;

    template <typename Visit>
    void for_each(std::size_t unit, Visit&& visit) const {
        for (std::size_t i = 0; i < before; ++i) {
            for (std::size_t j = 0; j < after; ++j) visit((i * units + unit) * after + j);
        }
    }
};

template <typename Scalar>
[[nodiscard]] unit_places places_of_units(const graph<Scalar>& network, std::size_t layer) {
    const graph_shape& shape = network.extents(network.tapped(layer));
    const auto& axes = network.tapped_axes(layer);
    unit_places result;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (axis == axes[0]) continue;
        const std::size_t extent = shape[axis].at(1);
        (axis == axes[1] ? result.units : axis < axes[1] ? result.before : result.after) *= extent;
    }
    return result;
}

} // namespace detail

/// Returns the accuracy of a network with each unit of a layer set to its mean, one unit at a time.
///
/// `x` (samples, channels, rows, columns), `labels` one per sample. A unit is set at all of its positions;
/// its mean is over all samples and positions, in double. Only the nodes behind the layer run again for each
/// unit. `observe(passes)` is called after each batch and unit with the passes of one sample so far, of
/// samples * units. Results do not depend on threads and batch. Throws `shape_error` for lengths that differ,
/// and for a layer behind which a node reads a tensor without an axis of samples; `value_error` for a batch
/// of 0, for labels outside of the classes, and for a layer on which the logits do not depend. Cost: a pass
/// of the nodes behind the layer per sample and unit. Memory: one batch. Morcos et al. 2018, "On the
/// importance of single directions for generalization".
template <std::floating_point Scalar, typename Observe>
[[nodiscard]] unit_ablation_result
unit_ablation(const graph<Scalar>& network, std::size_t layer, const tensor_view<const Scalar, 4>& x,
              std::span<const int> labels, const unit_ablation_options& options, Observe&& observe) {
    constexpr const char* function = "net::unit_ablation";
    const std::size_t count = x.extent(0), classes = network.classes();
    if (labels.size() != count || count == 0) {
        errors::throw_shape_error(function, "expected one label per sample, and at least one, got " +
                                                errors::text_of(labels.size()) + " labels and " +
                                                errors::text_of(count) + " samples");
    }
    if (options.batch == 0) errors::throw_value_error(function, "expected a batch of at least 1, got 0");
    detail::check_labels(function, labels, classes);
    const detail::graph_cutter<Scalar> cutter(network, layer);
    if (!cutter.is_used()) {
        errors::throw_value_error(function, "expected a layer on which the logits depend, got " +
                                                network.layer_name(layer));
    }
    const detail::graph_cut<Scalar> cut = cutter.result();
    const detail::unit_places places = detail::places_of_units(network, layer);
    typename graph<Scalar>::workspace head_memory(options.threads), tail_memory(options.threads);
    std::size_t row = 0;
    for (const std::size_t size : cut.sizes) row += size;
    std::vector<Scalar> rows(options.batch * row);
    // Runs the head on some samples, and writes what it taps as rows.
    const auto run_head = [&](std::size_t first, std::size_t now) {
        std::size_t at = 0;
        cut.head.forward(samples(x, first, now), head_memory,
                         [&](std::size_t tap, std::string_view, const tensor_view<const Scalar, 4>& values) {
                             const std::size_t size = cut.sizes[tap];
                             for (std::size_t n = 0; n < now; ++n) {
                                 std::copy_n(values.data_handle() + n * size, size,
                                             rows.data() + n * row + at);
                             }
                             at += size;
                         });
    };
    unit_ablation_result result{count, 0, std::vector<double>(places.units),
                                std::vector<double>(places.units)};
    for (std::size_t first = 0; first < count; first += options.batch) {
        const std::size_t now = (std::min)(options.batch, count - first);
        run_head(first, now);
        for (std::size_t n = 0; n < now; ++n) {
            for (std::size_t unit = 0; unit < places.units; ++unit) {
                double sum = 0;
                places.for_each(unit,
                                [&](std::size_t at) { sum += static_cast<double>(rows[n * row + at]); });
                result.mean[unit] += sum / static_cast<double>(places.before * places.after);
            }
        }
    }
    for (double& mean : result.mean) mean /= static_cast<double>(count);

    std::vector<std::size_t> correct(places.units);
    std::size_t unchanged = 0, passes = 0;
    std::vector<int> predicted(options.batch);
    std::vector<Scalar> kept;
    for (std::size_t first = 0; first < count; first += options.batch) {
        const std::size_t now = (std::min)(options.batch, count - first);
        run_head(first, now);
        const auto count_correct = [&] {
            const tensor_view<const Scalar, 4> input(rows.data(), {now, row, 1, 1});
            argmax(cut.tail.forward(input, tail_memory), std::span(predicted));
            std::size_t right = 0;
            for (std::size_t n = 0; n < now; ++n) right += predicted[n] == labels[first + n] ? 1U : 0U;
            return right;
        };
        unchanged += count_correct();
        for (std::size_t unit = 0; unit < places.units; ++unit) {
            kept.clear();
            const auto value = static_cast<Scalar>(result.mean[unit]);
            for (std::size_t n = 0; n < now; ++n) {
                places.for_each(unit, [&](std::size_t at) {
                    kept.push_back(rows[n * row + at]);
                    rows[n * row + at] = value;
                });
            }
            correct[unit] += count_correct();
            std::size_t next = 0;
            for (std::size_t n = 0; n < now; ++n) {
                places.for_each(unit, [&](std::size_t at) { rows[n * row + at] = kept[next++]; });
            }
            observe(passes += now);
        }
    }
    result.accuracy = static_cast<double>(unchanged) / static_cast<double>(count);
    for (std::size_t unit = 0; unit < places.units; ++unit) {
        result.accuracy_without[unit] = static_cast<double>(correct[unit]) / static_cast<double>(count);
    }
    return result;
}

/// The same without an observer.
template <std::floating_point Scalar>
[[nodiscard]] unit_ablation_result
unit_ablation(const graph<Scalar>& network, std::size_t layer, const tensor_view<const Scalar, 4>& x,
              std::span<const int> labels, const unit_ablation_options& options = {}) {
    return unit_ablation(network, layer, x, labels, options, [](std::size_t) {});
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
