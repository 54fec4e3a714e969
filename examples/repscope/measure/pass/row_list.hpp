#pragma once

#include "dumps/labels.hpp"

#include <repscope/analysis/shards.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace program {

/// The rows of the file that are measured, in order.
class row_list {
  public:
    row_list(repscope::analysis::sample_range samples, const label_set* labels)
        : kept_(labels == nullptr || labels->keeps_all() ? nullptr : &labels->kept), first_(samples.first),
          size_(samples.count) {
        if (kept_ == nullptr) return;
        const auto place = [&](std::size_t row) {
            return static_cast<std::size_t>(std::lower_bound(kept_->begin(), kept_->end(), row) -
                                            kept_->begin());
        };
        first_ = place(samples.first);
        size_ = place(samples.first + samples.count) - first_;
    }

    /// The first row's place among those that are kept.
    [[nodiscard]] std::size_t first() const noexcept { return first_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t operator[](std::size_t row) const noexcept {
        return kept_ == nullptr ? first_ + row : (*kept_)[first_ + row];
    }
    /// Rows from `row` on, at most `most`, that follow each other in the file.
    [[nodiscard]] std::size_t run(std::size_t row, std::size_t most) const noexcept {
        if (kept_ == nullptr) return most;
        std::size_t length = 1;
        while (length < most && (*this)[row + length] == (*this)[row] + length) ++length;
        return length;
    }

  private:
    const std::vector<std::size_t>* kept_;
    std::size_t first_;
    std::size_t size_;
};

} // namespace program
