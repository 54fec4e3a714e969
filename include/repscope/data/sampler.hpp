#pragma once

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// An endless sequence of samples: all of them in a random order, then all in another random order, and so
/// on. The orders depend on seed and stream alone, not on how many samples are taken at once.
class shuffled_sampler {
  public:
    /// `samples` are the indices to choose from; `stream`, below 4096, keeps samplers of one seed
    /// independent. Throws `value_error` without samples and for a larger stream.
    shuffled_sampler(std::vector<std::uint32_t> samples, std::uint64_t seed, std::uint32_t stream = 0)
        : samples_(std::move(samples)), order_(samples_.size()), seed_(seed),
          stream_(streams::id(streams::purpose::shuffle, 0, stream)), position_(samples_.size()) {
        if (samples_.empty()) {
            errors::throw_value_error("data::shuffled_sampler", "expected at least 1 sample, got 0");
        }
    }

    /// Returns the next `count` samples. An index occurs twice in them only across the end of an order. O(1)
    /// per sample on average.
    [[nodiscard]] std::vector<std::uint32_t> next(std::size_t count) {
        std::vector<std::uint32_t> chosen;
        chosen.reserve(count);
        while (chosen.size() < count) {
            if (position_ == order_.size()) {
                // The number of the order is the sample index of the stream, since few samples can need more
                // orders than there are streams.
                random_stream random(seed_, stream_, orders_++);
                permutation(order_, random);
                position_ = 0;
            }
            chosen.push_back(samples_[order_[position_++]]);
        }
        return chosen;
    }

  private:
    std::vector<std::uint32_t> samples_, order_;
    std::uint64_t seed_;
    std::uint32_t stream_, orders_ = 0;
    std::size_t position_;
};

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
