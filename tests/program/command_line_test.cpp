// The command line around the commands: help, unknown words, exit codes, names with control characters,
// progress.

#include "npy.hpp"
#include "process.hpp"

#include "render/text_table.hpp"
#include "support/errors.hpp"
#include "support/progress.hpp"
#include "support/suggestion.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace command_line_test {

using namespace program_test;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string error_of(const std::vector<std::string>& arguments) {
    const outcome result = run(arguments);
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    CHECK(is_one_line(result.err));
    return result.err;
}

void write_layer(const std::string& path) {
    std::vector<float> values(40 * 3);
    generator numbers(5);
    for (auto& value : values) value = static_cast<float>(numbers.uniform());
    write_npy(path, values, {40, 3});
}

// What `work` writes to standard error, which is a file meanwhile.
template <typename Work>
std::string standard_error_of(Work work) {
    const scratch_folder folder;
    std::fflush(stderr);
    const int before = ::dup(STDERR_FILENO);
    const int file = ::open((folder / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, STDERR_FILENO);
    work();
    std::fflush(stderr);
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    ::close(file);
    return slurp(folder / "err");
}

} // namespace

TEST_CASE("a word that is not a command is named, with the nearest command") {
    const scratch_folder folder;
    write_layer(folder / "conv1.npy");
    CHECK(error_of({"measur"}) ==
          "repscope: unknown command 'measur'; expected one of measure, merge, corrupt, "
          "study, methods, dump, analyze; did you mean 'measure'?\n");
    CHECK(error_of({"x"}) == "repscope: unknown command 'x'; expected one of measure, merge, corrupt, study, "
                             "methods, dump, analyze\n");
    CHECK(contains(error_of({folder / "conv1.npy"}),
                   "did you mean 'repscope measure " + (folder / "conv1.npy") + "'?"));
    CHECK(contains(error_of({"--frobnicate"}), "unknown option '--frobnicate'"));
    CHECK(contains(error_of({"help", "corupt"}), "did you mean 'corrupt'?"));
    CHECK(contains(error_of({"measure", folder / "conv1.npy", "--memory", "10X"}),
                   "--memory: expected bytes such as 512M or 4G, got 10X"));
    CHECK(error_of({"measure", folder / "conv1.npy", "--memory", "10X"}).size() < 140);
    CHECK(run({"measure", folder / "conv1.npy", "--memory", "512M"}).code == 0);
    CHECK(program::nearest("selectivty", {"dimensionality", "selectivity"}) == "selectivity");
    CHECK(program::nearest("zzz", {"dimensionality", "selectivity"}).empty());
}

TEST_CASE("help and its exit codes") {
    const outcome none = run({});
    CHECK(none.code == 2);
    CHECK(none.out.empty());
    const outcome help = run({"--help"});
    CHECK(help.code == 0);
    CHECK(help.out == none.err);
    CHECK(run({"help"}).out == help.out);
    CHECK(run({"-h"}).out == help.out);
    CHECK(run({"--version"}).code == 0);
    CHECK(contains(help.out, "Exit codes: 0 done, 1 a file is bad, 2 wrong usage, 3 a --fail-if"));
    for (const std::string command : {"measure", "merge", "corrupt", "study", "methods"}) {
        CAPTURE(command);
        const outcome one = run({command, "--help"});
        CHECK(one.code == 0);
        CHECK(run({"help", command}).out == one.out);
        const std::string codes = "Exit codes: 0 done, 1 a file is bad, 2 wrong usage";
        const std::size_t place = one.out.find(codes);
        REQUIRE(place != std::string::npos);
        CHECK(one.out.find("Exit codes", place + 1) == std::string::npos);
        const bool judges = command == "measure" || command == "merge";
        CHECK(contains(one.out, ", 3 a --fail-if condition") == judges);
    }
}

TEST_CASE("control characters of names do not reach the terminal") {
    const scratch_folder folder;
    // Escape, bell, line feed, and the one-character form of the escape sequence.
    const std::string name = "a\x1b[31m\x07\n\xc2\x9b"
                             "b";
    write_layer(folder / (name + ".npy"));
    std::vector<std::int32_t> labels(40);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 2);
    write_npy(folder / "y.npy", labels, {40});
    const outcome result = run({"measure", folder / (name + ".npy"), "--labels", folder / "y.npy",
                                "--inference", "--fail-if", "samples>0"});
    CHECK(result.code == 3);
    for (const std::string& text : {result.out, result.err}) {
        CHECK(contains(text, "a?[31m???b"));
        for (const char* control : {"\x1b", "\x07", "\xc2\x9b", "\nb", "\n\xc2"})
            CHECK(!contains(text, control));
    }
    CHECK(program::on_one_line("caf\xc3\xa9 \xc2\xb5 \xe2\x91\xa0") == "caf\xc3\xa9 \xc2\xb5 \xe2\x91\xa0");
}

TEST_CASE("progress in a log is a plain line per interval") {
    using namespace std::chrono_literals;
    const auto text = standard_error_of([] {
        program::progress shown("measure", 10.0, "images", 30ms);
        shown.done(1.0, "first"); // within the interval
        std::this_thread::sleep_for(60ms);
        shown.done(4.0, "conv\x1b"
                        "1");
        shown.done(5.0, "again within it");
        std::this_thread::sleep_for(60ms);
        shown.done(8.0, "fc");
    });
    CAPTURE(text);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    CHECK(text.starts_with("measure  40 %  "));
    CHECK(contains(text, " left  conv?1\n"));
    CHECK(text.ends_with("  fc\n"));
    CHECK(text.find_first_of("\r\x1b") == std::string::npos);
    CHECK(standard_error_of([] {
              program::progress shown("measure", 10.0, "images");
              shown.done(4.0);
          }).empty());
}

TEST_CASE("no folder of a report is left by a run that fails") {
    const scratch_folder folder;
    std::vector<float> values(40 * 3, 1.0F);
    values[7] = std::numeric_limits<float>::infinity();
    write_npy(folder / "bad.npy", values, {40, 3});
    write_layer(folder / "good.npy");
    const auto before = folder.names();
    CHECK(run({"measure", folder / "bad.npy", "--report", folder / "report"}).code == 1);
    CHECK(run({"measure", folder / "good.npy", "--report", folder / "good.npy/report"}).code == 1);
    CHECK(
        run({"measure", folder / "good.npy", "--report", folder / "report", "--fail-if", "nothing>0"}).code ==
        2);
    CHECK(folder.names() == before);
    CHECK(run({"measure", folder / "good.npy", "--report", folder / "new/report/"}).code == 0);
    CHECK(std::filesystem::exists(folder / "new/report/report.html"));
}

} // namespace command_line_test
