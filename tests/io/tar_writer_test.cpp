#include "repscope/io/tar_writer.hpp"

#include "repscope/error.hpp"
#include "repscope/io/byte_stream.hpp"
#include "repscope/io/tar_reader.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tar_writer_test {

using namespace repscope;

namespace {

class text_stream final : public io::byte_stream {
  public:
    explicit text_stream(std::string text) : io::byte_stream("t.tar"), text_(std::move(text)) {}

  protected:
    std::size_t read_some(std::span<std::byte> to) override {
        const std::size_t count = std::min(to.size(), text_.size() - at_);
        std::memcpy(to.data(), text_.data() + at_, count);
        at_ += count;
        return count;
    }

  private:
    std::string text_;
    std::size_t at_ = 0;
};

} // namespace

TEST_CASE("tar_reader reads the names, sizes and contents that tar_writer wrote") {
    const std::vector<std::pair<std::string, std::string>> members{
        {"a/000000.npy", "seven b"},
        {std::string(100, 'n'), std::string(512, 'x')},
        {"deep/" + std::string(300, 'm') + ".npy", std::string(513, 'y')},
        {"empty", ""}};
    std::string archive;
    for (const auto& [name, contents] : members) {
        archive += io::tar_member_header(name, contents.size()) + contents + io::tar_padding(contents.size());
    }
    archive += io::tar_end();
    CHECK(archive.size() % 512 == 0);
    text_stream stream(archive);
    io::tar_reader reader(stream);
    for (const auto& each : members) {
        const auto member = reader.next();
        REQUIRE(member.has_value());
        CHECK(member->name == each.first);
        REQUIRE(member->size == each.second.size());
        std::vector<std::byte> bytes(each.second.size());
        reader.contents().read(bytes);
        CHECK(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == each.second);
    }
    CHECK_FALSE(reader.next().has_value());
}

TEST_CASE("tar_member_header states sizes of 8 GiB and above, which ustar cannot") {
    constexpr std::uint64_t size = (std::uint64_t{1} << 33U) + 5;
    text_stream stream(io::tar_member_header("large.npy", size));
    io::tar_reader reader(stream);
    const auto member = reader.next();
    REQUIRE(member.has_value());
    CHECK(member->size == size);
    CHECK(member->name == "large.npy");
    CHECK(io::tar_member_header("large.npy", size - 6).size() == 512);
    CHECK_THROWS_AS((void)io::tar_member_header("", 1), value_error);
}

} // namespace tar_writer_test
