#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/moments/labeled_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Class moments of the directions of samples: of rows divided by their Euclidean norm. A sample whose values
/// are all 0 has no direction and is counted, not added.
///
/// The number of threads changes no bit of the result; the division of samples into calls and states changes
/// it by 1e-12 at most. The memory of `class_moments`, and of a chunk of 8 MiB or one row during an update.
class normalized_class_moments {
  public:
    /// For `units` units and labels 0 .. `classes` - 1. Throws `value_error` if either is 0.
    explicit normalized_class_moments(std::size_t units, std::size_t classes) : moments_(units, classes) {}

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return moments_.units(); }
    /// Number of classes.
    [[nodiscard]] std::size_t classes() const noexcept { return moments_.classes(); }
    /// Samples with a direction.
    [[nodiscard]] std::uint64_t samples() const noexcept { return moments_.samples(); }
    /// Samples whose values are all 0.
    [[nodiscard]] std::uint64_t silent_samples() const noexcept { return silent_samples_; }
    /// The moments of the directions.
    [[nodiscard]] const class_moments& moments() const noexcept { return moments_; }

    /// Adds samples, as `class_moments::update` does and with the same errors. After a throw the state is
    /// unchanged. One pass, O(elements).
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels, const update_options& options = {}) {
        constexpr std::string_view name = "normalized_class_moments::update";
        class_moments added(units(), classes());
        added.divide_updates_as(division_classes_);
        std::uint64_t silent = 0;
        detail::for_each_labeled_chunk(
            name, activations, labels, units(), classes(), options, samples() + silent_samples_,
            [&](double* rows, std::vector<std::int64_t>& labels_of_rows, thread_pool& pool) {
                std::size_t kept = 0;
                for (std::size_t i = 0; i < labels_of_rows.size(); ++i) {
                    if (normalize(rows + i * units(), rows + kept * units()))
                        labels_of_rows[kept++] = labels_of_rows[i];
                    else
                        ++silent;
                }
                labels_of_rows.resize(kept);
                added.update(tensor_view<const double, 2>(rows, {kept, units()}), labels_of_rows,
                             {.threads = pool});
            });
        moments_.merge(added);
        silent_samples_ += silent;
    }
    /// Selected if the activations are not a tensor; does not compile.
    template <typename T, labels_like Labels>
        requires(!tensor_like<T>)
    void update(const T&, const Labels&, const update_options& = {}) { detail::refuse_non_tensor<T>(); }

    /// Adds the samples of another state. Throws `shape_error` if units or classes differ.
    void merge(const normalized_class_moments& other) {
        moments_.merge(other.moments_);
        silent_samples_ += other.silent_samples_;
    }

    /// Divides further updates as `class_moments::divide_updates_as` does. Not saved.
    void divide_updates_as(std::size_t classes) noexcept { division_classes_ = classes; }
    /// Gives class `c` the number `numbers[c]`, as `class_moments::renumber_classes` does.
    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        moments_.renumber_classes(numbers, classes);
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put(silent_samples_);
        moments_.save(out);
    }
    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static normalized_class_moments load(byte_reader& in) {
        const auto silent = in.get<std::uint64_t>();
        class_moments moments = class_moments::load(in);
        normalized_class_moments state(moments.units(), moments.classes());
        state.moments_ = std::move(moments);
        state.silent_samples_ = silent;
        return state;
    }

  private:
    /// Writes the row divided by its norm to `to`, which may be the row itself or before it. Returns false
    /// for a row of zeros.
    [[nodiscard]] bool normalize(const double* row, double* to) const noexcept {
        double largest = 0;
        for (std::size_t u = 0; u < units(); ++u) largest = (std::max)(largest, std::abs(row[u]));
        if (!(largest > 0)) return false;
        double square = 0; // of values of at most 1, so that it neither overflows nor underflows
        for (std::size_t u = 0; u < units(); ++u) {
            to[u] = row[u] / largest;
            square += to[u] * to[u];
        }
        const double norm = std::sqrt(square);
        for (std::size_t u = 0; u < units(); ++u) to[u] /= norm;
        return true;
    }

    class_moments moments_;
    std::uint64_t silent_samples_ = 0;
    std::size_t division_classes_ = 0;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
