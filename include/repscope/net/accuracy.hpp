#pragma once

#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Options of `correct_predictions` and `accuracy`.
struct accuracy_options {
    thread_source threads = 1; ///< threads to use; changes no bit of the result
    std::size_t batch = 250;   ///< samples per forward pass; does not change the result
};

/// Returns, for each sample of a data set, whether a classifier predicts it correctly.
///
/// `classify(x, predicted)` gets a batch (samples, channels, rows, columns) of `Scalar` and fills the span
/// `predicted` with one class per sample. `source` is a `batch_source`; `labels` one per sample. Batches go
/// from the first to the last sample; the last one may be smaller. `options.threads` is not used, because the
/// classifier has its own threads. Throws `shape_error` if labels and samples differ in number, and
/// `value_error` for a batch of 0. Memory: one batch. Cost: one forward pass per sample.
template <typename Scalar = float, batch_source<Scalar> Source, typename Classify>
    requires requires(Classify& classify, const tensor_view<const Scalar, 4>& x, std::span<int> predicted) {
        classify(x, predicted);
    }
[[nodiscard]] std::vector<bool> correct_predictions(Classify&& classify, const Source& source,
                                                    std::span<const int> labels,
                                                    const accuracy_options& options = {}) {
    constexpr const char* function = "net::correct_predictions";
    const std::size_t samples = source.size();
    if (labels.size() != samples) {
        errors::throw_shape_error(function, "expected " + errors::text_of(samples) + " labels, got " +
                                                errors::text_of(labels.size()));
    }
    if (options.batch == 0) errors::throw_value_error(function, "expected a batch of at least 1, got 0");
    const std::size_t batch = (std::min)(options.batch, samples);
    const auto extents = source.extents();
    std::vector<Scalar> pixels(batch * extents[0] * extents[1] * extents[2]);
    std::vector<std::uint32_t> chosen;
    std::vector<int> predicted(batch);
    std::vector<bool> correct;
    correct.reserve(samples);
    for (std::size_t first = 0; first < samples; first += batch) {
        const std::size_t count = (std::min)(batch, samples - first);
        chosen.resize(count);
        for (std::size_t i = 0; i < count; ++i) chosen[i] = static_cast<std::uint32_t>(first + i);
        const tensor_view<Scalar, 4> x(pixels.data(), {count, extents[0], extents[1], extents[2]});
        source.read(chosen, x);
        classify(tensor_view<const Scalar, 4>(x), std::span(predicted).first(count));
        for (std::size_t i = 0; i < count; ++i) correct.push_back(predicted[i] == labels[first + i]);
    }
    return correct;
}

/// The same for a network in inference mode, whose prediction is the `argmax` of its logits.
template <network_like Network, batch_source<typename Network::scalar> Source>
[[nodiscard]] std::vector<bool> correct_predictions(const Network& network, const Source& source,
                                                    std::span<const int> labels,
                                                    const accuracy_options& options = {}) {
    using scalar = typename Network::scalar;
    typename Network::workspace workspace(options.threads);
    const auto classify = [&](const tensor_view<const scalar, 4>& x, std::span<int> predicted) {
        const tensor_view<const scalar, 2> logits = network.forward(x, workspace);
        argmax(logits, predicted);
    };
    return correct_predictions<scalar>(classify, source, labels, options);
}

/// Returns the share of samples that a network in inference mode predicts correctly, in [0, 1]. NaN without
/// samples. Arguments, errors and cost as for `correct_predictions`.
template <network_like Network, batch_source<typename Network::scalar> Source>
[[nodiscard]] double accuracy(const Network& network, const Source& source, std::span<const int> labels,
                              const accuracy_options& options = {}) {
    const std::vector<bool> correct = correct_predictions(network, source, labels, options);
    return static_cast<double>(std::count(correct.begin(), correct.end(), true)) /
           static_cast<double>(correct.size());
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
