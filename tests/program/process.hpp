#pragma once

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// Runs the program as a user would and keeps its output.

extern char** environ;

namespace program_test {

struct outcome {
    int code = -1; // 128 + signal when it was killed
    std::string out;
    std::string err;
};

inline std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes;
    // In blocks: tests are compiled without optimization, and some files have megabytes.
    for (std::array<char, 65536> block; file.read(block.data(), block.size()) || file.gcount() > 0;)
        bytes.append(block.data(), static_cast<std::size_t>(file.gcount()));
    return bytes;
}

// A folder of its own for each test case, removed at the end.
class scratch_folder {
  public:
    scratch_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "repscope-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    // Names of everything in the folder, sorted: what a failed run must not have added to.
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator(path_)) {
            all.push_back(entry.path().filename().string());
        }
        std::sort(all.begin(), all.end());
        return all;
    }

  private:
    std::filesystem::path path_;
};

inline pid_t start(const std::vector<std::string>& arguments, const std::string& out, const std::string& err,
                   const std::string& program = REPSCOPE_PROGRAM) {
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = -1;
    if (::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ) != 0) child = -1;
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

inline int wait_for(pid_t child) {
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline outcome run(const std::vector<std::string>& arguments, const std::string& program = REPSCOPE_PROGRAM) {
    const scratch_folder said;
    const pid_t child = start(arguments, said / "out", said / "err", program);
    outcome result;
    result.code = wait_for(child);
    result.out = slurp(said / "out");
    result.err = slurp(said / "err");
    return result;
}

// One line, ended by its only line feed.
inline bool is_one_line(const std::string& text) {
    return !text.empty() && text.find('\n') == text.size() - 1;
}

} // namespace program_test
