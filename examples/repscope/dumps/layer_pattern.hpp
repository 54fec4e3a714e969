#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Whether `name` is as `pattern` states, in which `*` means any characters and `?` for one.
bool matches(std::string_view pattern, std::string_view name);

/// A choice of layers by name: patterns separated by commas, of which one has to match; those with a `!` in
/// front leave layers out. Without patterns, or with such that leave out only, all others are chosen.
class layer_choice {
  public:
    explicit layer_choice(const std::vector<std::string>& patterns);

    [[nodiscard]] bool takes(std::string_view name) const;
    /// Patterns that no name of `names` is like: misspelled, most likely.
    [[nodiscard]] std::vector<std::string> unused(const std::vector<std::string>& names) const;

  private:
    std::vector<std::string> included_;
    std::vector<std::string> excluded_;
};

/// Values of an option for all layers (`VALUE`), or for those of a pattern (`PATTERN=VALUE`).
struct layer_value {
    std::optional<std::string> pattern;
    std::string value;
};

/// Cuts `PATTERN=VALUE` at its last `=`.
layer_value parse_layer_value(const std::string& text);
std::vector<layer_value> parse_layer_values(const std::vector<std::string>& texts);

/// Throws `usage_error` in the name of `option` when one of the patterns matches none of `names`.
void require_used(const std::string& option, const std::vector<layer_value>& values,
                  const std::vector<std::string>& names);

} // namespace program
