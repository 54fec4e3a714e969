// No command writes over a file that it reads, or over one of another kind.

#include "made_up_images.hpp"
#include "npy.hpp"
#include "process.hpp"
#include "snapshot.hpp"

#include "images/codec.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace outputs_test {

using namespace program_test;
namespace fs = std::filesystem;

namespace {

// Activations, labels and a photograph, and a run that must be refused before it works.
struct dump_folder {
    dump_folder() {
        generator numbers(5);
        for (const char* name : {"conv1.npy", "conv2.npy"}) {
            std::vector<float> values(40 * 3);
            for (auto& value : values) value = static_cast<float>(numbers.uniform());
            write_npy(folder / name, values, {40, 3});
        }
        std::vector<std::int32_t> labels(40);
        for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 2);
        write_npy(folder / "labels.npy", labels, {40});
        std::vector<std::uint8_t> pixels(40 * 12 * 10 * 3);
        for (auto& value : pixels) value = static_cast<std::uint8_t>(numbers.next());
        write_npy(folder / "images.npy", pixels, {40, 12, 10, 3});
        pixels.resize(12 * 10 * 3);
        for (const char* name : {"a.png", "b.png"})
            write_bytes(folder / name, program::encode_png({12, 10, 3}, pixels));
    }

    void refuses(const std::vector<std::string>& arguments, const std::string& word) const {
        const auto before = snapshot(folder.path());
        const outcome result = run(arguments);
        CAPTURE(result.err);
        CHECK(result.code == 2);
        CHECK(result.out.empty());
        CHECK(is_one_line(result.err));
        CHECK(result.err.find(word) != std::string::npos);
        CHECK(snapshot(folder.path()) == before);
    }

    scratch_folder folder;
};

} // namespace

TEST_CASE("an output that is an input is refused, through links too") {
    const dump_folder dump;
    const auto& folder = dump.folder;
    const std::string act = folder / "conv1.npy", labels = folder / "labels.npy";
    fs::create_symlink("conv1.npy", folder / "soft");
    fs::create_hard_link(folder / "labels.npy", folder / "hard");
    const std::string input = "is an input of this run";
    for (const std::string option : {"--json", "--state"}) {
        for (const std::string name : {"conv1.npy", "labels.npy", "soft", "hard"}) {
            CAPTURE(name);
            dump.refuses({"measure", act, "--labels", labels, option, folder / name}, input);
        }
    }
    dump.refuses({"measure", act, "--json", (folder / "../") + folder.path().filename().string() + "/soft"},
                 input);
    dump.refuses({"measure", act, "--compare", folder / "conv2.npy", "--json", folder / "conv2.npy"}, input);
    dump.refuses({"measure", act, folder / "conv2.npy", "--layers", "conv1", "--json", folder / "conv2.npy"},
                 input);
    const std::vector<std::string> fog{"--corruption", "fog", "--severity", "3"};
    const auto corrupt = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "corrupt");
        arguments.insert(arguments.end(), fog.begin(), fog.end());
        return arguments;
    };
    fs::create_symlink("images.npy", folder / "link.npy");
    dump.refuses(corrupt({folder / "images.npy", folder / "images.npy"}), input);
    dump.refuses(corrupt({folder / "images.npy", folder / "link.npy"}), input);
    dump.refuses(corrupt({folder / "a.png", folder / "a.png", "--overwrite"}), input);
    dump.refuses(corrupt({folder / "a.png", folder.path().string(), "--overwrite"}), input);
    dump.refuses(corrupt({folder / "a.png", folder / "new.npy", "--preview", folder / "a.png"}), input);
    fs::create_directory(folder / "out");
    fs::rename(labels, folder / "out" + "/labels.npy");
    dump.refuses({"corrupt", folder / "images.npy", folder / "out", "--corruption", "extra", "--severity",
                  "1", "--labels", folder / "out" + "/labels.npy"},
                 input);
}

TEST_CASE("an output over a file of another kind is refused, one of its kind is replaced") {
    const dump_folder dump;
    const auto& folder = dump.folder;
    const std::string act = folder / "conv1.npy";
    const std::vector<std::string> fog{"--corruption", "fog", "--severity", "3"};
    const auto corrupt = [&](const std::string& in, const std::string& out) {
        std::vector<std::string> arguments{"corrupt", in, out};
        arguments.insert(arguments.end(), fog.begin(), fog.end());
        return arguments;
    };
    dump.refuses({"measure", act, "--json", folder / "conv2.npy"},
                 "got a NumPy array, which would be overwritten");
    dump.refuses({"measure", act, "--json", folder / "a.png"}, "got a PNG picture");
    dump.refuses({"measure", act, "--state", folder / "conv2.npy"}, "expected a state file or no file");
    write_bytes(folder / "text", "my notes");
    dump.refuses({"measure", act, "--json", folder / "text"}, "got another kind of file");
    dump.refuses(corrupt(folder / "a.png", folder / "b.png"), "exists (--overwrite replaces it");
    dump.refuses(corrupt(folder / "a.png", folder / "text"), "expected a folder, got the file");
    write_bytes(folder / "text.png", "my notes");
    dump.refuses({"corrupt", folder / "a.png", folder / "text.png", "--corruption", "fog", "--severity", "3",
                  "--overwrite"},
                 "expected a PNG picture or no file, got another kind of file");
    dump.refuses({"corrupt", folder / "images.npy", folder / "out.npy", "--corruption", "fog", "--severity",
                  "3", "--preview", folder / "conv1.npy"},
                 "expected a PNG picture or no file, got a NumPy array");
    fs::create_directory(folder / "report");
    write_bytes(folder / "report" + "/units.csv", "\x93NUMPY");
    dump.refuses({"measure", act, "--report", folder / "report"}, "units.csv: expected CSV or no file");

    for (const std::string name : {"json", "empty", "link"}) {
        write_bytes(folder / "empty", "");
        if (name == "link") fs::create_symlink("json", folder / "link");
        CHECK(run({"measure", act, "--json", folder / name}).code == 0);
        CHECK(run({"measure", act, "--json", folder / name}).code == 0);
        CHECK(slurp(folder / name).starts_with("{"));
    }
    for (int twice = 0; twice < 2; ++twice) {
        CHECK(run(corrupt(folder / "images.npy", folder / "fog.npy")).code == 0);
        CHECK(run({"measure", act, "--state", folder / "s.rsm"}).code == 0);
        CHECK(run({"measure", act, "--report", folder / "new"}).code == 0);
    }
}

TEST_CASE("a name of another kind of file is an error") {
    const dump_folder dump;
    const auto& folder = dump.folder;
    const std::string act = folder / "conv1.npy";
    for (const std::string extension : {"png", "JPG", "jpeg", "webp", "bmp", "gif"}) {
        dump.refuses({"corrupt", folder / "images.npy", folder / "new." + extension, "--corruption", "fog",
                      "--severity", "3"},
                     "expected a folder");
    }
    dump.refuses({"measure", act, "--json", folder / "new.npy"},
                 "expected a name for JSON, got one for a NumPy array");
    dump.refuses({"corrupt", folder / "images.npy", folder / "new.npy", "--corruption", "fog", "--severity",
                  "3", "--preview", folder / "sheet.jpg"},
                 "expected a name for a PNG picture, got one for a JPEG picture");
}

TEST_CASE("two outputs of one name are refused") {
    const dump_folder dump;
    const auto& folder = dump.folder;
    dump.refuses({"measure", folder / "conv1.npy", "--report", folder.path().string(), "--json",
                  folder / "./report.html"},
                 "expected a name for JSON");
    dump.refuses({"corrupt", folder / "a.png", folder / "new.png", "--corruption", "fog", "--severity", "3",
                  "--preview", folder / "./new.png"},
                 "is also the output of OUT");
}

TEST_CASE("a stream is written directly, never replaced by a rename") {
    const dump_folder dump;
    const auto& folder = dump.folder;
    const std::string act = folder / "conv1.npy";
    fs::create_symlink("/dev/stdout", folder / "link");
    for (const std::string& name : {std::string("/dev/stdout"), std::string("/dev/fd/1"), folder / "link"}) {
        // Standard output is a file here: JSON first, then the table.
        const outcome result = run({"measure", act, "--json", name});
        CHECK(result.code == 0);
        CHECK(result.out.starts_with("{"));
        CHECK(result.out.find("\nconv1 ") != std::string::npos);
        dump.refuses({"measure", act, "--state", name}, "got a stream");
    }
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(run({"measure", act, "--json", "/dev/null"}).code == 0);
    CHECK(fs::is_character_file("/dev/null"));

    // The shell's >>, which keeps what the file holds.
    const auto before = slurp(act);
    const std::string command = std::string("exec '") + REPSCOPE_PROGRAM + "' measure '" + act +
                                "' --json - >> '" + act + "' 2> '" + (folder / "err") + "'";
    CHECK(std::system(command.c_str()) != 0);
    CHECK(slurp(act) == before);
    CHECK(slurp(folder / "err").find("standard output is written to it") != std::string::npos);
}

TEST_CASE("a study refuses outputs before it works") {
    const scratch_folder folder;
    write_data(folder);
    const std::string out = folder / "out";
    const auto study = [&](const std::string& textures = {}) {
        std::vector<std::string> arguments{"study", "--data", "fashion-mnist:" + folder.path().string(),
                                           "--out", out,      "--train",
                                           "128",   "--test", "50"};
        if (!textures.empty()) arguments.insert(arguments.end(), {"--frost-textures", textures});
        return run(arguments);
    };
    const auto refuses = [&](const outcome& result, const std::string& word) {
        CAPTURE(result.err);
        CHECK(result.code == 2);
        CHECK(is_one_line(result.err));
        CHECK(result.err.find(word) != std::string::npos);
        CHECK(!fs::exists(out + "/networks"));
    };
    fs::create_directories(out + "/figures");
    write_bytes(out + "/study.json", "\x93NUMPY");
    refuses(study(), "study.json: expected JSON or no file, got a NumPy array");
    fs::remove(out + "/study.json");
    write_bytes(out + "/figures/claims.svg", "notes");
    refuses(study(), "claims.svg: expected SVG");
    fs::remove(out + "/figures/claims.svg");
    fs::create_directory(folder / "ice");
    write_bytes(folder / "ice/1.png", program::encode_png({8, 8, 1}, std::vector<std::uint8_t>(64, 9)));
    fs::create_symlink(folder / "ice/1.png", out + "/figures/images.png");
    refuses(study(folder / "ice"), "is an input of this run");
    fs::create_directories(out + "/activations/alpha_0_seed_0");
    fs::remove(out + "/figures/images.png");
    fs::create_hard_link(folder / "train-labels-idx1-ubyte", out + "/activations/alpha_0_seed_0/labels.npy");
    refuses(study(), "is an input of this run");
}

TEST_CASE("outputs and logs may be in an input folder in repeated runs") {
    const dump_folder dump;
    const auto& folder = dump.folder;
    fs::create_directory(folder / "run");
    fs::rename(folder / "conv1.npy", folder / "run/conv1.npy");
    for (int twice = 0; twice < 2; ++twice) {
        const pid_t child =
            start({"measure", folder / "run", "--json", folder / "run/out.json", "--report", folder / "run"},
                  folder / "run/log", folder / "run/errors");
        CHECK(wait_for(child) == 0);
        CHECK(slurp(folder / "run/errors").empty());
    }
    fs::create_directory(folder / "pictures");
    fs::rename(folder / "a.png", folder / "pictures/a.png");
    for (int twice = 0; twice < 2; ++twice) {
        const pid_t child = start(
            {"corrupt", folder / "pictures", folder / "fog.npy", "--corruption", "fog", "--severity", "1"},
            folder / "pictures/log", folder / "err");
        CHECK(wait_for(child) == 0);
    }
    write_data(folder);
    for (int twice = 0; twice < 2; ++twice) {
        const pid_t child = start({"study",
                                   "--data",
                                   "fashion-mnist:" + folder.path().string(),
                                   "--out",
                                   folder / "out",
                                   "--train",
                                   "128",
                                   "--test",
                                   "50",
                                   "--epochs",
                                   "1",
                                   "--alphas",
                                   "0",
                                   "--seeds",
                                   "1",
                                   "--network",
                                   "mlp",
                                   "--corruption-images",
                                   "0",
                                   "--attack-images",
                                   "0",
                                   "--gradient-images",
                                   "0"},
                                  folder / "study.log", folder / "study.err");
        CHECK(wait_for(child) == 0);
        CHECK(slurp(folder / "study.err").empty());
    }
}

} // namespace outputs_test
