#pragma once

#include "layers/inference.hpp"
#include "layers/report.hpp"
#include "layers/states.hpp"
#include "layers/statistics_options.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace program {

/// Bytes that the statistics of `rows` rows of `units` values take at least, with the smallest batch, while
/// they are gathered and while they are evaluated. Infinite when that does not fit in an index.
double min_bytes(std::size_t rows, std::size_t units, const statistics_options& options);

/// Gathers the statistics of one layer from the values of its units, a row a sample, in the order of the
/// samples.
///
/// Rows are handed to the moments in batches of whole blocks, so neither the size of the batches nor the
/// portions in which rows come change a bit of the result.
class layer_statistics {
  public:
    /// For `rows` rows of `units` values, which are those from `first_label` on of the labels. Throws
    /// `repscope::error` when the memory allowed does not hold the state.
    layer_statistics(std::size_t rows, std::size_t units, const statistics_options& options,
                     repscope::thread_pool& pool, std::size_t first_label = 0);

    /// Rows that still fit into the batch, at least 1.
    [[nodiscard]] std::size_t room() const noexcept { return capacity_ - filled_; }
    /// Where the next rows go, (room, units); several threads may write at once.
    [[nodiscard]] double* next_values() noexcept { return values_.data() + filled_ * units_; }
    /// The same for means of max(a, 0); null unless they are needed.
    [[nodiscard]] double* next_rectified() noexcept {
        return rectified_.empty() ? nullptr : rectified_.data() + filled_ * units_;
    }
    /// The next `rows` rows have been written. Throws `repscope::value_error` when a value is not finite.
    void commit(std::size_t rows);

    /// Rows before the batch that is being filled: a value that is not finite is behind these.
    [[nodiscard]] std::size_t rows_taken() const noexcept { return taken_; }

    /// All rows are there and have been flushed: fills the measured parts of `report`. The state is used up.
    void finish(layer_report& report);
    /// The same, but for the states as they are.
    [[nodiscard]] layer_states take() { return std::move(states_); }

    /// After `finish`: whether error bars need all rows once more, in the same order. While they do,
    /// `begin_pass`, the rows again, and `end_pass`.
    [[nodiscard]] bool needs_another_pass() const;
    void begin_pass();
    void end_pass(layer_report& report);

    /// Hands over the batch as it is; only behind the last row.
    void flush();

    /// Second moments of all rows that have been flushed.
    [[nodiscard]] const repscope::covariance& covariance() const noexcept { return states_.covariance; }

  private:
    void hand_over(std::size_t first, std::size_t rows);

    std::size_t units_;
    statistics_options options_;
    repscope::thread_pool& pool_;
    std::size_t first_label_;
    std::size_t capacity_;
    std::size_t filled_ = 0;
    std::size_t taken_ = 0;
    std::vector<double> values_;
    std::vector<double> rectified_;
    layer_states states_;
    std::optional<layer_inference> inference_;
    std::optional<repscope::covariance_sketch> sketch_;
    bool again_ = false; ///< in a pass behind the first
};

} // namespace program
