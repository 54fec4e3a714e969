#include "repscope/temporary_names.hpp"

#include "repscope/bytes.hpp"

#include "support/temporary_directory.hpp"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace temporary_names_test {

namespace fs = std::filesystem;

TEST_CASE("temporary files that are not committed are removed, others stay") {
    const repscope_test::temporary_directory folder;
    repscope::write_file_atomically(folder / "whole", {});
    repscope::atomic_file first(folder / "first");
    repscope::atomic_file second(folder / "second");
    {
        repscope::atomic_file third(folder / "third");
        third.commit();
    }
    CHECK(folder.names().size() == 4);
    repscope::remove_temporary_files();
    CHECK(folder.names() == std::vector<std::string>{"third", "whole"});
    CHECK_THROWS_AS(first.commit(), repscope::format_error);
    // Names are taken anew afterwards.
    repscope::atomic_file fourth(folder / "fourth");
    CHECK(folder.names().size() == 3);
    repscope::remove_temporary_files();
    CHECK(folder.names().size() == 2);
}

TEST_CASE("a folder is removed after its files, and only if it is empty") {
    const repscope_test::temporary_directory folder;
    for (const std::string name : {"empty", "kept"}) fs::create_directory(folder / name);
    std::ofstream(folder / "empty/file") << "x";
    std::ofstream(folder / "kept/other") << "x";
    std::optional<repscope::temporary_name> freed(std::in_place, folder / "never made");
    const repscope::temporary_name outer(folder / "empty");
    freed.reset(); // its place is taken by the next name: a file in front of its folder, or behind it
    const repscope::temporary_name inner(folder / "empty/file");
    const repscope::temporary_name kept(folder / "kept");
    repscope::remove_temporary_files();
    CHECK(folder.names() == std::vector<std::string>{"kept"});
    CHECK(fs::exists(folder / "kept/other"));
}

TEST_CASE("threads may register names while they are removed") {
    const repscope_test::temporary_directory folder;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 300; ++i) {
                const std::string path = folder / (std::to_string(t) + "-" + std::to_string(i));
                const repscope::temporary_name name(path);
                std::ofstream(path) << "x";
            }
        });
    }
    std::thread remover([&] {
        while (!stop) repscope::remove_temporary_files();
    });
    for (auto& thread : threads) thread.join();
    stop = true;
    remover.join();
    // Only files with names that are no longer registered remain of each thread.
    for (const std::string& name : folder.names()) CHECK(name.find('-') != std::string::npos);
    const std::string last = folder / "last";
    std::ofstream(last) << "x";
    const repscope::temporary_name name(last);
    repscope::remove_temporary_files();
    CHECK(!fs::exists(last));
}

TEST_CASE("a signal handler may remove them") {
    const repscope_test::temporary_directory folder;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGTERM, [](int signal) {
            repscope::remove_temporary_files();
            std::signal(signal, SIG_DFL);
            ::raise(signal);
        });
        repscope::atomic_file file(folder / "out");
        file.write(std::string_view("half"));
        ::raise(SIGTERM);
        ::_exit(1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    CHECK(folder.names().empty());
}

} // namespace temporary_names_test
