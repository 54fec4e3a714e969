#pragma once

#include "dumps/labels.hpp"
#include "layers/report.hpp"

#include <repscope/analysis/shards.hpp>
#include <repscope/analysis/state_file.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace program {

/// Which part of the samples of a dump a run measures.
struct shard_choice {
    std::uint32_t shard = 1; ///< from 1
    std::uint32_t shards = 1;

    [[nodiscard]] repscope::analysis::sample_range samples_of(std::size_t samples) const {
        return repscope::analysis::samples_of_shard(samples, shard, shards);
    }
    /// "shard 2 of 4"
    [[nodiscard]] std::string text() const;
};

/// The shard that "2/4" means. Throws `usage_error`.
shard_choice parse_shard(const std::string& text);

/// Collects the states of a shard, layer by layer, as a state file in memory.
class shard_writer {
  public:
    /// `options` must agree between shards, and so must the CRC-32 of the labels. `note` is kept for
    /// `repscope merge`.
    shard_writer(const shard_choice& choice, const std::string& options, const std::string& note,
                 const label_set* labels);

    /// Adds the states of `samples` of a layer, of which `described` states what it is.
    void add(const layer_report& described, const repscope::analysis::sample_range& samples,
             const std::vector<repscope::analysis::saved_section>& states);

    /// The bytes of the state file; nothing can be added any more.
    [[nodiscard]] std::vector<std::byte> finish();

  private:
    repscope::analysis::state_file_writer writer_;
};

} // namespace program
