#include "render/gnuplot.hpp"

#include <repscope/temporary_names.hpp>

#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace program {

namespace {

namespace fs = std::filesystem;

class scratch_folder {
  public:
    scratch_folder() {
        std::error_code none;
        std::string name = (fs::temp_directory_path(none) / "repscope-figures-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) return;
        path_ = name;
        registered_.emplace_back(name);
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        std::error_code none;
        if (!path_.empty()) fs::remove_all(path_, none);
    }
    [[nodiscard]] const fs::path& path() const noexcept { return path_; }
    // The path of a file in it, which a signal removes too.
    fs::path file(const std::string& name) {
        registered_.emplace_back((path_ / name).string());
        return path_ / name;
    }

  private:
    fs::path path_;
    std::deque<repscope::temporary_name> registered_;
};

// Runs it without a shell and without output. Returns whether it succeeded.
bool run_gnuplot(const std::string& script) {
    const char* name = "gnuplot";
    char* const arguments[] = {const_cast<char*>(name), const_cast<char*>(script.c_str()), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t child = -1;
    const int failure = ::posix_spawnp(&child, name, &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return false;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Shapes of points have the same names in all figures, and so has the canvas, but a page needs every name
// once.
std::string with_own_names(std::string svg, std::size_t figure) {
    const std::string own = "figure" + std::to_string(figure) + "-";
    for (const std::string before : {"id='", "id=\"", "xlink:href='#", "url(#"}) {
        for (const std::string name : {"gp", "gnuplot_canvas", "textbox", "greybox"}) {
            for (std::size_t at = 0; (at = svg.find(before + name, at)) != std::string::npos;) {
                at += before.size();
                svg.insert(at, own);
            }
        }
    }
    return svg;
}

} // namespace

std::string gnuplot_string(std::string_view text) {
    // In single quotes nothing is special but the quote itself, which is doubled.
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') quoted += '\'';
        quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return quoted + "'";
}

std::vector<std::string> draw(const std::vector<plot>& plots) {
    if (plots.empty()) return {};
    scratch_folder folder;
    if (folder.path().empty()) return {};
    std::vector<fs::path> files;
    for (std::size_t k = 0; k < plots.size(); ++k) files.push_back(folder.file(std::to_string(k) + ".svg"));
    const fs::path script = folder.file("plots.gp");
    {
        std::ofstream out(script);
        for (std::size_t k = 0; k < plots.size(); ++k) {
            out << "reset\nset encoding utf8\nset terminal svg size " << plots[k].width << ","
                << plots[k].height
                << " dynamic noenhanced font 'sans-serif,12' background 'white' name 'figure" << k
                << "'\nset output " << gnuplot_string(files[k].string()) << "\n"
                << plots[k].commands << "\nunset output\n";
        }
        if (!out.flush()) return {};
    }
    if (!run_gnuplot(script.string())) return {};
    std::vector<std::string> figures;
    for (std::size_t k = 0; k < plots.size(); ++k) {
        std::ifstream in(files[k], std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        // Without the declaration in front, which belongs to a file of its own.
        const std::size_t begin = text.find("<svg");
        const std::size_t end = text.rfind("</svg>");
        if (begin == std::string::npos || end == std::string::npos) return {};
        figures.push_back(with_own_names(text.substr(begin, end + 6 - begin), k));
    }
    return figures;
}

} // namespace program
