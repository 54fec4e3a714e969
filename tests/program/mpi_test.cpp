// `repscope-mpi`: each rank of an MPI job measures its samples, and rank 0 prints the results of all.

#include "npy.hpp"
#include "process.hpp"
#include "same_numbers.hpp"
#include "snapshot.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/wait.h>
#include <thread>

namespace mpi_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

// As root, with more ranks than cores, and without the leaks of MPI itself where there is a sanitizer.
void allow_everything() {
    for (const char* name :
         {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"}) {
        ::setenv(name, "1", 1);
    }
    ::setenv("OMPI_MCA_hwloc_base_binding_policy", "none", 1);
    const char* asan = std::getenv("ASAN_OPTIONS");
    ::setenv("ASAN_OPTIONS", ((asan == nullptr ? "" : std::string(asan) + ":") + "detect_leaks=0").c_str(),
             1);
}

std::vector<std::string> job(int ranks, const std::vector<std::string>& arguments,
                             const std::string& program = REPSCOPE_MPI_PROGRAM) {
    allow_everything();
    std::vector<std::string> all{"-np", std::to_string(ranks), program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

outcome run_ranks(int ranks, const std::vector<std::string>& arguments) {
    return run(job(ranks, arguments), REPSCOPE_MPIEXEC);
}

// Exit code of a child; none when it had to be killed because it did not end in time.
std::optional<int> wait_at_most(pid_t child, std::chrono::seconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        int status = 0;
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 || std::chrono::steady_clock::now() > end) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::kill(child, SIGKILL);
    wait_for(child);
    return std::nullopt;
}

// A job of which each rank first writes its process into FOLDER/rank.N, and then becomes the program.
std::vector<std::string> known_job(int ranks, const std::string& folder,
                                   const std::vector<std::string>& arguments) {
    allow_everything();
    std::vector<std::string> all{"-np",
                                 std::to_string(ranks),
                                 "/bin/sh",
                                 "-c",
                                 "echo $$ >\"$0/rank.$OMPI_COMM_WORLD_RANK\" && exec \"$@\"",
                                 folder,
                                 REPSCOPE_MPI_PROGRAM};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

// The process of a rank of a known job once it is the program; -1 before.
pid_t process_of_rank(int rank, const std::string& folder) {
    const std::string text = slurp(folder + "/rank." + std::to_string(rank));
    if (text.empty() || text.back() != '\n') return -1;
    const bool is_program =
        slurp("/proc/" + text.substr(0, text.size() - 1) + "/cmdline").starts_with(REPSCOPE_MPI_PROGRAM);
    return is_program ? static_cast<pid_t>(std::stol(text)) : -1;
}

} // namespace

TEST_CASE("ranks give the numbers of one process") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const std::vector<std::string> way{"--signed", "rectify", "--json", folder / "out.json"};
    REQUIRE(run(dump.arguments(way)).code == 0);
    const std::string one = slurp(folder / "out.json");
    for (int ranks = 1; ranks <= 4; ++ranks) {
        CAPTURE(ranks);
        std::filesystem::remove(folder / "out.json");
        const outcome result = run_ranks(ranks, dump.arguments(way));
        INFO(result.err);
        REQUIRE(result.code == 0);
        const std::string text = slurp(folder / "out.json");
        CHECK(difference(json::parse(one), json::parse(text)) == "");
        if (ranks == 1) CHECK(text == one);
        CHECK(result.out.starts_with("selectivity of 4 classes, epsilon 1e-06, signed: rectify\n"));
        CHECK(result.out.find("selectivity", 10) != std::string::npos);
        CHECK(result.out.find("selectivity of 4", 10) == std::string::npos); // one rank speaks
    }
}

TEST_CASE("ranks refuse outputs and conditions before they work, and judge after the output") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const auto with = [&](const std::vector<std::string>& more) {
        return run_ranks(2, dump.arguments(more));
    };
    const std::string target = folder / "out.json";
    const auto before = snapshot(folder.path());
    const outcome input = with({"--json", folder / "conv.npy"});
    CHECK(input.code == 2);
    CHECK(input.err.find("is an input of this run") != std::string::npos);
    const outcome key = with({"--json", target, "--fail-if", "selectivty.mean>0"});
    CHECK(key.code == 2);
    CHECK(key.err.find("did you mean 'selectivity.mean'?") != std::string::npos);
    CHECK(snapshot(folder.path()) == before);
    CHECK(with({"--json", target, "--fail-if", "any(selectivity.index)>0"}).code == 3);
    CHECK(std::filesystem::exists(target));
}

TEST_CASE("an error of a rank is printed once, with the rank, and no result is printed") {
    const scratch_folder folder;
    std::vector<float> values(30 * 3, 0.5F);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += static_cast<float>(i % 7);
    values[25 * 3 + 2] = std::nanf("");
    write_npy(folder / "nan.npy", values, {30, 3});
    const auto before = folder.names();
    const auto count = [](const std::string& text, const std::string& part) {
        std::size_t found = 0;
        for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
        return found;
    };
    const outcome bad = run_ranks(3, {"measure", folder / "nan.npy", "--json", folder / "out.json"});
    CHECK(bad.code == 1);
    CHECK(bad.out == "");
    const std::string message = "repscope-mpi measure: rank 2: " + (folder / "nan.npy") +
                                ": holds nan at sample 25, unit 2; expected finite activations\n";
    CHECK(count(bad.err, message) == 1);
    CHECK(count(bad.err, "repscope-mpi measure: ") == 1);
    CHECK(folder.names() == before);

    const outcome usage = run_ranks(2, {"measure", folder / "nan.npy", "--labels"});
    CHECK(usage.code == 2);
    CHECK(usage.out == "");
    CHECK(count(usage.err, "repscope-mpi measure: ") == 1);
    const outcome shard = run_ranks(2, {"measure", folder / "nan.npy", "--shard", "1/2"});
    CHECK(shard.code == 2);
    const outcome help = run_ranks(2, {"measure", "--help"});
    CHECK(help.code == 0);
    CHECK(count(help.out, "Usage:") == 1);
}

TEST_CASE("a rank that is killed is an error, not a number") {
    const scratch_folder folder;
    // Long enough to be killed in the middle of: the file is a hole, its products are made all the same.
    const std::string file = folder / "zeros.npy";
    write_bytes(file, npy_header(npy_dictionary("<f4", {400000, 512})));
    std::filesystem::resize_file(file, std::filesystem::file_size(file) + std::uintmax_t{400000} * 512 * 4);
    const auto arguments = known_job(3, folder.path().string(),
                                     {"measure", file, "--threads", "1", "--json", folder / "out.json"});
    for (const int victim : {0, 2}) {
        CAPTURE(victim);
        // OpenMPI's launcher itself sometimes hangs when a rank dies, all ranks gone: then once more.
        std::optional<int> code;
        for (int attempt = 0; attempt < 3 && !code; ++attempt) {
            for (int rank = 0; rank < 3; ++rank)
                std::filesystem::remove(folder / ("rank." + std::to_string(rank)));
            const pid_t started = start(arguments, folder / "out", folder / "err", REPSCOPE_MPIEXEC);
            pid_t process = -1;
            for (int tries = 0; tries < 600 && process < 0; ++tries) {
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
                process = process_of_rank(victim, folder.path().string());
            }
            REQUIRE(process > 0);
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            CHECK(::kill(process, SIGKILL) == 0);
            code = wait_at_most(started, std::chrono::seconds(60));
            CHECK(slurp(folder / "out") == "");
            CHECK_FALSE(std::filesystem::exists(folder / "out.json"));
            // Nobody is left waiting for the dead.
            for (int rank = 0; rank < 3; ++rank) CHECK(process_of_rank(rank, folder.path().string()) == -1);
        }
        REQUIRE(code);
        CHECK(*code != 0);
        CHECK(slurp(folder / "err").find("signal 9") != std::string::npos);
    }
}

TEST_CASE("bytes arrive for any size of a message") {
    allow_everything();
    const outcome result = run(job(3, {}, REPSCOPE_MPI_TRANSFER_CHECK), REPSCOPE_MPIEXEC);
    INFO(result.err);
    CHECK(result.code == 0);
    CHECK(result.out == "12 transfers\n");
}

} // namespace mpi_test
