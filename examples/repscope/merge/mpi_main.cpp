// repscope-mpi: repscope measure, the samples shared out among the ranks of an MPI job. Every rank gathers
// the moments of its samples, rank 0 merges them in the order of the ranks and writes the numbers.

#include "cli/commands.hpp"
#include "cli/help_formatter.hpp"
#include "cli/run.hpp"
#include "measure/result.hpp"
#include "merge/mpi_transfer.hpp"
#include "merge/state_merger.hpp"
#include "support/errors.hpp"
#include "support/interruption.hpp"
#include "support/progress.hpp"
#include "support/versions.hpp"

#include <repscope/analysis/state_file.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <mpi.h>
#include <string>
#include <vector>

namespace {

int rank_of_this() {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

int rank_count() {
    int ranks = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    return ranks;
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// Whether no rank has failed. If one has, rank 0 prints the error of the first of them, and all ranks stop:
// a rank that did would wait for one that has left.
int agree(const std::string& speaker, const program::failure& mine) {
    const int rank = rank_of_this();
    const int ranks = rank_count();
    const int well = ranks;
    int first = mine.code == 0 ? well : rank;
    MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (first == well) return 0;
    int code = mine.code;
    MPI_Bcast(&code, 1, MPI_INT, first, MPI_COMM_WORLD);
    if (rank == first && rank != 0) program::send_bytes(bytes_of(mine.message), 0);
    if (rank == 0) {
        program::failure told = mine;
        if (first != 0) {
            told = {code, "rank " + std::to_string(first) + ": "};
            for (const std::byte b : program::receive_bytes(first)) told.message += static_cast<char>(b);
        }
        program::report(speaker, told);
    }
    return code;
}

int merge_and_publish(const program::shard_part& own, const std::string& speaker) {
    program::state_merger merger;
    for (int rank = 0; rank < rank_count(); ++rank) {
        const std::vector<std::byte> bytes = rank == 0 ? own.state : program::receive_bytes(rank);
        merger.add(repscope::analysis::parse_state_file(bytes, "rank " + std::to_string(rank)));
    }
    const program::measure_result result = merger.finish();
    program::publish(result, own.json, program::print_format_named(own.format));
    return program::judge(result, own.fail_if, speaker);
}

int run(int argc, char** argv) {
    const int rank = rank_of_this();
    // Help and version are the same on every rank; rank 0 prints them.
    if (rank != 0 && std::freopen("/dev/null", "w", stdout) == nullptr) return 1;
    if (rank != 0) program::progress::silence();

    CLI::App app("repscope measure, shared out among the ranks of an MPI job.", "repscope-mpi");
    app.formatter(std::make_shared<program::help_formatter>()); // of the commands too
    app.set_version_flag("--version", program::version_and_commit_text());
    app.require_subcommand(1, 1);
    app.footer(
        "Example:\n"
        "  mpirun -np 4 repscope-mpi measure conv1.npy fc.npy --labels labels.npy --json out.json\n"
        "Every rank reads its part of the samples, so all must see the files; rank 0 writes the numbers.\n" +
        program::exit_codes(true) + ";\nmpirun's own when a rank is lost.");
    program::shard_part part;
    part.shard = static_cast<std::uint32_t>(rank + 1);
    part.shards = static_cast<std::uint32_t>(rank_count());
    const std::vector<program::command> commands{program::add_measure(app, &part)};

    std::string speaker;
    program::failure mine;
    try {
        mine.code = program::run_commands(argc, argv, app, commands, speaker);
    } catch (...) {
        mine = program::current_failure();
    }
    if (const int code = agree(speaker, mine); code != 0) return code;
    if (part.state.empty()) return 0; // help
    if (rank != 0) {
        program::send_bytes(part.state, 0);
        return 0;
    }
    try {
        return merge_and_publish(part, speaker);
    } catch (...) {
        const int code = program::report(speaker, program::current_failure());
        // The other ranks may be in the middle of sending.
        MPI_Abort(MPI_COMM_WORLD, code);
        return code;
    }
}

} // namespace

int main(int argc, char** argv) {
    program::remove_temporary_files_on_signals();
    // The pool's threads compute, this one talks.
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    if (provided < MPI_THREAD_FUNNELED) {
        std::fputs("repscope-mpi: this MPI does not allow threads\n", stderr);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    const int code = run(argc, argv);
    MPI_Finalize();
    return code;
}
