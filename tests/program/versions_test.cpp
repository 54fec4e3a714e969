#include "program/process.hpp"
#include "support/versions.hpp"

#include <doctest/doctest.h>

#include <string>

namespace versions_test {

TEST_CASE("--version names the version and the commit") {
    const std::string commit = program::commit_text();
    CHECK(!commit.empty());
    const std::string text = program_test::run({"--version"}).out;
    CHECK(text == program::version_text() + " (commit " + commit + ")\n");
}

} // namespace versions_test
