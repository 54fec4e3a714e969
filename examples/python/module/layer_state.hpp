#pragma once

#include "activations.hpp"
#include "layers/report.hpp"
#include "layers/stored_states.hpp"

#include <repscope/analysis/layer_accumulator.hpp>

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace python_module {

/// The samples of one layer that have been added so far. The first array decides units, type and layout.
class layer_state {
  public:
    explicit layer_state(const repscope::analysis::layer_accumulator_options& options) : options_(options) {}
    /// The state of a layer of a state file. Throws `format_error`, which names `file`, if it is damaged.
    layer_state(const repscope::analysis::stored_layer& layer,
                const repscope::analysis::layer_accumulator_options& options, const std::string& file);

    /// Number of samples of this pass.
    [[nodiscard]] std::uint64_t samples() const noexcept { return states_ ? states_->moments.samples() : 0; }
    [[nodiscard]] std::size_t units() const noexcept { return states_ ? states_->moments.units() : 0; }
    [[nodiscard]] const repscope::analysis::layer_accumulator_options& options() const noexcept {
        return options_;
    }

    /// Adds samples; `classes` has the class of each, or is empty without classes. A throw for bad input
    /// leaves the state unchanged. With `is_whole` the array is all of the data: it is read once, and a throw
    /// may leave a part of it in the state. Called without the GIL.
    void update(activations& x, std::span<const std::int32_t> classes, bool is_whole = false);
    /// Adds the samples of another layer of the same units and options.
    void merge(const layer_state& other);
    /// Ends a pass. Returns whether another pass over the same samples is needed.
    [[nodiscard]] bool next_pass();
    /// Returns the report of the samples so far, and leaves the state as it is.
    [[nodiscard]] program::layer_report report(const std::string& name, std::span<const std::int64_t> labels,
                                               std::span<const std::string> class_names) const;
    /// Returns the sections of a state file and the description of the layer; `sections` keeps the bytes.
    [[nodiscard]] repscope::analysis::stored_layer
    save(const std::string& name, std::vector<repscope::analysis::saved_section>& sections) const;

  private:
    /// Takes the type, extents and layout of the first array.
    void describe(const activations& x);
    [[nodiscard]] program::layer_report described(const std::string& name) const;
    void add(activations& x, std::span<const std::int32_t> classes, std::size_t first, std::size_t count,
             repscope::thread_pool& pool);

    repscope::analysis::layer_accumulator_options options_;
    std::optional<program::stored_states> states_; ///< from the first array on
    std::string dtype_;
    std::vector<std::size_t> shape_; ///< of the first array; its samples are ignored
    repscope::layout axes_ = repscope::layout::unstated;
    bool counts_zeros_ = true; ///< in the first pass
};

/// Number of samples of a view whose elements are all 0.
template <typename T>
std::size_t count_zero_samples(const repscope::activations_view<T>& x) {
    const auto is_zero = [&](std::size_t n) {
        for (std::size_t u = 0; u < x.extent(1); ++u) {
            for (std::size_t i = 0; i < x.extent(2); ++i) {
                for (std::size_t j = 0; j < x.extent(3); ++j) {
                    if (x(n, u, i, j) != T(0)) return false;
                }
            }
        }
        return true;
    };
    std::size_t count = 0;
    for (std::size_t n = 0; n < x.extent(0); ++n) count += is_zero(n) ? 1U : 0U;
    return count;
}

} // namespace python_module
