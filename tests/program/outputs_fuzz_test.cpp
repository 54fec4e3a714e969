// Random outputs among inputs, links, pictures, arrays and folders: no run changes what it reads, or replaces
// a file of one kind by one of another. The judge is apart from the program: bytes before and after.

#include "npy.hpp"
#include "process.hpp"
#include "snapshot.hpp"
#include "support/tar_bytes.hpp"

#include "images/codec.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace outputs_fuzz_test {

using namespace program_test;
namespace fs = std::filesystem;

namespace {

using identity = std::pair<dev_t, ino_t>;

identity identity_of(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return {};
    return {about.st_dev, about.st_ino};
}

std::string_view kind_of(std::string_view bytes) {
    for (const std::string_view magic :
         {"\x93NUMPY", "\x89PNG", "\xff\xd8\xff", "PK\x03\x04", "\x8drsm", "{", "<"}) {
        if (bytes.starts_with(magic)) return magic;
    }
    return "text";
}

bool is_picture_name(const std::string& path) {
    const std::string extension = fs::path(path).extension().string();
    return extension == ".png" || extension == ".jpg" || extension == ".JPG" || extension == ".gif";
}

std::uint64_t chosen_seed() {
    if (const char* text = std::getenv("REPSCOPE_FUZZ_SEED")) return std::strtoull(text, nullptr, 10);
    return std::random_device()();
}

// A folder of files of all kinds with links between them, and random runs of the program in it.
class fuzzer {
  public:
    explicit fuzzer(std::uint64_t seed) : random_(seed) {
        std::vector<float> values(24 * 3);
        for (const char* name : {"conv1.npy", "conv2.npy", "conv3"}) {
            for (auto& value : values) value = static_cast<float>(random_.uniform());
            write_npy(folder_ / name, values, {24, 3});
            activations_.push_back(folder_ / name);
        }
        std::vector<std::int32_t> labels(24);
        for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 3);
        write_npy(folder_ / "labels.npy", labels, {24});
        std::vector<std::uint8_t> pixels(24 * 8 * 8 * 3);
        for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random_.next());
        write_npy(folder_ / "images.npy", pixels, {24, 8, 8, 3});
        fs::create_directory(folder_ / "pictures");
        for (const char* name : {"a.png", "b.png", "pictures/c.png", "pictures/d.png"}) {
            write_bytes(folder_ / name,
                        program::encode_png({8, 8, 3}, std::span(pixels).subspan(random_.below(99), 192)));
        }
        write_bytes(folder_ / "old.json", "{\"a\": 1}\n");
        write_bytes(folder_ / "old.csv", "a,b\n1,2\n");
        write_bytes(folder_ / "notes", "do not lose me\n");
        write_bytes(folder_ / "empty", "");
        fs::create_directory(folder_ / "report");
        write_bytes(folder_ / "report/layers.csv", "layer,units\n");
        for (const char* name : {"s1.rsm", "s2.rsm"}) {
            const std::string shard = std::string(1, name[1]) + "/2";
            const outcome made = run({"measure", activations_[0], "--labels", folder_ / "labels.npy",
                                      "--shard", shard, "--state", folder_ / name});
            REQUIRE(made.code == 0);
        }
        std::string members;
        for (const char* name : {"conv1", "labels"})
            members += repscope_test::tar_member(std::string(name) + "/0.npy",
                                                 slurp(folder_ / (std::string(name) + ".npy")));
        write_bytes(folder_ / "stream.tar", members + repscope_test::tar_end());
        for (const auto& [path, bytes] : snapshot(folder_.path())) targets_.push_back(path);
        const std::size_t files = targets_.size();
        for (int k = 0; k < 6; ++k) {
            const std::string link = folder_ / ((k % 2 == 0 ? "soft" : "hard") + std::to_string(k));
            const std::string& target = targets_[random_.below(files)];
            if (k % 2 == 0) {
                fs::create_symlink(target, link);
            } else if (!fs::is_directory(target)) {
                fs::create_hard_link(target, link);
            }
            targets_.push_back(link);
        }
        for (const char* name : {"new", "new.npy", "new.json", "new.png", "new.jpg", "new.JPG", "new.gif",
                                 "pictures/new.npy", "missing/new.json"}) {
            targets_.push_back(folder_ / name);
        }
        targets_.insert(targets_.end(), {"/dev/null", "/dev/stdout", "-"});
        fs::create_symlink("labels.npy", folder_ / "report/units.csv");
        if (random_.below(2) == 0) fs::remove(folder_ / "report/units.csv");
    }

    // One run; what was done is in `command`.
    void step() {
        arguments_.clear();
        inputs_.clear();
        switch (random_.below(6)) {
        case 0:
            measure();
            break;
        case 1:
            merge();
            break;
        case 2:
            measure_stream();
            break;
        default:
            corrupt();
            break;
        }
        std::string command;
        for (const auto& argument : arguments_) command += " " + argument;
        CAPTURE(command);
        const auto before = snapshot(folder_.path());
        std::set<identity> read;
        for (const std::string& input : inputs_) {
            read.insert(identity_of(input));
            if (!fs::is_directory(input)) continue;
            for (const auto& entry : fs::directory_iterator(input))
                read.insert(identity_of(entry.path().string()));
        }
        std::set<std::string> input_paths;
        for (const auto& [path, bytes] : before) {
            if (read.count(identity_of(path)) != 0) input_paths.insert(path);
        }
        const outcome result = run(arguments_);
        CAPTURE(result.err);
        const bool is_known_code = result.code == 0 || result.code == 1 || result.code == 2;
        CHECK(is_known_code);
        const auto after = snapshot(folder_.path());
        for (const auto& entry : before) {
            const std::string& path = entry.first;
            const std::string& bytes = entry.second;
            CAPTURE(path);
            const auto now = after.find(path);
            REQUIRE(now != after.end());
            if (now->second == bytes) continue;
            ++replaced_;
            CHECK(result.code == 0);
            CHECK(input_paths.count(path) == 0);
            const bool is_same_kind = bytes.empty() || kind_of(bytes) == kind_of(now->second);
            CHECK(is_same_kind);
        }
        for (const auto& entry : after) {
            const std::string& path = entry.first;
            const std::string& bytes = entry.second;
            CAPTURE(path);
            CHECK(path.find(".part-") == std::string::npos);
            const bool is_array_named_picture = is_picture_name(path) && kind_of(bytes) == "\x93NUMPY";
            CHECK(!is_array_named_picture);
        }
        if (result.code == 0) ++finished_;
        if (result.code == 2) ++refused_;
    }

    [[nodiscard]] std::size_t finished() const { return finished_; }
    [[nodiscard]] std::size_t refused() const { return refused_; }
    [[nodiscard]] std::size_t replaced() const { return replaced_; }

  private:
    const std::string& any_of(const std::vector<std::string>& paths) {
        return paths[random_.below(paths.size())];
    }
    bool chance(std::size_t one_of) { return random_.below(one_of) == 0; }

    void add_input(const std::string& path, const std::string& option = {}) {
        if (!option.empty()) arguments_.push_back(option);
        arguments_.push_back(path);
        inputs_.push_back(path);
    }
    void add_output(const std::string& option) {
        arguments_.push_back(option);
        // An input of this run as often as anything else.
        arguments_.push_back(chance(3) && !inputs_.empty() ? any_of(inputs_) : any_of(targets_));
    }

    void measure() {
        arguments_ = {"measure"};
        add_input(any_of(activations_));
        if (chance(2)) add_input(folder_ / "labels.npy", "--labels");
        if (chance(3)) add_input(any_of(activations_), "--compare");
        if (chance(4)) {
            add_output("--state");
            return;
        }
        if (chance(10)) add_output("--report");
        add_output("--json");
    }

    void measure_stream() {
        arguments_ = {"measure"};
        add_input(folder_ / "stream.tar");
        if (chance(2)) add_output("--snapshot");
        add_output("--json");
    }

    void merge() {
        arguments_ = {"merge"};
        add_input(folder_ / "s1.rsm");
        add_input(folder_ / "s2.rsm");
        add_output("--json");
    }

    void corrupt() {
        arguments_ = {"corrupt"};
        const std::size_t from = random_.below(4);
        if (from == 0) add_input(folder_ / "images.npy");
        if (from == 1) add_input(folder_ / "pictures");
        if (from >= 2) add_input(folder_ / "a.png");
        if (from == 3) add_input(folder_ / "b.png");
        const bool fills_folder = chance(4);
        // The output: anything, an input among it.
        arguments_.push_back(chance(3) ? any_of(inputs_) : any_of(targets_));
        arguments_.insert(arguments_.end(),
                          {"--corruption", fills_folder ? "extra" : "gaussian_noise", "--severity", "1"});
        if (fills_folder && from == 0 && chance(2)) add_input(folder_ / "labels.npy", "--labels");
        if (chance(3)) add_output("--preview");
    }

    scratch_folder folder_;
    generator random_;
    std::vector<std::string> activations_;
    std::vector<std::string> targets_;
    std::vector<std::string> arguments_;
    std::vector<std::string> inputs_;
    std::size_t finished_ = 0;
    std::size_t refused_ = 0;
    std::size_t replaced_ = 0;
};

} // namespace

TEST_CASE("random outputs change no input and no file of another kind") {
    const std::uint64_t seed = chosen_seed();
    MESSAGE("REPSCOPE_FUZZ_SEED=" << seed);
    CAPTURE(seed);
    using clock = std::chrono::steady_clock;
    const auto end = clock::now() + std::chrono::seconds(5);
    std::size_t runs = 0, finished = 0, refused = 0, replaced = 0;
    for (std::uint64_t round = 0; round < 12 && (round < 2 || clock::now() < end); ++round) {
        fuzzer files(seed + round);
        for (int k = 0; k < 30 && (k < 15 || clock::now() < end); ++k, ++runs) files.step();
        finished += files.finished();
        refused += files.refused();
        replaced += files.replaced();
    }
    MESSAGE(runs << " runs: " << finished << " finished, " << refused << " refused, " << replaced
                 << " files replaced");
    CHECK(finished > 0);
    CHECK(refused > 0);
}

} // namespace outputs_fuzz_test
