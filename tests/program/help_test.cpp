// Help, man pages and completions, which the program writes from one description of its commands.

#include "npy.hpp"
#include "process.hpp"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace help_test {

using namespace program_test;

namespace {

const std::vector<std::string> commands{"measure", "merge", "dump", "corrupt", "study", "methods", "analyze"};

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

// The long options at the beginnings of lines of a help text.
std::set<std::string> options_of(const std::string& help) {
    std::set<std::string> names;
    for (const std::string& line : lines_of(help)) {
        const std::size_t first = line.find("--");
        if (first != 2 && line.substr(0, first) != "  -h,") continue;
        names.insert(line.substr(first, line.find_first_of(" =", first) - first));
    }
    return names;
}

std::string without_backslashes(std::string text) {
    std::erase(text, '\\');
    return text;
}

// The completions that bash would offer for the last word.
std::string completed(const std::string& script, const std::string& words, const std::string& last) {
    const scratch_folder folder;
    const std::string command = ". '" + script + "'; COMP_WORDS=(" + words + " '" + last +
                                "'); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _repscope; "
                                "echo \"${COMPREPLY[*]}\" >'" +
                                (folder / "out") + "'";
    CHECK(run({"-c", command}, "/bin/bash").code == 0);
    return slurp(folder / "out");
}

} // namespace

TEST_CASE("help has at most 80 columns") {
    for (const std::string& command : commands) {
        CAPTURE(command);
        const outcome help = run({"help", command});
        CHECK(help.code == 0);
        CHECK(options_of(help.out).size() > 3);
        for (const std::string& line : lines_of(help.out)) {
            CAPTURE(line);
            CHECK(line.size() <= 80);
        }
    }
    for (const std::string& line : lines_of(run({"help"}).out)) CHECK(line.size() <= 80);
}

TEST_CASE("an example that is too long continues in the next line, and remains one command") {
    const std::string help = run({"help", "corrupt"}).out;
    CHECK(contains(help, "  repscope corrupt test.npy cifar-c --corruption common --severity all \\\n"
                         "      --labels labels.npy\n"));
}

TEST_CASE("man pages and completions have every option of the help") {
    const scratch_folder folder;
    CHECK(run({"help", "--write-pages", folder / "share"}).code == 0);
    const std::string zsh = slurp(folder / "share/zsh/vendor-completions/_repscope");
    const std::string fish = slurp(folder / "share/fish/vendor_completions.d/repscope.fish");
    for (const std::string& command : commands) {
        CAPTURE(command);
        const std::string page = slurp(folder / ("share/man/man1/repscope-" + command + ".1"));
        CHECK(page.starts_with(".TH REPSCOPE\\-"));
        for (const char* section :
             {"NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "\"SEE ALSO\""})
            CHECK(contains(page, std::string(".SH ") + section + "\n"));
        const std::string offered =
            completed(folder / "share/bash-completion/completions/repscope", "repscope " + command, "--");
        for (const std::string& option : options_of(run({"help", command}).out)) {
            CAPTURE(option);
            CHECK(contains(without_backslashes(page), "fB" + option + "fR"));
            CHECK(contains(zsh, "'" + option + "[") + contains(zsh, "'*" + option + "[") > 0);
            CHECK(contains(fish, "__fish_seen_subcommand_from " + command + "'"));
            CHECK(contains(fish, " -l " + option.substr(2) + " "));
            CHECK(contains(offered, option));
        }
    }
    const std::string page = slurp(folder / "share/man/man1/repscope.1");
    for (const std::string& command : commands) CHECK(contains(page, "\\fB" + command + "\\fR"));
}

TEST_CASE("bash completes commands, values and folders") {
    const scratch_folder folder;
    CHECK(run({"help", "--write-pages", folder / "share"}).code == 0);
    const std::string script = folder / "share/bash-completion/completions/repscope";
    CHECK(completed(script, "repscope", "me") == "measure merge methods\n");
    CHECK(completed(script, "repscope help", "st") == "study\n");
    CHECK(completed(script, "repscope measure --signed", "") == "undefined rectify shift\n");
    CHECK(completed(script, "repscope study --network", "re") == "resnet\n");
    CHECK(completed(script, "repscope study --out", folder / "sh") == (folder / "share") + "\n");
    CHECK(completed(script, "repscope measure --labels", "") == "\n"); // bash itself completes files
}

TEST_CASE("pages need a folder that can be written") {
    const scratch_folder folder;
    CHECK(run({"help", "--write-pages"}).err == "repscope: --write-pages: expected one folder\n");
    CHECK(run({"help", "--write-pages", "a", "b"}).code == 2);
    write_bytes(folder / "file", "");
    const outcome result = run({"help", "--write-pages", folder / "file"});
    CHECK(result.code == 1);
    CHECK(is_one_line(result.err));
}

} // namespace help_test
