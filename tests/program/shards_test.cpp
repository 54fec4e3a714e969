// `repscope measure --shard --state` and `repscope merge`.

#include "measure/json.hpp"
#include "npy.hpp"
#include "process.hpp"
#include "same_numbers.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace shards_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

// Measures all shards; the paths of the state files.
std::vector<std::string> shards_of(const scratch_folder& folder, std::vector<std::string> arguments,
                                   int shards, const std::string& stem = "s") {
    std::vector<std::string> files;
    for (int shard = 1; shard <= shards; ++shard) {
        files.push_back(folder / (stem + std::to_string(shard) + ".rsm"));
        std::vector<std::string> all = arguments;
        all.insert(all.end(), {"--shard", std::to_string(shard) + "/" + std::to_string(shards), "--state",
                               files.back()});
        const outcome result = run(all);
        INFO(result.err);
        REQUIRE(result.code == 0);
        CHECK(result.out.starts_with(files.back() + ": shard " + std::to_string(shard) + " of " +
                                     std::to_string(shards) + ", "));
        CHECK(is_one_line(result.out));
    }
    return files;
}

outcome merged(const std::vector<std::string>& files, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"merge"};
    all.insert(all.end(), files.begin(), files.end());
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
}

// Checks that a merge fails with this message and writes nothing.
void check_refused(const scratch_folder& folder, const std::vector<std::string>& files,
                   const std::string& message) {
    const auto before = folder.names();
    const outcome result = merged(files, {"--json", folder / "refused.json"});
    CHECK(result.code == 1);
    CHECK(result.out.empty());
    CHECK(result.err == "repscope merge: " + message + "\n");
    CHECK(folder.names() == before);
}

} // namespace

TEST_CASE("shards give the numbers of one run") {
    const std::vector<std::vector<std::string>> ways{
        {"--signed", "rectify"}, {"--signed", "shift", "--epsilon", "0.25"}, {"--spatial", "flatten"}};
    for (const auto& way : ways) {
        CAPTURE(way.back());
        const scratch_folder folder;
        const small_dump dump(folder);
        const outcome whole = [&] {
            auto all = dump.arguments(way);
            all.insert(all.end(), {"--json", folder / "one.json"});
            return run(all);
        }();
        REQUIRE(whole.code == 0);
        const std::string one = slurp(folder / "one.json");
        const bool first = way.back() == ways.front().back();
        for (const int shards : first ? std::vector<int>{1, 2, 3, 7} : std::vector<int>{3}) {
            CAPTURE(shards);
            const auto files = shards_of(folder, dump.arguments(way), shards);
            const outcome result = merged(files, {"--json", folder / "merged.json"});
            INFO(result.err);
            REQUIRE(result.code == 0);
            CHECK(result.out == whole.out);
            const std::string text = slurp(folder / "merged.json");
            CHECK(difference(json::parse(one), json::parse(text)) == "");
            if (shards == 1) CHECK(text == one);

            // The order of the files changes no bit.
            std::vector<std::string> turned(files.rbegin(), files.rend());
            std::rotate(turned.begin(), turned.begin() + shards / 2, turned.end());
            REQUIRE(merged(turned, {"--json", folder / "turned.json"}).code == 0);
            CHECK(slurp(folder / "turned.json") == text);
        }
    }
}

TEST_CASE("shards give the intervals of one run") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const std::vector<std::string> way{"--inference", "--measures",
                                       "default,nc1_trace,cdnv,class_separation"};
    auto all = dump.arguments(way);
    all.insert(all.end(), {"--method", "blocks", "--json", "-"});
    const outcome whole = run(all);
    REQUIRE(whole.code == 0);
    const json expected = json::parse(whole.out)["layers"];
    CHECK(expected[0]["dimensionality"]["method"] == "blocks");
    CHECK(expected[0]["geometry"]["cdnv_unbiased_ci"].size() == 2);
    CHECK(expected[0]["selectivity"]["cross_fit"].contains("mean"));
    for (const int shards : {1, 3}) {
        CAPTURE(shards);
        const outcome result = merged(shards_of(folder, dump.arguments(way), shards),
                                      {"--json", "-", "--fail-if", "any(dimensionality.ci)<0"});
        INFO(result.err);
        REQUIRE(result.code == 0);
        const json layers = json::parse(result.out)["layers"];
        CHECK(difference(expected, layers) == "");
        if (shards == 1) CHECK(layers == expected);
    }
    const outcome table = merged(shards_of(folder, dump.arguments(way), 2));
    CHECK(table.out.find("cdnv_unbiased") != std::string::npos);
    CHECK(table.out.find("(blocks)") != std::string::npos);

    // Without memory for the blocks of one layer, its estimates have no interval.
    auto small = dump.arguments(way);
    small.insert(small.end(), {"--memory", "7500k"});
    const outcome left_out = merged(shards_of(folder, small, 2));
    INFO(left_out.out);
    CHECK(left_out.code == 0);
    CHECK(left_out.out.find("note: wide: no intervals of nc1_trace, ") != std::string::npos);
}

TEST_CASE("shards of --method exact and blocks are those of one run") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const auto exact = shards_of(folder, dump.arguments({"--inference"}), 2);
    const auto blocks = shards_of(folder, dump.arguments({"--inference", "--method", "blocks"}), 2, "b");
    const outcome mixed = merged({exact[0], blocks[1]}, {"--json", "-"});
    INFO(mixed.err);
    REQUIRE(mixed.code == 0);
    CHECK(json::parse(mixed.out)["options"]["method"] == "blocks");
    CHECK(json::parse(mixed.out)["layers"] == json::parse(merged(exact, {"--json", "-"}).out)["layers"]);
    const auto sketch = shards_of(folder, dump.arguments({"--inference", "--method", "sketch"}), 2, "k");
    check_refused(folder, {exact[0], sketch[1]},
                  sketch[1] + ": not of one run with " + exact[0] +
                      ": option method \"sketch\", expected \"blocks\"; all shards need the same options");
}

TEST_CASE("options of a later version in a state are named in a note") {
    repscope::analysis::state_file state;
    state.name = "s.rsm";
    state.options = program::stored_settings({});
    state.note = program::stored_note({});
    CHECK(program::stored_run(state).second.notes.empty());
    state.options.insert(1, "\"weights\": 1, ");
    CHECK(program::stored_run(state).second.notes ==
          std::vector<std::string>{
              "options of s.rsm that this version of repscope does not have are left out: weights"});
}

TEST_CASE("shards without labels, without samples, without a number") {
    const scratch_folder folder;
    generator random(5);
    std::vector<float> values(3 * 4);
    for (float& v : values) v = static_cast<float>(random.uniform());
    write_npy(folder / "x.npy", values, {3, 4});
    const std::vector<std::string> measure{"measure", folder / "x.npy"};
    const auto files = shards_of(folder, measure, 5); // the last two have no sample
    const outcome whole = run({"measure", folder / "x.npy", "--json", "-"});
    const outcome result = merged(files, {"--json", "-"});
    CHECK(result.code == 0);
    CHECK(difference(json::parse(whole.out), json::parse(result.out)) == "");
    CHECK(result.err == whole.err);

    const auto state = run({"measure", folder / "x.npy", "--state", folder / "whole.rsm"});
    CHECK(state.code == 0);
    CHECK(merged({folder / "whole.rsm"}, {"--json", "-"}).out == whole.out);
}

TEST_CASE("conditions on merged numbers") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const auto files = shards_of(folder, dump.arguments(), 2);
    const outcome met = merged(files, {"--json", folder / "out.json", "--fail-if", "fc:selectivity.mean>0"});
    CHECK(met.code == 3);
    CHECK(met.err.starts_with("repscope merge: "));
    CHECK(is_one_line(met.err));
    CHECK(std::filesystem::exists(folder / "out.json"));
    CHECK(merged(files, {"--fail-if", "fc:selectivity.mean>1"}).code == 0);
    CHECK(merged(files, {"--fail-if", "selectivity"}).code == 2);
}

TEST_CASE("labels may be in another folder") {
    const scratch_folder folder;
    const small_dump dump(folder);
    auto first = dump.arguments({"--shard", "1/2", "--state", folder / "s1.rsm"});
    auto second = dump.arguments({"--shard", "2/2", "--state", folder / "s2.rsm"});
    std::filesystem::copy_file(folder / "labels.npy", folder / "copy.npy");
    *std::find(second.begin(), second.end(), folder / "labels.npy") = folder / "copy.npy";
    REQUIRE(run(first).code == 0);
    REQUIRE(run(second).code == 0);
    const outcome result = merged({folder / "s1.rsm", folder / "s2.rsm"}, {"--json", "-"});
    CHECK(json::parse(result.out)["options"]["labels"] == folder / "labels.npy");
}

TEST_CASE("lost, double, foreign and damaged shards are named") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const auto s = shards_of(folder, dump.arguments(), 4);
    check_refused(folder, {s[0], s[3], s[1]}, "expected 4 shards, as " + s[0] + " states, missing: 3");
    check_refused(folder, {s[3]}, "expected 4 shards, as " + s[3] + " states, missing: 1, 2, 3");
    check_refused(folder, {s[0], s[1], s[1], s[2], s[3]}, s[1] + ": is shard 2 of 4, as is " + s[1]);

    const auto three = shards_of(folder, dump.arguments(), 3, "three");
    check_refused(folder, {s[0], three[1], s[2], s[3]},
                  three[1] + ": not of one run with " + s[0] + ": shards 3, expected 4");
    const auto other = shards_of(folder, dump.arguments({"--epsilon", "0.5"}), 4, "epsilon");
    {
        const outcome result = merged({s[0], other[1], s[2], s[3]});
        CHECK(result.code == 1);
        CHECK(result.err == "repscope merge: " + other[1] + ": not of one run with " + s[0] +
                                ": option epsilon 0.5, expected 1e-06; all shards need the same options\n");
    }
    // Other labels for the same files, with the same classes.
    std::vector<std::int64_t> labels(small_dump::samples);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 5) - 1;
    auto relabeled = dump.arguments();
    *std::find(relabeled.begin(), relabeled.end(), folder / "labels.npy") = folder / "other.npy";
    write_npy(folder / "other.npy", labels, {labels.size()});
    const auto l = shards_of(folder, relabeled, 4, "labels");
    {
        const outcome result = merged({s[0], s[1], l[2], s[3]});
        CHECK(result.code == 1);
        CHECK(result.err.starts_with("repscope merge: " + l[2] + ": not of one run with " + s[0] +
                                     ": labels with CRC-32 "));
    }
    // Another dump: one layer more narrow.
    write_npy(folder / "fc.npy", std::vector<float>(small_dump::samples * 5, 1.0F), {small_dump::samples, 5});
    const auto f = shards_of(folder, dump.arguments(), 4, "narrow");
    check_refused(folder, {s[0], f[1], s[2], s[3]},
                  f[1] + ": not of one run with " + s[0] + ": layer 'fc', shape (61, 5), expected (61, 6)");

    const std::string bytes = slurp(s[2]);
    const auto damaged = [&](const std::string& changed, const std::string& message) {
        write_bytes(folder / "damaged.rsm", changed);
        check_refused(folder, {s[0], s[1], folder / "damaged.rsm", s[3]},
                      (folder / "damaged.rsm") + ": " + message);
    };
    damaged(bytes.substr(0, bytes.size() - 5), "cut short: end takes 8 bytes, got 7");
    std::string changed = bytes;
    changed[bytes.find("covariance") + 100] ^= 1;
    damaged(changed, "damaged: the checksum of layer 'conv', covariance does not fit");
    damaged("\x8drsm\r\n\x1a\n\x01" + bytes.substr(9),
            "a state file of format 1, this version reads format 3");
    damaged(bytes + "x", "1 bytes behind the end section");
}

TEST_CASE("wrong usage, and files that are no state") {
    const scratch_folder folder;
    const small_dump dump(folder);
    const auto refused = [&](const std::vector<std::string>& more, int code, const std::string& message) {
        const auto before = folder.names();
        const outcome result = run(dump.arguments(more));
        CHECK(result.code == code);
        CHECK(result.err == "repscope measure: " + message + "\n");
        CHECK(folder.names() == before);
    };
    const std::string state = folder / "s.rsm";
    refused({"--shard", "1/2"}, 2, "--shard: needs --state FILE for the shard's moments");
    for (const std::string shard : {"0/2", "3/2", "1", "1/", "/2", "1/2x", "-1/2", "1/4294967297"}) {
        refused({"--shard=" + shard, "--state", state}, 2,
                "--shard: expected i/n with i from 1 to n, at most 2^20, got " + shard);
    }
    const std::string numbers = ": not with --state; 'repscope merge' gives the numbers of all shards";
    refused({"--state", state, "--json", "-"}, 2, "--json" + numbers);
    refused({"--state", state, "--fail-if", "samples>0"}, 2, "--fail-if" + numbers);
    const std::string whole = ": expected all samples in one process";
    refused({"--state", state, "--report", folder / "report"}, 2, "--report" + whole);
    refused({"--state", state, "--compare", folder / "conv.npy"}, 2, "--compare" + whole);
    refused({"--state", state, "--inference", "--null", "permutation"}, 2, "--null permutation" + whole);
    refused({"--state", state, "--inference", "--method", "auto"}, 2, "--method auto" + whole);
    refused({"--state", folder / "no" + "/s.rsm"}, 1,
            (folder / "no/s.rsm") + ": cannot be written: no folder " + (folder / "no"));

    const outcome none = run({"merge"});
    CHECK(none.code == 2);
    for (const auto& [file, message] : std::vector<std::pair<std::string, std::string>>{
             {folder / "conv.npy", "not a state file: it does not begin as one"},
             {folder / "missing.rsm", "cannot be opened: No such file or directory"},
             {folder.path().string(), "is a directory, expected a file"}}) {
        check_refused(folder, {file}, file + ": " + message);
    }

    // A shard that cannot be measured leaves no file.
    std::vector<float> values(10 * 3, 0.5F);
    values[7 * 3 + 1] = std::nanf("");
    write_npy(folder / "nan.npy", values, {10, 3});
    const auto measure = [&](const std::string& shard) {
        return run({"measure", folder / "nan.npy", "--shard", shard, "--state", state});
    };
    CHECK(measure("1/2").code == 0);
    std::filesystem::remove(state);
    const outcome bad = measure("2/2");
    CHECK(bad.code == 1);
    CHECK(bad.err == "repscope measure: " + (folder / "nan.npy") +
                         ": holds nan at sample 7, unit 1; expected finite activations\n");
    CHECK_FALSE(std::filesystem::exists(state));
}

} // namespace shards_test
