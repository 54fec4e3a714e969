// `repscope measure -`: streams that are cut, hostile or inconsistent, and options that a stream refuses.

#include "made_up_streams.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace stream_refusals_test {

using namespace program_test;
using namespace program_test::streams;
using namespace std::string_literals;

TEST_CASE("a stream that is cut gives one line, exit code 1 and no number") {
    const scratch_folder folder;
    layers data;
    const std::string whole = tar_of({{"labels/0.npy", data.npy_labels(0, 9)},
                                      {"fc/0.npy", data.npy(data.all[2], 0, 9)},
                                      {"fc/1.npy", data.npy(data.all[2], 9, 9)},
                                      {"labels/1.npy", data.npy_labels(9, 9)}});
    for (std::size_t size = 512; size < whole.size(); size += 512) {
        CAPTURE(size);
        CHECK(mentions(refusal(folder, whole.substr(0, size)), "cut short"));
    }
    (void)refusal(folder, whole.substr(0, 700));
    write_bytes(folder / "record", data.npy(data.all[2], 0, 9) + data.npy(data.all[2], 9, 9).substr(0, 300));
    const outcome cut = piped(folder / "record", "--json -");
    CHECK(cut.code == 1);
    CHECK(cut.out.empty());
    CHECK(is_one_line(cut.err));
    const outcome empty = piped("/dev/null", "");
    CHECK(empty.code == 1);
    CHECK(empty.err == "repscope measure: -: is empty, expected a tar archive or .npy records\n");
}

TEST_CASE("hostile and inconsistent members are refused by name") {
    const scratch_folder folder;
    const layers data;
    const auto fc = [&](std::size_t first, std::size_t count) { return data.npy(data.all[2], first, count); };
    const auto refuse = [&](const std::vector<std::pair<std::string, std::string>>& of,
                            const std::string& part) {
        CAPTURE(part);
        const std::string message = refusal(folder, tar_of(of));
        CAPTURE(message);
        CHECK(mentions(message, part));
    };
    refuse({{"../fc/0.npy", fc(0, 9)}}, "expected a relative path without '..'");
    refuse({{"fc/../0.npy", fc(0, 9)}}, "expected a relative path without '..'");
    refuse({{"/fc/0.npy", fc(0, 9)}}, "got an absolute one");
    refuse({{"fc//0.npy", fc(0, 9)}}, "expected a relative path without '//'");
    refuse({{"fc/0.txt", fc(0, 9)}}, "expected .npy arrays only");
    refuse({{"fc/0.npy", "not an array"}}, "not a .npy file");
    refuse({{"fc.npy", fc(0, 9)}}, "expected LAYER/BATCH.npy");
    refuse({{"fc/0.npy", fc(0, 9) + "x"}}, "the member holds");
    refuse({{"fc/0.npy", npy_header(npy_dictionary("<f4", {3000000000, 3}))}}, "takes");
    refuse({{"fc/0.npy", npy_header(npy_dictionary("<f4", {0, 3}))}}, "holds no activations");
    refuse({{"fc/0.npy", npy_header(npy_dictionary("<f4", {})) + "abcd"}}, "rank 0");
    refuse({{"fc/0.npy", fc(0, 9)}, {"fc/0.npy", fc(0, 9)}}, "has batch 0 twice");
    refuse({{"fc/0.npy", fc(0, 9)}, {"fc/1.npy", data.npy(data.all[1], 0, 9)}}, "expected one type");
    refuse({{"fc/0.npy", fc(0, 9)},
            {"fc/1.npy", npy_header(npy_dictionary("<f8", {1, 6})) + std::string(48, '\0')}},
           "holds <f8");
    refuse({{"fc/0.npy", fc(0, 9)}, {"wide/0.npy", data.npy(data.all[1], 0, 8)}},
           "wide/0.npy: holds 8 samples, but");
    refuse({{"fc/0.npy", fc(0, 9)}, {"labels/0.npy", data.npy_labels(0, 8)}},
           "labels/0.npy: holds 8 samples");
    refuse({{"labels/0.npy", data.npy_labels(0, 9)}, {"labels/0.npy", data.npy_labels(0, 9)}},
           "labels twice");
    refuse({{"labels/0.npy", data.npy_labels(0, 9)},
            {"fc/0.npy", fc(0, 9)},
            {"labels/1.npy", data.npy_labels(0, 9)}},
           "labels of a batch without activations");
    refuse({{"labels/0.npy", data.npy_labels(0, 9)}, {"fc/0.npy", fc(0, 9)}, {"fc/1.npy", fc(9, 9)}},
           "no labels of batch 1");
    refuse({{"fc/0.npy", fc(0, 9)}, {"fc/1.npy", fc(9, 9)}, {"labels/0.npy", data.npy_labels(0, 9)}},
           "comes after activations that were measured without labels");
    refuse({{"fc/0.npy", fc(0, 9)}, {"wide/1.npy", data.npy(data.all[1], 0, 9)}}, "lacks this batch");
    refuse({{"labels/0.npy",
             npy_header(npy_dictionary("<i8", {9})) + bytes_of(std::vector<std::int64_t>(9, -3))},
            {"fc/0.npy", fc(0, 9)}},
           "expected labels of 0 or above, got -3");
    refuse(
        {{"labels/0.npy", npy_header(npy_dictionary("<i8", {9})) + bytes_of(std::vector<std::int64_t>(9, 3))},
         {"fc/0.npy", fc(0, 9)}},
        "at least 2 classes, got the single class 3");
    std::vector<float> bad(12, 1.0F);
    bad[8] = std::numeric_limits<float>::quiet_NaN();
    refuse({{"fc/0.npy", npy_header(npy_dictionary("<f4", {2, 6})) + bytes_of(bad)}},
           "holds nan at sample 1, unit 2");
    const std::string named = tar_member("h", pax_record("path", std::string("fc/0.npy\0", 9)), 'x');
    CHECK(mentions(refusal(folder, named + tar_member("fc/0.npy", fc(0, 9)) + tar_end()), "NUL"));
    CHECK(mentions(refusal(folder, tar_header("fc/0.npy", 0, '2') + tar_end()), "a link"));
    // Labels that come late may wait for a quarter of the memory.
    const std::string late = tar_of({{"labels/0.npy", data.npy_labels(0, 100)},
                                     {"wide/0.npy", data.npy(data.all[1], 0, 100)},
                                     {"wide/1.npy", data.npy(data.all[1], 100, 200)},
                                     {"labels/1.npy", data.npy_labels(100, 200)}});
    write_bytes(folder / "late.tar", late);
    CHECK(run({"measure", folder / "late.tar"}).code == 0);
    const std::string small = folder / "late.tar";
    const outcome bounded = run({"measure", small, "--memory", "1M"});
    CHECK(bounded.code == 1);
    CHECK(is_one_line(bounded.err));
    CHECK(mentions(bounded.err, "--memory"));
}

TEST_CASE("a stream refuses by name what needs a file or a second pass, and does not write over its inputs") {
    const scratch_folder folder;
    const layers data;
    const std::vector<std::string> dump = data.dump(folder);
    const std::string stream = folder / "stream.tar";
    write_bytes(stream, data.tar(100, 0));
    const auto before = snapshot(folder.path());
    const auto refuse = [&](const std::vector<std::string>& more, const std::string& part) {
        CAPTURE(part);
        const outcome result = run_with({"measure", stream}, more);
        CHECK(result.code == 2);
        CHECK(result.out.empty());
        CHECK(is_one_line(result.err));
        CAPTURE(result.err);
        CHECK(mentions(result.err, part));
        CHECK(snapshot(folder.path()) == before);
    };
    refuse({"--shard", "1/2", "--state", folder / "s.rsm"}, "--shard: not with a stream");
    refuse({"--state", folder / "s.rsm"}, "--state: not with a stream");
    refuse({"--compare", stream}, "--compare: not with a stream");
    refuse({"--hash", "--json", folder / "x.json"}, "--hash: not with a stream");
    refuse({"--report", folder / "report"}, "--report: not with a stream");
    refuse({"--inference", "--null", "permutation"}, "--null permutation: not with a stream");
    refuse({"--inference", "--method", "auto"}, "--method auto: not with a stream");
    refuse({"--snapshot-every", "9"}, "--snapshot-every: needs --snapshot");
    refuse({dump[1]}, "not a stream");
    refuse({"--layers", "nothing"}, "no layer");
    refuse({"--snapshot", stream}, "--snapshot");
    refuse({"--json", stream}, "--json");
    refuse({"--snapshot", folder / "labels.npy", "--labels", folder / "labels.npy"}, "--snapshot");
    refuse({"--snapshot", folder / "x.json", "--json", folder / "x.json"}, "x.json");
    const outcome file = run({"measure", dump[1], "--snapshot", folder / "s.rsm"});
    CHECK(file.code == 2);
    CHECK(mentions(file.err, "--snapshot: expected a stream"));
    // Standard input may be a file that an output would replace.
    const outcome input = run({"-c", "'" + std::string(REPSCOPE_PROGRAM) + "' measure - --snapshot '" +
                                         stream + "' < '" + stream + "'"},
                              "/bin/sh");
    CHECK(input.code == 2);
    CHECK(snapshot(folder.path()) == before);
    // A condition of the numbers, and estimates that need one pass.
    CHECK(run({"measure", stream, "--fail-if", "selectivity.mean>0"}).code == 3);
    CHECK(run({"measure", stream, "--layers", "wide", "--inference"}).code == 0);
}

} // namespace stream_refusals_test
