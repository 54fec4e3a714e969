// What `repscope measure` reads: folders, order, labels among the layers, names of classes, samples without
// activations, and what is recorded of it.

#include "files/sha256.hpp"
#include "io/zip_bytes.hpp"
#include "npy.hpp"
#include "process.hpp"

#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace inputs_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

constexpr std::size_t rows = 60;
constexpr std::size_t units = 5;

std::vector<float> noise(std::uint64_t seed, std::size_t count = rows * units) {
    generator random(seed);
    std::vector<float> values(count);
    for (float& v : values) v = static_cast<float>(random.uniform());
    return values;
}

void write_layer(const std::string& path, std::uint64_t seed) { write_npy(path, noise(seed), {rows, units}); }

std::vector<std::int64_t> labels_of(std::size_t count) {
    std::vector<std::int64_t> labels;
    for (std::size_t n = 0; n < count; ++n) labels.push_back(static_cast<std::int64_t>(n * n % 3));
    return labels;
}

outcome measure(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "measure");
    return run(arguments);
}

json measured(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json", "-"});
    const outcome result = measure(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    return json::parse(result.out);
}

std::vector<std::string> names_in(const json& measurement) {
    std::vector<std::string> names;
    for (const json& layer : measurement["layers"]) names.push_back(layer["name"]);
    return names;
}

std::string in_folder(const scratch_folder& folder, const std::string& name) {
    std::filesystem::create_directories(folder.path() / name);
    return folder / name;
}

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("files of a folder are layers unless their names differ in a trailing number only") {
    const scratch_folder folder;
    const std::string blocks = in_folder(folder, "blocks"), batches = in_folder(folder, "batches");
    strings names;
    for (std::uint64_t k = 0; k < 12; ++k) {
        names.push_back("blocks." + std::to_string(k) + ".attn");
        write_layer(blocks + "/" + names.back() + ".npy", k);
        write_layer(batches + "/b_" + std::to_string(k) + ".npy", k);
    }
    const json layers = measured({blocks});
    CHECK(names_in(layers) == names); // blocks.2 before blocks.10
    CHECK(layers["layers"][11]["samples"] == rows);
    CHECK(layers["layers"][11]["batches"] == 1);
    CHECK(layers["layers"][11]["file"] == blocks + "/blocks.11.attn.npy");
    CHECK(layers["options"]["batches"].is_null());

    const json joined = measured({batches});
    CHECK(names_in(joined) == strings{"batches"});
    CHECK(joined["layers"][0]["samples"] == 12 * rows);
    CHECK(joined["layers"][0]["batches"] == 12);
    const std::string note = "12 files joined as batches of one layer (--no-batches measures each)";
    CHECK(joined["layers"][0]["notes"] == json({note}));
    CHECK(measure({batches}).out.find("note: batches: " + note + "\n") != std::string::npos);

    CHECK(names_in(measured({batches, "--no-batches"})).size() == 12);
    const json forced = measured({blocks, "--batches"});
    CHECK(forced["layers"][0]["samples"] == 12 * rows);
    CHECK(forced["layers"][0]["dimensionality"] == joined["layers"][0]["dimensionality"]);
    CHECK(forced["options"]["batches"] == true);
    CHECK(measure({blocks, "--batches", "--no-batches"}).code == 2);

    // A single file is a layer; so are names that differ in more than the number.
    const std::string one = in_folder(folder, "one");
    write_layer(one + "/conv1.npy", 1);
    CHECK(names_in(measured({one})) == strings{"conv1"});
    CHECK(names_in(measured({one, "--batches"})) == strings{"one"});
    write_layer(one + "/fc1.npy", 2);
    CHECK(names_in(measured({one})) == strings{"conv1", "fc1"});
    const std::string digits = in_folder(folder, "digits");
    for (const std::string name : {"0001", "0002", "0010"}) write_layer(digits + "/" + name + ".npy", 3);
    CHECK(names_in(measured({digits})) == strings{"digits"});
    write_layer(digits + "/last.npy", 4);
    CHECK(names_in(measured({digits})).size() == 4);
}

TEST_CASE("the error for a folder names its possible meanings") {
    const scratch_folder folder;
    const std::string layers = in_folder(folder, "layers"), nested = in_folder(folder, "nested");
    for (std::uint64_t k = 1; k < 4; ++k) {
        write_npy(layers + "/conv" + std::to_string(k) + ".npy", noise(k, rows * (units + k)),
                  {rows, units + k});
        write_layer(in_folder(folder, "nested/run" + std::to_string(k)) + "/fc.npy", k);
    }
    const outcome shapes = measure({layers});
    CHECK(shapes.code == 1);
    CHECK(is_one_line(shapes.err));
    CHECK(shapes.err.find("--no-batches measures each file as a layer") != std::string::npos);
    CHECK(measured({layers, "--no-batches"})["layers"].size() == 3);

    CHECK(measure({nested}).err == "repscope measure: " + nested +
                                       ": is a directory without .npy files; name its folders: " + nested +
                                       "/*\n");
    write_bytes(nested + "/a.npz", "x");
    CHECK(measure({nested}).err.find("name its archives: " + nested + "/*.npz") != std::string::npos);
    const std::string empty = in_folder(folder, "empty");
    CHECK(measure({empty}).err == "repscope measure: " + empty + ": is a directory without .npy files\n");

    // One label per sample of each file: they are layers.
    const std::string same = in_folder(folder, "same");
    for (std::uint64_t k = 0; k < 3; ++k) write_layer(same + "/blocks." + std::to_string(k) + ".npy", k);
    write_npy(folder / "y.npy", labels_of(rows), {rows});
    CHECK(measure({same, "--labels", folder / "y.npy"}).err ==
          "repscope measure: " + (folder / "y.npy") + ": 60 labels, but " + same +
              " holds 180 samples: 3 files joined as batches; --no-batches measures each as a layer\n");
}

TEST_CASE("--compare reads a folder as the measured folder is read") {
    const scratch_folder folder;
    for (std::uint64_t k = 0; k < 3; ++k) {
        const std::string number = std::to_string(k);
        write_layer(in_folder(folder, "clean") + "/block" + number + ".attn.npy", k);
        write_layer(in_folder(folder, "noisy") + "/block" + number + ".attn.npy", k + 10);
        write_layer(in_folder(folder, "clean_batches") + "/b" + number + ".npy", k);
        write_layer(in_folder(folder, "noisy_batches") + "/b" + number + ".npy", k + 10);
    }
    const json layers = measured({folder / "clean", "--compare", folder / "noisy"})["layers"];
    REQUIRE(layers.size() == 3);
    CHECK(layers[2]["comparison"]["file"] == folder / "noisy/block2.attn.npy");
    const json batches =
        measured({folder / "clean_batches", "--compare", folder / "noisy_batches"})["layers"];
    REQUIRE(batches.size() == 1);
    CHECK(batches[0]["comparison"]["shape"] == json({3 * rows, units}));
    CHECK(
        measured({folder / "clean_batches", "--compare", folder / "noisy_batches", "--no-batches"})["layers"]
            .size() == 3);
}

TEST_CASE("files in a shell's order are sorted naturally, any other order is kept") {
    const scratch_folder folder;
    for (const std::string name : {"stem", "blocks.1", "blocks.2", "blocks.10", "fc", "Conv10", "conv2"}) {
        write_layer(folder / (name + ".npy"), name.size());
    }
    const auto order = [&](const strings& names) {
        strings files;
        for (const std::string& name : names) files.push_back(folder / (name + ".npy"));
        return names_in(measured(files));
    };
    // As bash lists them, by bytes.
    CHECK(order({"blocks.1", "blocks.10", "blocks.2", "fc"}) ==
          strings{"blocks.1", "blocks.2", "blocks.10", "fc"});
    // Two globs.
    CHECK(order({"fc", "stem", "blocks.1", "blocks.10", "blocks.2"}) ==
          strings{"fc", "stem", "blocks.1", "blocks.2", "blocks.10"});
    // By hand.
    CHECK(order({"stem", "blocks.2", "blocks.1", "fc"}) == strings{"stem", "blocks.2", "blocks.1", "fc"});
    CHECK(order({"stem", "blocks.1", "blocks.2", "fc"}) == strings{"stem", "blocks.1", "blocks.2", "fc"});
    // As a locale sorts that does not regard case.
    CHECK(order({"blocks.1", "blocks.10", "blocks.2", "Conv10", "conv2", "fc"}) ==
          strings{"Conv10", "blocks.1", "blocks.2", "blocks.10", "conv2", "fc"});

    // An archive keeps its order.
    std::vector<repscope_test::zip_file> members;
    for (const std::string name : {"stem", "blocks.10", "blocks.2"}) {
        members.push_back({.name = name + ".npy", .contents = slurp(folder / (name + ".npy"))});
    }
    write_bytes(folder / "a.npz", repscope_test::zip_bytes(members));
    CHECK(names_in(measured({folder / "a.npz"})) == strings{"stem", "blocks.10", "blocks.2"});
}

TEST_CASE("the file of the labels among the layers is left out, with a note") {
    const scratch_folder folder;
    const std::string acts = in_folder(folder, "acts");
    write_layer(acts + "/conv.npy", 1);
    write_layer(acts + "/fc.npy", 2);
    write_npy(acts + "/labels.npy", labels_of(rows), {rows});
    std::filesystem::create_symlink(acts + "/labels.npy", folder / "link.npy");
    for (const std::string& labels :
         {acts + "/labels.npy", acts + "/../acts/labels.npy", folder / "link.npy"}) {
        CAPTURE(labels);
        for (const strings& layers :
             {strings{acts + "/conv.npy", acts + "/fc.npy", acts + "/labels.npy"}, strings{acts}}) {
            strings arguments = layers;
            arguments.insert(arguments.end(), {"--labels", labels});
            const json all = measured(arguments);
            CHECK(names_in(all) == strings{"conv", "fc"});
            CHECK(all["notes"] == json({labels + " holds the labels and is not measured"}));
            CHECK(measure(arguments).out.find("note: " + labels + " holds the labels") != std::string::npos);
        }
    }
    CHECK(measured({acts + "/conv.npy", "--labels", acts + "/labels.npy"})["notes"].empty());
    // Batches beside their labels.
    const std::string batches = in_folder(folder, "batches");
    write_layer(batches + "/b_0.npy", 1);
    write_layer(batches + "/b_1.npy", 2);
    write_npy(batches + "/labels.npy", labels_of(2 * rows), {2 * rows});
    const json joined = measured({batches, "--labels", batches + "/labels.npy"});
    CHECK(names_in(joined) == strings{"batches"});
    CHECK(joined["layers"][0]["samples"] == 2 * rows);
    // An archive with the labels as its only array.
    write_bytes(acts + "/y.npz",
                repscope_test::zip_bytes({{.name = "y.npy", .contents = slurp(acts + "/labels.npy")}}));
    CHECK(names_in(measured({acts + "/conv.npy", acts + "/y.npz", "--labels", acts + "/y.npz"})) ==
          strings{"conv"});
}

TEST_CASE("arrays of an archive that are not activations are named with the option that leaves them out") {
    const scratch_folder folder;
    write_layer(folder / "fc.npy", 1);
    write_npy(folder / "ids.npy", labels_of(rows), {rows});
    const std::string paths = npy_header(npy_dictionary("<U1", {rows})) + std::string(4 * rows, '\0');
    write_bytes(folder / "a.npz",
                repscope_test::zip_bytes({{.name = "fc.npy", .contents = slurp(folder / "fc.npy")},
                                          {.name = "ids.npy", .contents = slurp(folder / "ids.npy")},
                                          {.name = "paths.npy", .contents = paths}}));
    const outcome numbers = measure({folder / "a.npz", "--layers", "!paths"});
    CHECK(numbers.code == 1);
    CHECK(numbers.err.find("--layers '!ids' leaves it out") != std::string::npos);
    const outcome text = measure({folder / "a.npz", "--layers", "!ids"});
    CHECK(text.code == 1);
    CHECK(text.err.find("--layers '!paths' leaves it out") != std::string::npos);
    CHECK(names_in(measured({folder / "a.npz", "--layers", "!ids", "--layers", "!paths"})) == strings{"fc"});
}

TEST_CASE("samples that are all zero are counted, and noted above 1 %") {
    const scratch_folder folder;
    const std::size_t n = 1000;
    std::vector<float> values(n * 3 * 4);
    generator random(5);
    for (float& v : values) v = static_cast<float>(random.uniform() - 0.5);
    // Samples with channel means that cancel are not zero samples.
    for (std::size_t i = 0; i < 12; ++i) values[i] = i % 2 == 0 ? 1.0F : -1.0F;
    const auto zeroed = [&](std::size_t count) {
        std::vector<float> dump = values;
        for (std::size_t i = (n - count) * 12; i < n * 12; ++i) dump[i] = i % 2 == 0 ? 0.0F : -0.0F;
        return dump;
    };
    write_npy(folder / "y.npy", labels_of(n), {n});
    write_npy(folder / "clean.npy", values, {n, 3, 2, 2});
    const std::string note = " of 1000 samples are all zero";
    for (const std::size_t count : {std::size_t{0}, std::size_t{10}, std::size_t{11}, std::size_t{600}}) {
        CAPTURE(count);
        write_npy(folder / "a.npy", zeroed(count), {n, 3, 2, 2});
        const strings plain{folder / "a.npy", "--labels", folder / "y.npy", "--signed", "shift"};
        for (const strings& more :
             {strings{}, strings{"--threads", "3"}, strings{"--batch", "7"}, strings{"--spatial", "flatten"},
              strings{"--inference"}, strings{"--compare", folder / "clean.npy"}}) {
            strings arguments = plain;
            arguments.insert(arguments.end(), more.begin(), more.end());
            const json layer = measured(arguments)["layers"][0];
            CHECK(layer["zero_samples"] == count);
            const std::string notes = layer["notes"].dump();
            CHECK((notes.find(std::to_string(count) + note + "\"") != std::string::npos) == (count > 10));
        }
        const json compared = measured({folder / "clean.npy", "--compare", folder / "a.npy"})["layers"][0];
        CHECK(compared["zero_samples"] == 0);
        CHECK(compared["comparison"]["zero_samples"] == count);
        CHECK((compared["notes"].dump().find(note + " in " + (folder / "a.npy")) != std::string::npos) ==
              (count > 10));
        // Through state files.
        strings states;
        for (const std::string shard : {"1/3", "2/3", "3/3"}) {
            states.push_back(folder / (shard.substr(0, 1) + ".rsm"));
            strings arguments = plain;
            arguments.insert(arguments.end(), {"--shard", shard, "--state", states.back()});
            REQUIRE(measure(arguments).code == 0);
        }
        const outcome merged = run({"merge", states[0], states[1], states[2], "--json", "-"});
        REQUIRE(merged.code == 0);
        const json layer = json::parse(merged.out)["layers"][0];
        CHECK(layer["zero_samples"] == count);
        CHECK(layer["batches"] == 1);
        CHECK((merged.err.find(std::to_string(count) + note) != std::string::npos) == (count > 10));
    }
}

TEST_CASE("labels that are names of classes") {
    const scratch_folder folder;
    const strings names{"dog", "cat", "b\xc3\xa4r"};
    const strings sorted{"b\xc3\xa4r", "cat", "dog"};
    const std::vector<std::vector<std::uint32_t>> codes{{'d', 'o', 'g'}, {'c', 'a', 't'}, {'b', 0xe4, 'r'}};
    std::vector<std::int64_t> numbers;
    std::string csv = "file,animal\n", column, wide, big, narrow;
    for (std::size_t n = 0; n < rows; ++n) {
        const std::size_t k = n * n % 3 == 0 ? 0 : n % 3;
        numbers.push_back(static_cast<std::int64_t>(2 - k)); // as they are sorted
        csv += "image " + std::to_string(n) + ".png," + names[k] + "\n";
        column += "\"" + names[k] + "\"\r\n";
        for (const std::uint32_t code : codes[k]) {
            wide += repscope_test::little(code, 4);
            big += std::string{'\0', '\0', '\0'} + static_cast<char>(code);
        }
        narrow += names[k] + std::string(5 - names[k].size(), '\0');
    }
    write_layer(folder / "fc.npy", 1);
    write_npy(folder / "numbers.npy", numbers, {rows});
    write_bytes(folder / "l.csv", csv);
    write_bytes(folder / "l.txt", column);
    write_bytes(folder / "wide.npy", npy_header(npy_dictionary("<U3", {rows})) + wide);
    write_bytes(folder / "big.npy", npy_header(npy_dictionary(">U3", {rows, 1})) + big);
    write_bytes(folder / "narrow.npy", npy_header(npy_dictionary("|S5", {rows})) + narrow);
    for (const bool deflate : {false, true}) {
        write_bytes(folder / (deflate ? "packed.npz" : "stored.npz"),
                    repscope_test::zip_bytes(
                        {{.name = "x.npy", .contents = slurp(folder / "fc.npy")},
                         {.name = "y.npy", .contents = slurp(folder / "wide.npy"), .deflate = deflate}}));
    }
    json expected =
        measured({folder / "fc.npy", "--labels", folder / "numbers.npy"})["layers"][0]["selectivity"];
    CHECK(expected["class_labels"] == json({0, 1, 2}));
    expected["class_labels"] = sorted;
    for (json& preferred : expected["preferred_class"]) preferred = sorted[preferred.get<std::size_t>()];
    for (const std::string file :
         {"l.csv:animal", "l.txt", "wide.npy", "big.npy", "narrow.npy", "stored.npz:y", "packed.npz:y"}) {
        CAPTURE(file);
        const strings arguments{folder / "fc.npy", "--labels", folder / file};
        CHECK(measured(arguments)["layers"][0]["selectivity"] == expected);
        CHECK(measure(arguments).out.starts_with("selectivity of 3 classes (b\xc3\xa4r, cat, dog), epsilon"));
    }
    // Through state files, in the CSV of the report, and without one of the classes.
    strings states;
    for (const std::string shard : {"1/2", "2/2"}) {
        states.push_back(folder / (shard.substr(0, 1) + ".rsm"));
        REQUIRE(measure({folder / "fc.npy", "--labels", folder / "l.txt", "--shard", shard, "--state",
                         states.back()})
                    .code == 0);
    }
    const outcome merged = run({"merge", states[0], states[1], "--json", "-"});
    REQUIRE(merged.code == 0);
    CHECK(json::parse(merged.out)["layers"][0]["selectivity"]["class_labels"] == json(sorted));
    REQUIRE(measure({folder / "fc.npy", "--labels", folder / "numbers.npy", "--shard", "2/2", "--state",
                     folder / "other.rsm"})
                .code == 0);
    CHECK(run({"merge", states[0], folder / "other.rsm"}).code == 1); // the same numbers, other labels
    REQUIRE(measure({folder / "fc.npy", "--labels", folder / "l.txt", "--report", folder / "report"}).code ==
            0);
    const std::string first = expected["preferred_class"][0];
    CHECK(slurp(folder / "report/units.csv").find("," + first + ",") != std::string::npos);
    const json some = measured({folder / "fc.npy", "--labels", folder / "l.txt", "--ignore-label", "cat"});
    const json some_numbers =
        measured({folder / "fc.npy", "--labels", folder / "numbers.npy", "--ignore-label", "1"});
    CHECK(some["layers"][0]["selectivity"]["class_labels"] == json({sorted[0], "dog"}));
    CHECK(some["layers"][0]["selectivity"]["index"] == some_numbers["layers"][0]["selectivity"]["index"]);
    CHECK(some["options"]["ignore_label"] == json({"cat"}));
    CHECK(some_numbers["options"]["ignore_label"] == json({1}));
}

TEST_CASE("labels that are neither integers nor names") {
    const scratch_folder folder;
    write_layer(folder / "fc.npy", 1);
    const auto refuses = [&](const std::string& name, const std::string& bytes, const std::string& reason,
                             const strings& more = {}) {
        write_bytes(folder / name, bytes);
        strings arguments{folder / "fc.npy", "--labels", folder / name};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const outcome result = measure(arguments);
        CAPTURE(result.err);
        CHECK(result.code == (more.empty() ? 1 : 2));
        CHECK(is_one_line(result.err));
        CHECK(result.err.find(reason) != std::string::npos);
    };
    std::string titled = "animal\n", mixed, cut = "1\n2\n", empty, doubles;
    for (std::size_t n = 0; n < rows; ++n) {
        titled += n % 2 == 0 ? "cat\n" : "dog\n";
        mixed += n == 40 ? "3\n" : n % 2 == 0 ? "cat\n" : "dog\n";
        empty += n == 3 ? std::string(3, '\0') : n % 2 == 0 ? "cat" : "dog";
        doubles += std::to_string(n % 3) + ".0\n";
    }
    refuses("titled.csv", titled,
            "61 labels, but " + (folder / "fc.npy") +
                " holds 60 samples: if the first line of the labels is a header, name the column: "
                "FILE.csv:COLUMN");
    refuses("mixed.csv", mixed, "line 41: expected the name of a class, as above, got '3'");
    refuses("cut.csv", cut + "x\n", "line 3: expected an integer, got 'x'");
    refuses("empty.npy", npy_header(npy_dictionary("|S3", {rows})) + empty, "an empty one at position 3");
    refuses("short.npy", npy_header(npy_dictionary("|S3", {rows})) + "cat",
            "expected 180 bytes of strings, got 3");
    refuses("zero.npy", npy_header(npy_dictionary("|S0", {rows})),
            "expected names of classes, got empty strings");
    refuses("square.npy", npy_header(npy_dictionary("|S1", {30, 2})) + std::string(60, 'a'),
            "expected names of classes of rank 1, got shape (30, 2)");
    refuses("same.npy", npy_header(npy_dictionary("|S1", {rows})) + std::string(rows, 'a'),
            "expected labels of at least 2 classes, got the single class 'a'");
    refuses("doubles.csv", doubles, "--ignore-label: expected an integer", {"--ignore-label", "cat"});
    CHECK(measured({folder / "fc.npy", "--labels",
                    folder / "doubles.csv"})["layers"][0]["selectivity"]["class_labels"] == json({0, 1, 2}));
    CHECK(measured({folder / "fc.npy", "--labels",
                    folder / "titled.csv:animal"})["layers"][0]["selectivity"]["class_labels"] ==
          json({"cat", "dog"}));
    // Strings that are integers are these integers, in the order of integers.
    std::string digits;
    for (std::size_t n = 0; n < rows; ++n) digits += n % 2 == 0 ? std::string("9\0", 2) : "10";
    write_bytes(folder / "digits.npy", npy_header(npy_dictionary("|S2", {rows})) + digits);
    CHECK(measured({folder / "fc.npy", "--labels",
                    folder / "digits.npy"})["layers"][0]["selectivity"]["class_labels"] == json({9, 10}));
    // Bytes that are not UTF-8 do not end the run.
    std::string latin;
    for (std::size_t n = 0; n < rows; ++n) latin += n % 2 == 0 ? "b\xe4r\n" : "cat\n";
    write_bytes(folder / "latin.csv", latin);
    CHECK(measured({folder / "fc.npy", "--labels",
                    folder / "latin.csv"})["layers"][0]["selectivity"]["class_labels"] ==
          json({"b\xef\xbf\xbdr", "cat"}));
}

TEST_CASE("--json has the inputs, with --hash their SHA-256, and the eigenvalues") {
    const scratch_folder folder;
    const std::string batches = in_folder(folder, "b");
    write_layer(batches + "/0.npy", 1);
    write_layer(batches + "/1.npy", 2);
    write_npy(folder / "y.npy", labels_of(2 * rows), {2 * rows});
    const strings arguments{batches, "--labels", folder / "y.npy"};
    const auto with = [&](const std::string& option) {
        strings all = arguments;
        if (!option.empty()) all.push_back(option);
        if (option == "--report") all.push_back(folder / "report");
        return measured(all);
    };
    const json plain = with("");
    for (const std::string option : {"", "--hash", "--report"}) {
        const json result = with(option);
        json inputs = json::array();
        for (const std::string& file : {batches + "/0.npy", batches + "/1.npy", folder / "y.npy"}) {
            const std::string text = slurp(file);
            program::sha256 digest;
            digest.update(std::as_bytes(std::span(text)));
            json input{{"file", file}, {"bytes", text.size()}, {"sha256", nullptr}};
            if (!option.empty()) input["sha256"] = digest.hex_digest();
            inputs.push_back(input);
        }
        CHECK(result["inputs"] == inputs);
        CHECK(result["layers"] == plain["layers"]);
    }
    const json& layer = plain["layers"][0];
    REQUIRE(layer["eigenvalues"].size() == units);
    double sum = 0.0, squares = 0.0;
    for (const json& value : layer["eigenvalues"]) {
        sum += value.get<double>();
        squares += value.get<double>() * value.get<double>();
    }
    CHECK(sum * sum / squares ==
          doctest::Approx(layer["dimensionality"]["participation_ratio"].get<double>()).epsilon(1e-9));
    CHECK(measure({batches, "--hash", "--state", folder / "s.rsm"}).code == 2);
}

} // namespace inputs_test
