#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace program {

/// Writes help in `help_width` columns: names of options on the left, descriptions wrapped on the right.
class help_formatter : public CLI::Formatter {
  public:
    std::string make_option(const CLI::Option* option, bool is_positional) const override;
    std::string make_subcommand(const CLI::App* command) const override;
    std::string make_description(const CLI::App* command) const override;
    std::string make_usage(const CLI::App* command, std::string name) const override;
    std::string make_footer(const CLI::App* command) const override;
};

} // namespace program
