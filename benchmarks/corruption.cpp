// Every corruption of one image, one thread: 224 x 224 x 3 and 32 x 32 x 3 bytes. OpenCV and libjpeg are in
// peers/.

#include "registration.hpp"
#include "test_image.hpp"

#include <repscope/corruption/apply.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace benchmarks;
namespace corruption = repscope::corruption;

/// Adds the corruptions `kinds` of one image, one after the other.
void add_work(const std::string& name, const std::vector<corruption::kind>& kinds, std::size_t side,
              int severity) {
    const std::string work = name + " " + std::to_string(side) + ", severity " + std::to_string(severity);
    add(work, library, 1, [=](benchmark::State& state) {
        const auto image = test_image(side);
        std::uint32_t index = 0;
        const auto pass = [&] {
            for (const corruption::kind kind : kinds) {
                const auto out =
                    corruption::apply(kind, image, {.severity = severity, .seed = 1, .index = index});
                benchmark::DoNotOptimize(out.data_handle());
            }
            ++index;
        };
        pass(); // the process makes the textures of frost at the first call
        for (auto _ : state) pass();
        set_items(state, 1, "images");
    });
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t side : {std::size_t{224}, std::size_t{32}}) {
        std::vector<corruption::kind> all;
        for (std::size_t k = 0; k < corruption::common.size() + corruption::extra.size(); ++k) {
            const auto kind = static_cast<corruption::kind>(k);
            const std::string name(corruption::name_of(kind));
            const bool uneven =
                kind == corruption::kind::glass_blur || kind == corruption::kind::elastic_transform;
            if (uneven) add_work(name, {kind}, side, 1);
            add_work(name, {kind}, side, 3);
            if (uneven) add_work(name, {kind}, side, 5);
            all.push_back(kind);
        }
        add_work("all 19", all, side, 3);
    }
    return run(argc, argv);
}
