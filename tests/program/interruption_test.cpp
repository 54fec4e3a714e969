// What a signal leaves behind: nothing, and the status of the signal.

#include "npy.hpp"
#include "process.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace interruption_test {

using namespace program_test;

TEST_CASE("a signal removes the temporary file and ends the process as it would without") {
    const scratch_folder folder;
    // Several seconds of work.
    write_npy(folder / "in.npy", std::vector<std::uint8_t>(4000 * 64 * 64 * 3, 90), {4000, 64, 64, 3});
    const auto has_part = [&] {
        const auto names = folder.names();
        return std::any_of(names.begin(), names.end(),
                           [](const std::string& name) { return name.find(".part-") != std::string::npos; });
    };
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        CAPTURE(signal);
        const pid_t child = start({"corrupt", folder / "in.npy", folder / "out.npy", "--corruption",
                                   "elastic_transform", "--severity", "all"},
                                  folder / "out", folder / "err");
        REQUIRE(child > 0);
        for (int wait = 0; wait < 6000 && !has_part(); ++wait)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        CHECK(has_part());
        ::kill(child, signal);
        CHECK(wait_for(child) == 128 + signal);
        CHECK(folder.names() == std::vector<std::string>{"err", "in.npy", "out"});
        CHECK(slurp(folder / "err").empty());
    }
}

TEST_CASE("a signal that is ignored stays ignored") {
    const scratch_folder folder;
    write_npy(folder / "in.npy", std::vector<std::uint8_t>(200 * 32 * 32 * 3, 90), {200, 32, 32, 3});
    const auto before = std::signal(SIGHUP, SIG_IGN); // as nohup does; the child inherits it
    const pid_t child =
        start({"corrupt", folder / "in.npy", folder / "out.npy", "--corruption", "fog", "--severity", "all"},
              folder / "out", folder / "err");
    std::signal(SIGHUP, before);
    for (int k = 0; k < 20; ++k) {
        ::kill(child, SIGHUP);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(wait_for(child) == 0);
}

} // namespace interruption_test
