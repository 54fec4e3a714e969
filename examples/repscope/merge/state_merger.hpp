#pragma once

#include "layers/stored_states.hpp"
#include "measure/result.hpp"

#include <repscope/analysis/state_file.hpp>

#include <string>
#include <vector>

namespace program {

/// The description in a state file, without the states; it does not refer to the bytes of the file.
repscope::analysis::state_file without_states(repscope::analysis::state_file file);

/// Merges the states of shards, one file at a time: memory holds the states of one run and one file.
class state_merger {
  public:
    /// Adds the next shard, in the order of the shards. Throws `repscope::format_error` naming the file when
    /// it is not of one run with those before it, or its states are damaged.
    void add(const repscope::analysis::state_file& file);

    /// The numbers, as of one run over all samples. Throws `repscope::format_error` when shards are missing
    /// or did not come in order. Uses the states up.
    [[nodiscard]] measure_result finish();

  private:
    /// The options of a run as its shards hold them.
    struct run_options {
        measure_settings settings;
        run_note note;
        repscope::analysis::layer_accumulator_options moments;
    };
    static run_options options_of(const repscope::analysis::state_file& head);

    run_options options_; ///< of the first shard
    std::vector<repscope::analysis::state_file> heads_;
    std::vector<stored_states> states_;
};

} // namespace program
