#pragma once

#include "repscope/detail/moments/class_accumulator.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Count and sum of every unit's value for every class, the sufficient statistics of the class selectivity
/// index.
///
/// A unit's value for a sample is the mean of its positions, in double. The state needs classes x units
/// doubles, an update up to 16 times as many, within 64 MiB. `update` adds samples, and `merge` combines
/// states. The result does not depend on threads; the division of samples into calls and states changes it by
/// 1e-12 at most.
class class_sums : public detail::class_accumulator<false> {
  public:
    /// For `units` units and labels 0 .. `classes` - 1. Throws `value_error` if either is 0.
    explicit class_sums(std::size_t units, std::size_t classes, class_options options = {})
        : class_accumulator("class_sums", units, classes, options) {}

    /// Adds samples: `activations` (samples, units), (samples, channels, height, width), or as `options.axes`
    /// states; `labels` one integer per sample.
    ///
    /// Throws `shape_error` if the extents do not fit. Throws `value_error` for a label outside 0 .. classes
    /// - 1, with its position, and for an activation that is NaN or infinite, with its sample and unit. After
    /// a throw the state is unchanged. One pass, O(elements).
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels, const update_options& options = {}) {
        update_with("class_sums::update", activations, labels, options);
    }
    /// Selected if the activations are not a tensor; does not compile.
    template <typename T, labels_like Labels>
        requires(!tensor_like<T>)
    void update(const T&, const Labels&, const update_options& = {}) { detail::refuse_non_tensor<T>(); }

    /// Adds samples read block by block: `fetch(first, count, worker)` returns a `tile` of samples
    /// [first, first + count), valid until the worker's next call; several workers call it at once. The same
    /// bits as `update` on the same samples.
    template <labels_like Labels, typename Fetch>
    void update_blocks(std::size_t samples, std::size_t positions, const Labels& labels,
                       const thread_source& threads, Fetch&& fetch) {
        update_blocks_with("class_sums::update_blocks", samples, positions, labels, threads, fetch);
    }

    /// Adds the samples of another state. Throws `shape_error` if units or classes differ, `value_error` if
    /// the options do.
    void merge(const class_sums& other) { merge_with("class_sums::merge", other); }

    /// Writes the state.
    void save(byte_writer& out) const { save_to(out); }
    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static class_sums load(byte_reader& in) { return load_state<class_sums>(in); }
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
