#pragma once

#include "images/datasets.hpp"

#include <repscope/attack/input_bounds.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace program {

/// The labeled inputs that a network is measured on: images of bytes, which a network gets as numbers from
/// `low` to `high`, or such numbers.
class labeled_inputs {
  public:
    /// Images of bytes; `images` must outlive this object.
    explicit labeled_inputs(const image_set& images, double low = 0.0, double high = 1.0)
        : images_(&images), extents_{images.images, images.channels, images.rows, images.columns},
          labels_(images.labels), low_(low), high_(high) {}

    /// Numbers (samples, channels, rows, columns) from `low` to `high`, with one label per sample.
    labeled_inputs(std::vector<float> values, const std::array<std::size_t, 4>& extents,
                   std::vector<std::int32_t> labels, double low, double high)
        : values_(std::move(values)), held_labels_(std::move(labels)), extents_(extents),
          labels_(held_labels_), low_(low), high_(high) {}

    labeled_inputs(const labeled_inputs&) = delete;
    labeled_inputs& operator=(const labeled_inputs&) = delete;

    [[nodiscard]] std::size_t samples() const noexcept { return extents_[0]; }
    [[nodiscard]] std::size_t sample_size() const noexcept { return extents_[1] * extents_[2] * extents_[3]; }
    /// The extents of some of the samples.
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t count) const noexcept {
        return {count, extents_[1], extents_[2], extents_[3]};
    }
    [[nodiscard]] std::span<const std::int32_t> labels() const noexcept { return labels_; }
    /// The images; null if the inputs are numbers.
    [[nodiscard]] const image_set* images() const noexcept { return images_; }

    [[nodiscard]] double low() const noexcept { return low_; }
    [[nodiscard]] double width() const noexcept { return high_ - low_; }
    [[nodiscard]] repscope::attack::input_bounds bounds() const { return {{low_}, {high_}}; }

    /// Returns the samples [first, first + count) as a network takes them: a view of `memory` or of the
    /// inputs.
    [[nodiscard]] repscope::tensor_view<const float, 4> read(std::size_t first, std::size_t count,
                                                             std::vector<float>& memory) const {
        if (images_ != nullptr) return read(*images_, first, count, memory);
        return {values_.data() + first * sample_size(), extents(count)};
    }
    /// The same for images that are made of these, such as corrupted ones.
    [[nodiscard]] repscope::tensor_view<const float, 4>
    read(const image_set& images, std::size_t first, std::size_t count, std::vector<float>& memory) const {
        const auto x = unit_interval(images, first, count, memory);
        if (low_ == 0.0 && high_ == 1.0) return x;
        const auto low = static_cast<float>(low_), wide = static_cast<float>(width());
        for (std::size_t p = 0; p < x.size(); ++p) memory[p] = low + wide * memory[p];
        return x;
    }

  private:
    const image_set* images_ = nullptr;
    std::vector<float> values_;
    std::vector<std::int32_t> held_labels_;
    std::array<std::size_t, 4> extents_;
    std::span<const std::int32_t> labels_;
    double low_ = 0.0;
    double high_ = 1.0;
};

} // namespace program
