#pragma once

#include "repscope/error.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Class selectivity as a penalty of a training loss: loss = cross-entropy - alpha * SI, with SI = (1 / L)
/// sum over layers of (1 / U_l) sum over units of the class selectivity index of the minibatch.
///
/// A negative `alpha` discourages selectivity, a positive one encourages it. A unit is a channel; its value
/// for a sample is the mean over its positions. Classes absent from the minibatch are excluded; a minibatch
/// with fewer than two classes, and an empty list of layers, contribute 0 and no gradient.
///
/// If several class means are the largest, the class with the lowest label is the preferred one, with the
/// one-sided derivative for it. A silent unit (all class means 0) follows the same formulas: its derivative
/// is 1 / epsilon for the lowest label. The ReLU before it stops this gradient, since its input is not
/// positive.
///
/// Source: Leavitt and Morcos 2020 (arXiv 2003.01262, 2010.07693).
struct selectivity_regularizer {
    double alpha = 0;      ///< factor of the mean index
    double epsilon = 1e-6; ///< added to the denominator of the index
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;

    /// Returns -alpha * SI and adds its derivative with respect to every activation into `gradient` of its
    /// layer.
    ///
    /// `layers`: post-ReLU activations (samples, channels, height, width), not negative, and gradients of the
    /// same extents. `labels`: one per sample, 0 or above. Throws `shape_error` if the extents do not agree
    /// and `value_error` for a negative label. O(elements), in double.
    template <typename Scalar>
    double operator()(std::span<const layer_tap<Scalar>> layers, std::span<const int> labels) const;
};

namespace detail {

/// Sum of one unit's map. The rows of a dense map form a single run.
template <typename Scalar>
[[nodiscard]] inline double sum_of_map(const tensor_view<const Scalar, 4>& x, std::size_t sample,
                                       std::size_t unit, std::size_t rows, std::size_t columns) {
    double sum = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        const Scalar* first = &x(sample, unit, row, 0);
        if (x.stride(3) == 1) {
            // Eight partial sums, so that the additions are independent of each other.
            double partial[8] = {};
            std::size_t column = 0;
            for (; column + 8 <= columns; column += 8) {
                for (std::size_t k = 0; k < 8; ++k) partial[k] += static_cast<double>(first[column + k]);
            }
            for (; column < columns; ++column) partial[0] += static_cast<double>(first[column]);
            sum += ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
                   ((partial[2] + partial[6]) + (partial[3] + partial[7]));
        } else {
            for (std::size_t column = 0; column < columns; ++column) {
                sum += static_cast<double>(x(sample, unit, row, column));
            }
        }
    }
    return sum;
}

template <typename Scalar>
inline void add_to_map(const tensor_view<Scalar, 4>& gradient, std::size_t sample, std::size_t unit,
                       std::size_t rows, std::size_t columns, Scalar value) {
    for (std::size_t row = 0; row < rows; ++row) {
        Scalar* first = &gradient(sample, unit, row, 0);
        if (gradient.stride(3) == 1) {
            for (std::size_t column = 0; column < columns; ++column) first[column] += value;
        } else {
            for (std::size_t column = 0; column < columns; ++column)
                gradient(sample, unit, row, column) += value;
        }
    }
}

/// Number of units per task.
inline constexpr std::size_t penalty_units = 8;

template <typename T>
[[nodiscard]] inline bool channels_lie_together(const tensor_view<T, 4>& x) {
    return x.stride(1) == 1 && x.extent(1) > 1;
}

/// Adds the sums of the maps of `units` neighboring channels to `sums`, if the channels of a pixel are
/// adjacent: one loop over the pixels handles all of them.
template <typename Scalar>
inline void add_sums_of_pixels(const tensor_view<const Scalar, 4>& x, std::size_t sample, std::size_t first,
                               std::size_t units, double* sums) {
    double total[penalty_units] = {};
    for (std::size_t row = 0; row < x.extent(2); ++row) {
        const Scalar* pixel = &x(sample, first, row, 0);
        for (std::size_t column = 0; column < x.extent(3); ++column, pixel += x.stride(3)) {
            if (units == penalty_units) {
                for (std::size_t u = 0; u < penalty_units; ++u) total[u] += static_cast<double>(pixel[u]);
            } else {
                for (std::size_t u = 0; u < units; ++u) total[u] += static_cast<double>(pixel[u]);
            }
        }
    }
    for (std::size_t u = 0; u < units; ++u) sums[u] += total[u];
}

template <typename Scalar>
inline void add_to_pixels(const tensor_view<Scalar, 4>& x, std::size_t sample, std::size_t first,
                          std::size_t units, const double* values) {
    Scalar value[penalty_units] = {};
    for (std::size_t u = 0; u < units; ++u) value[u] = static_cast<Scalar>(values[u]);
    for (std::size_t row = 0; row < x.extent(2); ++row) {
        Scalar* pixel = &x(sample, first, row, 0);
        for (std::size_t column = 0; column < x.extent(3); ++column, pixel += x.stride(3)) {
            if (units == penalty_units) {
                for (std::size_t u = 0; u < penalty_units; ++u) pixel[u] += value[u];
            } else {
                for (std::size_t u = 0; u < units; ++u) pixel[u] += value[u];
            }
        }
    }
}

/// Extents (rows, columns) of a unit's map, with the rows joined into one if both tensors allow it.
template <typename Scalar>
[[nodiscard]] inline std::array<std::size_t, 2> joined_map(const layer_tap<Scalar>& layer) {
    const std::size_t rows = layer.activation.extent(2);
    const std::size_t columns = layer.activation.extent(3);
    const auto dense = [&](const auto& view) {
        return view.stride(3) == 1 && view.stride(2) == static_cast<std::ptrdiff_t>(columns);
    };
    if (dense(layer.activation) && dense(layer.gradient)) return {1, rows * columns};
    return {rows, columns};
}

} // namespace detail

template <typename Scalar>
double selectivity_regularizer::operator()(std::span<const layer_tap<Scalar>> layers,
                                           std::span<const int> labels) const {
    // Labels present in the minibatch, numbered 0 .. classes - 1 in ascending order.
    int largest = -1;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] < 0) {
            errors::throw_value_error("selectivity_regularizer", "expected labels of 0 or above, got " +
                                                                     errors::text_of(labels[i]) +
                                                                     " at position " + errors::text_of(i));
        }
        largest = (std::max)(largest, labels[i]);
    }
    std::vector<std::size_t> samples_with(static_cast<std::size_t>(largest + 1));
    for (const int label : labels) ++samples_with[static_cast<std::size_t>(label)];
    std::vector<std::size_t> class_of_label(samples_with.size());
    std::vector<double> count;
    for (std::size_t label = 0; label < samples_with.size(); ++label) {
        if (samples_with[label] == 0) continue;
        class_of_label[label] = count.size();
        count.push_back(static_cast<double>(samples_with[label]));
    }
    const std::size_t classes = count.size();

    constexpr std::size_t units_per_task = detail::penalty_units;
    struct task {
        std::size_t layer, first, last;
    };
    std::vector<task> tasks;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        const auto& extents = layers[layer].activation.extents();
        if (extents[0] != labels.size()) {
            errors::throw_shape_error(
                "selectivity_regularizer",
                "expected " + errors::text_of(labels.size()) + " samples, one per label", extents);
        }
        if (layers[layer].gradient.extents() != extents) {
            errors::throw_shape_error("selectivity_regularizer",
                                      "expected a gradient of the activation's shape " +
                                          format_shape(extents),
                                      layers[layer].gradient.extents());
        }
        if (layers[layer].activation.empty()) {
            errors::throw_shape_error("selectivity_regularizer", "expected at least one unit and position",
                                      extents);
        }
        for (std::size_t first = 0; first < extents[1]; first += units_per_task) {
            tasks.push_back({layer, first, (std::min)(first + units_per_task, extents[1])});
        }
    }
    if (classes < 2 || tasks.empty() || alpha == 0) return 0;

    std::vector<double> sum_of_indices(tasks.size());
    const scoped_pool pool(threads);
    pool->for_each(tasks.size(), [&](std::size_t t) {
        const layer_tap<Scalar>& layer = layers[tasks[t].layer];
        const auto [rows, columns] = detail::joined_map(layer);
        const double positions = static_cast<double>(rows * columns);
        const std::size_t first = tasks[t].first;
        const std::size_t units = tasks[t].last - first;
        const bool channels_last =
            detail::channels_lie_together(layer.activation) && detail::channels_lie_together(layer.gradient);
        std::vector<double> mean(classes * units);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            double* row = mean.data() + class_of_label[static_cast<std::size_t>(labels[i])] * units;
            if (channels_last) {
                detail::add_sums_of_pixels(layer.activation, i, first, units, row);
                continue;
            }
            for (std::size_t u = 0; u < units; ++u) {
                row[u] += detail::sum_of_map(layer.activation, i, first + u, rows, columns);
            }
        }
        for (std::size_t c = 0; c < classes; ++c) {
            for (std::size_t u = 0; u < units; ++u) mean[c * units + u] /= count[c] * positions;
        }
        // The weight of one element in the loss: the weight of its layer and unit, divided by the number of
        // elements of its class mean.
        const double weight =
            -alpha / (static_cast<double>(layers.size()) * static_cast<double>(layer.activation.extent(1)));
        const double others = static_cast<double>(classes - 1);
        std::vector<double> slope(classes * units);
        for (std::size_t u = 0; u < units; ++u) {
            std::size_t preferred = 0;
            double total = 0;
            for (std::size_t c = 0; c < classes; ++c) {
                if (mean[c * units + u] > mean[preferred * units + u]) preferred = c;
                total += mean[c * units + u];
            }
            const double mu_max = mean[preferred * units + u];
            const double mu_rest = (total - mu_max) / others;
            const double denominator = mu_max + mu_rest + epsilon;
            sum_of_indices[t] += (mu_max - mu_rest) / denominator;
            for (std::size_t c = 0; c < classes; ++c) {
                const double by_mean = c == preferred
                                           ? (2 * mu_rest + epsilon) / (denominator * denominator)
                                           : -(2 * mu_max + epsilon) / (denominator * denominator) / others;
                slope[c * units + u] = weight * by_mean / (count[c] * positions);
            }
        }
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const double* row = slope.data() + class_of_label[static_cast<std::size_t>(labels[i])] * units;
            if (channels_last) {
                detail::add_to_pixels(layer.gradient, i, first, units, row);
                continue;
            }
            for (std::size_t u = 0; u < units; ++u) {
                detail::add_to_map(layer.gradient, i, first + u, rows, columns, static_cast<Scalar>(row[u]));
            }
        }
    });
    double penalty = 0;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const auto units = static_cast<double>(layers[tasks[t].layer].activation.extent(1));
        penalty -= alpha * sum_of_indices[t] / (units * static_cast<double>(layers.size()));
    }
    return penalty;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
