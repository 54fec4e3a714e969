#pragma once

#include "repscope/bytes.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {
namespace detail {

/// Rows that wait until their block of samples has a portion of them. The portions of a block depend on the
/// order of its rows alone, so that its moments have the same bits for any division into calls.
class row_blocks {
  public:
    /// Rows of a portion.
    static constexpr std::size_t portion = 256;

    row_blocks(std::size_t blocks, std::size_t width) : width_(width), rows_(blocks), classes_(blocks) {}

    /// Adds a row to block `b`. Returns whether its portion is complete.
    [[nodiscard]] bool add(std::size_t b, const double* row, std::int32_t label) {
        rows_[b].insert(rows_[b].end(), row, row + width_);
        classes_[b].push_back(label);
        return classes_[b].size() == portion;
    }

    /// Number of rows that wait in block `b`.
    [[nodiscard]] std::size_t count(std::size_t b) const noexcept { return classes_[b].size(); }
    [[nodiscard]] tensor_view<const double, 2> rows(std::size_t b) const noexcept {
        return {rows_[b].data(), {count(b), width_}};
    }
    [[nodiscard]] std::span<const std::int32_t> classes(std::size_t b) const noexcept { return classes_[b]; }

    /// Gives class `c` of the rows that wait the number `numbers[c]`.
    void renumber_classes(std::span<const std::size_t> numbers) noexcept {
        for (std::vector<std::int32_t>& classes : classes_) {
            for (std::int32_t& c : classes)
                c = static_cast<std::int32_t>(numbers[static_cast<std::size_t>(c)]);
        }
    }

    void clear(std::size_t b) noexcept {
        rows_[b].clear();
        classes_[b].clear();
    }

    /// Writes for each block the number of rows that wait, their classes and their values.
    void save(byte_writer& out) const {
        for (std::size_t b = 0; b < rows_.size(); ++b) {
            out.put(static_cast<std::uint32_t>(count(b)));
            out.put_all(std::span<const std::int32_t>(classes_[b]));
            out.put_all(std::span<const double>(rows_[b]));
        }
    }

    /// Reads what `save` wrote. Returns whether the rows are fewer than a portion in each block and their
    /// classes are below `classes`, which is at least 1.
    [[nodiscard]] bool load(byte_reader& in, std::size_t classes) {
        for (std::size_t b = 0; b < rows_.size(); ++b) {
            const auto rows = in.get<std::uint32_t>();
            if (rows >= portion) return false;
            classes_[b].resize(rows);
            in.get_all(std::span(classes_[b]));
            rows_[b].resize(rows * width_);
            in.get_all(std::span(rows_[b]));
            const bool fits = std::all_of(classes_[b].begin(), classes_[b].end(), [&](std::int32_t c) {
                return c >= 0 && static_cast<std::size_t>(c) < classes;
            });
            if (!fits) return false;
        }
        return true;
    }

  private:
    std::size_t width_;
    std::vector<std::vector<double>> rows_;
    std::vector<std::vector<std::int32_t>> classes_;
};

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
