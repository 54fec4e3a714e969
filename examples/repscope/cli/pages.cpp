#include "cli/pages.hpp"

#include "cli/completion.hpp"
#include "cli/man_page.hpp"
#include "files/output_file.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>

namespace program {

namespace {

void write_page(const std::filesystem::path& file, const std::string& text) {
    make_folder(file.parent_path().string());
    write_output(file.string(), text);
}

} // namespace

void write_pages(const CLI::App& app, const std::string& folder) {
    const std::filesystem::path share(folder);
    const std::string& name = app.get_name();
    write_page(share / "man/man1" / (name + ".1"), man_page(app, app));
    for (const CLI::App* command : app.get_subcommands({})) {
        write_page(share / "man/man1" / (name + "-" + command->get_name() + ".1"), man_page(app, *command));
    }
    write_page(share / "bash-completion/completions" / name, bash_completion(app));
    write_page(share / "zsh/vendor-completions" / ("_" + name), zsh_completion(app));
    write_page(share / "fish/vendor_completions.d" / (name + ".fish"), fish_completion(app));
}

} // namespace program
