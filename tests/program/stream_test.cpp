// `repscope measure -`: tar archives and .npy records from pipes, against the dump of the same samples.

#include "made_up_streams.hpp"
#include "same_numbers.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace stream_test {

using namespace program_test;
using namespace program_test::streams;
using namespace std::string_literals;

TEST_CASE("a stream has the numbers of the dump of the same samples, bit by bit") {
    const scratch_folder folder;
    const layers data;
    const std::vector<std::string> dump = data.dump(folder);
    const std::string labels = folder / "labels.npy";
    const json expected = numbers_of(run_with(dump, {"--labels", labels, "--json", "-"}));
    std::size_t threads = 0;
    for (const std::size_t batch : {1U, 7U, 64U, 300U}) {
        const std::string file = folder / "stream.tar";
        for (const std::size_t labels_after : {0U, 1U, 3U}) {
            CAPTURE(batch);
            CAPTURE(labels_after);
            write_bytes(file, data.tar(batch, labels_after, batch == 7));
            const std::string count = std::to_string(++threads % 3 + 1);
            CHECK(numbers_of(run({"measure", file, "--json", "-", "--threads", count})) == expected);
        }
        write_bytes(file, data.tar(batch, 9)); // without labels
        CHECK(numbers_of(piped(file, "--json - --labels " + labels)) == expected);
    }
    const std::string file = folder / "stream.tar";
    write_bytes(file, data.tar(64, 3));
    for (const std::vector<std::string>& way :
         std::vector<std::vector<std::string>>{{"--signed", "rectify", "--ignore-label", "8"},
                                               {"--spatial", "flatten", "--precision", "float"}}) {
        std::vector<std::string> more = way;
        more.insert(more.end(), {"--json", "-"});
        const json of_stream = numbers_of(run_with({"measure", file}, more));
        more.insert(more.end(), {"--labels", labels});
        CHECK(of_stream == numbers_of(run_with(dump, more)));
    }
    write_bytes(file, data.tar(64, 9));
    CHECK(numbers_of(run({"measure", file, "--json", "-"})) == numbers_of(run_with(dump, {"--json", "-"})));
    // The same layer as records of NumPy, through a pipe with a name.
    const std::string pipe = folder / "fc.pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::string records;
    for (std::size_t first = 0; first < samples; first += 50) records += data.npy(data.all[2], first, 50);
    write_bytes(folder / "records", records);
    const outcome of_records =
        run({"-c", "cat '" + (folder / "records") + "' > '" + pipe + "' & '" + REPSCOPE_PROGRAM +
                       "' measure '" + pipe + "' --json - --labels '" + labels + "'"},
            "/bin/sh");
    CHECK(numbers_of(of_records)["fc"] == expected["fc"]);
}

TEST_CASE("rows of any type and order wait for their labels") {
    const scratch_folder folder;
    const layers data;
    const std::vector<float>& values = data.all[1].values; // 330 units
    constexpr std::size_t units = 330, batch = 100;
    const auto member_of = [&](const std::string& descr, bool fortran, std::size_t first) {
        std::vector<double> part(batch * units);
        for (std::size_t i = 0; i < batch; ++i) {
            for (std::size_t u = 0; u < units; ++u)
                part[fortran ? u * batch + i : i * units + u] = values[(first + i) * units + u];
        }
        const std::string header = npy_header(npy_dictionary(descr, {batch, units}, fortran));
        if (descr == ">f8") return header + bytes_of(part, true);
        return header + bytes_of(std::vector<float>(part.begin(), part.end()));
    };
    const auto of = [&](const std::string& descr, bool fortran, bool labels_first) {
        std::vector<std::pair<std::string, std::string>> members;
        for (std::size_t k = 0; k < samples / batch; ++k) {
            const std::string file = "/" + std::to_string(k) + ".npy";
            members.emplace_back("labels" + file, data.npy_labels(k * batch, batch));
            members.emplace_back("wide" + file, member_of(descr, fortran, k * batch));
            if (!labels_first) std::swap(members[2 * k], members[2 * k + 1]);
        }
        write_bytes(folder / "stream.tar", tar_of(members));
        return numbers_of(
            run({"measure", folder / "stream.tar", "--measures", "selectivity", "--json", "-"}));
    };
    CHECK(of("<f4", false, false) == of("<f4", false, true));
    CHECK(of("<f4", true, false) == of("<f4", true, true));
    CHECK(of(">f8", false, false) == of(">f8", false, true));
    CHECK(of("<f4", false, false)["wide"]["selectivity"] == of(">f8", false, false)["wide"]["selectivity"]);
    std::vector<float> spoiled(values.begin(), values.begin() + 9 * units);
    spoiled[7 * units + 328] = std::numeric_limits<float>::quiet_NaN();
    const std::string message = refusal(
        folder, tar_of({{"wide/0.npy", npy_header(npy_dictionary("<f4", {9, units})) + bytes_of(spoiled)},
                        {"labels/0.npy", data.npy_labels(0, 9)}}));
    CHECK(mentions(message, "member wide/0.npy: holds nan at sample 7, unit 328"));
}

TEST_CASE("members of webdataset, layers without batches and names of classes") {
    const scratch_folder folder;
    const layers data;
    const std::vector<std::string> dump = data.dump(folder);
    const json expected = numbers_of(run_with(dump, {"--labels", folder / "labels.npy", "--json", "-"}));
    std::string first;
    std::string second;
    for (std::size_t k = 0; k < 2; ++k) {
        std::string& bytes = k == 0 ? first : second;
        const std::string key = "train/00000" + std::to_string(k) + ".";
        for (const auto& layer : data.all) {
            const std::string name = std::filesystem::path(layer.name).filename();
            bytes += tar_member(key + name + ".npy", data.npy(layer, k * 150, 150));
        }
        bytes += tar_member(key + "labels.npy", data.npy_labels(k * 150, 150)) + tar_end();
    }
    write_bytes(folder / "0.tar", first);
    write_bytes(folder / "1.tar", second);
    CHECK(numbers_of(run({"measure", folder / "0.tar", folder / "1.tar", "--webdataset", "--json", "-"})) ==
          expected);
    std::string whole = tar_member("labels.npy", data.npy_labels(0, samples));
    for (const auto& layer : data.all) whole += tar_member(layer.name + ".npy", data.npy(layer, 0, samples));
    write_bytes(folder / "whole.tar", whole + tar_end());
    CHECK(numbers_of(run({"measure", folder / "whole.tar", "--no-batches", "--json", "-"})) == expected);
    // Names of classes, in another order than that of their appearance.
    std::string names;
    for (std::size_t i = 0; i < samples; ++i)
        names += i % 3 == 0 ? "zebra" : i % 3 == 1 ? "ape\0\0"s : "cat\0\0"s;
    write_bytes(folder / "names.tar",
                tar_of({{"fc/0.npy", data.npy(data.all[2], 0, samples)},
                        {"labels/0.npy", npy_header(npy_dictionary("|S5", {samples})) + names}}));
    const json layer =
        json::parse(run({"measure", folder / "names.tar", "--json", "-"}).out)["layers"][0]["selectivity"];
    CHECK(layer["class_labels"] == json({"ape", "cat", "zebra"}));
    CHECK(layer["class_counts"] == json({100, 100, 100}));
}

TEST_CASE("a snapshot is shown by merge, and a run that resumes has the bits of a whole one") {
    const scratch_folder folder;
    const layers data;
    // Few units leave the buffer late, so a wide layer: 128 rows at a time.
    layers::layer wide{"wide", {9000}};
    generator random(8);
    wide.values.resize(samples * 9000);
    for (float& v : wide.values) v = static_cast<float>(random.uniform());
    const auto stream = [&](std::size_t end) {
        std::string bytes;
        for (std::size_t first = 0; first < end; first += 50) {
            const std::string file = "/" + std::to_string(first + 100) + ".npy";
            bytes += tar_member("wide" + file, data.npy(wide, first, 50));
            bytes += tar_member("labels" + file, data.npy_labels(first, 50));
        }
        return bytes;
    };
    const std::string whole = folder / "whole.tar";
    write_bytes(whole, stream(samples) + tar_end());
    const outcome expected =
        run({"measure", whole, "--json", "-", "--snapshot", folder / "end.rsm", "--snapshot-every", "100"});
    const json numbers = numbers_of(expected);
    // At the end the state is that of all samples.
    const std::string found =
        difference(numbers_of(run({"merge", folder / "end.rsm", "--json", "-"})), numbers);
    CHECK(found == "");
    // A stream that is cut leaves the last snapshot, of the rows that have left the buffer.
    write_bytes(folder / "cut.tar", stream(200));
    const outcome cut =
        run({"measure", folder / "cut.tar", "--snapshot", folder / "cut.rsm", "--snapshot-every", "50"});
    CHECK(cut.code == 1);
    CHECK(cut.out.empty());
    const json shown = json::parse(run({"merge", folder / "cut.rsm", "--json", "-"}).out)["layers"][0];
    CHECK(shown["shape"] == json({128, 9000}));
    CHECK(shown["samples"] == 128);
    const outcome resumed = run({"measure", whole, "--json", "-", "--resume", folder / "cut.rsm"});
    CHECK(numbers_of(resumed) == numbers);
    CHECK(mentions(resumed.err, "the first 128 samples are those of"));
    // The states of estimates too.
    const std::vector<std::string> way{"--inference", "--measures", "selectivity,cdnv", "--json", "-"};
    const outcome estimated = run_with({"measure", whole}, way);
    CHECK(numbers_of(estimated)["wide"]["geometry"]["cdnv_ci"][0].is_number());
    CHECK(run_with({"measure", folder / "cut.tar", "--snapshot", folder / "i.rsm", "--snapshot-every", "50"},
                   way)
              .code == 1);
    const outcome continued = run_with({"measure", whole, "--resume", folder / "i.rsm"}, way);
    CHECK(json::parse(continued.out)["layers"].dump() == json::parse(estimated.out)["layers"].dump());
    // Labels, layers and options of another run.
    const auto refuse = [&](const std::string& bytes, const std::vector<std::string>& more) {
        return refusal(folder, bytes, more);
    };
    CHECK(mentions(refuse(stream(samples) + tar_end(), {"--resume", folder / "cut.rsm", "--epsilon", "1"}),
                   "a snapshot with the options"));
    CHECK(
        mentions(refuse(stream(100) + tar_end(), {"--resume", folder / "cut.rsm"}), "the stream holds 100"));
    CHECK(mentions(
        refuse(tar_of({{"labels/0.npy", data.npy_labels(0, 50)}, {"fc/0.npy", data.npy(data.all[2], 0, 50)}}),
               {"--resume", folder / "cut.rsm"}),
        "layer 'wide' is not in the stream"));
    CHECK(mentions(refuse(tar_of({{"labels/0.npy", data.npy_labels(0, 50)},
                                  {"wide/0.npy", data.npy(data.all[2], 0, 50)}}),
                          {"--resume", folder / "cut.rsm"}),
                   "the stream has <f4 of shape (50, 6)"));
}

TEST_CASE("intervals of a stream have the bits of the dump with --method blocks") {
    const scratch_folder folder;
    const layers dump;
    const std::string labels = folder / "labels.npy";
    std::vector<std::string> files = dump.dump(folder);
    files.insert(files.end(), {"--labels", labels, "--method", "blocks"});
    const std::string stream = folder / "acts.tar";
    write_bytes(stream, dump.tar(70, 0));
    const std::vector<std::string> way{"--inference", "--json", "-"};
    const json expected = numbers_of(run_with(files, way));
    CHECK(expected["fc"]["dimensionality"]["method"] == "blocks");
    CHECK(expected["fc"]["dimensionality"]["ci"][0] < expected["fc"]["dimensionality"]["ci"][1]);
    CHECK(expected["wide"]["dimensionality"]["method"] == "exact"); // fewer samples than units
    CHECK(numbers_of(run_with({"measure", stream}, way)) == expected);
    write_bytes(stream, dump.tar(33, dump.all.size()));
    CHECK(numbers_of(run_with({"measure", stream, "--threads", "3"}, way)) == expected);

    // Class geometry, with labels of a file and of the stream.
    const std::vector<std::string> geometry{"--measures", "cdnv", "--inference", "--json", "-"};
    const json of_classes =
        numbers_of(run_with(files, {"--measures", "cdnv,participation_ratio", "--inference", "--json", "-"}));
    CHECK(of_classes["fc"]["geometry"]["cdnv_ci"][0] < of_classes["fc"]["geometry"]["cdnv"]);
    CHECK(numbers_of(run_with({"measure", stream}, geometry))["fc"]["geometry"] ==
          of_classes["fc"]["geometry"]);
    write_bytes(stream, dump.tar(70, dump.all.size() + 1));
    CHECK(numbers_of(run_with({"measure", stream, "--labels", labels}, geometry))["fc"]["geometry"] ==
          of_classes["fc"]["geometry"]);

    // Where the blocks do not fit, the numbers remain and a note names what is left out.
    write_bytes(stream, dump.tar(70, 0));
    const outcome small =
        run({"measure", stream, "--layers", "fc", "--inference", "--memory", "500k", "--json", "-"});
    const json numbers = numbers_of(small);
    CHECK(numbers["fc"]["dimensionality"]["ci"] == json::parse("[null, null]"));
    CHECK(numbers["fc"]["selectivity"] == expected["fc"]["selectivity"]);
    CHECK(mentions(small.err, "no intervals of participation_ratio: the moments of 20 blocks"));

    // The blocks of the first layer fit until the second one comes.
    const std::vector<std::string> both{"--layers", "fc,block*", "--memory", "950k", "--json", "-"};
    const outcome full = run_with({"measure", stream, "--inference"}, both);
    const json estimated = numbers_of(full);
    const json plain = numbers_of(run_with({"measure", stream}, both));
    for (const char* name : {"fc", "conv"}) {
        CHECK(estimated[name]["dimensionality"]["ci"] == json::parse("[null, null]"));
        CHECK(estimated[name]["dimensionality"]["participation_ratio"] ==
              plain[name]["dimensionality"]["participation_ratio"]);
    }
    CHECK(mentions(full.err, "block.1/conv: no intervals of participation_ratio"));
}

TEST_CASE("every measure of one pass has the bits of the dump, with labels in the stream") {
    const scratch_folder folder;
    const layers dump;
    const std::vector<std::string> way{"--measures", "all", "--json", "-"};
    std::vector<std::string> files = dump.dump(folder);
    files.insert(files.end(), {"--labels", folder / "labels.npy"});
    const json expected = numbers_of(run_with(files, way));
    for (const char* group : {"selectivity", "unit_measures", "geometry", "neighbors"}) {
        INFO(std::string(group));
        CHECK(expected["fc"].contains(group));
    }
    const std::string stream = folder / "acts.tar";
    write_bytes(stream, dump.tar(70, 0));
    CHECK(numbers_of(run_with({"measure", stream, "--threads", "3"}, way)) == expected);
    write_bytes(stream, dump.tar(33, dump.all.size()));
    CHECK(numbers_of(run_with({"measure", stream}, way)) == expected);
    // A snapshot has all states, whose classes are sorted.
    CHECK(run_with({"measure", stream, "--snapshot", folder / "s.rsm", "--snapshot-every", "99"}, way).code ==
          0);
    CHECK(numbers_of(run({"merge", folder / "s.rsm", "--json", "-"})) == expected);
}

} // namespace stream_test
